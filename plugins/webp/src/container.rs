//! What a WebP file consists of: canvas, frames, metadata and whatever else, in order.
//!
//! Everything is borrowed from the input. Reads no bitstream beyond its header.

use squeezed_plugin_api::Error;

use crate::riff::{self, Chunk};
use crate::{vp8, vp8l};

/// Feature flags of `VP8X`.
pub mod flag {
    /// A profile is to be used.
    pub const ICC: u8 = 0x20;
    /// Pixels may not be opaque.
    pub const ALPHA: u8 = 0x10;
    /// EXIF is to be read.
    pub const EXIF: u8 = 0x08;
    /// XMP is to be read.
    pub const XMP: u8 = 0x04;
    /// The pictures are frames of an animation.
    pub const ANIMATION: u8 = 0x02;
}

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    /// Canvas width.
    pub width: u32,
    /// Canvas height.
    pub height: u32,
    /// The feature flags of `VP8X`, if there is one.
    pub flags: Option<u8>,
    /// Animation control, if it is one.
    pub animation: Option<Animation>,
    /// One for a still, else all frames.
    pub frames: Vec<Frame<'a>>,
    /// All chunks but `VP8X`, `ANIM` and those of the picture, in order; pictures as marks.
    pub parts: Vec<Part<'a>>,
    /// What follows the RIFF form.
    pub trailing: &'a [u8],
}

/// The `ANIM` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Animation {
    /// Blue, green, red, alpha.
    pub background: [u8; 4],
    /// 0 is for ever.
    pub loops: u16,
}

/// A place in the order of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The picture or the frame of this number.
    Frame(usize),
    /// `ICCP`.
    Icc(&'a [u8]),
    /// `EXIF`.
    Exif(&'a [u8]),
    /// `XMP `.
    Xmp(&'a [u8]),
    /// Anything else.
    Unknown(Chunk<'a>),
}

/// A picture, or one frame of an animation.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Left edge on the canvas.
    pub x: u32,
    /// Top edge on the canvas.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Milliseconds; 0 for a still.
    pub duration: u32,
    /// Whether its pixels replace the canvas instead of being laid over it.
    pub replaces: bool,
    /// Whether its rectangle is cleared after it was shown.
    pub clears: bool,
    /// Its bitstream.
    pub image: Bitstream<'a>,
    /// Chunks beside the bitstream.
    pub extra: Vec<Chunk<'a>>,
}

/// Coded pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Bitstream<'a> {
    /// VP8 with perhaps an `ALPH` payload.
    Lossy {
        /// The `VP8 ` payload.
        data: &'a [u8],
        /// The `ALPH` payload.
        alpha: Option<&'a [u8]>,
        /// The header of `data`.
        header: vp8::Header,
    },
    /// VP8L.
    Lossless {
        /// The `VP8L` payload.
        data: &'a [u8],
        /// Its header.
        header: vp8l::Header,
    },
}

impl Bitstream<'_> {
    /// Width and height as its own header says.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Bitstream::Lossy { header, .. } => (header.width, header.height),
            Bitstream::Lossless { header, .. } => (header.width, header.height),
        }
    }
    /// Whether it says that some pixel may not be opaque.
    pub fn has_alpha(&self) -> bool {
        match self {
            Bitstream::Lossy { alpha, .. } => alpha.is_some(),
            Bitstream::Lossless { header, .. } => header.alpha,
        }
    }
    /// Bytes of its chunks.
    pub fn chunk_len(&self) -> u64 {
        let padded = |data: &[u8]| 8 + data.len() as u64 + data.len() as u64 % 2;
        match self {
            Bitstream::Lossy { data, alpha, .. } => padded(data) + alpha.map_or(0, padded),
            Bitstream::Lossless { data, .. } => padded(data),
        }
    }
    /// Appends its chunks. `None` where they are too long.
    pub fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Bitstream::Lossy { data, alpha, .. } => {
                if let Some(alpha) = alpha {
                    riff::write(out, *b"ALPH", alpha)?;
                }
                riff::write(out, *b"VP8 ", data)
            }
            Bitstream::Lossless { data, .. } => riff::write(out, *b"VP8L", data),
        }
    }
}

