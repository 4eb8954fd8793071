//! What stays of a decoded image: per frame a hash of its samples and coarse block means, never pixels.
//!
//! Receives rows as any decoder gives them and brings them into one form: RGBA (or CMYK, or whatever channels there
//! are) at 8 or 16 bit, so that equal pictures in different representations are equal here. Bounds what it is given
//! by the limits. Knows nothing of file formats or of who is compared with whom.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits, PixelLayout, SampleKind,
    Stop,
};

use crate::blocks::{Blocks, BlocksBuilder};
use crate::row::{Form, Row};

/// One decoded frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub role: FrameRole,
    pub width: u32,
    pub height: u32,
    /// Seconds as a fraction; the denominator is never 0.
    pub duration: (u32, u32),
    pub form: Form,
    /// Significant bits as stored.
    pub bits: u8,
    pub has_alpha: bool,
    /// Some pixel is not opaque.
    pub alpha_used: bool,
    /// Some sample needs more than 8 bit.
    pub deep: bool,
    /// Of all samples; at 16 bit if `deep`, else at 8.
    pub hash: blake3::Hash,
    pub blocks: Blocks,
}

/// One decoded image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Digest {
    pub width: u32,
    pub height: u32,
    pub loop_count: u32,
    pub frames: Vec<Frame>,
}

/// Why no digest came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    Stopped,
    /// What the decoder gave makes no sense, or a limit is passed.
    Unreadable(String),
}

/// Builds a [`Digest`] from rows.
pub(crate) struct Digester<'a> {
    limits: Limits,
    stop: &'a (dyn Fn() -> bool + Sync),
    image: Option<ImageHeader>,
    frames: Vec<Frame>,
    pixels: u64,
    current: Option<Current>,
    trouble: Option<Trouble>,
}

struct Current {
    header: FrameHeader,
    rows_left: u32,
    row: Row,
    hashes: Hashes,
    blocks: BlocksBuilder,
    alpha_used: bool,
}

/// Hashes at 8 bit, and at 16 where the samples have them, until it is known which counts.
enum Hashes {
    Narrow(Box<blake3::Hasher>),
    Both { narrow: Box<blake3::Hasher>, wide: Box<blake3::Hasher> },
    Wide(Box<blake3::Hasher>),
}

impl<'a> Digester<'a> {
    pub fn new(limits: Limits, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { limits, stop, image: None, frames: Vec::new(), pixels: 0, current: None, trouble: None }
    }

    /// What went wrong inside a call that answered `Stop`, if it did.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The digest, once the decoder is done.
    pub fn finish(mut self) -> Result<Digest, Trouble> {
        self.end_frame();
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let unreadable = |what: &str| Trouble::Unreadable(what.into());
        let image = self.image.ok_or_else(|| unreadable("the decoder gave no picture"))?;
        if self.frames.is_empty() {
            return Err(unreadable("the decoder gave no frame"));
        }
        Ok(Digest {
            width: image.width,
            height: image.height,
            loop_count: image.loop_count,
            frames: self.frames,
        })
    }

    fn fail(&mut self, what: impl Into<String>) -> Result<(), Stop> {
        self.trouble.get_or_insert(Trouble::Unreadable(what.into()));
        Err(Stop)
    }

    fn end_frame(&mut self) {
        let Some(c) = self.current.take() else { return };
        if c.rows_left > 0 {
            let _ = self.fail(format!("frame {} misses {} rows", self.frames.len(), c.rows_left));
            return;
        }
        let (deep, hash) = match c.hashes {
            Hashes::Narrow(h) | Hashes::Both { narrow: h, .. } => (false, h.finalize()),
            Hashes::Wide(h) => (true, h.finalize()),
        };
        let duration = match c.header.duration {
            (0, _) | (_, 0) => (0, 1),
            fraction => fraction,
        };
        self.frames.push(Frame {
            role: c.header.role,
            width: c.header.width,
            height: c.header.height,
            duration,
            form: c.row.form(),
            bits: c.header.layout.bits,
            has_alpha: c.header.layout.alpha != AlphaKind::None,
            alpha_used: c.alpha_used,
            deep,
            hash,
            blocks: c.blocks.finish(),
        });
    }
}

