//! Whole jobs against a test host.

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{
    Effort, FrameHeader, FrameSink, ImageHeader, MetadataItem, Mode, Optimizer, Options, Stop,
};

use crate::Gif;

/// What the host would answer with.
fn winner(input: &[u8], options: &Options) -> Option<Offer> {
    testing::run(&Gif, input, options).unwrap().winner()
}

/// Every canvas as RGBA with its duration, and the loop count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Canvases {
    image: Option<ImageHeader>,
    frames: Vec<((u32, u32), Vec<u8>)>,
}

impl FrameSink for Canvases {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.image = Some(*header);
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.frames.push((header.duration, Vec::new()));
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        self.frames.last_mut().unwrap().1.extend_from_slice(data);
        Ok(())
    }
}

fn canvases(input: &[u8]) -> Canvases {
    let mut all = Canvases::default();
    Gif.decode(input, &mut all).unwrap();
    all
}

fn items(input: &[u8]) -> Vec<MetadataItem> {
    let mut all = testing::items(&Gif, input).unwrap();
    all.sort();
    all
}

fn effort() -> Effort {
    match std::env::var("EFFORT").as_deref() {
        Ok("fast") => Effort::Fast,
        Ok("best") => Effort::Best,
        _ => Effort::Balanced,
    }
}

/// Walks the files of `$SQUEEZED_CORPUS/gif`, where that is set: lossless results show the same, and none shrinks twice.
#[test]
fn corpus() {
    let Ok(folder) = std::env::var("SQUEEZED_CORPUS") else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(format!("{folder}/gif")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut total = [0; 3];
    for path in files {
        if std::env::var("ONLY").is_ok_and(|only| !path.to_str().unwrap().contains(&only)) {
            continue;
        }
        let input = std::fs::read(&path).unwrap();
        let mut line = format!("{} {}", path.file_name().unwrap().display(), input.len());
        total[0] += input.len();
        for (mode, slot) in [(Mode::Lossless, 1), (Mode::Quality(80), 2)] {
            let options = Options { mode, effort: effort(), ..Options::default() };
            let began = std::time::Instant::now();
            let best = winner(&input, &options);
            let bytes = best.as_ref().map_or(input.len(), |b| b.bytes.len());
            total[slot] += bytes;
            line += &format!(" {bytes} {}ms", began.elapsed().as_millis());
            let Some(best) = best else { continue };
            line += &format!(" {}", best.method);
            if let Ok(folder) = std::env::var("OUT") {
                std::fs::write(format!("{folder}/{slot}-{}", path.file_name().unwrap().display()), &best.bytes).unwrap();
            }
            assert!(!best.lossless || canvases(&input) == canvases(&best.bytes), "{}", path.display());
            assert_eq!(items(&input), items(&best.bytes), "{}", path.display());
            if let Some(again) = winner(&best.bytes, &options) {
                line += &format!(" (again {} {})", again.bytes.len(), again.method);
                assert!(again.lossless);
            }
        }
        println!("{line}");
    }
    println!("{total:?}");
}
