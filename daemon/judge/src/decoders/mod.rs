//! Decoders that are independent of the plugins, by format name, and the plugin's own where there is none.
//!
//! Knows how a file becomes a [`Digest`], not what is done with it. Panics of decoders end here.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use squeezed_plugin_api::{ErrorCode, FrameSink, Limits, Optimizer, Stop};

use crate::digest::{Digest, Digester, Trouble};

/// What a decoder tells beside the pictures.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Aside {
    /// The ICC profile, inflated; `None` also where the decoder does not look for one.
    pub icc: Option<Vec<u8>>,
    /// What the same samples mean, where the file says so in other ways than by its colour model.
    pub meaning: &'static str,
    /// How far the coding alone may move the mean of a block, on average, in levels of 8 bit: half a quantizer step of
    /// a JPEG's means, the distance of the colours of a small palette.
    pub coarse: f32,
}

/// Why a decoder gave up.
pub(crate) enum DecodeError {
    Stop,
    Text(String),
}

impl From<Stop> for DecodeError {
    fn from(_: Stop) -> Self {
        DecodeError::Stop
    }
}

impl DecodeError {
    fn text(e: impl std::fmt::Display) -> Self {
        DecodeError::Text(e.to_string())
    }
}

/// Refuses an animation that is beyond the limits before its first frame is rendered.
fn check_frames(width: u32, height: u32, frames: u64, limits: &Limits) -> Result<(), DecodeError> {
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if frames > limits.frames {
        return Err(DecodeError::Text(format!(
            "{frames} frames are more than the limit frames = {}",
            limits.frames
        )));
    }
    if pixels.saturating_mul(frames) > limits.total_pixels {
        let limit = limits.total_pixels;
        return Err(DecodeError::Text(format!(
            "{frames} frames are more than the limit total_pixels = {limit}"
        )));
    }
    Ok(())
}

type Decode = fn(&[u8], &Limits, &mut dyn FrameSink) -> Result<Aside, DecodeError>;

/// What can be told without decoding, where the plugin decodes.
fn aside(format: &str, bytes: &[u8], limits: &Limits) -> Aside {
    match format {
        "bmp" => bmp::aside(bytes),
        "gif" => gif::aside(bytes),
        "jpeg" => jpeg::aside(bytes),
        "png" => png::aside(bytes, limits),
        _ => Aside::default(),
    }
}

/// One way to decode.
#[derive(Clone, Copy)]
pub(crate) enum Decoder<'a> {
    /// Independent of the plugin.
    Own(&'static str, Decode),
    /// The plugin's, for a format of this name.
    Plugin(&'a dyn Optimizer, &'a str),
}

impl<'a> Decoder<'a> {
    /// The independent decoder for a format, if there is one.
    pub fn independent(format: &str) -> Option<Self> {
        match format {
            "bmp" => Some(Decoder::Own("image", bmp::decode)),
            "gif" => Some(Decoder::Own("gif", gif::decode)),
            "jpeg" => Some(Decoder::Own("zune-jpeg", jpeg::decode)),
            "png" => Some(Decoder::Own("png", png::decode)),
            "tiff" => Some(Decoder::Own("tiff", tiff::decode)),
            "webp" => Some(Decoder::Own("image-webp", webp::decode)),
            _ => None,
        }
    }

    /// Its name for the receipt.
    pub fn name(&self) -> &'static str {
        match self {
            Decoder::Own(name, _) => name,
            Decoder::Plugin(..) => "plugin",
        }
    }

    /// Decodes a whole file.
    pub fn digest(
        &self,
        bytes: &[u8],
        limits: &Limits,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(Digest, Aside), Trouble> {
        if stop() {
            return Err(Trouble::Stopped);
        }
        let mut sink = Digester::new(*limits, stop);
        let run = || match self {
            Decoder::Own(_, decode) => decode(bytes, limits, &mut sink),
            Decoder::Plugin(plugin, format) => match plugin.decode(bytes, &mut sink) {
                Ok(()) => Ok(aside(format, bytes, limits)),
                Err(e) if e.code == ErrorCode::Stopped => Err(DecodeError::Stop),
                Err(e) => Err(DecodeError::Text(e.message)),
            },
        };
        let unreadable = |text: String| Trouble::Unreadable(text);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(aside)) => sink.finish().map(|digest| (digest, aside)),
            Ok(Err(DecodeError::Stop)) => Err(sink
                .trouble()
                .cloned()
                .unwrap_or_else(|| unreadable("the decoder stopped by itself".into()))),
            Ok(Err(DecodeError::Text(text))) => Err(unreadable(text)),
            Err(_) => Err(unreadable("the decoder panicked".into())),
        }
    }
}