impl FrameSink for Digester<'_> {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        let pixels = u64::from(header.width) * u64::from(header.height);
        if self.image.is_some() || pixels == 0 {
            return self.fail("the decoder began no or two pictures");
        }
        if pixels > self.limits.pixels {
            return self
                .fail(format!("{pixels} pixels are more than the limit pixels = {}", self.limits.pixels));
        }
        self.image = Some(*header);
        Ok(())
    }

    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.end_frame();
        if self.trouble.is_some() {
            return Err(Stop);
        }
        if (self.stop)() {
            self.trouble = Some(Trouble::Stopped);
            return Err(Stop);
        }
        let pixels = u64::from(header.width) * u64::from(header.height);
        self.pixels = self.pixels.saturating_add(pixels);
        if self.image.is_none() || pixels == 0 {
            return self.fail("the decoder began a frame without a picture");
        }
        if pixels > self.limits.pixels {
            return self
                .fail(format!("{pixels} pixels are more than the limit pixels = {}", self.limits.pixels));
        }
        if self.pixels > self.limits.total_pixels {
            return self
                .fail(format!("more pixels than the limit total_pixels = {}", self.limits.total_pixels));
        }
        if self.frames.len() as u64 >= self.limits.frames {
            return self.fail(format!("more frames than the limit frames = {}", self.limits.frames));
        }
        let Some(row) = Row::new(header) else {
            return self.fail(format!("the decoder gave an unknown layout {:?}", header.layout));
        };
        let hasher = || Box::new(blake3::Hasher::new());
        let hashes = match row.form() {
            Form::Raw { .. } => Hashes::Wide(hasher()),
            _ if header.layout.bits > 8 => Hashes::Both { narrow: hasher(), wide: hasher() },
            _ => Hashes::Narrow(hasher()),
        };
        let blocks = BlocksBuilder::new(header.width, header.height, row.channels(), row.premultiplies());
        self.current = Some(Current {
            header: *header,
            rows_left: header.height,
            row,
            hashes,
            blocks,
            alpha_used: false,
        });
        Ok(())
    }

    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        if self.trouble.is_some() {
            return Err(Stop);
        }
        if (self.stop)() {
            self.trouble = Some(Trouble::Stopped);
            return Err(Stop);
        }
        let Some(current) = &mut self.current else { return self.fail("rows without a frame") };
        let len = current.header.width as usize * current.header.layout.pixel_bytes();
        if count > current.rows_left || stride < len {
            return self.fail("more rows than the frame has, or shorter ones");
        }
        for i in 0..count as usize {
            let start = i.checked_mul(stride);
            let Some(row) = start.and_then(|s| data.get(s..s.checked_add(len)?)) else {
                return self.fail("fewer bytes than rows were told");
            };
            current.take(row);
        }
        Ok(())
    }
}

impl Current {
    fn take(&mut self, data: &[u8]) {
        self.row.load(data);
        self.rows_left -= 1;
        self.alpha_used |= self.row.uses_alpha();
        self.blocks.row(self.row.narrow());
        match &mut self.hashes {
            Hashes::Narrow(h) => {
                h.update(self.row.narrow());
            }
            Hashes::Wide(h) => {
                h.update(self.row.wide());
            }
            Hashes::Both { narrow, wide } => {
                wide.update(self.row.wide());
                if self.row.is_deep() {
                    let wide = std::mem::replace(wide, Box::new(blake3::Hasher::new()));
                    self.hashes = Hashes::Wide(wide);
                } else {
                    narrow.update(self.row.narrow());
                }
            }
        }
    }
}

/// The layout that most decoders here give.
pub(crate) fn layout(color: ColorModel, channels: u8, bits: u8, alpha: AlphaKind) -> PixelLayout {
    let sample = if bits > 8 { SampleKind::U16 } else { SampleKind::U8 };
    PixelLayout { sample, color, channels, bits, alpha }
}
