//! The order of a job: check, decode everything once, then offer the container alone, the lossless search, the lossy one.

use std::sync::OnceLock;

use squeezed_plugin_api::{
    Candidate, Effort, Error, ErrorCode, Job, Limits, Metadata, MetadataItem, Mode, Options, Plan,
};
use squeezed_plugin_common::costs::Table;
use squeezed_plugin_common::{labels, trials};

use crate::container::{Bitstream, Container, Frame};
use crate::encoded::Encoded;
use crate::lossless::Depth;
use crate::lossy::Search;
use crate::{animation, lossless, lossy, metadata};

/// Nanoseconds of CPU and peak bytes for each pixel. A lossy job over a lossless source does both.
pub const COSTS: Table =
    Table { lossless: [(380, 28), (1200, 32), (12_000, 34)], lossy: [(80, 6), (170, 10), (180, 10)] };

/// Decoding alone, and what it needs.
const DECODE_NS: u64 = 7;
const DECODE_BYTES: u64 = 5;

/// A lossless bound.
const BOUND_NS: u64 = 200;

/// Compressing the alpha of a lossy picture.
const ALPHA_NS: u64 = 150;

/// What a job will need.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    check_options(job.options)?;
    let c = Container::parse(job.input)?;
    let asked = job.options.quality();
    let effort = job.options.effort;
    let cost = |lossy: bool| COSTS.wide(lossy, effort);
    let all: u64 = c.frames.iter().map(pixels).sum();
    let capped = job.options.max_reduction.is_some();
    let (mut ns, mut bytes, mut longest) = (0u64, 0u64, 0u64);
    for frame in &c.frames {
        let count = pixels(frame);
        let mut per_pixel = (DECODE_NS, DECODE_BYTES);
        let mut gap = DECODE_NS / 4;
        let mut add = |ns, bytes| per_pixel = (per_pixel.0 + ns, per_pixel.1.max(DECODE_BYTES + bytes));
        match &frame.image {
            Bitstream::Lossy { alpha, .. } if alpha.is_some() => {
                add(ALPHA_NS, cost(false).1);
                gap = ALPHA_NS / 4;
            }
            Bitstream::Lossy { .. } => {}
            // Mostly a bound is enough.
            Bitstream::Lossless { .. } if asked.is_some() && !c.is_animated() && !capped => {
                add(BOUND_NS, cost(false).1);
                gap = GAPS.0;
            }
            // Without its slowest setting the best effort takes a quarter.
            Bitstream::Lossless { .. } => {
                let crunched = effort != Effort::Best || all <= lossless::MAX_CRUNCHED;
                add(if crunched { cost(false).0 } else { cost(false).0 / 4 }, cost(false).1);
                gap = if effort == Effort::Fast { GAPS.1 } else { GAPS.2 };
            }
        }
        if asked.is_some_and(|asked| lossy::is_worth_it(frame, asked)) {
            // The search for a quality under a cap takes six encodings or more.
            add(cost(true).0 * if capped { 8 } else { 1 }, cost(true).1);
            gap = gap.max(GAPS.3);
        }
        ns = ns.saturating_add(count.saturating_mul(per_pixel.0));
        bytes = bytes.max(count.saturating_mul(per_pixel.1));
        longest = longest.max(count.saturating_mul(gap));
    }
    Ok(Plan {
        peak_bytes: bytes.saturating_add(job.input.len() as u64 * 2).saturating_add(2 << 20),
        bytes_per_thread: bytes.saturating_add(1 << 20),
        expected_ns: ns.saturating_add(100_000),
        useful_threads: u32::try_from(c.frames.len()).unwrap_or(u32::MAX).max(2),
        stop_gap_ns: longest.saturating_add(1_000_000),
    })
}

/// The longest stretch of libwebp without a question, in nanoseconds a pixel: a lossless bound, a lossless search at effort
/// fast and above, a lossy encoding.
const GAPS: (u64, u64, u64, u64) = (60, 160, 310, 50);

fn pixels(frame: &Frame<'_>) -> u64 {
    u64::from(frame.width) * u64::from(frame.height)
}

