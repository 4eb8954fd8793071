//! One strip or tile: from coded bytes to packed rows and back. Everything here takes bytes that nobody has checked and
//! makes no more of them than was asked for.

mod fax;
pub mod jpeg;
pub mod jpeg_encode;
pub mod pack_bits;
mod predictor;

use std::borrow::Cow;
use std::io::Read;

use squeezed_plugin_api::Error;

use crate::raster::{Raster, compression};

/// How a strip or tile is to be coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coding {
    /// Its number in TIFF.
    pub compression: u64,
    /// 1 none, 2 differences, 3 floats by bytes.
    pub predictor: u64,
    /// Of deflate 1 to 12, or more for zopfli; of zstd 1 to 22.
    pub level: u8,
}

/// From this level on deflate is made by zopfli.
pub const ZOPFLI: u8 = 13;

/// The packed rows of a strip or tile of `width` times `rows` pixels: de-predicted, in the file's byte order.
///
/// # Errors
/// `BadImage` where data is missing or wrong, `UnsupportedFeature` for what JPEG can be and is not read.
pub fn decode<'a>(
    raster: &Raster<'_>,
    data: &'a [u8],
    width: u32,
    rows: u32,
) -> Result<Cow<'a, [u8]>, Error> {
    if let Some(what) = &raster.unsupported {
        return Err(Error::unsupported(what.clone()));
    }
    let wanted = usize::try_from(raster.bytes_of(width, rows))
        .map_err(|_| Error::bad_image("a strip is too large"))?;
    let flipped: Cow<'a, [u8]> = match raster.reversed {
        true => data.iter().map(|b| b.reverse_bits()).collect::<Vec<u8>>().into(),
        false => data.into(),
    };
    let mut out = match raster.compression {
        compression::NONE => match flipped {
            Cow::Borrowed(data) => return data.get(..wanted).map(Cow::Borrowed).ok_or_else(short),
            Cow::Owned(mut data) => {
                if data.len() < wanted {
                    return Err(short());
                }
                data.truncate(wanted);
                return Ok(data.into());
            }
        },
        compression::PACK_BITS => pack_bits::decode(&flipped, wanted).ok_or_else(short)?,
        compression::LZW => unlzw(&flipped, wanted)?,
        compression::DEFLATE | compression::OLD_DEFLATE => inflate(&flipped, wanted)?,
        compression::ZSTD => unzstd(&flipped, wanted)?,
        compression::LZMA => unlzma(&flipped, wanted)?,
        compression::WEBP => return unwebp(raster, &flipped, width, rows).map(Cow::Owned),
        compression::RLE | compression::G3 | compression::G4 => fax::decode(raster, &flipped, width, rows)?,
        compression::JPEG => return jpeg::decode(raster, &flipped, width, rows).map(Cow::Owned),
        other => return Err(Error::unsupported(format!("compression {other}"))),
    };
    predictor::undo(raster, raster.predictor, width, &mut out)?;
    Ok(out.into())
}

/// Codes packed rows. `None` where they do not fit this coding.
///
/// # Errors
/// `Failed` where a codec fails.
pub fn encode(
    raster: &Raster<'_>,
    packed: &[u8],
    width: u32,
    coding: Coding,
) -> Result<Option<Vec<u8>>, Error> {
    let mut rows = Cow::Borrowed(packed);
    if coding.predictor != 1 {
        predictor::apply(raster, coding.predictor, width, rows.to_mut());
    }
    Ok(match coding.compression {
        compression::NONE => Some(rows.into_owned()),
        compression::PACK_BITS => {
            let row = usize::try_from(raster.row_bytes(width)).unwrap_or(usize::MAX);
            Some(pack_bits::encode(&rows, row.max(1)))
        }
        compression::LZW => {
            let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            Some(encoder.encode(&rows).map_err(|e| Error::failed(e.to_string()))?)
        }
        compression::DEFLATE => Some(deflate(&rows, coding.level)?),
        compression::ZSTD => Some(
            zstd::bulk::compress(&rows, i32::from(coding.level)).map_err(|e| Error::failed(e.to_string()))?,
        ),
        compression::G4 => fax::encode(&rows, width),
        _ => None,
    })
}