impl<'a> Container<'a> {
    /// Parses a file.
    ///
    /// # Errors
    /// `BadImage` where the structure is broken or a picture is missing.
    pub fn parse(file: &'a [u8]) -> Result<Self, Error> {
        let (body, trailing) = riff::open(file).map_err(broken)?;
        let mut chunks = riff::chunks(body).peekable();
        let first = chunks.peek().copied().ok_or_else(|| Error::bad_image("the file holds no picture"))?;
        let mut c = Self {
            width: 0,
            height: 0,
            flags: None,
            animation: None,
            frames: Vec::new(),
            parts: Vec::new(),
            trailing,
        };
        match first.map_err(broken)? {
            Chunk { id, data } if &id == b"VP8X" => {
                c.read_canvas(data)?;
                chunks.next();
            }
            Chunk { id, .. } if &id == b"VP8 " || &id == b"VP8L" => {}
            _ => return Err(Error::bad_image("the first chunk is neither a picture nor VP8X")),
        }
        let mut alpha = None;
        for chunk in chunks {
            c.read_chunk(chunk.map_err(broken)?, &mut alpha)?;
        }
        if let Some(data) = alpha {
            c.parts.push(Part::Unknown(Chunk { id: *b"ALPH", data }));
        }
        if c.frames.is_empty() {
            return Err(Error::bad_image("the file holds no picture"));
        }
        Ok(c)
    }

    /// Whether `VP8X` announces an animation.
    pub fn is_animated(&self) -> bool {
        self.flags.is_some_and(|f| f & flag::ANIMATION != 0)
    }

    /// Whether a decoder may find pixels that are not opaque.
    pub fn has_alpha(&self) -> bool {
        self.flags.is_some_and(|f| f & flag::ALPHA != 0) || self.frames.iter().any(|f| f.image.has_alpha())
    }

    fn read_canvas(&mut self, data: &[u8]) -> Result<(), Error> {
        let [flags, _, _, _, w0, w1, w2, h0, h1, h2, ..] = data else {
            return Err(Error::bad_image("VP8X is too short"));
        };
        (self.width, self.height) = (u24([*w0, *w1, *w2]) + 1, u24([*h0, *h1, *h2]) + 1);
        if u64::from(self.width) * u64::from(self.height) > u64::from(u32::MAX) {
            return Err(Error::bad_image("the canvas is larger than the format allows"));
        }
        self.flags = Some(*flags);
        Ok(())
    }

