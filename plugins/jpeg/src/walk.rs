//! The walk over a file's markers: where segments and scans lie, what the frame is, what was sent. Reads no entropy
//! coded data and allocates nothing that depends on a declared size.
//!
//! It skips what libjpeg skips (stray bytes between segments, fill bytes), so both see the same file.

use std::ops::Range;

use squeezed_plugin_api::Error;

use crate::frame::Frame;

/// A segment that is neither frame, scan nor table: APPn, COM and reserved ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Second byte of the marker.
    pub marker: u8,
    /// The whole segment with its marker and length.
    pub whole: Range<usize>,
    /// What it carries.
    pub body: Range<usize>,
    /// Whether it stands behind the first scan, where a decoder has chosen the colour space already.
    pub late: bool,
}

/// A scan's header and where its data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanHeader {
    /// Indices of components in frame order.
    pub components: Vec<u8>,
    /// First and last coefficient.
    pub band: (u8, u8),
    /// Bit positions before and after.
    pub bits: (u8, u8),
    /// Entropy coded data, restart markers included.
    pub data: Range<usize>,
}

/// What the walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The frame.
    pub frame: Frame,
    /// All segments that are metadata, in file order.
    pub segments: Vec<Segment>,
    /// The rest of the codestream between SOI and EOI, in file order: tables, frame, scans.
    pub parts: Vec<Range<usize>>,
    /// All scans.
    pub scans: Vec<ScanHeader>,
    /// The quantization tables at the first scan, in natural order.
    pub tables: [Option<[u16; 64]>; 4],
    /// Byte behind EOI, or the file's length where EOI is missing.
    pub end: usize,
    /// Whether EOI is there.
    pub has_eoi: bool,
    /// Height from a DNL segment, and where it stands.
    pub dnl: Option<(u16, Range<usize>)>,
}

/// More scans than any encoder writes; each costs a pass over the picture.
pub const MAX_SCANS: usize = 500;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

impl Walk {
    /// Walks the first image of `input`.
    ///
    /// # Errors
    /// `BadImage` where the structure is broken; `UnsupportedFeature` for a hierarchical file.
    pub fn of(input: &[u8]) -> Result<Self, Error> {
        if !input.starts_with(&[0xff, SOI]) {
            return Err(Error::bad_image("not a JPEG: it does not start with SOI"));
        }
        let mut w = Builder { input, at: 2, ..Builder::new(input) };
        while w.step()? {}
        w.finish()
    }

    /// Height as the decoder shall see it.
    pub fn height(&self) -> u32 {
        match (&self.dnl, self.frame.height) {
            (Some((lines, _)), 0) => u32::from(*lines),
            (_, height) => u32::from(height),
        }
    }
}

struct Builder<'a> {
    input: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    segments: Vec<Segment>,
    parts: Vec<Range<usize>>,
    scans: Vec<ScanHeader>,
    tables: [Option<[u16; 64]>; 4],
    has_eoi: bool,
    dnl: Option<(u16, Range<usize>)>,
}

