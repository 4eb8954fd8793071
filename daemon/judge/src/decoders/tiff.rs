//! TIFF by the crate `tiff`, strip row by strip row, in the depth of the file.
//!
//! What that crate reads only in part is an error here, so that the plugin's decoder takes over: palettes, CIE Lab, masks,
//! reversed bits, samples beyond one alpha, chroma in units, and pictures below a page.

use std::io::Cursor;

use squeezed_plugin_api::{
    AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits, PixelLayout, SampleKind,
};
use tiff::ColorType;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::{Aside, DecodeError, check_frames};

type Input<'a> = Decoder<Cursor<&'a [u8]>>;

const JPEG: u16 = 7;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(DecodeError::text)?;
    decoder = decoder.with_limits(bounds(bytes, limits));
    let (width, height) = decoder.dimensions().map_err(DecodeError::text)?;
    let several = decoder.more_images();
    let icc = decoder.find_tag(Tag::IccProfile).ok().flatten().and_then(|v| v.into_u8_vec().ok());
    sink.image(&ImageHeader { width, height, loop_count: 1 })?;
    let mut aside = Aside { icc, ..Aside::default() };
    let mut pages = 1_u64;
    loop {
        let (width, height) = decoder.dimensions().map_err(DecodeError::text)?;
        check_frames(width, height, pages, limits)?;
        let role = if several { FrameRole::Page } else { FrameRole::Picture };
        aside.coarse = aside.coarse.max(page(&mut decoder, bytes, limits, role, sink)?);
        if !decoder.more_images() {
            return Ok(aside);
        }
        decoder.next_image().map_err(DecodeError::text)?;
        pages += 1;
    }
}

/// A strip may be a whole picture, and a value as long as the file.
fn bounds(bytes: &[u8], limits: &Limits) -> tiff::decoder::Limits {
    let mut bounds = tiff::decoder::Limits::default();
    let pixels = usize::try_from(limits.pixels).unwrap_or(usize::MAX);
    bounds.decoding_buffer_size = pixels.saturating_mul(40);
    bounds.ifd_value_size = bytes.len().max(1 << 20).saturating_mul(8);
    bounds.intermediate_buffer_size = bounds.decoding_buffer_size;
    bounds
}

/// How a page's samples are packed and given on.
struct Shape {
    width: usize,
    height: usize,
    /// Width and rows of a strip or tile.
    chunk: (usize, usize),
    /// Bits of a stored sample.
    bits: usize,
    /// Samples of a pixel in one strip or tile, and how many such planes there are.
    together: usize,
    planes: usize,
    /// How samples of less than 8 bit are brought to 8.
    spread: Option<Box<[[u8; 8]; 256]>>,
    /// Three samples are luma and chroma.
    ycbcr: bool,
    layout: PixelLayout,
}

fn page(
    decoder: &mut Input<'_>,
    bytes: &[u8],
    limits: &Limits,
    role: FrameRole,
    sink: &mut dyn FrameSink,
) -> Result<f32, DecodeError> {
    let shape = shape(decoder, limits)?;
    let coarse = coarse(decoder, bytes);
    let (width, height) = (shape.width as u32, shape.height as u32);
    sink.frame(&FrameHeader { role, width, height, duration: (0, 1), layout: shape.layout })?;
    let (across, down) = (shape.width.div_ceil(shape.chunk.0), shape.height.div_ceil(shape.chunk.1));
    let size = shape.layout.sample.bytes();
    for band in 0..down {
        let rows = shape.chunk.1.min(shape.height - band * shape.chunk.1);
        let mut out = vec![0_u8; rows * shape.width * shape.planes * shape.together * size];
        for (plane, column) in (0..shape.planes).flat_map(|p| (0..across).map(move |c| (p, c))) {
            let index = ((plane * down + band) * across + column) as u32;
            place(decoder, &shape, index, (plane, column, rows), &mut out)?;
        }
        if shape.ycbcr {
            out.as_chunks_mut::<3>().0.iter_mut().for_each(|px| *px = rgb(*px));
        }
        let stride = out.len() / rows.max(1);
        sink.rows(rows as u32, stride, &out)?;
    }
    Ok(coarse)
}

/// Reads a strip or tile and puts its samples where they belong among some rows of the picture.
fn place(
    decoder: &mut Input<'_>,
    shape: &Shape,
    index: u32,
    (plane, column, rows): (usize, usize, usize),
    out: &mut [u8],
) -> Result<(), DecodeError> {
    let (wide, high) = decoder.chunk_data_dimensions(index);
    let (wide, high) = (wide as usize, (high as usize).min(rows));
    let packed_row = (wide * shape.together * shape.bits).div_ceil(8);
    let mut packed = vec![0; packed_row * decoder.chunk_data_dimensions(index).1 as usize];
    decoder.read_chunk_bytes(index, &mut packed).map_err(DecodeError::text)?;
    let size = shape.layout.sample.bytes();
    let pixel = shape.planes * shape.together * size;
    let part = shape.together * size;
    let mut samples = Vec::new();
    for (y, row) in packed.chunks_exact(packed_row).take(high).enumerate() {
        samples.clear();
        let row = match &shape.spread {
            None => row,
            Some(spread) => {
                row.iter()
                    .for_each(|b| samples.extend_from_slice(&spread[usize::from(*b)][..8 / shape.bits]));
                samples.truncate(wide * shape.together);
                &samples
            }
        };
        let start = (y * shape.width + column * shape.chunk.0) * pixel + plane * part;
        let to = out.get_mut(start..).unwrap_or_default();
        match to.get_mut(..row.len()) {
            Some(to) if shape.planes == 1 => to.copy_from_slice(row),
            _ => {
                let pixels = to.chunks_mut(pixel).zip(row.chunks_exact(part));
                pixels.for_each(|(to, from)| to[..part].copy_from_slice(from));
            }
        }
    }
    Ok(())
}

