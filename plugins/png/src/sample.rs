//! Bands of rows that stand for a large picture where something is to be told from a part. Knows pictures only.

use squeezed_plugin_api::Error;

use crate::picture::Picture;

/// How many bands, evenly spread from the first row to the last.
const BANDS: usize = 12;

/// Packed rows of about `bytes`, in bands; `None` where that is most of the picture or rows are not in their order.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn bands(picture: &Picture, bytes: usize) -> Result<Option<Vec<u8>>, Error> {
    let header = picture.header;
    if header.interlaced || header.raw_size() < bytes as u64 / 4 * 5 {
        return Ok(None);
    }
    let rows = picture.packed_rows()?;
    let height = header.height as usize;
    Ok(pick(&rows, rows.len() / height.max(1), height, bytes))
}

/// The same of rows of `row` bytes each.
pub fn pick(rows: &[u8], row: usize, height: usize, bytes: usize) -> Option<Vec<u8>> {
    let part = |rows_of: std::ops::Range<usize>| rows.get(rows_of.start * row..rows_of.end * row);
    Some(places(height, bytes / row.max(1))?.filter_map(part).flatten().copied().collect())
}

/// Where bands of about `lines` rows together lie; each a multiple of eight rows.
pub fn places(height: usize, lines: usize) -> Option<impl Iterator<Item = std::ops::Range<usize>>> {
    let band = lines / BANDS / 8 * 8;
    if band == 0 || band * BANDS >= height {
        return None;
    }
    let places = (0..BANDS).map(move |i| (height - band) * i / (BANDS - 1) / 8 * 8);
    Some(places.map(move |first| first..first + band))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_lie_inside_and_apart() {
        let all: Vec<_> = places(1000, 200).unwrap().collect();
        assert_eq!(all.len(), BANDS);
        assert!(all.windows(2).all(|w| w[0].end <= w[1].start));
        assert!(all.iter().all(|r| r.len() == 16 && r.end <= 1000 && r.start % 8 == 0));
        assert_eq!(all[0].start, 0);
        assert!(places(90, 100).is_none() && places(1000, 90).is_none());
    }
}
