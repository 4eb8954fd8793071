//! JPEG by `zune-jpeg`, in the colour model of the file: grey, RGB (made from YCbCr), or four channels as stored.
//!
//! Arithmetic coding, 12 bit and lossless JPEG are errors here, so that the plugin's decoder takes over.

use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{Aside, DecodeError};
use crate::digest::layout;

/// Rows handed on at once.
const ROWS: usize = 64;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    // Strict, since half a file would else be a success.
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(65_535).set_max_height(65_535);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(DecodeError::text)?;
    let info = decoder.info().ok_or_else(|| DecodeError::text("no header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(DecodeError::Text(format!(
            "{width}x{height} is more than the limit pixels = {}",
            limits.pixels
        )));
    }
    sink.image(&ImageHeader { width, height, loop_count: 1 })?;
    let input = decoder.input_colorspace().unwrap_or(ColorSpace::Unknown);
    let (out, model, channels, meaning) = match (input, info.components) {
        (ColorSpace::Luma, 1) => (ColorSpace::Luma, ColorModel::Grey, 1, ""),
        (ColorSpace::YCbCr | ColorSpace::RGB, 3) => (ColorSpace::RGB, ColorModel::Rgb, 3, ""),
        (ColorSpace::CMYK, 4) => (ColorSpace::CMYK, ColorModel::Cmyk, 4, adobe(bytes, "cmyk-adobe", "cmyk")),
        (ColorSpace::YCCK, 4) => (ColorSpace::YCCK, ColorModel::Cmyk, 4, "ycck"),
        (space, n) => return Err(DecodeError::Text(format!("{n} components of {space:?}"))),
    };
    sink.frame(&FrameHeader {
        role: FrameRole::Picture,
        width,
        height,
        duration: (0, 1),
        layout: layout(model, channels, 8, AlphaKind::None),
    })?;
    let icc = decoder.icc_profile();
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let data = decoder.decode().map_err(DecodeError::text)?;
    let stride = width as usize * usize::from(channels);
    for rows in data.chunks(stride * ROWS) {
        sink.rows((rows.len() / stride) as u32, stride, rows)?;
    }
    Ok(Aside { icc, meaning })
}

/// Whether an Adobe marker stands before the first scan: with it, stored CMYK is taken as inverted.
fn adobe(bytes: &[u8], with: &'static str, without: &'static str) -> &'static str {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..).and_then(|b| b.first_chunk()) {
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            0xee if bytes[at + 4..].starts_with(b"Adobe") => return with,
            0xda => return without,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
        }
    }
    without
}
