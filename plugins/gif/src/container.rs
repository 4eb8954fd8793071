//! The blocks of a GIF file: taken apart without decoding a pixel. Knows the layout of GIF89a, not what is done with it.

use squeezed_plugin_api::{Error, Limits};

/// What becomes of a frame's rectangle before the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposal {
    /// It stays.
    Keep,
    /// It becomes transparent.
    Clear,
    /// It becomes what it was before the frame.
    Restore,
}

/// A graphic control extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// The packed byte: disposal, user input, transparency flag.
    pub packed: u8,
    /// Hundredths of a second.
    pub delay: u16,
    /// The transparent index; it counts where the flag is set.
    pub index: u8,
}

impl Control {
    /// The transparent index, where there is one.
    pub fn transparent(self) -> Option<u8> {
        (self.packed & 1 == 1).then_some(self.index)
    }
}

/// One image with what applies to it.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Left edge.
    pub x: u16,
    /// Top edge.
    pub y: u16,
    /// Width, not 0.
    pub width: u16,
    /// Height, not 0.
    pub height: u16,
    /// Rows come in four passes.
    pub interlaced: bool,
    /// Its own palette, as RGB.
    pub palette: Option<&'a [u8]>,
    /// Its control extension.
    pub control: Option<Control>,
    /// Bits of a pixel in LZW.
    pub min_code: u8,
    /// Sub-blocks with the compressed pixels, the terminator included.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Pixels.
    pub fn pixels(&self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }
    /// The transparent index, where there is one.
    pub fn transparent(&self) -> Option<u8> {
        self.control.and_then(Control::transparent)
    }
    /// The disposal; `None` where its number has no meaning.
    pub fn disposal(&self) -> Option<Disposal> {
        match self.control.map_or(0, |c| c.packed >> 2 & 7) {
            0 | 1 => Some(Disposal::Keep),
            2 => Some(Disposal::Clear),
            3 => Some(Disposal::Restore),
            _ => None,
        }
    }
    /// Hundredths of a second.
    pub fn delay(&self) -> u16 {
        self.control.map_or(0, |c| c.delay)
    }
}

/// An extension that is no graphic control.
#[derive(Debug, Clone, Copy)]
pub struct Extension<'a> {
    /// Its label.
    pub label: u8,
    /// The whole block, from the introducer to the terminator.
    pub raw: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The first sub-block.
    pub fn head(&self) -> &'a [u8] {
        let length = self.raw.get(2).copied().unwrap_or(0);
        self.raw.get(3..3 + usize::from(length)).unwrap_or_default()
    }
    /// The bytes of all sub-blocks behind the first.
    pub fn body(&self) -> Vec<u8> {
        let start = 3 + self.head().len();
        SubBlocks(self.raw.get(start..).unwrap_or_default()).flatten().copied().collect()
    }
}

/// One part of the file, in order.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The frame with this number.
    Frame(usize),
    /// An extension.
    Extension(Extension<'a>),
}

/// A file, taken apart.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    /// `87a` or `89a`.
    pub version: [u8; 3],
    /// Canvas width.
    pub width: u16,
    /// Canvas height.
    pub height: u16,
    /// The packed byte of the screen descriptor.
    pub packed: u8,
    /// The background's index in the global palette.
    pub background: u8,
    /// Pixel aspect ratio; 0 for none.
    pub aspect: u8,
    /// The global palette, as RGB; empty where there is none.
    pub palette: &'a [u8],
    /// Frames.
    pub frames: Vec<Frame<'a>>,
    /// Frames and extensions in order.
    pub parts: Vec<Part<'a>>,
    /// What follows the trailer.
    pub trailing: &'a [u8],
}