/// For each byte of packed samples what they are at 8 bit.
fn spread(bits: usize) -> Box<[[u8; 8]; 256]> {
    let mut all = Box::new([[0; 8]; 256]);
    let max = (1 << bits) - 1;
    for (byte, samples) in all.iter_mut().enumerate() {
        for (i, sample) in samples.iter_mut().enumerate().take(8 / bits) {
            *sample = ((byte >> (8 - bits * (i + 1)) & max) * 255 / max) as u8;
        }
    }
    all
}

fn shape(decoder: &mut Input<'_>, limits: &Limits) -> Result<Shape, DecodeError> {
    let text = |what: &str| DecodeError::Text(what.into());
    let (width, height) = decoder.dimensions().map_err(DecodeError::text)?;
    let color = decoder.colortype().map_err(DecodeError::text)?;
    let mut number = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(DecodeError::text);
    if number(Tag::FillOrder)? == Some(2) {
        return Err(text("reversed bits"));
    }
    let planar = number(Tag::PlanarConfiguration)? == Some(2);
    let jpeg = number(Tag::Compression)? == Some(JPEG);
    let all = usize::from(number(Tag::SamplesPerPixel)?.unwrap_or(1));
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(DecodeError::text)?;
    let format = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(DecodeError::text)?;
    if decoder.find_tag(Tag::SubIfd).map_err(DecodeError::text)?.is_some() {
        return Err(text("pictures below a page"));
    }
    let alpha = match extra.as_deref() {
        None | Some([]) => AlphaKind::None,
        Some([1]) => AlphaKind::Premultiplied,
        Some([2]) => AlphaKind::Straight,
        Some(_) => return Err(text("samples of unknown meaning")),
    };
    let own = usize::from(alpha != AlphaKind::None);
    let (model, colours, bits) = match color {
        ColorType::Gray(n) => (ColorModel::Grey, 1, n),
        // Grey with alpha.
        ColorType::Multiband { bit_depth, num_samples: 2 } if own == 1 => (ColorModel::Grey, 1, bit_depth),
        ColorType::RGB(n) | ColorType::RGBA(n) => (ColorModel::Rgb, 3, n),
        ColorType::CMYK(n) | ColorType::CMYKA(n) => (ColorModel::Cmyk, 4, n),
        ColorType::YCbCr(8) if jpeg && !planar => (ColorModel::Rgb, 3, 8),
        other => return Err(DecodeError::Text(format!("{other:?}"))),
    };
    if colours + own != all {
        return Err(text("samples of unknown meaning"));
    }
    let float = format.and_then(|f| f.first().copied()) == Some(3);
    let sample = match (bits, float) {
        (1 | 2 | 4 | 8, false) => SampleKind::U8,
        (16, false) => SampleKind::U16,
        (32, false) => SampleKind::U32,
        (16, true) => SampleKind::F16,
        (32, true) => SampleKind::F32,
        (64, _) => SampleKind::F64,
        _ => return Err(text("an odd depth")),
    };
    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    if u64::from(chunk_width) * u64::from(chunk_height) > limits.pixels.saturating_mul(4).max(1 << 24)
        && chunk_width != width
    {
        return Err(text("a tile that is far too large"));
    }
    Ok(Shape {
        width: width as usize,
        height: height as usize,
        chunk: (chunk_width as usize, (chunk_height as usize).min(height.next_multiple_of(16) as usize)),
        bits: usize::from(bits),
        together: if planar { 1 } else { all },
        planes: if planar { all } else { 1 },
        spread: (bits < 8).then(|| spread(usize::from(bits))),
        ycbcr: matches!(color, ColorType::YCbCr(_)),
        layout: PixelLayout { sample, color: model, channels: all as u8, bits: bits.max(8), alpha },
    })
}

/// What JPEG inside of a page's first strip or tile explains by itself.
fn coarse(decoder: &mut Input<'_>, bytes: &[u8]) -> f32 {
    let mut first = |tag| {
        let all = decoder.find_tag_unsigned_vec::<u64>(tag).ok().flatten()?;
        usize::try_from(*all.first()?).ok()
    };
    let place = first(Tag::StripOffsets).zip(first(Tag::StripByteCounts));
    let place = place.or_else(|| first(Tag::TileOffsets).zip(first(Tag::TileByteCounts)));
    let jpeg = first(Tag::Compression) == Some(usize::from(JPEG));
    let Some((start, len)) = place.filter(|_| jpeg) else { return 0.0 };
    let own = bytes.get(start..start.saturating_add(len)).unwrap_or_default();
    let tables = decoder.find_tag(Tag::JPEGTables).ok().flatten().and_then(|t| t.into_u8_vec().ok());
    match tables {
        // Frame after tables: both lack the other's part.
        Some(tables) => {
            let body = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(&tables);
            super::jpeg::aside(&[body, own.get(2..).unwrap_or_default()].concat()).coarse
        }
        None => super::jpeg::aside(own).coarse,
    }
}

/// YCbCr of JFIF to RGB.
fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let put = |v: f32| v.round().clamp(0.0, 255.0) as u8;
    [put(y + 1.402 * cr), put(y - 0.344_136 * cb - 0.714_136 * cr), put(y + 1.772 * cb)]
}
