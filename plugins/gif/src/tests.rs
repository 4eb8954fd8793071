//! Whole jobs against a test host.

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{Effort, FrameHeader, FrameSink, ImageHeader, Optimizer, Options, Stop};

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
    let mut total = (0, 0);
    for path in files {
        let input = std::fs::read(&path).unwrap();
        let options = Options { effort: effort(), ..Options::default() };
        let began = std::time::Instant::now();
        let best = winner(&input, &options);
        let took = began.elapsed();
        let bytes = best.as_ref().map_or(input.len(), |b| b.bytes.len());
        total = (total.0 + input.len(), total.1 + bytes);
        let method = best.as_ref().map_or("", |b| &b.method);
        println!(
            "{} {} {bytes} {method} {} ms",
            path.file_name().unwrap().display(),
            input.len(),
            took.as_millis()
        );
        if let Some(best) = best {
            assert!(canvases(&input) == canvases(&best.bytes), "{}", path.display());
            let again = winner(&best.bytes, &options).map_or(bytes, |b| b.bytes.len());
            if again != bytes {
                println!("  again {again}");
            }
        }
    }
    println!("{} {}", total.0, total.1);
}
