//! The lossy way: JPEG inside of strips and tiles, for pages of 8 bit in grey or RGB. Decides what it fits and when a
//! source is at or below a quality already.

use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::codec::jpeg_encode::{self, Recipe};
use crate::codec::{Coding, jpeg};
use crate::raster::{Raster, SampleFormat, compression, photometric};
use crate::search::{self, Coded};
use crate::source::Source;

/// A strip of ours is at most this long before compression.
const STRIP: u64 = 16 << 20;
/// libjpeg's longest side.
const MAX_SIDE: u32 = 65_500;
/// From this quality on chroma keeps its resolution.
const FULL_FROM: u8 = 95;
/// A 2x2 cell whose chroma differs by more than this is a coloured edge.
const EDGE: i32 = 48;
/// Above one coloured edge in this many cells the picture is drawn, not photographed: halving would smear it.
const EDGES_IN: u64 = 250;
/// An estimate from tables can be off by this much; a generation of loss must not hang on it.
const DOUBT: u8 = 2;

/// Whether a page may become JPEG at a quality.
pub fn fits(source: &Source<'_>, quality: u8) -> bool {
    let r = source.raster;
    let colour = match r.photometric {
        photometric::BLACK_IS_ZERO => r.samples == 1,
        photometric::RGB => r.samples == 3 && r.compression != compression::WEBP,
        photometric::YCBCR => r.samples == 3 && r.compression == compression::JPEG,
        _ => false,
    };
    let plain = r.bits == 8 && r.format == SampleFormat::Unsigned && !r.planar && !r.calibrated;
    let (width, height) = r.tile.unwrap_or((r.width, 1));
    let sides = width <= MAX_SIDE
        && height <= MAX_SIDE
        && (r.tile.is_none() || (width % 16 == 0 && height % 16 == 0));
    colour
        && plain
        && sides
        && r.has_picture()
        && source_quality(source).is_none_or(|q| q > quality.saturating_add(DOUBT))
}

/// The quality of a JPEG page by the luma table of its first strip; `None` where it is not JPEG, 1 where it tells none.
pub fn source_quality(source: &Source<'_>) -> Option<u8> {
    if source.raster.compression != compression::JPEG {
        return None;
    }
    let stream = jpeg::whole(source.raster.jpeg_tables, source.coded(0));
    Some(jpeg::luma_table(&stream).map_or(1, |t| recognize(&t)))
}

/// Codes a whole page.
///
/// # Errors
/// `BadImage` where the source is damaged, `Stopped`.
pub fn encode<'a>(job: &Job<'_>, source: &mut Source<'a>, quality: u8) -> Result<Coded<'a>, Error> {
    let raster = source.raster;
    let channels = usize::from(raster.samples);
    let most = STRIP.min(u64::from(MAX_SIDE / 16 * 16) * raster.row_bytes(raster.width));
    let (rows_per_strip, all) = search::units(raster, most, 16);
    let halved = channels == 3 && quality < FULL_FROM && !is_drawn(job, source, &all)?;
    let recipe = Recipe { quality, halved, trellis: job.options.effort != Effort::Fast };
    let mut chunks = Vec::with_capacity(all.len());
    let threads = job.max_threads().max(1) as usize;
    for batch in all.chunks(threads) {
        let parts: Vec<_> = batch.iter().map(|u| search::packed(source, *u)).collect::<Result<_, _>>()?;
        let made = trials::run(job, parts.len(), |i| {
            let (width, rows) = &parts[i];
            let check = || job.check().map_err(Error::from);
            jpeg_encode::encode(rows, *width, channels, recipe, &check).map(Some)
        })?;
        chunks.extend(made.into_iter().flatten().map(Into::into));
    }
    let coding = Coding { compression: compression::JPEG, predictor: 1, level: quality };
    let subsampling = (channels == 3).then_some(if halved { (2, 2) } else { (1, 1) });
    Ok(Coded { coding, rows_per_strip, chunks, subsampling })
}

