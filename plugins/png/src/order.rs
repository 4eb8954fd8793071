//! The order of a palette, which filters and deflate feel. Knows indexed pictures only.

use oxipng::{Deflater, FilterStrategy, indexset};
use squeezed_plugin_api::Error;

use crate::header::Color;
use crate::picture::{Picture, plain_rows};
use crate::sample;
use crate::shrink::{Allow, plain, run};

/// Bytes of rows above which orders of noisy pictures are compared over bands only, and about how many bytes those have.
const WHOLE: usize = 1 << 20;
const SAMPLE: usize = 384 << 10;

/// Whether other orders of a palette, or none, may be better.
pub fn matters(base: &Picture) -> bool {
    base.header.color == Color::Indexed || base.header.depth < 8 || base.header.raw_size() <= 64 << 10
}

/// The picture in the best of several palette orders, and in other reductions where it is cheap enough to try them all.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn best(base: &Picture, allow: Allow, noisy: bool) -> Result<Picture, Error> {
    if noisy
        && base.header.raw_size() > WHOLE as u64
        && base.header.color == Color::Indexed
        && base.header.depth == 8
    {
        return Ok(sampled(base, allow)?.unwrap_or_else(|| base.clone()));
    }
    whole(base, allow)
}

fn whole(base: &Picture, allow: Allow) -> Result<Picture, Error> {
    let mut options = plain(allow, base);
    options.filters = indexset! { FilterStrategy::NONE, FilterStrategy::Bigrams };
    // At level 12 oxipng tries them all.
    options.deflater = Deflater::Libdeflater { compression: 12 };
    run(base, &options)
}

/// The order that is best for bands of the picture.
fn sampled(base: &Picture, allow: Allow) -> Result<Option<Picture>, Error> {
    let Some(mut rows) = sample::bands(base, SAMPLE)? else { return Ok(None) };
    let width = base.header.width as usize;
    let colors = base.colors();
    // Every colour must be in the sample. They stand in an order of their own there, so that it is the same sample
    // whatever order the source is in.
    let mut all: Vec<u8> = (0..=u8::MAX).take(colors.len()).collect();
    all.sort_by_key(|i| colors.get(usize::from(*i)));
    let last = all.last().copied().unwrap_or(0);
    all.resize(all.len().div_ceil(width) * width, last);
    rows.extend_from_slice(&all);
    let height = u32::try_from(rows.len() / width).unwrap_or(base.header.height);
    let header = crate::header::Header { height, ..base.header };
    let part = Picture { header, data: plain_rows(&rows, header), ..base.clone() };
    let sorted = whole(&part, allow)?;
    if (sorted.header.color, sorted.header.depth) != (Color::Indexed, 8) {
        return Ok(None);
    }
    let new = sorted.colors();
    let place = |color| new.iter().position(|c| *c == color).and_then(|i| u8::try_from(i).ok());
    let Some(moved) = colors.iter().map(|c| place(*c)).collect::<Option<Vec<u8>>>() else { return Ok(None) };
    let rows = base.packed_rows()?;
    let Some(rows) = rows.iter().map(|i| moved.get(usize::from(*i)).copied()).collect::<Option<Vec<u8>>>()
    else {
        return Ok(None);
    };
    Ok(Some(Picture { header: base.header, data: plain_rows(&rows, base.header), ..sorted }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn a_large_palette_is_sorted_without_changing_a_colour() {
        let header = Header { width: 1500, height: 900, depth: 8, color: Color::Indexed, interlaced: false };
        // Neighbours in the picture lie far apart in the palette.
        let shade = |i: usize| (i * 77 % 256) as u8;
        let rows: Vec<u8> = (0..1500 * 900).map(|i| shade((i % 1500 + i / 1500) / 9 % 256)).collect();
        let mut palette = vec![0; 768];
        for i in 0..256 {
            palette[usize::from(shade(i)) * 3] = i as u8;
        }
        let picture = Picture { header, palette, transparency: vec![9], data: plain_rows(&rows, header) };
        let sorted = best(&picture, Allow { reduce: true, ..Allow::NOTHING }, true).unwrap();
        assert_ne!(sorted.palette, picture.palette);
        assert_eq!(sorted.decode().unwrap(), picture.decode().unwrap());
        let again = best(&sorted, Allow { reduce: true, ..Allow::NOTHING }, true).unwrap();
        assert_eq!(again, sorted);
    }
}
