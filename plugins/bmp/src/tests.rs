//! Whole jobs against a test host.

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{
    Effort, Error, FrameHeader, FrameSink, ImageHeader, Metadata, MetadataItem, Mode, Optimizer, Options,
    Stop,
};

use crate::Bmp;

fn winner(input: &[u8], options: &Options) -> Result<Option<Offer>, Error> {
    Ok(testing::run(&Bmp, input, options)?.winner())
}

/// The picture as RGBA.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pixels {
    size: (u32, u32),
    channels: usize,
    rgba: Vec<[u8; 4]>,
}

impl FrameSink for Pixels {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.size = (header.width, header.height);
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.channels = header.layout.channels.into();
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        let rgba = |p: &[u8]| [p[0], p[1], p[2], p.get(3).copied().unwrap_or(255)];
        self.rgba.extend(data.chunks_exact(self.channels).map(rgba));
        Ok(())
    }
}

fn pixels(input: &[u8]) -> Pixels {
    let mut all = Pixels::default();
    Bmp.decode(input, &mut all).unwrap();
    all.channels = 0;
    all
}

fn items(input: &[u8]) -> Vec<MetadataItem> {
    let mut all = testing::items(&Bmp, input).unwrap();
    all.sort();
    all
}

fn walk(folder: &str) {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "bmp"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut total = [0; 3];
    for path in files {
        let input = std::fs::read(&path).unwrap();
        let mut line = format!("{} {}", path.file_name().unwrap().display(), input.len());
        total[0] += input.len();
        for (mode, slot) in [(Mode::Lossless, 1), (Mode::Quality(80), 2)] {
            for metadata in [Metadata::All, Metadata::Display] {
                let options = Options { mode, metadata, effort: Effort::Balanced, ..Options::default() };
                let began = std::time::Instant::now();
                let best = winner(&input, &options).unwrap_or_else(|e| {
                    line += &format!(" ({e})");
                    None
                });
                let bytes = best.as_ref().map_or(input.len(), |b| b.bytes.len());
                line += &format!(" {bytes} {}ms", began.elapsed().as_millis());
                if metadata == Metadata::All {
                    total[slot] += bytes;
                }
                let Some(best) = best else { continue };
                line += &format!(" {}", best.method);
                assert!(!best.lossless || pixels(&input) == pixels(&best.bytes), "{}", path.display());
                if metadata == Metadata::All {
                    assert_eq!(items(&input), items(&best.bytes), "{}", path.display());
                }
                let again = winner(&best.bytes, &options).ok().flatten();
                assert!(again.is_none(), "{} {mode:?}: {:?}", path.display(), again.map(|a| a.method));
            }
        }
        println!("{line}");
    }
    println!("{total:?}");
}

/// Walks the files of `$SQUEEZED_CORPUS/bmp`, where that is set: nothing is lost and nothing shrinks twice.
#[test]
fn corpus() {
    if let Ok(folder) = std::env::var("SQUEEZED_CORPUS") {
        walk(&format!("{folder}/bmp"));
    }
}
