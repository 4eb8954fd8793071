//! Which row filters are worth the slow deflate, told from a quick one; for large pictures over bands of their rows only.
//! Knows pictures and filters; nothing of reductions and files.

use oxipng::FilterStrategy;
use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::header::Header;
use crate::picture::{Picture, plain_rows};
use crate::sample;
use crate::shrink::{deflate, filtered};

/// Deflate levels for ranking, of photographs and others. Measured: the order at level 12 is the same but for
/// differences of 0.3 %.
const LEVELS: [i32; 2] = [5, 8];
/// Bytes of rows above which only bands are filtered to rank, and about how many bytes the bands have.
const WHOLE: usize = 1 << 20;

/// The best strategies, the best one first.
///
/// # Errors
/// `Stopped`, or `BadImage` where picture data is damaged.
pub fn best(
    job: &Job<'_>,
    base: &Picture,
    effort: Effort,
    noisy: bool,
    frame: bool,
) -> Result<Vec<FilterStrategy>, Error> {
    let large = base.header.raw_size() > WHOLE as u64;
    let bands = if noisy && large { sample::bands(base, WHOLE)? } else { None };
    let part = bands.map(|rows| part(base, &rows));
    let sample = part.as_ref().unwrap_or(base);
    let level = LEVELS[usize::from(!noisy)];
    let strategies = strategies(effort, frame, large, noisy);
    let sizes = trials::run(job, strategies.len(), |i| {
        let Some(strategy) = strategies.get(i) else { return Ok(None) };
        let raw = filtered(sample, strategy.clone())?;
        job.check()?;
        Ok(deflate(&raw, level).map(|d| d.len()))
    })?;
    let sizes = sizes.into_iter().map(|size| size.unwrap_or(usize::MAX));
    let mut ranked: Vec<_> = sizes.zip(strategies).collect();
    ranked.sort_by_key(|r| r.0);
    // What is 2 % behind at the quick level does not catch up at the slow one.
    let near = ranked.first().map_or(0, |r| r.0 + r.0 / 50);
    let most = match (effort, large) {
        (Effort::Best, _) if !frame => 4,
        (_, false) => 2,
        (_, true) => 1,
    };
    Ok(ranked.into_iter().take(most).filter(|r| r.0 <= near).map(|r| r.1).collect())
}

fn strategies(effort: Effort, frame: bool, large: bool, noisy: bool) -> Vec<FilterStrategy> {
    let brute = |num_lines, level| FilterStrategy::Brute { num_lines, level };
    let mut all = vec![FilterStrategy::NONE, FilterStrategy::SUB, FilterStrategy::BigEnt];
    if frame && effort == Effort::Balanced {
        all.extend([FilterStrategy::Bigrams, brute(4, 1)]);
        return all;
    }
    all.extend([FilterStrategy::UP, FilterStrategy::AVERAGE, FilterStrategy::PAETH]);
    all.extend([FilterStrategy::MinSum, FilterStrategy::Entropy, FilterStrategy::Bigrams]);
    // Brute force over few lines is up to 0.5 % larger in a half or a quarter of the time.
    all.push(match (large && effort != Effort::Best, noisy) {
        (false, _) => brute(8, 5),
        (true, true) => brute(4, 4),
        (true, false) => brute(4, 1),
    });
    all
}

/// A picture of some of the rows.
fn part(base: &Picture, rows: &[u8]) -> Picture {
    let row = usize::try_from(base.header.passes().first().map_or(1, |p| p.0)).unwrap_or(usize::MAX) - 1;
    let height = u32::try_from(rows.len() / row.max(1)).unwrap_or(base.header.height);
    let header = Header { height, ..base.header };
    Picture { header, data: plain_rows(rows, header), ..base.clone() }
}