    fn read_chunk(&mut self, chunk: Chunk<'a>, alpha: &mut Option<&'a [u8]>) -> Result<(), Error> {
        let data = chunk.data;
        let has = |p: fn(&Part<'_>) -> bool| self.parts.iter().any(p);
        // Of chunks that may occur once, decoders take the first; another one is whatever it is.
        let part = match &chunk.id {
            b"ANIM" if self.is_animated() && self.animation.is_none() => {
                let [b, g, r, a, l0, l1, ..] = data else {
                    return Err(Error::bad_image("ANIM is too short"));
                };
                let loops = u16::from_le_bytes([*l0, *l1]);
                self.animation = Some(Animation { background: [*b, *g, *r, *a], loops });
                return Ok(());
            }
            b"ANMF" if self.is_animated() => {
                if self.animation.is_none() {
                    return Err(Error::bad_image("a frame stands before ANIM"));
                }
                let frame = self.read_frame(data)?;
                self.frames.push(frame);
                Part::Frame(self.frames.len() - 1)
            }
            b"ALPH" if !self.is_animated() && self.frames.is_empty() && alpha.is_none() => {
                *alpha = Some(data);
                return Ok(());
            }
            b"VP8 " | b"VP8L" if !self.is_animated() && self.frames.is_empty() => {
                let image = bitstream(chunk, alpha)?;
                let (width, height) = image.size();
                if self.flags.is_none() {
                    (self.width, self.height) = (width, height);
                } else if (self.width, self.height) != (width, height) {
                    return Err(Error::bad_image("the picture has another size than the canvas"));
                }
                self.frames.push(Frame {
                    x: 0,
                    y: 0,
                    width,
                    height,
                    duration: 0,
                    replaces: true,
                    clears: false,
                    image,
                    extra: Vec::new(),
                });
                Part::Frame(0)
            }
            b"ICCP" if !has(|p| matches!(p, Part::Icc(_))) => Part::Icc(data),
            b"EXIF" if !has(|p| matches!(p, Part::Exif(_))) => Part::Exif(data),
            b"XMP " if !has(|p| matches!(p, Part::Xmp(_))) => Part::Xmp(data),
            _ => Part::Unknown(chunk),
        };
        self.parts.push(part);
        Ok(())
    }

    fn read_frame(&self, data: &'a [u8]) -> Result<Frame<'a>, Error> {
        let (head, body) =
            data.split_first_chunk::<16>().ok_or_else(|| Error::bad_image("a frame is too short"))?;
        let at = |i: usize| u24([head[i], head[i + 1], head[i + 2]]);
        let (x, y, width, height) = (at(0) * 2, at(3) * 2, at(6) + 1, at(9) + 1);
        if x + width > self.width || y + height > self.height {
            return Err(Error::bad_image("a frame lies outside the canvas"));
        }
        let (image, extra) = image(body)?;
        let image = image.ok_or_else(|| Error::bad_image("a frame holds no picture"))?;
        if image.size() != (width, height) {
            return Err(Error::bad_image("a frame's picture has another size than the frame"));
        }
        let (replaces, clears) = (head[15] & 2 != 0, head[15] & 1 != 0);
        Ok(Frame { x, y, width, height, duration: at(12), replaces, clears, image, extra })
    }
}

/// The bitstream among chunks, and the chunks that are none of it.
///
/// # Errors
/// `BadImage` where the chunks or the bitstream's header are broken.
pub fn image(body: &[u8]) -> Result<(Option<Bitstream<'_>>, Vec<Chunk<'_>>), Error> {
    let (mut image, mut alpha, mut extra) = (None, None, Vec::new());
    for chunk in riff::chunks(body) {
        let chunk = chunk.map_err(broken)?;
        match &chunk.id {
            b"ALPH" if image.is_none() && alpha.is_none() => alpha = Some(chunk.data),
            b"VP8 " | b"VP8L" if image.is_none() => image = Some(bitstream(chunk, &mut alpha)?),
            _ => extra.push(chunk),
        }
    }
    extra.extend(alpha.map(|data| Chunk { id: *b"ALPH", data }));
    Ok((image, extra))
}

/// The bitstream in an image chunk, with the alpha that stood before it. Alpha before VP8L has no meaning and stays where it
/// is.
fn bitstream<'a>(chunk: Chunk<'a>, alpha: &mut Option<&'a [u8]>) -> Result<Bitstream<'a>, Error> {
    let data = chunk.data;
    if &chunk.id == b"VP8L" {
        let header =
            vp8l::header(data).ok_or_else(|| Error::bad_image("the lossless picture has no header"))?;
        return Ok(Bitstream::Lossless { data, header });
    }
    let header = vp8::header(data).map_err(|e| {
        Error::bad_image(match e {
            vp8::Broken::Header => "the lossy picture has no header",
            vp8::Broken::Truncated => "the lossy picture ends early",
        })
    })?;
    Ok(Bitstream::Lossy { data, alpha: alpha.take(), header })
}

fn u24(b: [u8; 3]) -> u32 {
    u32::from_le_bytes([b[0], b[1], b[2], 0])
}

fn broken(e: riff::Broken) -> Error {
    Error::bad_image(match e {
        riff::Broken::Truncated => "the file ends before its chunks do",
        riff::Broken::Header => "no RIFF header of type WEBP",
    })
}
