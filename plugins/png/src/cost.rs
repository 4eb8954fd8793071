//! What a job costs before it runs: measured nanoseconds and bytes for each pixel. Knows options and dimensions only.

use squeezed_plugin_api::{ColdCost, Effort, Job, Plan};

/// Mode, effort, nanoseconds and bytes for each pixel of four samples.
const COSTS: [(bool, Effort, u32, u32); 6] = [
    (false, Effort::Fast, 600, 24),
    (false, Effort::Balanced, 2500, 30),
    (false, Effort::Best, 20000, 40),
    (true, Effort::Fast, 800, 48),
    (true, Effort::Balanced, 2500, 48),
    (true, Effort::Best, 24000, 48),
];

/// The table for the host.
pub fn cold() -> Vec<ColdCost> {
    COSTS
        .iter()
        .map(|&(lossy, effort, ns_per_pixel, bytes_per_pixel)| ColdCost {
            lossy,
            effort,
            ns_per_pixel,
            bytes_per_pixel,
        })
        .collect()
}

/// What this job costs.
pub fn plan(job: &Job<'_>) -> Plan {
    let options = job.options;
    let lossy = options.quality().is_some() && job.info.frames == 1 && job.info.bits <= 8;
    let (_, _, ns, bytes) =
        COSTS.into_iter().find(|c| c.0 == lossy && c.1 == options.effort).unwrap_or(COSTS[1]);
    let pixels = u64::from(job.info.width) * u64::from(job.info.height);
    let frames = u64::from(job.info.frames.max(1));
    let wide = if job.info.bits > 8 { 2 } else { 1 };
    let samples = u64::from(job.info.channels.clamp(1, 4)) * wide;
    let per_frame = pixels.saturating_mul(ns.into()).saturating_mul(samples) / 4;
    let searches = if lossy && options.max_reduction.is_some() { 8 } else { 1 };
    Plan {
        peak_bytes: (1 << 20)
            + (job.input.len() as u64).saturating_mul(3)
            + pixels.saturating_mul(bytes.into()).saturating_mul(wide),
        bytes_per_thread: 0,
        expected_ns: 500_000 + per_frame.saturating_mul(frames).saturating_mul(searches),
        useful_threads: 1,
        stop_gap_ns: 1_000_000 + per_frame / 4,
    }
}
