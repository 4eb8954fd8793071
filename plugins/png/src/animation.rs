//! APNG's control chunks: the frames of an animation, checked while the file is walked. Knows no pixels.

use squeezed_plugin_api::Error;

use crate::chunk::{Chunk, be16, be32};
use crate::header::Header;

/// What becomes of a frame's area before the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispose {
    /// It stays.
    None,
    /// It becomes transparent black.
    Background,
    /// It becomes what it was before the frame.
    Previous,
}

/// One frame as fcTL and its data chunks describe it.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The data of fcTL behind its sequence number.
    pub control: &'a [u8; 22],
    /// The parts of its compressed data; empty for a frame whose picture is that of IDAT.
    pub data: Vec<&'a [u8]>,
}

impl Frame<'_> {
    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (be32(&self.control[..4]), be32(&self.control[4..8]))
    }
    /// Offset from the left and from the top.
    pub fn offset(&self) -> (u32, u32) {
        (be32(&self.control[8..12]), be32(&self.control[12..16]))
    }
    /// Duration in seconds as a fraction; a denominator of 0 means 100.
    pub fn delay(&self) -> (u32, u32) {
        let (n, d) = (be16(&self.control[16..18]), be16(&self.control[18..20]));
        (n.into(), if d == 0 { 100 } else { d.into() })
    }
    /// What follows it.
    pub fn dispose(&self) -> Dispose {
        match self.control[20] {
            1 => Dispose::Background,
            2 => Dispose::Previous,
            _ => Dispose::None,
        }
    }
    /// Whether it is blended over the canvas, instead of replacing it.
    pub fn over(&self) -> bool {
        self.control[21] == 1
    }
    /// The header of a still with this frame's picture.
    pub fn header(&self, file: Header) -> Header {
        let (width, height) = self.size();
        Header { width, height, ..file }
    }
}

/// An animation.
#[derive(Debug, Clone)]
pub struct Animation<'a> {
    /// How often it plays; 0 is for ever.
    pub plays: u32,
    /// Its frames; the first may be the picture of IDAT.
    pub frames: Vec<Frame<'a>>,
}

impl Animation<'_> {
    /// Whether the picture of IDAT is the first frame, and not a hidden default picture.
    pub fn starts_with_data(&self) -> bool {
        self.frames.first().is_some_and(|f| f.data.is_empty())
    }
}

/// Collects frames during the walk over the chunks.
pub struct Collector<'a> {
    header: Header,
    declared: Option<(u32, u32)>,
    sequence: u32,
    data_seen: bool,
    default_frame: bool,
    frames: Vec<Frame<'a>>,
}

impl<'a> Collector<'a> {
    /// Nothing collected yet.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            declared: None,
            sequence: 0,
            data_seen: false,
            default_frame: false,
            frames: Vec::new(),
        }
    }
    /// Whether acTL was there: without it, and after the data, fcTL and fdAT are unknown chunks.
    pub fn animated(&self) -> bool {
        self.declared.is_some()
    }
    /// An IDAT was there.
    pub fn data_seen(&mut self) {
        self.data_seen = true;
    }
    /// Takes acTL.
    pub fn control(&mut self, chunk: &Chunk<'a>) -> Result<(), Error> {
        if chunk.data.len() != 8 || self.declared.is_some() {
            return Err(Error::bad_image("acTL is doubled or has a wrong length"));
        }
        self.declared = Some((be32(&chunk.data[..4]), be32(&chunk.data[4..])));
        Ok(())
    }
    /// Takes fcTL or fdAT.
    pub fn take(&mut self, chunk: &Chunk<'a>) -> Result<(), Error> {
        let Some((sequence, rest)) = chunk.data.split_first_chunk::<4>() else {
            return Err(Error::bad_image(format!("{} is too short", chunk.label())));
        };
        if u32::from_be_bytes(*sequence) != self.sequence {
            return Err(Error::bad_image("the sequence numbers of the animation have a gap"));
        }
        self.sequence = self.sequence.saturating_add(1);
        if chunk.name == *b"fdAT" {
            if !self.data_seen {
                return Err(Error::bad_image("fdAT before IDAT"));
            }
            let frame = self.frames.last_mut().ok_or_else(|| Error::bad_image("fdAT without fcTL"))?;
            frame.data.push(rest);
            return Ok(());
        }
        let Some(control) = rest.first_chunk::<22>().filter(|c| c.len() == rest.len()) else {
            return Err(Error::bad_image("fcTL has a wrong length"));
        };
        self.close_frame()?;
        let frame = Frame { control, data: Vec::new() };
        let ((width, height), (x, y)) = (frame.size(), frame.offset());
        let inside = |offset: u32, size: u32, whole: u32| {
            size > 0 && offset.checked_add(size).is_some_and(|e| e <= whole)
        };
        if !inside(x, width, self.header.width) || !inside(y, height, self.header.height) {
            return Err(Error::bad_image("a frame reaches outside the canvas"));
        }
        if control[20] > 2 || control[21] > 1 {
            return Err(Error::bad_image("fcTL has an unknown disposal or blend operation"));
        }
        if !self.data_seen
            && (!self.frames.is_empty() || frame.size() != (self.header.width, self.header.height))
        {
            return Err(Error::bad_image("the first frame does not cover the canvas"));
        }
        self.default_frame |= !self.data_seen;
        self.frames.push(frame);
        Ok(())
    }

    /// Ends the walk. A count in acTL below what is there is left alone by noting it in `unsupported`.
    pub fn finish(self, unsupported: &mut Option<String>) -> Result<Option<Animation<'a>>, Error> {
        let Some((count, plays)) = self.declared else { return Ok(None) };
        if u64::from(count) > self.frames.len() as u64 {
            return Err(Error::bad_image("frames of the animation are missing"));
        }
        if count == 0 || (count as usize) < self.frames.len() {
            unsupported.get_or_insert_with(|| "an animation whose frame count is wrong".into());
        }
        self.close_frame()?;
        Ok(Some(Animation { plays, frames: self.frames }))
    }

    /// Every frame but one that stands before IDAT must have had data, and enough of it.
    fn close_frame(&self) -> Result<(), Error> {
        let Some(last) = self.frames.last() else { return Ok(()) };
        if last.data.is_empty() {
            let is_default = self.frames.len() == 1 && self.default_frame;
            return if is_default {
                Ok(())
            } else {
                Err(Error::bad_image("a frame of the animation has no data"))
            };
        }
        let length = last.data.iter().map(|d| d.len()).sum();
        if last.header(self.header).plausible(length) {
            Ok(())
        } else {
            Err(Error::bad_image("a frame of the animation has too little data"))
        }
    }
}