impl<'a> Container<'a> {
    /// Takes a file apart.
    ///
    /// # Errors
    /// `BadImage` where it is cut or a block makes no sense.
    pub fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader { left: input };
        let head = r.take(13)?;
        let version = match head {
            [b'G', b'I', b'F', b'8', v @ (b'7' | b'9'), b'a', ..] => [b'8', *v, b'a'],
            _ => return Err(Error::bad_image("not a GIF file")),
        };
        let at = |i: usize| head.get(i).copied().unwrap_or(0);
        let (width, height) = (u16::from_le_bytes([at(6), at(7)]), u16::from_le_bytes([at(8), at(9)]));
        let (packed, background, aspect) = (at(10), at(11), at(12));
        let palette = if packed & 0x80 == 0 { &[][..] } else { r.take(3 << (1 + (packed & 7)))? };
        let mut c = Self {
            version,
            width,
            height,
            packed,
            background,
            aspect,
            palette,
            frames: Vec::new(),
            parts: Vec::new(),
            trailing: &[],
        };
        let mut control = None;
        loop {
            // A file that ends where a block begins has lost its trailer and nothing else.
            if r.left.is_empty() && !c.frames.is_empty() {
                break;
            }
            let whole = r.left;
            match r.byte()? {
                0x3b => {
                    c.trailing = r.left;
                    break;
                }
                0x21 => {
                    let label = r.byte()?;
                    r.sub_blocks()?;
                    let raw = &whole[..whole.len() - r.left.len()];
                    let extension = Extension { label, raw };
                    match (label, extension.head()) {
                        (0xf9, [packed, d0, d1, index, ..]) => {
                            let delay = u16::from_le_bytes([*d0, *d1]);
                            control = Some(Control { packed: *packed, delay, index: *index });
                        }
                        (0xf9, _) => return Err(Error::bad_image("a graphic control is too short")),
                        _ => c.parts.push(Part::Extension(extension)),
                    }
                }
                0x2c => {
                    c.parts.push(Part::Frame(c.frames.len()));
                    c.frames.push(r.frame(control.take())?);
                }
                // Some writers leave zeros between blocks.
                0 => {}
                _ => return Err(Error::bad_image("an unknown block")),
            }
        }
        if c.frames.is_empty() {
            return Err(Error::bad_image("the file holds no picture"));
        }
        if c.width == 0 || c.height == 0 {
            return Err(Error::bad_image("the canvas has no pixels"));
        }
        Ok(c)
    }

    /// The palette of a frame.
    pub fn palette_of(&self, frame: &Frame<'a>) -> &'a [u8] {
        frame.palette.unwrap_or(self.palette)
    }

    /// Checks what the file asks for against `limits`.
    ///
    /// # Errors
    /// `TooLarge`, naming the limit.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), Error> {
        let over =
            |what: String, key: &str| Err(Error::too_large(format!("{what}, raise {key} to allow it")));
        let canvas = u64::from(self.width) * u64::from(self.height);
        let largest = self.frames.iter().map(|f| f.pixels() as u64).max().unwrap_or(0).max(canvas);
        let frames = self.frames.len() as u64;
        let drawn = self.frames.iter().map(|f| f.pixels() as u64).fold(0, u64::saturating_add);
        if largest > limits.pixels {
            return over(format!("a picture has {largest} pixels"), "limits.pixels");
        }
        if frames > limits.frames {
            return over(format!("the animation has {frames} frames"), "limits.frames");
        }
        if canvas.saturating_mul(frames).max(drawn) > limits.total_pixels {
            return over(
                format!("the animation has {frames} frames of {canvas} pixels"),
                "limits.total_pixels",
            );
        }
        Ok(())
    }
}

struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, left) =
            self.left.split_at_checked(n).ok_or_else(|| Error::bad_image("the file is cut short"))?;
        self.left = left;
        Ok(taken)
    }
    fn byte(&mut self) -> Result<u8, Error> {
        self.take(1).map(|b| b.first().copied().unwrap_or(0))
    }
    fn word(&mut self) -> Result<u16, Error> {
        self.take(2).map(|b| u16::from_le_bytes([b[0], b[1]]))
    }
    /// Passes over sub-blocks and their terminator.
    fn sub_blocks(&mut self) -> Result<&'a [u8], Error> {
        let whole = self.left;
        loop {
            match self.byte()? {
                0 => return Ok(&whole[..whole.len() - self.left.len()]),
                n => self.take(n.into())?,
            };
        }
    }
    fn frame(&mut self, control: Option<Control>) -> Result<Frame<'a>, Error> {
        let (x, y) = (self.word()?, self.word()?);
        let (width, height) = (self.word()?, self.word()?);
        let packed = self.byte()?;
        let palette = if packed & 0x80 == 0 { None } else { Some(self.take(3 << (1 + (packed & 7)))?) };
        let min_code = self.byte()?;
        if width == 0 || height == 0 {
            return Err(Error::bad_image("a frame has no pixels"));
        }
        if !(1..=11).contains(&min_code) {
            return Err(Error::bad_image("a frame has an impossible code size"));
        }
        let data = self.sub_blocks()?;
        Ok(Frame { x, y, width, height, interlaced: packed & 0x40 != 0, palette, control, min_code, data })
    }
}

/// The sub-blocks of a chain, without their lengths, up to the terminator.
#[derive(Debug, Clone, Copy)]
pub struct SubBlocks<'a>(pub &'a [u8]);

impl<'a> Iterator for SubBlocks<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        let (block, rest) = rest.split_at_checked(usize::from(*length)).filter(|_| *length > 0)?;
        self.0 = rest;
        Some(block)
    }
}
