//! What a job costs before it runs: measured nanoseconds and bytes for each pixel.

use squeezed_plugin_api::{ColdCost, Effort, Job, Plan};

/// Mode, effort, nanoseconds and bytes for each pixel.
const COSTS: [(bool, Effort, u32, u32); 6] = [
    (false, Effort::Fast, 150, 32),
    (false, Effort::Balanced, 250, 32),
    (false, Effort::Best, 2500, 32),
    (true, Effort::Fast, 400, 40),
    (true, Effort::Balanced, 700, 40),
    (true, Effort::Best, 4000, 40),
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
    let all = pixels.saturating_mul(job.info.frames.max(1).into());
    Plan {
        peak_bytes: (3 << 20)
            + pixels.saturating_mul(bytes.into())
            + (job.input.len() as u64).saturating_mul(3),
        bytes_per_thread: pixels.saturating_mul(8),
        expected_ns: 300_000 + all.saturating_mul(ns.into()),
        useful_threads: 2,
        stop_gap_ns: 1_000_000 + pixels.saturating_mul(60),
    }
}