/// Runs a job.
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    check_options(job.options)?;
    let c = Container::parse(job.input)?;
    check_limits(&c, &job.options.limits)?;
    let still = decode_all(job, &c)?;

    let mut items: Vec<MetadataItem> = Vec::new();
    metadata::items(&c, &mut |i| items.push(i));
    let labels = labels::split(&items, job.options.metadata);
    let kept = metadata::kept(&c, job.options.metadata);
    let offer = |images: &[Bitstream<'_>], method: &str, rank: u32| -> Result<(), Error> {
        let Some(file) = c.write(images, &kept) else { return Ok(()) };
        let drops = job.options.metadata == Metadata::Display && !labels.dropped.is_empty();
        if drops || (file.len() as u64) < job.bytes_to_beat(true) {
            let candidate = Candidate::lossless(&file, method).with_metadata(&labels.kept, &labels.dropped);
            job.offer(&candidate.with_rank(rank))?;
        }
        Ok(())
    };

    let own = || c.frames.iter().map(|f| f.image.clone()).collect::<Vec<_>>();
    offer(&own(), "container", 0)?;

    let search = |depth| -> Result<Vec<Option<Encoded>>, Error> {
        let better = lossless::search(job, &c, still.as_deref(), depth)?;
        if better.iter().any(Option::is_some) {
            let mut images = own();
            for (image, better) in images.iter_mut().zip(&better) {
                if let Some(better) = better {
                    *image = better.image()?;
                }
            }
            let only_alpha =
                c.frames.iter().zip(&better).all(|(frame, better)| {
                    better.is_none() || matches!(frame.image, Bitstream::Lossy { .. })
                });
            offer(&images, if only_alpha { "alpha" } else { "vp8l" }, 10)?;
        }
        Ok(better)
    };

    let full = Depth::Full(job.options.effort);
    // Where a still may lose something, a quick lossless bound is mostly enough. A cap is measured against the best.
    let quick = still.is_some() && job.options.quality().is_some() && job.options.max_reduction.is_none();
    let depth = if quick { Depth::Bound } else { full };
    let Some(quality) = job.options.quality() else {
        search(depth)?;
        job.progress(1000);
        return Ok(());
    };
    let cleared = still.as_deref().filter(|_| is_vp8l(&c)).and_then(without_hidden_colour);
    let pixels = cleared.as_deref().or(still.as_deref());
    // The lossy colour depends on no bound. A cap does, so there it waits for it.
    let (better, first) = trials::both(
        job,
        || search(depth),
        || match (c.frames.as_slice(), pixels) {
            ([frame], Some(pixels)) if quick => lossy::first(job, frame, pixels, quality),
            _ => Ok(None),
        },
    )?;
    let lossy = Search {
        job,
        container: &c,
        still: pixels,
        lossless: &better,
        first,
        alpha: c.frames.iter().map(|_| OnceLock::new()).collect(),
        kept: &kept,
        labels: &labels,
    };
    let size = lossy.run(quality)?;
    let far_below = size.is_some_and(|s| s.saturating_mul(100) <= job.bytes_to_beat(true).saturating_mul(80));
    if quick && !far_below {
        search(full)?;
    }
    if let Some(pixels) = &cleared
        && let [Some(made)] = lossless::search(job, &c, Some(pixels), full)?.as_slice()
        && let Some(file) = c.write(&[made.image()?], &kept)
    {
        let candidate = Candidate::lossy(&file, "vp8l-cleared", quality);
        job.offer(&candidate.with_metadata(&labels.kept, &labels.dropped).with_rank(15))?;
    }
    job.progress(1000);
    Ok(())
}

fn is_vp8l(c: &Container<'_>) -> bool {
    matches!(c.frames.as_slice(), [Frame { image: Bitstream::Lossless { .. }, .. }])
}

/// The pixels with black under full transparency; `None` where it is so already, or nothing is transparent. A second run
/// finds such a picture as it left it.
fn without_hidden_colour(pixels: &[u32]) -> Option<Vec<u32>> {
    let hides = |p: &u32| p >> 24 == 0 && *p != 0;
    pixels.iter().any(hides).then(|| pixels.iter().map(|p| if hides(p) { 0 } else { *p }).collect())
}

/// Decodes every frame, so that damage is found before anything is offered. A still's pixels stay.
fn decode_all(job: &Job<'_>, c: &Container<'_>) -> Result<Option<Vec<u32>>, Error> {
    if let ([frame], false) = (c.frames.as_slice(), c.is_animated()) {
        return animation::pixels(frame, &|| job.stopped()).map(Some);
    }
    for frame in &c.frames {
        job.check()?;
        animation::pixels(frame, &|| job.stopped())?;
    }
    Ok(None)
}

fn check_options(options: &Options) -> Result<(), Error> {
    if let Some((key, _)) = options.extra.first() {
        return Err(Error::new(ErrorCode::BadOption, format!("webp knows no option {key:?}")));
    }
    if matches!(options.mode, Mode::Target(_)) {
        return Err(Error::new(
            ErrorCode::BadOption,
            "webp cannot search for a target score yet, ask for a quality",
        ));
    }
    Ok(())
}

fn check_limits(c: &Container<'_>, limits: &Limits) -> Result<(), Error> {
    let over = |what: &str, key: &str| Err(Error::too_large(format!("{what}, raise {key} to allow it")));
    let pixels = u64::from(c.width) * u64::from(c.height);
    let frames = c.frames.len() as u64;
    if pixels > limits.pixels {
        return over(&format!("the canvas has {pixels} pixels"), "pixels");
    }
    if frames > limits.frames {
        return over(&format!("the animation has {frames} frames"), "frames");
    }
    if pixels.saturating_mul(frames) > limits.total_pixels {
        return over(&format!("the animation has {frames} frames of {pixels} pixels"), "total_pixels");
    }
    if metadata::bytes(c) > limits.metadata_bytes {
        return over(&format!("the file has {} bytes of metadata", metadata::bytes(c)), "metadata_bytes");
    }
    Ok(())
}
