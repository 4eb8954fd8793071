//! The lossless search of effort fast over large pictures: reductions, a filter told from bands of rows, one deflate.
//! Knows pictures; nothing of files.

use oxipng::{Deflater, FilterStrategy, indexset};
use squeezed_plugin_api::{Error, Job};
use squeezed_plugin_common::trials;

use crate::filter::{self, Filter};
use crate::picture::Picture;
use crate::sample;
use crate::shrink::{Allow, deflate, plain, run};

/// Bytes of rows above which this is the way.
pub const LARGE: u64 = 12 << 20;
/// About how many bytes the bands have.
const SAMPLE: usize = 512 << 10;
/// Rows of the bands at least: eight in each.
const LINES: usize = 96;
/// Deflate levels for pictures of which more than an eighth is left, and for others.
const NOISY: i32 = 7;
const FLAT: i32 = 9;
const FILTERS: [Filter; 5] = [Filter::All(0), Filter::All(1), Filter::All(2), Filter::All(4), Filter::Least];

/// The picture in its smallest colour type and depth, filtered and deflated once.
///
/// # Errors
/// `BadImage` where picture data is damaged, or `Stopped`.
pub fn brisk(job: &Job<'_>, source: &Picture, allow: Allow) -> Result<Option<Picture>, Error> {
    let mut options = plain(allow, source);
    options.filters = indexset! { FilterStrategy::NONE };
    options.deflater = Deflater::Libdeflater { compression: 1 };
    // Where nothing is reduced the rows are not deflated at all.
    options.idat_recoding = false;
    let mut base = run(source, &options)?;
    job.check()?;
    if base.header.interlaced {
        return Ok(None);
    }
    let pixel = usize::try_from(base.header.pixel_bits().div_ceil(8)).unwrap_or(1);
    let row = usize::try_from(base.header.passes().first().map_or(1, |p| p.0)).unwrap_or(usize::MAX) - 1;
    let packed = base.packed_rows()?;
    base.data = Vec::new();
    job.check()?;
    let part = sample::pick(&packed, row, base.header.height as usize, SAMPLE.max(row.saturating_mul(LINES)));
    let part = part.as_deref().unwrap_or(&packed);
    let length = part.len();
    let sizes = trials::run(job, FILTERS.len(), |i| {
        let Some(how) = FILTERS.get(i) else { return Ok(None) };
        Ok(deflate(&filter::apply(job, part, row, pixel, *how)?, 5).map(|d| d.len()))
    })?;
    let sizes = sizes.into_iter().map(|size| size.unwrap_or(usize::MAX));
    let Some((size, how)) = sizes.zip(FILTERS).min_by_key(|s| s.0) else { return Ok(None) };
    let raw = filter::apply(job, &packed, row, pixel, how)?;
    drop(packed);
    let level = if size > length / 8 { NOISY } else { FLAT };
    Ok(deflate(&raw, level).map(|data| Picture { data, ..base }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squeezed_plugin_api::testing::TestHost;
    use squeezed_plugin_api::{Optimizer, Options};

    use super::*;
    use crate::header::{Color, Header};
    use crate::picture::plain_rows;

    #[test]
    fn pixels_stay_whatever_the_format() {
        let options = Options::default();
        let still = include_bytes!("../../../fixtures/images/png/tbbn2c16.png");
        let info = crate::Png.inspect(still, &mut |_| ()).unwrap();
        let host = TestHost::new(still.len(), &options);
        host.stop_in(Duration::from_secs(1000));
        let job = Job::new(still, &info, &options, &host);
        for (color, depth, wild) in [
            (Color::Rgb, 8, 251),
            (Color::Rgba, 16, 251),
            (Color::Rgb, 8, 3),
            (Color::Grey, 8, 251),
            (Color::Grey, 2, 256),
        ] {
            let header = Header { width: 211, height: 300, depth, color, interlaced: false };
            let row = header.passes()[0].0 as usize - 1;
            let rows: Vec<u8> = (0..row * 300).map(|i| ((i * i / 97 + i / 5) % wild) as u8).collect();
            let picture = Picture {
                header,
                palette: Vec::new(),
                transparency: Vec::new(),
                data: plain_rows(&rows, header),
            };
            let allow = Allow { reduce: true, grey: true, interlace: true, pictures: 1 };
            let made = brisk(&job, &picture, allow).unwrap().unwrap();
            let rgba = |p: &Picture| p.decode().unwrap().to_rgba();
            assert_eq!(rgba(&made), rgba(&picture), "{color:?} {depth}");
            let same = Allow { reduce: false, ..allow };
            let made = brisk(&job, &picture, same).unwrap().unwrap();
            assert_eq!(made.decode().unwrap(), picture.decode().unwrap(), "{color:?} {depth}");
            assert_eq!(brisk(&job, &made, same).unwrap().unwrap(), made);
        }
    }
}
