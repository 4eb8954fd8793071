//! JPEG streams inside of strips and tiles: read by zune-jpeg, written by mozjpeg. Knows codestreams, not files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squeezed_plugin_api::Error;
use zune_core::bytestream::ZCursor;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::raster::{Raster, photometric};

/// A whole codestream: the shared tables, where there are any, put in front of a strip's own.
pub fn whole(tables: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let Some(tables) = tables.filter(|t| t.len() > 4 && t.starts_with(&[0xff, 0xd8])) else {
        return data.to_vec();
    };
    let body = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    let mut all = body.to_vec();
    all.extend_from_slice(data.strip_prefix(&[0xff, 0xd8]).unwrap_or(data));
    all
}

/// What a codestream's frame header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The marker: 0xc0 baseline, 0xc1 extended, 0xc2 progressive.
    pub marker: u8,
    /// Bits of a sample.
    pub bits: u8,
}

/// The segments before the first scan, each with its marker.
pub fn segments(stream: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        while stream.get(at) == Some(&0xff) && stream.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let &[0xff, marker, high, low] = stream.get(at..)?.first_chunk()? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        let data = stream.get(at + 4..end)?;
        at = end;
        (marker != 0xda).then_some((marker, data))
    })
}

/// The frame header of a codestream.
pub fn frame(stream: &[u8]) -> Option<Frame> {
    let is_frame = |m: u8| matches!(m, 0xc0..=0xcf) && !matches!(m, 0xc4 | 0xc8 | 0xcc);
    let (marker, data) = segments(stream).find(|(m, _)| is_frame(*m))?;
    Some(Frame { marker, bits: *data.first()? })
}

/// The first component's quantization table, in natural order.
pub fn luma_table(stream: &[u8]) -> Option<[u16; 64]> {
    // Where each coefficient of the zigzag stands.
    const NATURAL: [u8; 64] = [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
        6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38,
        31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];
    let mut tables = [None; 4];
    for (marker, mut data) in segments(stream) {
        match marker {
            0xdb => {
                while let Some((head, rest)) = data.split_first() {
                    let size = 1 + usize::from(head >> 4 != 0);
                    let (values, next) = rest.split_at_checked(64 * size)?;
                    let mut table = [0; 64];
                    for (value, place) in values.chunks_exact(size).zip(NATURAL) {
                        table[usize::from(place)] = value.iter().fold(0, |n: u16, b| n << 8 | u16::from(*b));
                    }
                    *tables.get_mut(usize::from(head & 15))? = Some(table);
                    data = next;
                }
            }
            0xc0..=0xc2 => return *tables.get(usize::from(*data.get(8)?))?,
            _ => {}
        }
    }
    None
}

/// Reads a strip or tile as interleaved samples of 8 bit. Three components of a YCbCr page become RGB.
///
/// # Errors
/// `BadImage` where data is missing or wrong, `UnsupportedFeature` for what zune-jpeg does not read.
pub fn decode(raster: &Raster<'_>, data: &[u8], width: u32, rows: u32) -> Result<Vec<u8>, Error> {
    let stream = whole(raster.jpeg_tables, data);
    let Some(frame) = frame(&stream) else { return Err(Error::bad_image("a jpeg strip without a frame")) };
    if frame.bits != 8 || !matches!(frame.marker, 0xc0..=0xc2) {
        return Err(Error::unsupported("jpeg compression that is not sequential or progressive of 8 bit"));
    }
    let bad = |e: &dyn std::fmt::Display| Error::bad_image(format!("jpeg data is damaged: {e}"));
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(65_535).set_max_height(65_535);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&stream), options);
    decoder.decode_headers().map_err(|e| bad(&e))?;
    let info = decoder.info().ok_or_else(|| bad(&"no header"))?;
    let channels = usize::from(raster.samples_together());
    if usize::from(info.components) != channels {
        return Err(Error::bad_image("a jpeg strip of another number of components"));
    }
    let (wide, high) = (usize::from(info.width), usize::from(info.height));
    let (width, rows) = (width as usize, rows as usize);
    if wide < width || high < rows {
        return Err(Error::bad_image("a jpeg strip of other dimensions"));
    }
    // As stored: what the components mean is the page's to say.
    if let Some(space) = decoder.input_colorspace() {
        decoder.set_options(options.jpeg_set_out_colorspace(space));
    }
    let decoded = catch_unwind(AssertUnwindSafe(|| decoder.decode()));
    let mut samples = decoded.map_err(|_| bad(&"the decoder failed"))?.map_err(|e| bad(&e))?;
    if wide != width || high != rows {
        let cut = samples.chunks_exact(wide * channels).take(rows).flat_map(|r| &r[..width * channels]);
        samples = cut.copied().collect();
    }
    if samples.len() < width * rows * channels {
        return Err(bad(&"rows are missing"));
    }
    if raster.photometric == photometric::YCBCR && channels == 3 {
        samples.as_chunks_mut::<3>().0.iter_mut().for_each(|px| *px = rgb(*px));
    }
    Ok(samples)
}

/// YCbCr of JFIF, which is that of TIFF's defaults, to RGB.
fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let put = |v: f32| v.round().clamp(0.0, 255.0) as u8;
    [put(y + 1.402 * cr), put(y - 0.344_136 * cb - 0.714_136 * cr), put(y + 1.772 * cb)]
}
