//! Whole jobs against a test host: what happens to real small files, and to broken ones.

mod broken;
mod decisions;
mod files;
mod threads;

use squeezed_plugin_api::testing::Offer;
use squeezed_plugin_api::{
    FrameHeader, FrameSink, ImageHeader, MetadataItem, Optimizer, Options, Stop, testing,
};

use crate::Png;
use crate::header::{Color, Header};
use crate::picture::{Picture, plain_rows};

/// The small files of `fixtures/images/png`, by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/images/png");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "png"))
        .map(|p| (p.file_name().unwrap().to_str().unwrap().to_string(), std::fs::read(&p).unwrap()))
        .collect();
    all.sort();
    assert!(all.len() >= 20);
    all
}

fn fixture(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|f| f.0 == name).unwrap().1
}

/// What the host would answer with: the winner, or nothing where the file comes back unchanged.
fn winner(input: &[u8], options: &Options) -> Option<Offer> {
    testing::run(&Png, input, options)
        .unwrap()
        .winner()
        .filter(|o| o.bytes.len() < input.len() || !o.dropped.is_empty())
}

fn items(input: &[u8]) -> Vec<MetadataItem> {
    let mut all = testing::items(&Png, input).unwrap();
    all.sort();
    all
}

/// Every canvas as RGBA of 16 bits, with the durations.
#[derive(Debug, Default, PartialEq, Eq)]
struct Canvases {
    image: Option<ImageHeader>,
    frames: Vec<((u32, u32), Vec<u16>)>,
    channels: usize,
    wide: bool,
}

impl FrameSink for Canvases {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.image = Some(*header);
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.channels = header.layout.channels.into();
        self.wide = header.layout.bits == 16;
        self.frames.push((header.duration, Vec::new()));
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        let samples: Vec<u16> = if self.wide {
            data.as_chunks::<2>().0.iter().map(|b| u16::from_ne_bytes(*b)).collect()
        } else {
            data.iter().map(|b| u16::from(*b) * 257).collect()
        };
        let out = &mut self.frames.last_mut().unwrap().1;
        for p in samples.chunks(self.channels) {
            out.extend_from_slice(&match *p {
                [g] => [g, g, g, u16::MAX],
                [g, a] => [g, g, g, a],
                [r, g, b] => [r, g, b, u16::MAX],
                [r, g, b, a] => [r, g, b, a],
                _ => unreachable!(),
            });
        }
        Ok(())
    }
}

fn canvases(input: &[u8]) -> Canvases {
    let mut all = Canvases::default();
    Png.decode(input, &mut all).unwrap();
    all.channels = 0;
    all.wide = false;
    all
}

/// A picture of RGB or RGBA with many colours.
fn many_colors(color: Color, width: u32, height: u32) -> Picture {
    let header = Header { width, height, depth: 8, color, interlaced: false };
    let mut rows = Vec::new();
    for y in 0..height {
        for x in 0..width {
            rows.extend_from_slice(&[x as u8, y as u8, (x * y / 64) as u8]);
            if color == Color::Rgba {
                rows.push(255 - (x / 4) as u8);
            }
        }
    }
    Picture { header, palette: Vec::new(), transparency: Vec::new(), data: plain_rows(&rows, header) }
}

/// The file with these chunks put in behind IHDR.
fn with_chunks(still: &[u8], chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = still[..33].to_vec();
    for (name, data) in chunks {
        crate::chunk::push(&mut out, *name, &[data]);
    }
    out.extend_from_slice(&still[33..]);
    out
}

/// The items without their lengths: a value that is written another way has another length.
fn valued(input: &[u8]) -> Vec<(squeezed_plugin_api::Kind, String, u64)> {
    items(input).into_iter().map(|i| (i.kind, i.name, i.hash)).collect()
}

/// A picture with texture and many colours.
fn textured(width: u32, height: u32) -> Vec<u8> {
    let header = Header { width, height, depth: 8, color: Color::Rgb, interlaced: false };
    let row = width as usize * 3;
    let sample = |i: usize| ((i % row / 19) ^ (i / row / 5) ^ (i.wrapping_mul(i) >> 9 & 15)) as u8;
    let rows: Vec<u8> = (0..row * height as usize).map(sample).collect();
    Picture { header, palette: Vec::new(), transparency: Vec::new(), data: plain_rows(&rows, header) }
        .to_still()
}