/// A deflate stream in zlib's wrapping, by libdeflate up to level 12, above by zopfli.
fn deflate(data: &[u8], level: u8) -> Result<Vec<u8>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::failed(e.to_string());
    if level >= ZOPFLI {
        // The more data, the fewer rounds.
        let rounds = (4_000_000 / data.len().max(1)).clamp(3, 15) as u64;
        let options = zopfli::Options {
            iteration_count: std::num::NonZeroU64::new(rounds).unwrap_or(std::num::NonZeroU64::MIN),
            ..zopfli::Options::default()
        };
        let mut out = Vec::new();
        zopfli::compress(options, zopfli::Format::Zlib, data, &mut out).map_err(|e| failed(&e))?;
        return Ok(out);
    }
    let level = libdeflater::CompressionLvl::new(i32::from(level)).map_err(|e| failed(&format!("{e:?}")))?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
    let len = compressor.zlib_compress(data, &mut out).map_err(|e| failed(&e))?;
    out.truncate(len);
    Ok(out)
}

fn short() -> Error {
    Error::bad_image("a strip or tile ends too early")
}

/// Whether so many bytes can come of so few: a bomb that cannot be one is not worth its memory.
fn plausible(data: &[u8], wanted: usize, most: usize) -> Result<(), Error> {
    if wanted / most > data.len() { Err(short()) } else { Ok(()) }
}

fn inflate(data: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    plausible(data, wanted, 1032)?;
    let mut out = vec![0; wanted];
    match libdeflater::Decompressor::new().zlib_decompress(data, &mut out) {
        Ok(n) if n == wanted => return Ok(out),
        Ok(_) => return Err(short()),
        Err(libdeflater::DecompressionError::InsufficientSpace) => {}
        Err(_) => return Err(Error::bad_image("deflate data is damaged")),
    }
    // More rows than the strip has: padding of the last one.
    let mut stream = flate2::Decompress::new(true);
    match stream.decompress(data, &mut out, flate2::FlushDecompress::None) {
        Ok(_) if stream.total_out() == wanted as u64 => Ok(out),
        _ => Err(Error::bad_image("deflate data is damaged")),
    }
}

fn unlzw(data: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    if matches!(data, [0, second, ..] if second & 1 == 1) {
        return Err(Error::unsupported("old-style lzw compression"));
    }
    // A code of at least nine bits stands for at most 4096 bytes.
    plausible(data, wanted, 4096)?;
    let mut out = vec![0; wanted];
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut done) = (0, 0);
    while done < wanted {
        let result =
            decoder.decode_bytes(data.get(read..).unwrap_or(&[]), out.get_mut(done..).unwrap_or(&mut []));
        read += result.consumed_in;
        done += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) if result.consumed_in + result.consumed_out > 0 => {}
            _ if done == wanted => {}
            Ok(_) => return Err(short()),
            Err(_) => return Err(Error::bad_image("lzw data is damaged")),
        }
    }
    Ok(out)
}

fn unzstd(data: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    // A block of 128 KiB takes at least four bytes.
    plausible(data, wanted, 1 << 16)?;
    let mut out = vec![0; wanted];
    match zstd::bulk::decompress_to_buffer(data, out.as_mut_slice()) {
        Ok(n) if n == wanted => Ok(out),
        Ok(_) => Err(short()),
        Err(_) => Err(Error::bad_image("zstd data is damaged")),
    }
}

/// Memory that a dictionary of LZMA may take, in KiB: that of libtiff's strongest setting.
const LZMA_DICTIONARY: u32 = 96 << 10;

fn unlzma(data: &[u8], wanted: usize) -> Result<Vec<u8>, Error> {
    plausible(data, wanted, 1 << 14)?;
    let mut out = Vec::with_capacity(wanted);
    let reader = lzma_rust2::XzReader::new_mem_limit(data, false, LZMA_DICTIONARY);
    let read = std::io::Read::take(reader, wanted as u64).read_to_end(&mut out);
    match read {
        Ok(n) if n == wanted => Ok(out),
        Ok(_) => Err(short()),
        Err(_) => Err(Error::bad_image("lzma data is damaged")),
    }
}

fn unwebp(raster: &Raster<'_>, data: &[u8], width: u32, rows: u32) -> Result<Vec<u8>, Error> {
    let bad = || Error::bad_image("webp data is damaged");
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(data)).map_err(|_| bad())?;
    let (wide, high) = decoder.dimensions();
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    if (wide, high) != (width, rows) || decoder.is_animated() {
        return Err(Error::bad_image("a webp strip of other dimensions"));
    }
    let mut samples = vec![0; decoder.output_buffer_size().ok_or_else(bad)?];
    decoder.read_image(&mut samples).map_err(|_| bad())?;
    match (channels, raster.samples) {
        (3, 4) => Ok(samples.chunks_exact(3).flat_map(|px| [px[0], px[1], px[2], 255]).collect()),
        (4, 3) => Ok(samples.chunks_exact(4).flat_map(|px| [px[0], px[1], px[2]]).collect()),
        _ => Ok(samples),
    }
}
