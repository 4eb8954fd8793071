//! The lossless search over one picture: colour type, depth, palette order, row filters, deflate. Knows efforts and
//! pictures; nothing of files and their metadata.

use std::num::NonZeroU64;

use oxipng::{Deflater, FilterStrategy, IndexSet, RowFilter, StripChunks, ZopfliOptions, indexset};
use squeezed_plugin_api::{Effort, Error, Job};

use crate::header::Color;
use crate::picture::Picture;

/// What a search may change beside filters and deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allow {
    /// Colour type, bit depth and palette.
    pub reduce: bool,
    /// From and to grey.
    pub grey: bool,
    /// Interlacing.
    pub interlace: bool,
    /// How many pictures share the time of one: the frames of an animation.
    pub pictures: usize,
}

impl Allow {
    /// Filters and deflate only.
    pub const NOTHING: Self = Self { reduce: false, grey: false, interlace: false, pictures: 1 };
}

/// Searches for the smallest coding of the same pixels, the source's own included. `found` gets each improvement.
///
/// # Errors
/// `BadImage` where picture data is damaged, `Stopped`, and what `found` returns.
pub fn shrink(
    job: &Job<'_>,
    source: &Picture,
    allow: Allow,
    effort: Effort,
    found: &mut dyn FnMut(&Picture) -> Result<(), Error>,
) -> Result<Picture, Error> {
    let mut best = source.clone();
    let mut take = |best: &mut Picture, new: Picture| {
        if new.cost() < best.cost() {
            *best = new;
            found(best)?;
        }
        Ok::<_, Error>(())
    };
    // Reduced even where that alone does not win: a better filter may, and a second run must come to the same.
    let reduced = reduce(source, allow, effort)?;
    take(&mut best, reduced.clone())?;
    if effort == Effort::Fast {
        return Ok(best);
    }
    let done = reduced.inflate()?;
    let mut trials = filter_trials(job, &reduced, effort, allow.pictures > 1)?;
    trials.sort_by_key(|p| p.data.len());
    let near = trials.first().map_or(0, |p| p.data.len() + p.data.len() / 50);
    for trial in trials.iter().take(finalists(effort)).filter(|p| p.data.len() <= near) {
        job.check()?;
        let raw = trial.inflate()?;
        if raw != done
            && let Some(data) = deflate(&raw, 12)
        {
            take(&mut best, Picture { data, ..trial.clone() })?;
        }
    }
    job.check()?;
    if let Some(trial) = zopfli(&best, effort, allow.pictures)? {
        take(&mut best, trial)?;
    }
    Ok(best)
}

/// How many filterings get the slow deflate, the quick one having ranked them.
fn finalists(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 0,
        Effort::Balanced => 2,
        Effort::Best => 4,
    }
}

/// The smallest colour type and depth with a first good coding.
fn reduce(source: &Picture, allow: Allow, effort: Effort) -> Result<Picture, Error> {
    let mut options = plain(allow, source);
    options.filters = indexset! { FilterStrategy::NONE, FilterStrategy::Bigrams };
    options.deflater = Deflater::Libdeflater { compression: 10 };
    if effort != Effort::Fast {
        // Level 12 makes oxipng try every reduction and palette order, more than four filters judge them better.
        options.filters.extend([FilterStrategy::SUB, FilterStrategy::UP, FilterStrategy::BigEnt]);
        options.deflater = Deflater::Libdeflater { compression: 12 };
    }
    run(source, &options)
}

/// Each filter strategy with a quick deflate, to rank them. Measured: the order hardly changes at level 12, and brute
/// force over eight lines is cheaper at level 5 than at level 1, and better.
fn filter_trials(job: &Job<'_>, base: &Picture, effort: Effort, frame: bool) -> Result<Vec<Picture>, Error> {
    let brute = |num_lines, level| FilterStrategy::Brute { num_lines, level };
    let mut strategies = vec![FilterStrategy::NONE, FilterStrategy::SUB, FilterStrategy::BigEnt];
    if frame && effort == Effort::Balanced {
        strategies.extend([FilterStrategy::Bigrams, brute(4, 4)]);
    } else {
        strategies.extend([FilterStrategy::UP, FilterStrategy::AVERAGE, FilterStrategy::PAETH]);
        strategies.extend([
            FilterStrategy::MinSum,
            FilterStrategy::Entropy,
            FilterStrategy::Bigrams,
            brute(8, 5),
        ]);
    }
    let mut trials = Vec::new();
    for strategy in strategies {
        job.check()?;
        let mut options = plain(Allow::NOTHING, base);
        options.filters = IndexSet::from_iter([strategy]);
        options.deflater = Deflater::Libdeflater { compression: 7 };
        options.fast_evaluation = false;
        trials.push(run(base, &options)?);
    }
    Ok(trials)
}

/// The same filtering by zopfli, where that is worth its time: always for little data, at effort best for more, with
/// fewer rounds the more there is.
fn zopfli(base: &Picture, effort: Effort, pictures: usize) -> Result<Option<Picture>, Error> {
    const LITTLE: usize = 32 << 10;
    const WORK: usize = 12 << 20;
    let raw = base.inflate()?;
    let most = if effort == Effort::Best { WORK } else { LITTLE };
    if raw.len() > most / pictures {
        return Ok(None);
    }
    let rounds = u64::try_from((WORK / pictures / raw.len().max(1)).clamp(2, 15)).unwrap_or(2);
    let Some(rounds) = NonZeroU64::new(rounds) else { return Ok(None) };
    let mut filters = Vec::new();
    let mut at = 0;
    for (row, rows) in base.header.passes() {
        for _ in 0..rows {
            let filter = raw.get(at).and_then(|f| RowFilter::try_from(*f).ok());
            filters.push(filter.ok_or_else(|| Error::failed("a filtered row is missing"))?);
            at = at.saturating_add(usize::try_from(row).unwrap_or(usize::MAX));
        }
    }
    let mut options = plain(Allow::NOTHING, base);
    options.filters = IndexSet::from_iter([FilterStrategy::Predefined(filters)]);
    options.deflater =
        Deflater::Zopfli(ZopfliOptions { iteration_count: rounds, ..ZopfliOptions::default() });
    options.fast_evaluation = false;
    run(base, &options).map(Some)
}

fn deflate(raw: &[u8], level: i32) -> Option<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(level).ok()?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut out = vec![0; compressor.zlib_compress_bound(raw.len())];
    let length = compressor.zlib_compress(raw, &mut out).ok()?;
    out.truncate(length);
    Some(out)
}

/// Options that change nothing that was not allowed, and keep colour under transparent pixels.
fn plain(allow: Allow, source: &Picture) -> oxipng::Options {
    let wide = source.header.depth == 16;
    // A 16 bit picture keeps its depth, and stays grey or colour: many readers show 16 bit grey by other rules.
    let grey = allow.reduce && allow.grey && !wide;
    oxipng::Options {
        interlace: allow.interlace.then_some(false),
        optimize_alpha: false,
        bit_depth_reduction: allow.reduce && !wide,
        color_type_reduction: allow.reduce && !(wide && source.header.color == Color::GreyAlpha),
        palette_reduction: allow.reduce,
        grayscale_reduction: grey,
        strip: StripChunks::None,
        force: true,
        ..oxipng::Options::default()
    }
}

fn run(source: &Picture, options: &oxipng::Options) -> Result<Picture, Error> {
    let still = oxipng::optimize_from_memory(&source.to_still(), options).map_err(|e| {
        Error::bad_image(format!("picture data is damaged: {}", e.to_string().to_lowercase()))
    })?;
    Picture::of_still(&still)
}
