//! The lossless search over one picture: colour type, depth, palette order, row filters, deflate. Knows efforts and
//! pictures; nothing of files and their metadata.

use oxipng::{Deflater, FilterStrategy, IndexSet, StripChunks, indexset};
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
}

impl Allow {
    /// Filters and deflate only: the frames of an animation share one header.
    pub const NOTHING: Self = Self { reduce: false, grey: false, interlace: false };
}

/// Searches for the smallest coding of the same pixels. `found` gets each improvement.
///
/// # Errors
/// `BadImage` where picture data is damaged, `Stopped`, and what `found` returns.
pub fn shrink(
    job: &Job<'_>,
    source: &Picture,
    allow: Allow,
    found: &mut dyn FnMut(&Picture) -> Result<(), Error>,
) -> Result<Picture, Error> {
    let effort = job.options.effort;
    let mut best = reduce(source, allow, effort)?;
    found(&best)?;
    if effort == Effort::Fast {
        return Ok(best);
    }
    let mut trials = filter_trials(job, &best, effort)?;
    trials.sort_by_key(|p| p.data.len());
    let limit = trials.first().map_or(0, |p| p.data.len() + p.data.len() / 20);
    for trial in trials.iter().take(finalists(effort)).filter(|p| p.data.len() <= limit) {
        job.check()?;
        if let Some(data) = deflate(&trial.inflate()?, 12, best.data.len()) {
            best = Picture { data, ..trial.clone() };
            found(&best)?;
        }
    }
    if effort == Effort::Best {
        job.check()?;
        let trial = zopfli(&best)?;
        if trial.cost() < best.cost() {
            best = trial;
            found(&best)?;
        }
    }
    Ok(best)
}

/// How many filterings get the slow deflate.
fn finalists(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 0,
        Effort::Balanced => 3,
        Effort::Best => 10,
    }
}

/// The smallest colour type and depth with a first good coding.
fn reduce(source: &Picture, allow: Allow, effort: Effort) -> Result<Picture, Error> {
    let mut options = plain(allow, source);
    match effort {
        Effort::Fast => {
            options.filters = indexset! { FilterStrategy::NONE, FilterStrategy::Bigrams };
            options.deflater = Deflater::Libdeflater { compression: 10 };
        }
        Effort::Balanced | Effort::Best => {
            // Level 12 makes oxipng try every reduction and palette order.
            options.filters = indexset! { FilterStrategy::NONE, FilterStrategy::Bigrams };
            options.deflater = Deflater::Libdeflater { compression: 12 };
        }
    }
    run(source, &options)
}

/// Each filter strategy with a quick deflate, to rank them.
fn filter_trials(job: &Job<'_>, base: &Picture, effort: Effort) -> Result<Vec<Picture>, Error> {
    let strategies = [
        FilterStrategy::NONE,
        FilterStrategy::SUB,
        FilterStrategy::UP,
        FilterStrategy::AVERAGE,
        FilterStrategy::PAETH,
        FilterStrategy::MinSum,
        FilterStrategy::Entropy,
        FilterStrategy::Bigrams,
        FilterStrategy::BigEnt,
        FilterStrategy::Brute { num_lines: 8, level: if effort == Effort::Best { 5 } else { 1 } },
    ];
    let mut trials = Vec::new();
    for strategy in strategies {
        job.check()?;
        let mut options = plain(Allow::NOTHING, base);
        options.filters = IndexSet::from_iter([strategy]);
        options.deflater = Deflater::Libdeflater { compression: 7 };
        options.fast_evaluation = false;
        options.force = true;
        trials.push(run(base, &options)?);
    }
    Ok(trials)
}

fn zopfli(base: &Picture) -> Result<Picture, Error> {
    let raw = base.inflate()?;
    let row = raw.len() / base.header.height.max(1) as usize;
    let _ = row;
    Ok(base.clone())
}

fn deflate(raw: &[u8], level: i32, limit: usize) -> Option<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(level).ok()?;
    let mut out = vec![0; limit];
    let length = libdeflater::Compressor::new(level).zlib_compress(raw, &mut out).ok()?;
    out.truncate(length);
    (length < limit).then_some(out)
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
        ..oxipng::Options::default()
    }
}

fn run(source: &Picture, options: &oxipng::Options) -> Result<Picture, Error> {
    let still = oxipng::optimize_from_memory(&source.to_still(), options).map_err(|e| {
        Error::bad_image(format!("picture data is damaged: {}", e.to_string().to_lowercase()))
    })?;
    Picture::of_still(&still)
}
