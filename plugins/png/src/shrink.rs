//! The lossless search over one picture: colour type, depth, palette order, row filters, deflate. Knows efforts and
//! pictures; nothing of files and their metadata.

use oxipng::{Deflater, FilterStrategy, IndexSet, StripChunks, indexset};
use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::header::Color;
use crate::picture::Picture;
use crate::{brisk, order, rank, thorough};

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

/// A first good coding and no more: the smallest colour type and depth, the better of two filterings, quickly deflated.
/// Photographs get about an eighth smaller by the full search.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn quick(job: &Job<'_>, source: &Picture, allow: Allow) -> Result<Picture, Error> {
    let with = |filters| {
        let mut options = plain(allow, source);
        options.filters = filters;
        options.deflater = Deflater::Libdeflater { compression: 5 };
        run(source, &options)
    };
    // Apart they give the same, can be stopped between, and read and reduce the picture twice.
    if source.header.raw_size() > TOGETHER || trials::threads(job) > 1 {
        let apart = [FilterStrategy::NONE, FilterStrategy::Bigrams];
        let made = trials::run(job, apart.len(), |i| {
            apart.get(i).map(|filter| with(indexset! { filter.clone() })).transpose()
        })?;
        let smallest = made.into_iter().flatten().min_by_key(|p| (p.cost(), p.header.raw_size()));
        return smallest.ok_or_else(|| Error::failed("no filter was tried"));
    }
    with(indexset! { FilterStrategy::NONE, FilterStrategy::Bigrams })
}

/// Bytes of rows up to which a look at the job's stop between the two filterings of [`quick`] is not worth a twentieth of
/// its time.
const TOGETHER: u64 = 32 << 20;

/// Searches for the smallest coding of the same pixels, the source's own included. `found` gets each improvement.
///
/// What is tried depends on pixels and effort alone, never on how the source is coded, so that a second run comes to
/// the same.
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
    if effort == Effort::Fast
        && source.header.raw_size() > brisk::LARGE
        && let Some(new) = brisk::brisk(job, source, allow)?
    {
        take(&mut best, new)?;
        return Ok(best);
    }
    // Reduced even where that alone does not win: a better filter may.
    let mut base = quick(job, source, allow)?;
    take(&mut best, base.clone())?;
    job.check()?;
    let size = base.data.len();
    if effort == Effort::Fast {
        let level = if size > FAST_MUCH { 9 } else { 10 };
        if let Some(data) = deflate(&base.inflate()?, level) {
            take(&mut best, Picture { data, ..base })?;
        }
        return Ok(best);
    }
    // Flat pictures are searched quickly and gain by the slowest level; photographs do not.
    let noisy = effort != Effort::Best && size > MUCH && size as u64 > base.header.raw_size() / 8;
    let reordered = allow.reduce && order::matters(&base);
    if reordered {
        base = order::best(&base, allow, noisy)?;
        take(&mut best, base.clone())?;
        job.check()?;
    }
    let level = if noisy { 11 } else { 12 };
    let done = base.inflate()?;
    let strategies = rank::best(job, &base, effort, noisy, allow.pictures > 1)?;
    let made = trials::run(job, strategies.len(), |i| {
        let Some(strategy) = strategies.get(i) else { return Ok(None) };
        let raw = filtered(&base, strategy.clone())?;
        job.check()?;
        // The search for orders has deflated these rows at level 12 already.
        let again = !noisy && reordered && raw == done;
        Ok(if again { None } else { deflate(&raw, level) })
    })?;
    drop(done);
    for data in made.into_iter().flatten() {
        take(&mut best, Picture { data, ..base.clone() })?;
    }
    job.check()?;
    if let Some(trial) = zopfli(job, &best, effort, allow.pictures)? {
        take(&mut best, trial)?;
    }
    Ok(best)
}

/// Quickly deflated bytes above which effort fast deflates at level 9, at half the time and 7 % more bytes.
const FAST_MUCH: usize = 768 << 10;
/// Quickly deflated bytes above which balanced deflates at level 11, at three quarters of the time and 0.1 % more bytes.
const MUCH: usize = 256 << 10;

/// The rows under a filter strategy.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn filtered(base: &Picture, strategy: FilterStrategy) -> Result<Vec<u8>, Error> {
    let mut options = plain(Allow::NOTHING, base);
    options.filters = IndexSet::from_iter([strategy]);
    options.deflater = Deflater::Libdeflater { compression: 1 };
    options.fast_evaluation = false;
    run(base, &options)?.inflate()
}

/// The same filtering by zopfli, where that is worth its time: always for little data, at effort best for more, with
/// fewer rounds the more there is.
fn zopfli(job: &Job<'_>, base: &Picture, effort: Effort, pictures: usize) -> Result<Option<Picture>, Error> {
    const LITTLE: usize = 32 << 10;
    const WORK: usize = 12 << 20;
    const MUCH_ROWS: usize = 4 << 20;
    let raw = base.inflate()?;
    // An animation has its other frames to search, too.
    let share = if pictures > 1 { WORK / 4 / pictures } else { WORK };
    let most = if effort == Effort::Best { share.min(MUCH_ROWS) } else { LITTLE / pictures };
    if raw.len() > most {
        return Ok(None);
    }
    let data = thorough::deflate(job, &raw, (share / raw.len().max(1)).clamp(2, 15))?;
    Ok(Some(Picture { data, ..base.clone() }))
}

/// A zlib stream.
pub fn deflate(raw: &[u8], level: i32) -> Option<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(level).ok()?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut out = vec![0; compressor.zlib_compress_bound(raw.len())];
    let length = compressor.zlib_compress(raw, &mut out).ok()?;
    out.truncate(length);
    Some(out)
}

/// Options that change nothing that was not allowed, and keep colour under transparent pixels.
pub fn plain(allow: Allow, source: &Picture) -> oxipng::Options {
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

/// What oxipng makes of a picture.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn run(source: &Picture, options: &oxipng::Options) -> Result<Picture, Error> {
    let still = oxipng::optimize_from_memory(&source.to_still(), options).map_err(|e| {
        Error::bad_image(format!("picture data is damaged: {}", e.to_string().to_lowercase()))
    })?;
    Picture::of_still(&still)
}
