//! What a job costs before it runs: measured nanoseconds and bytes for each byte of samples. Knows options and pages only.

use squeezed_plugin_api::{ColdCost, Effort, Error, Job, Plan};
use squeezed_plugin_common::costs;

use crate::directory::File;
use crate::optimize;
use crate::raster::compression;

/// Nanoseconds of CPU for each byte of samples.
fn ns_per_byte(lossy: bool, effort: Effort) -> u32 {
    match (lossy, effort) {
        (false, Effort::Fast) => 20,
        (false, Effort::Balanced) => 210,
        (false, Effort::Best) => 220,
        (true, Effort::Fast) => 30,
        (true, Effort::Balanced) => 45,
        (true, Effort::Best) => 60,
    }
}
/// Pages of up to this many bytes go through zopfli at best.
const ZOPFLI: u64 = 2 << 20;
/// Nanoseconds for each of them.
const ZOPFLI_NS: u64 = 12_000;

/// The table for the host, for three samples of a byte in a pixel.
pub fn cold() -> Vec<ColdCost> {
    costs::cold(|lossy, effort| (ns_per_byte(lossy, effort) * 3, if lossy { 18 } else { 9 }))
}

/// What this job costs.
///
/// # Errors
/// `BadOption`, `BadImage`.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    optimize::asked_for_zstd(job)?;
    let rasters = optimize::rasters(&File::parse(job.input)?)?;
    let options = job.options;
    let lossy = options.quality().is_some();
    let ns = u64::from(ns_per_byte(lossy, options.effort));
    let searches = if lossy && options.max_reduction.is_some() { 5 } else { 1 };
    let (mut peak, mut expected, mut gap) = (0_u64, 500_000_u64, 0_u64);
    for raster in &rasters {
        let raw = raster.raw_bytes();
        let largest = (0..raster.chunks.len()).filter_map(|i| raster.chunk_bytes(i)).max().unwrap_or(0);
        // A strip of the source, those of ours with their codings; JPEG holds a strip with its coefficients.
        let jpeg = match raster.compression {
            compression::JPEG => largest.saturating_mul(5),
            _ if lossy => raw.min(16 << 20).saturating_mul(6),
            // Its dictionary.
            compression::LZMA => 96 << 20,
            _ => 0,
        };
        let zopfli = if options.effort == Effort::Best { raw.min(ZOPFLI).saturating_mul(40) } else { 0 };
        let own = raw.min(1 << 20).saturating_mul(8);
        peak = peak
            .max(largest.saturating_mul(2).saturating_add(own).saturating_add(jpeg).saturating_add(zopfli));
        let mut page = raw.saturating_mul(ns).saturating_mul(searches);
        if options.effort == Effort::Best && raw <= ZOPFLI {
            page = page.saturating_add(raw.saturating_mul(ZOPFLI_NS));
        }
        gap = gap.max(raw.min(1 << 20).saturating_mul(if page > raw.saturating_mul(5000) {
            ZOPFLI_NS
        } else {
            300
        }));
        expected = expected.saturating_add(page);
    }
    Ok(Plan {
        peak_bytes: peak.saturating_add((job.input.len() as u64).saturating_mul(2)).saturating_add(2 << 20),
        bytes_per_thread: 16 << 20,
        expected_ns: expected,
        useful_threads: 4,
        stop_gap_ns: gap,
    })
}
