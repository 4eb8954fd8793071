//! BMP by the decoder of the `image` crate.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};
use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits};

use super::{Aside, DecodeError};
use crate::digest::layout;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(DecodeError::text)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(DecodeError::text(format!("{width}x{height} is more than the limit pixels")));
    }
    let layout = match decoder.color_type() {
        ColorType::L8 => layout(ColorModel::Grey, 1, 8, AlphaKind::None),
        ColorType::Rgb8 => layout(ColorModel::Rgb, 3, 8, AlphaKind::None),
        ColorType::Rgba8 => layout(ColorModel::Rgb, 4, 8, AlphaKind::Straight),
        other => return Err(DecodeError::text(format!("an unknown colour type {other:?}"))),
    };
    sink.image(&ImageHeader { width, height, loop_count: 1 })?;
    sink.frame(&FrameHeader { role: FrameRole::Picture, width, height, duration: (0, 1), layout })?;
    let size = usize::try_from(decoder.total_bytes()).map_err(DecodeError::text)?;
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(DecodeError::text)?;
    let stride = layout.pixel_bytes() * width as usize;
    for row in pixels.chunks_exact(stride.max(1)) {
        sink.rows(1, stride, row)?;
    }
    Ok(aside(bytes))
}

/// A palette of few colours is coarse.
pub(super) fn aside(bytes: &[u8]) -> Aside {
    let word =
        |at: usize| bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b));
    let (size, bits) = (word(14), word(28));
    if size < 40 || bits > 8 {
        return Aside::default();
    }
    let used = if word(46) == 0 { 1 << bits } else { word(46) };
    Aside { coarse: 96.0 / f32::from(used.max(1)), ..Aside::default() }
}
