//! How decoded pictures travel from a plugin to its host.

use crate::{MetadataItem, Stop};

/// How samples are stored in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum SampleKind {
    /// Unsigned 8 bit.
    #[default]
    U8 = 1,
    /// Unsigned 16 bit, native byte order.
    U16 = 2,
    /// Unsigned 32 bit, native byte order.
    U32 = 3,
    /// IEEE half.
    F16 = 4,
    /// IEEE single.
    F32 = 5,
    /// IEEE double.
    F64 = 6,
}

impl SampleKind {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            SampleKind::U8 => 1,
            SampleKind::U16 | SampleKind::F16 => 2,
            SampleKind::U32 | SampleKind::F32 => 4,
            SampleKind::F64 => 8,
        }
    }
    /// The kind with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use SampleKind::*;
        [U8, U16, U32, F16, F32, F64].into_iter().find(|k| *k as u32 == n)
    }
}

/// What the channels mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum ColorModel {
    /// One channel of grey.
    Grey = 1,
    /// Red, green, blue.
    #[default]
    Rgb = 2,
    /// Cyan, magenta, yellow, black, as stored.
    Cmyk = 3,
    /// CIE L*a*b*.
    Lab = 4,
    /// Any other number of channels.
    Other = 5,
}

impl ColorModel {
    /// The model with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use ColorModel::*;
        [Grey, Rgb, Cmyk, Lab, Other].into_iter().find(|k| *k as u32 == n)
    }
}

/// How alpha relates to colour. Alpha is the last channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum AlphaKind {
    /// No alpha.
    #[default]
    None = 0,
    /// Colour is independent of alpha.
    Straight = 1,
    /// Colour was multiplied by alpha.
    Premultiplied = 2,
}

impl AlphaKind {
    /// The kind with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use AlphaKind::*;
        [None, Straight, Premultiplied].into_iter().find(|k| *k as u32 == n)
    }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum FrameRole {
    /// The picture, or one rendered canvas of an animation.
    #[default]
    Picture = 1,
    /// A page of its own size.
    Page = 2,
    /// A gain map.
    GainMap = 3,
    /// A depth map.
    Depth = 4,
    /// A thumbnail.
    Thumbnail = 5,
}

impl FrameRole {
    /// The role with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use FrameRole::*;
        [Picture, Page, GainMap, Depth, Thumbnail].into_iter().find(|k| *k as u32 == n)
    }
}

/// How one pixel is laid out in a row: `channels` samples, interleaved, alpha last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PixelLayout {
    /// Sample storage.
    pub sample: SampleKind,
    /// Colour model.
    pub color: ColorModel,
    /// Channels, alpha included.
    pub channels: u8,
    /// Significant bits of a sample; values are not scaled up.
    pub bits: u8,
    /// Alpha.
    pub alpha: AlphaKind,
}

impl PixelLayout {
    /// Bytes of one pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.sample.bytes() * usize::from(self.channels)
    }
}

/// What is true of the whole image; sent once, before the first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageHeader {
    /// Canvas width in pixels.
    pub width: u32,
    /// Canvas height in pixels.
    pub height: u32,
    /// How often an animation plays; 0 is for ever, 1 for a still.
    pub loop_count: u32,
}

/// What is true of one frame; sent before its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameHeader {
    /// What it is for.
    pub role: FrameRole,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Duration in seconds as numerator and denominator; 0/1 for a still.
    pub duration: (u32, u32),
    /// How rows are laid out.
    pub layout: PixelLayout,
}

/// Receives a decoded image: [`Self::image`] once, then for each frame [`Self::frame`] and its rows from top to bottom.
/// Animations arrive as rendered canvases.
pub trait FrameSink {
    /// Begins the image.
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop>;
    /// Begins a frame.
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop>;
    /// The next `count` rows of the current frame; row `i` starts at byte `i * stride` of `data`.
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop>;
    /// A metadata item with its value.
    fn metadata(&mut self, item: &MetadataItem, value: &[u8]) -> Result<(), Stop> {
        let _ = (item, value);
        Ok(())
    }
    /// Something a decoder got over.
    fn warning(&mut self, text: &str) -> Result<(), Stop> {
        let _ = text;
        Ok(())
    }
}
