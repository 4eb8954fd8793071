//! The plugin over whole files: fixtures, and files made here of parts that fixtures lack.

mod damage;
mod files;
mod optimizing;

use squeezed_plugin_api::testing::{TestHost, run};
use squeezed_plugin_api::{
    Error, FrameHeader, FrameSink, ImageHeader, Metadata, Mode, Optimizer, Options, PixelLayout, Stop,
};

use crate::Tiff;
use crate::directory::Header;
use crate::order::Order;
use crate::tag;
use crate::write::{self, OutDirectory, OutEntry, Value};

/// A file of `fixtures/images/tiff`.
fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../fixtures/images/tiff/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All fixtures by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/../../fixtures/images/tiff", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|n| !n.ends_with(".tsv")).collect();
    names.sort();
    names.into_iter().map(|n| (n.clone(), fixture(&n))).collect()
}

/// What a decoder gives: a frame's header and all of its rows.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    frames: Vec<(u32, u32, PixelLayout, Vec<u8>)>,
}

impl FrameSink for Seen {
    fn image(&mut self, _: &ImageHeader) -> Result<(), Stop> {
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.frames.push((header.width, header.height, header.layout, Vec::new()));
        Ok(())
    }
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        let frame = self.frames.last_mut().unwrap();
        let len = frame.0 as usize * frame.2.pixel_bytes();
        (0..count as usize).for_each(|i| frame.3.extend_from_slice(&data[i * stride..][..len]));
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    Tiff.decode(bytes, &mut seen)?;
    for (width, height, layout, rows) in &seen.frames {
        assert_eq!(rows.len(), *width as usize * *height as usize * layout.pixel_bytes());
    }
    Ok(seen)
}

fn options(quality: Option<u8>, metadata: Metadata) -> Options {
    Options { mode: quality.map_or(Mode::Lossless, Mode::Quality), metadata, ..Options::default() }
}

fn optimize(bytes: &[u8], quality: Option<u8>, metadata: Metadata) -> Result<TestHost, Error> {
    run(&Tiff, bytes, &options(quality, metadata))
}

/// A picture made here.
struct Made {
    header: Header,
    width: u32,
    height: u32,
    samples: u16,
    bits: u16,
    photometric: u64,
    /// More fields: tag, type, values as stored.
    fields: Vec<(u16, u16, Vec<u8>)>,
    strips: Vec<Vec<u8>>,
}

impl Made {
    fn new(width: u32, height: u32, samples: u16, bits: u16, photometric: u64, rows: Vec<u8>) -> Self {
        let header = Header { order: Order::Little, big: false };
        Self { header, width, height, samples, bits, photometric, fields: Vec::new(), strips: vec![rows] }
    }

    fn with(mut self, tag: u16, kind: u16, value: &[u8]) -> Self {
        self.fields.push((tag, kind, value.to_vec()));
        self
    }

    fn directory(&self) -> OutDirectory<'_> {
        let (h, mut d) = (self.header, OutDirectory::default());
        d.put_number(h, tag::WIDTH, u64::from(self.width));
        d.put_number(h, tag::HEIGHT, u64::from(self.height));
        let bits: Vec<u8> = (0..self.samples).flat_map(|_| h.order.bytes(u64::from(self.bits), 2)).collect();
        let count = u64::from(self.samples);
        d.entries.push(OutEntry { tag: tag::BITS, kind: 3, count, value: Value::Bytes(bits.into()) });
        d.put_number(h, tag::PHOTOMETRIC, self.photometric);
        d.put_number(h, tag::SAMPLES, u64::from(self.samples));
        for (tag, kind, value) in &self.fields {
            let count = value.len() as u64 / tag::size_of(*kind).unwrap();
            let value = Value::Bytes(value.as_slice().into());
            d.entries.push(OutEntry { tag: *tag, kind: *kind, count, value });
        }
        let tiled = self.fields.iter().any(|f| f.0 == tag::TILE_WIDTH);
        d.put_chunks(h, tiled, self.strips.iter().map(|s| s.as_slice().into()).collect());
        d
    }

    fn file(&self) -> Vec<u8> {
        write::file(self.header, &[self.directory()], &[]).unwrap()
    }
}

/// Bytes in which there is something to find, but not much.
fn texture(count: usize) -> Vec<u8> {
    (0..count).map(|i| ((i / 3) as u8).wrapping_mul(5) ^ ((i * i) >> 7) as u8 & 3).collect()
}

/// A smooth picture in RGB.
fn photograph(width: u32, height: u32) -> Made {
    let pixel = |i: u32| {
        let (x, y) = (i % width, i / width);
        let noise = (i.wrapping_mul(2_654_435_761) >> 28) as u8;
        [(x * 2) as u8 / 2 + noise, (y * 3 / 2) as u8 / 2 + noise, ((x + y) / 2) as u8 / 2 + noise]
    };
    Made::new(width, height, 3, 8, 2, (0..width * height).flat_map(pixel).collect())
}
