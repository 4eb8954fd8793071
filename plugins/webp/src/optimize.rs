//! The order of a job: check, decode everything once, then offer the container alone, the lossless search, the lossy one.

use std::sync::OnceLock;

use squeezed_plugin_api::{
    Candidate, Effort, Error, ErrorCode, Job, Limits, Metadata, MetadataItem, Mode, Options, Plan,
};
use squeezed_plugin_common::labels;

use crate::container::{Bitstream, Container};
use crate::lossy::Search;
use crate::{animation, lossless, metadata};

/// Lossy or not, effort, nanoseconds of CPU and peak bytes for each pixel.
pub const COSTS: [(bool, Effort, u32, u32); 6] = [
    (false, Effort::Fast, 150, 40),
    (false, Effort::Balanced, 700, 60),
    (false, Effort::Best, 4000, 60),
    (true, Effort::Fast, 250, 40),
    (true, Effort::Balanced, 900, 60),
    (true, Effort::Best, 5000, 60),
];

/// Decoding alone, and what it needs.
const DECODE_NS: u64 = 12;
const DECODE_BYTES: u64 = 8;

/// What a job will need.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    check_options(job.options)?;
    let c = Container::parse(job.input)?;
    let quality = job.options.quality();
    let effort = job.options.effort;
    let cost =
        |lossy: bool| COSTS.iter().find(|c| c.0 == lossy && c.1 == effort).map_or((0, 0), |c| (c.2, c.3));
    let (mut ns, mut bytes, mut longest) = (0u64, 0u64, 0u64);
    for frame in &c.frames {
        let pixels = u64::from(frame.width) * u64::from(frame.height);
        let is_vp8 = matches!(frame.image, Bitstream::Lossy { .. });
        let (per_pixel, room) = if is_vp8 && quality.is_none() { (0, 0) } else { cost(quality.is_some()) };
        ns = ns.saturating_add(pixels * (DECODE_NS + u64::from(per_pixel)));
        bytes = bytes.max(pixels * (DECODE_BYTES + u64::from(room)));
        longest = longest.max(pixels * DECODE_NS);
    }
    let encoded = job.input.len() as u64 * 2;
    Ok(Plan {
        peak_bytes: bytes.saturating_add(encoded),
        bytes_per_thread: bytes,
        expected_ns: ns,
        useful_threads: u32::try_from(c.frames.len()).unwrap_or(u32::MAX).max(2),
        stop_gap_ns: longest,
    })
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

    let own: Vec<_> = c.frames.iter().map(|f| f.image.clone()).collect();
    offer(&own, "container", 0)?;

    let better = lossless::search(job, &c, still.as_deref())?;
    if better.iter().any(Option::is_some) {
        let mut images = own;
        for (image, better) in images.iter_mut().zip(&better) {
            if let Some(better) = better {
                *image = better.image()?;
            }
        }
        offer(&images, "vp8l", 10)?;
    }

    if let Some(quality) = job.options.quality() {
        let search = Search {
            job,
            container: &c,
            still: still.as_deref(),
            lossless: &better,
            alpha: c.frames.iter().map(|_| OnceLock::new()).collect(),
            kept: &kept,
            labels: &labels,
        };
        search.run(quality)?;
    }
    job.progress(1000);
    Ok(())
}

/// Decodes every frame, so that damage is found before anything is offered. A still's pixels stay.
fn decode_all(job: &Job<'_>, c: &Container<'_>) -> Result<Option<Vec<u32>>, Error> {
    if let ([frame], false) = (c.frames.as_slice(), c.is_animated()) {
        return animation::pixels(frame).map(Some);
    }
    for frame in &c.frames {
        job.check()?;
        animation::pixels(frame)?;
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
