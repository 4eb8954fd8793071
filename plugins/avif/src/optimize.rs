//! The order of a job: check, decode everything once, then offer the container alone, then the lossy search.

use squeezed_isobmff::{Edit, File, facts, inventory, policy};
use squeezed_plugin_api::{
    Candidate, Error, ErrorCode, Job, Limits, Metadata, MetadataItem, Mode, Options, Plan,
};
use squeezed_plugin_common::costs::Table;
use squeezed_plugin_common::labels::{self, Labels};

use crate::lossy::Search;
use crate::sequence::Sequence;
use crate::{decode, inspect};

/// Nanoseconds of CPU and peak bytes for each pixel.
pub const COSTS: Table =
    Table { lossless: [(40, 14), (40, 14), (40, 14)], lossy: [(800, 175), (4500, 175), (11_000, 175)] };

/// What a job will need.
///
/// # Errors
/// `BadOption` for an unknown option, `BadImage` where the file is broken.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    check_options(job.options)?;
    let info = inspect::inspect(job.input, &mut |_| ())?;
    let lossy = job.options.quality().is_some();
    let cost = |lossy: bool| COSTS.wide(lossy, job.options.effort);
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    let all = pixels.saturating_mul(info.frames.into());
    let (decode_ns, decode_bytes) = cost(false);
    let mut ns = all.saturating_mul(decode_ns);
    let mut bytes = pixels.saturating_mul(decode_bytes);
    let mut gap = pixels.saturating_mul(decode_ns);
    if lossy && info.frames == 1 {
        let (encode_ns, encode_bytes) = cost(true);
        // In capped mode a quick search tells where to begin, and a few slow ones follow.
        let trials = if job.options.max_reduction.is_some() { 4 } else { 1 };
        ns = ns.saturating_add(pixels.saturating_mul(encode_ns).saturating_mul(trials));
        bytes = bytes.max(pixels.saturating_mul(encode_bytes));
        // libaom codes a whole picture without looking up.
        gap = pixels.saturating_mul(encode_ns);
    }
    Ok(Plan {
        peak_bytes: bytes.saturating_add(job.input.len() as u64 * 3),
        bytes_per_thread: bytes,
        expected_ns: ns,
        useful_threads: 1,
        stop_gap_ns: gap,
    })
}

/// Runs a job.
///
/// # Errors
/// `BadImage` where any picture is missing or wrong, `TooLarge` beyond the limits, `UnsupportedFeature` for what can only
/// be copied.
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    check_options(job.options)?;
    let file = File::parse(job.input)?;
    check_limits(job, &file)?;
    decode_all(job, &file)?;
    job.progress(50);

    let mut items: Vec<MetadataItem> = Vec::new();
    inventory::items(&file, &mut |i| items.push(i))?;
    let labels = labels::split(&items, job.options.metadata);
    let edit = policy::edit(&file, job.options.metadata)?;
    offer_container(job, &file, &edit, &labels)?;
    if let Some(quality) = job.options.quality() {
        Search { job, file: &file, edit: &edit, labels: &labels }.run(quality)?;
    }
    job.progress(1000);
    Ok(())
}

/// The container alone: the coded pictures are not touched.
fn offer_container(job: &Job<'_>, file: &File<'_>, edit: &Edit, labels: &Labels) -> Result<(), Error> {
    let written = file.rewrite(edit)?;
    let drops = job.options.metadata == Metadata::Display && !labels.dropped.is_empty();
    if drops || (written.len() as u64) < job.bytes_to_beat(true) {
        let candidate =
            Candidate::lossless(&written, "container").with_metadata(&labels.kept, &labels.dropped);
        job.offer(&candidate)?;
    }
    Ok(())
}

/// Decodes every picture, so that damage is found before anything is offered.
fn decode_all(job: &Job<'_>, file: &File<'_>) -> Result<(), Error> {
    let limits = &job.options.limits;
    if let Some(sequence) = Sequence::find(file)? {
        return sequence.decode(file, limits, &mut |_, _, _| Ok(job.check()?));
    }
    decode::each(file, limits, &|| Ok(job.check()?), &mut |_| Ok(()))
}

fn check_options(options: &Options) -> Result<(), Error> {
    if let Some((key, _)) = options.extra.first() {
        return Err(Error::new(ErrorCode::BadOption, format!("avif knows no option {key:?}")));
    }
    if matches!(options.mode, Mode::Target(_)) {
        return Err(Error::new(
            ErrorCode::BadOption,
            "avif cannot search for a target score yet, ask for a quality",
        ));
    }
    Ok(())
}

fn check_limits(job: &Job<'_>, file: &File<'_>) -> Result<(), Error> {
    let limits: &Limits = &job.options.limits;
    let over = |what: String, key: &str| Err(Error::too_large(format!("{what}, raise {key} to allow it")));
    let (info, metadata) = (job.info, inventory::bytes(file));
    let pixels = u64::from(info.width) * u64::from(info.height);
    let frames = u64::from(info.frames);
    if pixels > limits.pixels {
        return over(format!("the picture has {pixels} pixels"), "pixels");
    }
    if frames > limits.frames {
        return over(format!("the sequence has {frames} frames"), "frames");
    }
    // All pictures of the file: auxiliary ones and tiles, too.
    let coded = file.meta.iter().flat_map(|m| m.items.iter().filter_map(|i| facts::picture(m, i).size));
    let stored: u64 = coded.map(|(w, h)| u64::from(w) * u64::from(h)).fold(0, u64::saturating_add);
    if pixels.saturating_mul(frames).max(stored) > limits.total_pixels {
        return over(format!("the file has {frames} frames of {pixels} pixels"), "total_pixels");
    }
    if metadata > limits.metadata_bytes {
        return over(format!("the file has {metadata} bytes of metadata"), "metadata_bytes");
    }
    Ok(())
}
