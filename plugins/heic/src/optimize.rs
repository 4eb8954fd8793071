//! The order of a job: check, offer the container alone, then the lossy search.

use squeezed_isobmff::{inventory, policy};
use squeezed_plugin_api::{
    Candidate, Error, ErrorCode, FrameHeader, FrameSink, ImageHeader, Job, Limits, Metadata, MetadataItem,
    Mode, Options, Plan, Stop,
};
use squeezed_plugin_common::costs::Table;
use squeezed_plugin_common::labels;

use crate::decode;
use crate::inspect::Source;
use crate::lossy::Search;

/// Nanoseconds of CPU and peak bytes for each pixel of 8 bit.
pub const COSTS: Table =
    Table { lossless: [(60, 10), (60, 10), (60, 10)], lossy: [(450, 20), (650, 20), (1000, 20)] };

/// What a pixel of more bits needs beside that: its planes are wider, and so is every copy of them.
const DEEP_BYTES: u64 = 16;

/// How many encodings capped mode may take.
const SEARCH: u64 = 8;

/// What a job will need.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    check_options(job.options)?;
    let lossy = job.options.quality().is_some();
    let (ns, bytes) = COSTS.wide(lossy, job.options.effort);
    let bytes = bytes + if job.info.bits > 8 { DEEP_BYTES } else { 0 };
    let pixels = u64::from(job.info.width).saturating_mul(u64::from(job.info.height));
    let frames = u64::from(job.info.frames.max(1));
    let encodings = if lossy && job.options.max_reduction.is_some() { SEARCH } else { 1 };
    let per_frame = pixels.saturating_mul(ns);
    let files = (job.input.len() as u64).saturating_mul(3);
    Ok(Plan {
        peak_bytes: pixels.saturating_mul(bytes).saturating_add(files).saturating_add(16 << 20),
        bytes_per_thread: 0,
        expected_ns: per_frame.saturating_mul(frames).saturating_mul(encodings),
        useful_threads: 1,
        stop_gap_ns: per_frame,
    })
}

/// Runs a job.
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    check_options(job.options)?;
    let source = Source::read(job.input)?;
    check_limits(&source, &job.options.limits)?;
    source.check_pictures(&|| job.check().map_err(Error::from))?;
    let mut items: Vec<MetadataItem> = Vec::new();
    inventory::items(&source.file, &mut |i| items.push(i))?;
    let labels = labels::split(&items, job.options.metadata);
    let edit = policy::edit(&source.file, job.options.metadata)?;
    let file = source.file.rewrite(&edit)?;
    let drops = job.options.metadata == Metadata::Display && !labels.dropped.is_empty();
    let offered = drops || (file.len() as u64) < job.bytes_to_beat(true);
    if offered {
        let candidate = Candidate::lossless(&file, "container").with_metadata(&labels.kept, &labels.dropped);
        job.offer(&candidate)?;
    }
    let Some(quality) = job.options.quality() else {
        if !offered {
            // Nobody will look at the pictures any more: damage is found here or never.
            decode::decode(job.input, &mut Nowhere { job })?;
        }
        job.progress(1000);
        return Ok(());
    };
    Search { job, source: &source, edit: &edit, labels: &labels }.run(quality)?;
    job.progress(1000);
    Ok(())
}

/// Receives a picture that is only decoded to see whether it can be.
struct Nowhere<'j, 'a> {
    job: &'j Job<'a>,
}

impl FrameSink for Nowhere<'_, '_> {
    fn image(&mut self, _: &ImageHeader) -> Result<(), Stop> {
        self.job.check()
    }
    fn frame(&mut self, _: &FrameHeader) -> Result<(), Stop> {
        self.job.check()
    }
    fn rows(&mut self, _: u32, _: usize, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }
}

fn check_options(options: &Options) -> Result<(), Error> {
    if let Some((key, _)) = options.extra.first() {
        return Err(Error::new(ErrorCode::BadOption, format!("heic knows no option {key:?}")));
    }
    if matches!(options.mode, Mode::Target(_)) {
        let text = "heic cannot search for a target score yet, ask for a quality";
        return Err(Error::new(ErrorCode::BadOption, text));
    }
    Ok(())
}

fn check_limits(source: &Source<'_>, limits: &Limits) -> Result<(), Error> {
    let over = |what: String, key: &str| Err(Error::too_large(format!("{what}, raise {key} to allow it")));
    let pixels = decode::largest(source);
    let frames = u64::from(source.frames());
    if pixels > limits.pixels {
        return over(format!("a picture has {pixels} pixels"), "pixels");
    }
    if frames > limits.frames {
        return over(format!("the file has {frames} pictures"), "frames");
    }
    if pixels.saturating_mul(frames) > limits.total_pixels {
        return over(format!("the file has {frames} pictures of {pixels} pixels"), "total_pixels");
    }
    let metadata = inventory::bytes(&source.file);
    if metadata > limits.metadata_bytes {
        return over(format!("the file has {metadata} bytes of metadata"), "metadata_bytes");
    }
    Ok(())
}
