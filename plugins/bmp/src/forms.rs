//! The forms that hold the same pixels: fewer bits, a palette, runs. Knows pixels and rows, not headers.

use std::collections::HashMap;

use squeezed_plugin_api::{Error, Job};
use squeezed_plugin_common::trials;

use crate::file::stride;
use crate::rle;
use crate::write::Body;

/// A picture in a palette.
pub struct Indexed {
    /// Colours as `0xffRRGGBB`.
    pub palette: Vec<u32>,
    /// Rows from top to bottom.
    pub indices: Vec<u8>,
}

/// Collects the colours of a picture while its rows pass, up to 256.
pub struct Collector {
    order: HashMap<u32, usize>,
    seen: Vec<bool>,
    palette: Vec<u32>,
}

impl Collector {
    /// Begins with the colours of a palette, whose order is kept.
    pub fn new(palette: &[u32]) -> Self {
        let mut all = Self { order: HashMap::new(), seen: Vec::new(), palette: Vec::new() };
        for colour in palette {
            all.place(*colour);
        }
        all.seen.fill(false);
        all
    }
    fn place(&mut self, colour: u32) -> Option<usize> {
        if let Some(at) = self.order.get(&colour) {
            return Some(*at);
        }
        if self.palette.len() >= 512 {
            return None;
        }
        self.order.insert(colour, self.palette.len());
        self.palette.push(colour);
        self.seen.push(true);
        Some(self.palette.len() - 1)
    }
    /// Takes a row; `false` once there are more than a palette holds.
    pub fn row(&mut self, row: &[u32]) -> bool {
        let mut last = None;
        for colour in row {
            if last != Some(*colour) {
                last = Some(*colour);
                match self.place(*colour) {
                    Some(at) => self.seen[at] = true,
                    None => return false,
                }
            }
        }
        true
    }
    /// The colours that were seen; `None` where they are more than 256.
    pub fn finish(self) -> Option<Vec<u32>> {
        let seen: Vec<u32> = self.palette.iter().zip(&self.seen).filter(|p| *p.1).map(|p| *p.0).collect();
        (1..=256).contains(&seen.len()).then_some(seen)
    }
}

/// Gives a row of pixels by its number from the top.
pub type Fetch<'a> = &'a mut dyn FnMut(u32, &mut [u32]) -> Result<(), Error>;

/// The index of each pixel; rows come from `fetch`.
pub fn index(palette: &[u32], width: u32, height: u32, fetch: Fetch<'_>) -> Result<Vec<u8>, Error> {
    let order: HashMap<u32, u8> = palette.iter().copied().zip(0..=255u8).collect();
    let mut row = vec![0; width as usize];
    let mut out = Vec::with_capacity(row.len() * height as usize);
    for y in 0..height {
        fetch(y, &mut row)?;
        let mut last = (row.first().map_or(0, |p| !p), 0);
        for colour in &row {
            if last.0 != *colour {
                last = (*colour, order.get(colour).copied().unwrap_or(0));
            }
            out.push(last.1);
        }
    }
    Ok(out)
}

/// The smallest form of a picture in a palette.
///
/// # Errors
/// `Stopped`.
pub fn smallest(job: &Job<'_>, picture: &Indexed, width: u32) -> Result<Body, Error> {
    let colours = picture.palette.len();
    let bits = match colours {
        0..=2 => 1,
        3..=16 => 4,
        _ => 8,
    };
    // Runs of half bytes (RLE4) are not written: Pillow draws some of them wrongly.
    let ways: &[u32] = &[0, 1];
    let made = trials::run(job, ways.len(), |i| {
        let mut data = Vec::new();
        let way = ways.get(i).copied().unwrap_or(0);
        for (n, row) in picture.indices.chunks_exact(width as usize).rev().enumerate() {
            if n.is_multiple_of(64) {
                job.check()?;
            }
            if way == 0 {
                pack(row, bits, &mut data);
                continue;
            }
            if n > 0 {
                data.extend_from_slice(&rle::END_OF_ROW);
            }
            rle::push_row(row, way == 2, &mut data);
        }
        if way != 0 {
            data.extend_from_slice(&rle::END);
        }
        let bits = [bits, 8, 4][way as usize % 3];
        let mut palette = picture.palette.clone();
        if bits == 1 {
            // Some readers take two entries for granted.
            palette.resize(2, 0xff00_0000);
        } else if way != 0 && palette.len() < 3 {
            // Pillow takes runs over just black and white for a picture of one bit, and cannot read it.
            palette.resize(3, 0xff00_0000);
        }
        Ok(Some(Body { bits, compression: way, palette, data }))
    })?;
    let best = made.into_iter().flatten().min_by_key(|b| b.data.len() + b.palette.len() * 4);
    best.ok_or_else(|| Error::failed("no form was made"))
}

fn pack(row: &[u8], bits: u16, out: &mut Vec<u8>) {
    let start = out.len();
    let per_byte = 8 / usize::from(bits);
    for some in row.chunks(per_byte) {
        let byte = some.iter().enumerate().fold(0, |b, (i, v)| b | v << (8 - bits as usize * (i + 1)));
        out.push(byte);
    }
    out.resize(start + stride(row.len() as u32, bits), 0);
}

/// Rows of three bytes a pixel.
///
/// # Errors
/// Those of `fetch`.
pub fn truecolour(width: u32, height: u32, fetch: Fetch<'_>) -> Result<Body, Error> {
    let mut row = vec![0; width as usize];
    let size = stride(width, 24);
    let mut data = Vec::with_capacity(size * height as usize);
    for y in (0..height).rev() {
        fetch(y, &mut row)?;
        let start = data.len();
        for p in &row {
            let [b, g, r, _] = p.to_le_bytes();
            data.extend_from_slice(&[b, g, r]);
        }
        data.resize(start + size, 0);
    }
    Ok(Body { bits: 24, compression: 0, palette: Vec::new(), data })
}
