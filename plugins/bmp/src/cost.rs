//! What a job costs before it runs: measured nanoseconds and bytes for each pixel.

use squeezed_plugin_api::{Job, Plan};
use squeezed_plugin_common::costs::Table;

/// Nanoseconds of CPU and peak bytes for each pixel.
pub const COSTS: Table =
    Table { lossless: [(60, 6), (60, 6), (60, 6)], lossy: [(400, 48), (900, 48), (1800, 48)] };

/// What this job costs.
pub fn plan(job: &Job<'_>) -> Plan {
    let lossy = job.options.quality().is_some();
    let (ns, bytes) = COSTS.wide(lossy, job.options.effort);
    let pixels = u64::from(job.info.width) * u64::from(job.info.height);
    let searches = if lossy && job.options.max_reduction.is_some() { 8 } else { 1 };
    Plan {
        peak_bytes: (1 << 20) + pixels.saturating_mul(bytes) + (job.input.len() as u64).saturating_mul(3),
        bytes_per_thread: pixels,
        expected_ns: 200_000 + pixels.saturating_mul(ns).saturating_mul(searches),
        useful_threads: 3,
        stop_gap_ns: 1_000_000 + pixels.saturating_mul(ns / 2),
    }
}
