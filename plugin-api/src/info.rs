//! What a look at headers and structure tells.

use crate::{AlphaKind, ColorModel, SampleKind};

/// Facts that decide what may be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InfoFlags {
    /// Carries content credentials (C2PA): any rewrite breaks the signature.
    pub signed: bool,
    /// Carries an HDR gain map.
    pub gain_map: bool,
    /// Carries a motion photo's video.
    pub motion_photo: bool,
    /// Picture data is missing or wrong; `optimize` would answer BAD_IMAGE.
    pub damaged: bool,
    /// `frames` is a lower bound: counting would have cost too much.
    pub frames_at_least: bool,
}

/// What `inspect` found without decoding pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageInfo {
    /// Canvas width in pixels, before orientation.
    pub width: u32,
    /// Canvas height in pixels, before orientation.
    pub height: u32,
    /// Frames of an animation or pages of a document; 1 for a still.
    pub frames: u32,
    /// How often an animation plays; 0 is for ever, 1 for a still.
    pub loop_count: u32,
    /// EXIF orientation 1 to 8; 1 where there is none.
    pub orientation: u8,
    /// Colour model of the stored samples.
    pub color: ColorModel,
    /// Channels, alpha included.
    pub channels: u8,
    /// How samples are stored.
    pub sample: SampleKind,
    /// Significant bits of a sample.
    pub bits: u8,
    /// Alpha, if any.
    pub alpha: AlphaKind,
    /// Estimated quality of a lossy source, 1 to 100, on the scale that `quality` uses; 0 where unknown or lossless.
    pub source_quality: u8,
    /// Facts.
    pub flags: InfoFlags,
}
