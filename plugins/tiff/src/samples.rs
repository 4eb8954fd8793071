//! From packed rows to samples as hosts take them. Knows bits and layouts, no files.

use squeezed_plugin_api::{AlphaKind, ColorModel, PixelLayout, SampleKind};

use crate::raster::{Raster, SampleFormat, compression, photometric};

/// How a page's pixels are given to a host.
pub fn layout(raster: &Raster<'_>) -> PixelLayout {
    if raster.photometric == photometric::PALETTE {
        return PixelLayout {
            sample: SampleKind::U16,
            color: ColorModel::Rgb,
            channels: 3,
            bits: 16,
            alpha: AlphaKind::None,
        };
    }
    let complex = raster.format == SampleFormat::Complex;
    let bits = if complex { raster.bits / 2 } else { raster.bits };
    let sample = match (raster.format, bits) {
        (SampleFormat::Float, 16) => SampleKind::F16,
        (SampleFormat::Float | SampleFormat::Complex, 32) => SampleKind::F32,
        (_, 64) => SampleKind::F64,
        (_, 1..=8) => SampleKind::U8,
        (_, 9..=16) => SampleKind::U16,
        _ => SampleKind::U32,
    };
    let channels = u8::try_from(raster.samples * if complex { 2 } else { 1 }).unwrap_or(u8::MAX);
    let jpeg = raster.compression == compression::JPEG && !raster.planar;
    let model = match raster.photometric {
        _ if complex => None,
        photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO | photometric::MASK => {
            Some((ColorModel::Grey, 1))
        }
        photometric::RGB => Some((ColorModel::Rgb, 3)),
        photometric::YCBCR if jpeg => Some((ColorModel::Rgb, 3)),
        photometric::CMYK => Some((ColorModel::Cmyk, 4)),
        photometric::CIE_LAB | photometric::ICC_LAB | photometric::ITU_LAB => Some((ColorModel::Lab, 3)),
        _ => None,
    };
    let alpha = match raster.extra.as_slice() {
        [1] => AlphaKind::Premultiplied,
        [2] => AlphaKind::Straight,
        _ => AlphaKind::None,
    };
    let bits = u8::try_from(bits).unwrap_or(u8::MAX);
    match model {
        Some((color, own)) if own + u8::from(alpha != AlphaKind::None) == channels => {
            PixelLayout { sample, color, channels, bits, alpha }
        }
        _ => PixelLayout { sample, color: ColorModel::Other, channels, bits, alpha: AlphaKind::None },
    }
}

/// Appends the samples of one packed row in this machine's order; `count` are asked for.
pub fn unpack(raster: &Raster<'_>, packed: &[u8], count: usize, out: &mut Vec<u8>) {
    let swap = raster.order.is_foreign();
    let halves = raster.format == SampleFormat::Complex;
    let (bits, count) = if halves { (raster.bits / 2, count * 2) } else { (raster.bits, count) };
    match bits {
        8 => out.extend_from_slice(packed.get(..count).unwrap_or(packed)),
        16 | 32 | 64 => {
            let size = usize::from(bits / 8);
            let start = out.len();
            out.extend_from_slice(packed.get(..count * size).unwrap_or(packed));
            if swap {
                out.get_mut(start..).unwrap_or_default().chunks_exact_mut(size).for_each(<[u8]>::reverse);
            }
        }
        24 => {
            for sample in packed.chunks_exact(3).take(count) {
                out.extend((raster.order.number(sample) as u32).to_ne_bytes());
            }
        }
        _ => unpack_bits(packed, u32::from(bits), count, out),
    }
}

/// Samples of odd depths run from the highest bit on, in both byte orders.
fn unpack_bits(packed: &[u8], bits: u32, count: usize, out: &mut Vec<u8>) {
    let mut bytes = packed.iter();
    let (mut pending, mut have) = (0_u64, 0_u32);
    for _ in 0..count {
        while have < bits {
            pending = pending << 8 | u64::from(bytes.next().copied().unwrap_or(0));
            have += 8;
        }
        have -= bits;
        let value = (pending >> have & ((1 << bits) - 1)) as u32;
        match bits {
            ..=8 => out.push(value as u8),
            9..=16 => out.extend((value as u16).to_ne_bytes()),
            _ => out.extend(value.to_ne_bytes()),
        }
    }
}

/// Chroma units to pixels: each unit has `h * v` luma samples, then one of each chroma. Gives interleaved rows of a strip.
pub fn spread(raster: &Raster<'_>, units: &[u8], width: u32, rows: u32) -> Vec<u8> {
    let (h, v) = (raster.subsampling.0 as usize, raster.subsampling.1 as usize);
    let (width, rows) = (width as usize, rows as usize);
    let mut out = vec![0; width * rows * 3];
    let across = width.div_ceil(h).max(1);
    for (i, unit) in units.chunks_exact(h * v + 2).enumerate() {
        let (left, top) = (i % across * h, i / across * v);
        let (luma, chroma) = unit.split_at(h * v);
        for (j, y) in luma.iter().enumerate() {
            let (x, row) = (left + j % h, top + j / h);
            if x < width && row < rows {
                let at = (row * width + x) * 3;
                out[at..at + 3].copy_from_slice(&[*y, chroma[0], chroma[1]]);
            }
        }
    }
    out
}

/// Turns samples of a row into what they show: palette entries, and black for 0.
pub fn show(raster: &Raster<'_>, layout: &PixelLayout, row: &mut Vec<u8>) {
    match raster.photometric {
        photometric::PALETTE => {
            let colors = raster.palette.len() / 3;
            let shown = |i: usize| {
                let part = |c: usize| raster.palette.get(c * colors + i).copied().unwrap_or(0).to_ne_bytes();
                [part(0), part(1), part(2)].concat()
            };
            *row = match raster.bits {
                ..=8 => row.iter().flat_map(|i| shown(usize::from(*i))).collect(),
                _ => row
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .flat_map(|i| shown(usize::from(u16::from_ne_bytes(*i))))
                    .collect(),
            };
        }
        photometric::WHITE_IS_ZERO
            if layout.color == ColorModel::Grey && raster.format == SampleFormat::Unsigned =>
        {
            let colour = |i: usize| layout.alpha == AlphaKind::None || i.is_multiple_of(2);
            match layout.sample {
                SampleKind::U8 => {
                    let max = (0xff_u16 >> (8 - layout.bits.min(8))) as u8;
                    row.iter_mut().enumerate().filter(|(i, _)| colour(*i)).for_each(|(_, v)| *v = max - *v);
                }
                SampleKind::U16 => {
                    let max = (0xffff_u32 >> (16 - layout.bits.min(16))) as u16;
                    let words = row.as_chunks_mut::<2>().0.iter_mut().enumerate().filter(|(i, _)| colour(*i));
                    words.for_each(|(_, v)| *v = (max - u16::from_ne_bytes(*v)).to_ne_bytes());
                }
                _ => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_depths_are_unpacked() {
        let mut out = Vec::new();
        unpack_bits(&[0b1011_0010, 0b0111_0000], 3, 4, &mut out);
        assert_eq!(out, [0b101, 0b100, 0b100, 0b111]);
        out.clear();
        unpack_bits(&[0xab, 0xcd, 0xef], 12, 2, &mut out);
        assert_eq!(out, [0xabc_u16.to_ne_bytes(), 0xdef_u16.to_ne_bytes()].concat());
    }
}