impl<'a> Builder<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            at: 0,
            frame: None,
            segments: Vec::new(),
            parts: Vec::new(),
            scans: Vec::new(),
            tables: [None; 4],
            has_eoi: false,
            dnl: None,
        }
    }

    /// The next marker at or behind `at`, as (position of its 0xFF, second byte).
    fn marker(&self) -> Option<(usize, u8)> {
        let mut i = self.at;
        loop {
            i += self.input.get(i..)?.iter().position(|b| *b == 0xff)?;
            match self.input.get(i + 1)? {
                0xff => i += 1,
                0 => i += 2,
                m => return Some((i, *m)),
            }
        }
    }

    fn step(&mut self) -> Result<bool, Error> {
        let Some((start, marker)) = self.marker() else {
            self.at = self.input.len();
            return Ok(false);
        };
        self.at = start + 2;
        match marker {
            EOI => {
                self.has_eoi = true;
                return Ok(false);
            }
            SOI => return Err(Error::bad_image("a second SOI inside the image")),
            // TEM and restart markers outside a scan stand alone.
            0x01 | 0xd0..=0xd7 => return Ok(true),
            _ => {}
        }
        let length = match self.input.get(start + 2..start + 4) {
            Some([a, b]) => usize::from(u16::from_be_bytes([*a, *b])),
            _ => return Err(Error::bad_image("the file ends inside a segment")),
        };
        let end = start + 2 + length;
        if length < 2 {
            return Err(Error::bad_image("a segment is shorter than its own length field"));
        }
        let whole = start..end;
        let body = start + 4..end;
        let bytes = self.input.get(body.clone());
        let bytes = bytes.ok_or_else(|| Error::bad_image("a segment reaches past the end of the file"))?;
        self.at = end;
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                if self.frame.is_some() {
                    return Err(Error::bad_image("two frame headers in one image"));
                }
                self.frame = Some(Frame::parse(marker, bytes, body.start)?);
                self.parts.push(whole);
            }
            SOS => self.scan(whole, bytes)?,
            0xdb => {
                if self.scans.is_empty() {
                    self.quantization(bytes)?;
                }
                self.parts.push(whole);
            }
            0xde | 0xdf => return Err(Error::unsupported("hierarchical process")),
            // DHT, DAC, DRI.
            0xc4 | 0xcc | 0xdd => self.parts.push(whole),
            0xdc if bytes.len() == 2 && self.dnl.is_none() && self.scans.len() == 1 => {
                let lines = bytes.iter().fold(0, |n, b| n << 8 | u16::from(*b));
                self.dnl = Some((lines, whole));
            }
            _ => {
                let late = !self.scans.is_empty();
                self.segments.push(Segment { marker, whole, body, late });
            }
        }
        Ok(true)
    }

    fn scan(&mut self, whole: Range<usize>, header: &[u8]) -> Result<(), Error> {
        let frame = self.frame.as_ref().ok_or_else(|| Error::bad_image("a scan before the frame header"))?;
        let broken = || Error::bad_image("a scan header is broken");
        let (count, rest) = header.split_first().ok_or_else(broken)?;
        let list = rest.get(..usize::from(*count) * 2).ok_or_else(broken)?;
        let Some([first, last, bits]) = rest.get(list.len()..) else { return Err(broken()) };
        if !(1..=4).contains(count) {
            return Err(broken());
        }
        let index = |id: u8| frame.components.iter().position(|c| c.id == id);
        let components: Option<Vec<u8>> = list
            .chunks_exact(2)
            .map(|c| index(c.first().copied()?).and_then(|i| u8::try_from(i).ok()))
            .collect();
        let components =
            components.ok_or_else(|| Error::bad_image("a scan names a component that is not there"))?;
        if self.scans.len() >= MAX_SCANS {
            return Err(Error::too_large(format!("more than {MAX_SCANS} scans")));
        }
        let data = self.at..self.data_end();
        self.at = data.end;
        self.parts.push(whole.start..data.end);
        self.scans.push(ScanHeader { components, band: (*first, *last), bits: (bits >> 4, bits & 15), data });
        Ok(())
    }

    /// Where the data of a scan ends: at the first marker that is no restart marker.
    fn data_end(&self) -> usize {
        let mut i = self.at;
        while let Some(found) = self.input.get(i..).and_then(|rest| rest.iter().position(|b| *b == 0xff)) {
            i += found;
            match self.input.get(i + 1) {
                Some(0 | 0xd0..=0xd7) => i += 2,
                Some(0xff) => i += 1,
                Some(_) => return i,
                None => break,
            }
        }
        self.input.len()
    }

    fn quantization(&mut self, mut rest: &[u8]) -> Result<(), Error> {
        let broken = || Error::bad_image("a quantization table is broken");
        while let Some((head, values)) = rest.split_first() {
            let size = if head >> 4 == 0 { 64 } else { 128 };
            let (values, next) = values.split_at_checked(size).ok_or_else(broken)?;
            let slot = self.tables.get_mut(usize::from(head & 15)).ok_or_else(broken)?;
            let mut table = [0u16; 64];
            for (i, to) in ZIGZAG.iter().enumerate() {
                let value = match size {
                    64 => values.get(i).map(|v| u16::from(*v)),
                    _ => {
                        values.get(2 * i..2 * i + 2).map(|v| v.iter().fold(0, |n, b| n << 8 | u16::from(*b)))
                    }
                };
                if let (Some(cell), Some(value)) = (table.get_mut(usize::from(*to)), value) {
                    *cell = value;
                }
            }
            *slot = Some(table);
            rest = next;
        }
        Ok(())
    }

    fn finish(self) -> Result<Walk, Error> {
        let frame = self.frame.ok_or_else(|| Error::bad_image("no frame header"))?;
        if self.scans.is_empty() {
            return Err(Error::bad_image("no scan: the picture is missing"));
        }
        let walk = Walk {
            frame,
            segments: self.segments,
            parts: self.parts,
            scans: self.scans,
            tables: self.tables,
            end: self.at.min(self.input.len()),
            has_eoi: self.has_eoi,
            dnl: self.dnl,
        };
        if walk.height() == 0 {
            return Err(Error::bad_image("the height is zero and no DNL segment tells it"));
        }
        Ok(walk)
    }
}

/// Where the k-th coefficient of a scan stands in natural order (ITU-T T.81, figure A.6).
const ZIGZAG: [u8; 64] = zigzag();

const fn zigzag() -> [u8; 64] {
    let mut order = [0u8; 64];
    let (mut row, mut col, mut i) = (0i32, 0i32, 0);
    while i < 64 {
        order[i] = (row * 8 + col) as u8;
        let up = (row + col) % 2 == 0;
        if up && col == 7 || !up && row == 7 {
            if up { row += 1 } else { col += 1 }
        } else if up && row == 0 {
            col += 1;
        } else if !up && col == 0 {
            row += 1;
        } else {
            let d = if up { 1 } else { -1 };
            row -= d;
            col += d;
        }
        i += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_is_that_of_the_standard() {
        assert_eq!(&ZIGZAG[..12], &[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]);
        assert_eq!(&ZIGZAG[60..], &[47, 55, 62, 63]);
        let mut sorted = ZIGZAG;
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, v)| usize::from(*v) == i));
    }
}
