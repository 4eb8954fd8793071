//! AV1 bitstreams from and to planes. The only module with `unsafe` code.

#[cfg(aom)]
mod aom;
mod dav1d;
mod picture;
#[cfg(any(test, not(aom)))]
mod rav1e;

pub use dav1d::Decoder;
#[cfg(test)]
pub use picture::Color;
pub use picture::{Layout, Picture};

#[cfg(aom)]
use aom as encoder;
#[cfg(not(aom))]
use rav1e as encoder;

use squeezed_plugin_api::Error;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Whatever a camera sees.
    Photo,
    /// Drawings, text, windows: flat areas and hard edges that repeat.
    Screen,
}

/// How to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// Quantizer, 0 to 63, as in avifenc's `--min` and `--max`.
    pub cq: u8,
    /// 0, slow and small, to 9.
    pub speed: u8,
    /// What it shows.
    pub content: Content,
    /// Every sample as it was.
    pub lossless: bool,
    /// For what looks best, not for the smallest error.
    pub tuned: bool,
}

/// Encodes a picture as one temporal unit. Cannot be interrupted.
///
/// # Errors
/// `Failed` where the encoder refuses.
pub fn encode(picture: &Picture, how: How) -> Result<Vec<u8>, Error> {
    encoder::encode(picture, how)
}

/// The codecs inside, for people.
pub fn versions() -> String {
    format!("{}, dav1d {}", encoder::version(), dav1d::version())
}
