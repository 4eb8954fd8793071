//! Puts a file together. Knows where blocks stand, not why.

use std::borrow::Cow;

use squeezed_plugin_api::Metadata;

use crate::canvas::{Area, CLEAR, Pixel};
use crate::container::{Container, Control, Part};
use crate::metadata;
use crate::palette::bits;

/// One frame as it will be written.
#[derive(Debug, Clone)]
pub struct Written<'a> {
    /// Left, top, width, height.
    pub place: [u16; 4],
    /// Rows come in four passes.
    pub interlaced: bool,
    /// Its control extension, where it has one.
    pub control: Option<Control>,
    /// Its own palette: a power of two of RGB entries.
    pub palette: Option<Cow<'a, [u8]>>,
    /// Bits of a pixel in LZW.
    pub min_code: u8,
    /// Sub-blocks with their terminator.
    pub data: Cow<'a, [u8]>,
}

/// The four numbers of an area inside a canvas.
pub fn place(area: Area) -> [u16; 4] {
    [area.x, area.y, area.width, area.height].map(|v| u16::try_from(v).unwrap_or(u16::MAX))
}

/// Palette entries as the file has them: a power of two.
pub fn entries(palette: &[Pixel]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(768);
    for colour in palette {
        let [_, r, g, b] = if *colour == CLEAR { [0; 4] } else { colour.to_be_bytes() };
        bytes.extend_from_slice(&[r, g, b]);
    }
    bytes.resize(3 << bits(palette.len()), 0);
    bytes
}

/// The whole file, with what `policy` keeps of the source's extensions.
pub fn write(
    c: &Container<'_>,
    policy: Metadata,
    palette: &[u8],
    background: u8,
    frames: &[Written<'_>],
) -> Vec<u8> {
    let parts: Vec<_> = c
        .parts
        .iter()
        .filter_map(|p| match p {
            Part::Frame(i) => frames.get(*i).map(Err),
            Part::Extension(e) => metadata::kept(e, policy).map(Ok),
        })
        .collect();
    let extended = parts.iter().any(|p| match p {
        Ok(_) => true,
        Err(frame) => frame.control.is_some(),
    });
    let mut out = b"GIF".to_vec();
    out.extend_from_slice(if extended { b"89a" } else { &c.version });
    out.extend_from_slice(&c.width.to_le_bytes());
    out.extend_from_slice(&c.height.to_le_bytes());
    let size = if palette.is_empty() { 0 } else { 0x80 | (bits(palette.len() / 3) - 1) };
    out.extend_from_slice(&[c.packed & 0x70 | size, background, c.aspect]);
    out.extend_from_slice(palette);
    for part in parts {
        match part {
            Ok(raw) => out.extend_from_slice(&raw),
            Err(frame) => push(&mut out, frame),
        }
    }
    out.push(0x3b);
    if policy == Metadata::All {
        out.extend_from_slice(c.trailing);
    }
    out
}

fn push(out: &mut Vec<u8>, frame: &Written<'_>) {
    if let Some(Control { packed, delay, index }) = frame.control {
        let [low, high] = delay.to_le_bytes();
        out.extend_from_slice(&[0x21, 0xf9, 4, packed, low, high, index, 0]);
    }
    out.push(0x2c);
    frame.place.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    let interlaced = u8::from(frame.interlaced) << 6;
    match &frame.palette {
        Some(palette) => {
            out.push(0x80 | interlaced | (bits(palette.len() / 3) - 1));
            out.extend_from_slice(palette);
        }
        None => out.push(interlaced),
    }
    out.push(frame.min_code);
    out.extend_from_slice(&frame.data);
}
