//! What a job costs before it runs: measured nanoseconds and bytes for each pixel.

use squeezed_plugin_api::{Job, Plan};
use squeezed_plugin_common::costs::Table;

/// Nanoseconds of CPU and peak bytes for each pixel.
pub const COSTS: Table =
    Table { lossless: [(150, 32), (250, 32), (2500, 32)], lossy: [(400, 40), (700, 40), (4000, 40)] };

/// What this job costs.
pub fn plan(job: &Job<'_>) -> Plan {
    let lossy = job.options.quality().is_some();
    let (ns, bytes) = COSTS.wide(lossy, job.options.effort);
    let pixels = u64::from(job.info.width) * u64::from(job.info.height);
    let all = pixels.saturating_mul(job.info.frames.max(1).into());
    Plan {
        peak_bytes: (3 << 20) + pixels.saturating_mul(bytes) + (job.input.len() as u64).saturating_mul(3),
        bytes_per_thread: pixels.saturating_mul(8),
        expected_ns: 300_000 + all.saturating_mul(ns),
        useful_threads: 2,
        stop_gap_ns: 1_000_000 + pixels.saturating_mul(60),
    }
}