fn is_drawn(job: &Job<'_>, source: &mut Source<'_>, all: &[search::Unit]) -> Result<bool, Error> {
    let (mut edges, mut cells) = (0_u64, 0_u64);
    for unit in all {
        job.check()?;
        let (width, rows) = search::packed(source, *unit)?;
        let stride = width as usize * 3;
        for pair in rows.chunks_exact(stride.max(1) * 2) {
            let (upper, lower) = pair.split_at(stride);
            for (a, b) in upper.as_chunks::<6>().0.iter().zip(lower.as_chunks::<6>().0) {
                let pixels = [&a[..3], &a[3..], &b[..3], &b[3..]].map(chroma);
                let spread = |part: usize| {
                    let values = pixels.iter().map(|p| p[part]);
                    values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
                };
                cells += 1;
                edges += u64::from(spread(0).max(spread(1)) > EDGE);
            }
        }
    }
    Ok(edges * EDGES_IN > cells)
}

fn chroma(px: &[u8]) -> [i32; 2] {
    let &[r, g, b] = px else { return [0, 0] };
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    [(-43 * r - 85 * g + 128 * b) / 256, (128 * r - 107 * g - 21 * b) / 256]
}

/// Luma tables at quality 50, in natural order: mozjpeg's table for MS-SSIM, which is used here, and Annex K's.
const BASES: [[u16; 64]; 2] = [
    [
        12, 17, 20, 21, 30, 34, 56, 63, 18, 20, 20, 26, 28, 51, 61, 55, 19, 20, 21, 26, 33, 58, 69, 55, 26,
        26, 26, 30, 46, 87, 86, 66, 31, 33, 36, 40, 46, 96, 100, 73, 40, 35, 46, 62, 81, 100, 111, 91, 46,
        66, 76, 86, 102, 121, 120, 101, 68, 90, 90, 96, 113, 102, 105, 103,
    ],
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14,
        17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49,
        64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ],
];

/// The quality that a luma table tells, on libjpeg's scale over the tables used here.
fn recognize(table: &[u16; 64]) -> u8 {
    let percent = |q: u32| if q < 50 { 5000 / q } else { 200 - 2 * q };
    for base in &BASES {
        let equal = |q: u32| {
            base.iter().zip(table).all(|(b, t)| {
                let value = ((u32::from(*b) * percent(q) + 50) / 100).clamp(1, 255);
                // Encoders round in different ways.
                value.abs_diff(u32::from((*t).min(255))) <= 1
            })
        };
        // Where several are near, the lowest: what is there already is not asked for again.
        if let Some(q) = (1..=100).find(|q| equal(*q)) {
            return q as u8;
        }
    }
    let sum: f64 = table.iter().zip(&BASES[0]).map(|(t, b)| f64::from((*t).max(1)) / f64::from(*b)).sum();
    let s = 100.0 * sum / 64.0;
    let q = if s <= 100.0 { (200.0 - s) / 2.0 } else { 5000.0 / s };
    q.round().clamp(1.0, 100.0) as u8
}

/// Whether colour is described by fields that JPEG's fixed conversion would make untrue.
pub fn is_calibrated(
    raster: &Raster<'_>,
    coefficients: Option<Vec<f64>>,
    reference: Option<Vec<f64>>,
) -> bool {
    let near =
        |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-3);
    let ycbcr = raster.photometric == photometric::YCBCR;
    let plain = coefficients.is_none_or(|c| near(&c, &[0.299, 0.587, 0.114]));
    let full = reference.is_none_or(|r| ycbcr && near(&r, &[0.0, 255.0, 128.0, 255.0, 128.0, 255.0]));
    !(plain && full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_streams_are_recognized_at_each_quality() {
        let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 7) as u8).collect();
        for quality in 1..=100 {
            let recipe = Recipe { quality, halved: true, trellis: true };
            let stream = jpeg_encode::encode(&pixels, 16, 3, recipe, &|| Ok(())).unwrap();
            let found = recognize(&jpeg::luma_table(&stream).unwrap());
            assert!(found <= quality && quality - found <= 2, "{quality} recognized as {found}");
        }
    }
}
