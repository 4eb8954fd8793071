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
    let segments = Segments::read(bytes);
    let input = decoder.input_colorspace().unwrap_or(ColorSpace::Unknown);
    let (out, model, channels, meaning) = match (input, info.components) {
        (ColorSpace::Luma, 1) => (ColorSpace::Luma, ColorModel::Grey, 1, ""),
        (ColorSpace::YCbCr | ColorSpace::RGB, 3) => (ColorSpace::RGB, ColorModel::Rgb, 3, ""),
        (ColorSpace::CMYK, 4) => {
            (ColorSpace::CMYK, ColorModel::Cmyk, 4, if segments.adobe { "adobe" } else { "" })
        }
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
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let data = decoder.decode().map_err(DecodeError::text)?;
    let stride = width as usize * usize::from(channels);
    for rows in data.chunks(stride * ROWS) {
        sink.rows((rows.len() / stride) as u32, stride, rows)?;
    }
    Ok(Aside { icc: segments.icc(), meaning, coarse: segments.coarse() })
}

/// What the segments tell, for a file that another decoder reads; what its samples mean is that decoder's to know.
pub(super) fn aside(bytes: &[u8]) -> Aside {
    let segments = Segments::read(bytes);
    Aside { icc: segments.icc(), meaning: "", coarse: segments.coarse() }
}

/// What the segments before the first scan tell.
#[derive(Default)]
struct Segments {
    /// There is an Adobe marker: with it, stored CMYK is taken as inverted.
    adobe: bool,
    /// Parts of the ICC profile with their numbers.
    icc: Vec<(u8, Vec<u8>)>,
    /// The first value of each quantization table: the step of block means, times 8.
    steps: [u16; 4],
    /// The table of each component.
    tables: Vec<u8>,
}

impl Segments {
    fn read(bytes: &[u8]) -> Self {
        let mut all = Self::default();
        let mut at = 2;
        while let Some(&[0xff, marker, high, low]) = bytes.get(at..).and_then(|b| b.first_chunk()) {
            if marker == 0xff {
                at += 1;
                continue;
            }
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            let Some(data) = bytes.get(at + 4..end) else { break };
            match marker {
                0xda => break,
                0xee => all.adobe |= data.starts_with(b"Adobe"),
                0xe2 => all.profile(data),
                0xdb => all.quantizers(data),
                0xc0..=0xc2 | 0xc9 | 0xca => {
                    all.tables = data.get(6..).unwrap_or(&[]).chunks_exact(3).map(|c| c[2]).collect();
                }
                _ => {}
            }
            at = end;
        }
        all
    }

    fn profile(&mut self, data: &[u8]) {
        if let Some([number, _, part @ ..]) = data.strip_prefix(b"ICC_PROFILE\0") {
            self.icc.push((*number, part.to_vec()));
        }
    }

    fn quantizers(&mut self, mut data: &[u8]) {
        while let Some((head, rest)) = data.split_first() {
            let wide = head >> 4 != 0;
            let step = match rest {
                [high, low, ..] if wide => u16::from_be_bytes([*high, *low]),
                [step, ..] => u16::from(*step),
                [] => return,
            };
            if let Some(kept) = self.steps.get_mut(usize::from(head & 15)) {
                *kept = step;
            }
            data = rest.get(if wide { 128 } else { 64 }..).unwrap_or(&[]);
        }
    }

    /// The whole profile, its parts in order of their numbers.
    fn icc(&self) -> Option<Vec<u8>> {
        let mut parts: Vec<_> = self.icc.iter().collect();
        parts.sort_by_key(|(number, _)| *number);
        (!parts.is_empty()).then(|| parts.iter().flat_map(|(_, part)| part.iter().copied()).collect())
    }

    /// A quarter of a step is the mean error of rounding; blue gets 1.772 times that of its chroma. As much again,
    /// since trellis quantization does not round to the nearest.
    fn coarse(&self) -> f32 {
        let step = |i: usize| {
            let table = self.tables.get(i).and_then(|t| self.steps.get(usize::from(*t)));
            table.map_or(0.0, |s| f32::from(*s) / 8.0)
        };
        (step(0) + 1.772 * step(1).max(step(2))).max(step(3)) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
        let len = (data.len() + 2) as u16;
        [&[0xff, marker], &len.to_be_bytes()[..], data].concat()
    }

    #[test]
    fn segments_tell_profile_marker_and_steps() {
        let mut narrow = [1u8; 65];
        (narrow[0], narrow[1]) = (0x00, 16);
        let mut wide = [1u8; 129];
        (wide[0], wide[1], wide[2]) = (0x11, 1, 0);
        let file = [
            &[0xff, 0xd8][..],
            &segment(0xe2, b"ICC_PROFILE\0\x02\x02second"),
            &segment(0xe2, b"ICC_PROFILE\0\x01\x02first "),
            &segment(0xee, b"Adobe......."),
            &segment(0xdb, &[&narrow[..], &wide[..]].concat()),
            &segment(0xc2, &[8, 0, 1, 0, 1, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]),
            &segment(0xda, &[]),
            &segment(0xe2, b"ICC_PROFILE\0\x03\x02not this"),
        ]
        .concat();
        let all = Segments::read(&file);
        assert!(all.adobe);
        assert_eq!(all.icc().unwrap(), b"first second");
        assert_eq!(all.coarse(), (2.0 + 1.772 * 32.0) / 2.0);
        for cut in 0..file.len() {
            let _ = Segments::read(&file[..cut]).coarse();
        }
    }
}
