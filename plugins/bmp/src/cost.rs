//! What a job costs before it runs: measured nanoseconds and bytes for each pixel.

use squeezed_plugin_api::{ColdCost, Effort, Job, Plan};

/// Mode, effort, nanoseconds and bytes for each pixel.
const COSTS: [(bool, Effort, u32, u32); 6] = [
    (false, Effort::Fast, 60, 6),
    (false, Effort::Balanced, 60, 6),
    (false, Effort::Best, 60, 6),
    (true, Effort::Fast, 400, 48),
    (true, Effort::Balanced, 900, 48),
    (true, Effort::Best, 1800, 48),
];

/// The table for the host.
pub fn cold() -> Vec<ColdCost> {
    let cost = |(lossy, effort, ns_per_pixel, bytes_per_pixel)| ColdCost {
        lossy,
        effort,
        ns_per_pixel,
        bytes_per_pixel,
    };
    COSTS.into_iter().map(cost).collect()
}

/// What this job costs.
pub fn plan(job: &Job<'_>) -> Plan {
    let lossy = job.options.quality().is_some();
    let found = COSTS.into_iter().find(|c| c.0 == lossy && c.1 == job.options.effort);
    let (_, _, ns, bytes) = found.unwrap_or(COSTS[1]);
    let pixels = u64::from(job.info.width) * u64::from(job.info.height);
    let searches = if lossy && job.options.max_reduction.is_some() { 8 } else { 1 };
    Plan {
        peak_bytes: (1 << 20)
            + pixels.saturating_mul(bytes.into())
            + (job.input.len() as u64).saturating_mul(3),
        bytes_per_thread: pixels,
        expected_ns: 200_000 + pixels.saturating_mul(ns.into()).saturating_mul(searches),
        useful_threads: 3,
        stop_gap_ns: 1_000_000 + pixels.saturating_mul(u64::from(ns) / 2),
    }
}
