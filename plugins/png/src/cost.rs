//! What a job costs before it runs: measured nanoseconds and bytes for each byte of rows and of input. Knows options, the
//! header and dimensions only.

use squeezed_plugin_api::{ColdCost, Effort, Job, Plan};
use squeezed_plugin_common::costs;

use crate::brisk;
use crate::header::{Color, Header};

/// Nanoseconds of CPU, and peak memory in tenths of bytes.
#[derive(Clone, Copy)]
struct Rate {
    /// For each byte of rows: filters, reductions, deflate over what is flat.
    row: (u64, u64),
    /// For each byte of input: deflate over what is noisy.
    input: (u64, u64),
    /// For each pixel: a palette.
    pixel: (u64, u64),
    /// Of the time, how many percent at most pass without a look at the job's stop: one deflate of all rows.
    gap: u64,
}

fn rate(lossy: bool, effort: Effort) -> Rate {
    let rate = |row, input, pixel, gap| Rate { row, input, pixel, gap };
    match (lossy, effort) {
        (false, Effort::Fast) => rate((35, 22), (300, 70), (0, 0), 80),
        (false, Effort::Balanced) => rate((300, 40), (230, 70), (0, 0), 80),
        (false, Effort::Best) => rate((1500, 50), (800, 70), (0, 0), 60),
        (true, Effort::Fast) => rate((35, 10), (200, 20), (220, 340), 40),
        (true, Effort::Balanced) => rate((30, 10), (80, 20), (850, 340), 30),
        (true, Effort::Best) => rate((30, 20), (80, 20), (4000, 340), 30),
    }
}

/// The table for the host, for pixels of three bytes of which an eighth is left.
pub fn cold() -> Vec<ColdCost> {
    costs::cold(|lossy, effort| {
        let rate = rate(lossy, effort);
        let of = |row: u64, input: u64, pixel: u64| 3 * row + 3 * input / 8 + pixel;
        let whole = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let ns = of(rate.row.0, rate.input.0, rate.pixel.0);
        let tenths = of(rate.row.1, rate.input.1, rate.pixel.1);
        (whole(ns), whole(tenths.div_ceil(10)))
    })
}

/// What this job costs.
pub fn plan(job: &Job<'_>) -> Plan {
    let (options, info) = (job.options, job.info);
    let header = job.input.get(16..29).and_then(|data| Header::parse(data).ok());
    // Neither has more colours than a palette.
    let few = header.is_some_and(|h| matches!(h.color, Color::Indexed | Color::Grey));
    let lossy = options.quality().is_some() && info.frames == 1 && info.bits <= 8 && !few;
    let mut rate = rate(lossy, options.effort);
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    let frames = u64::from(info.frames.max(1));
    // Fewer than eight bits are searched as eight.
    let stored = header.map_or(u64::from(info.channels.clamp(1, 4)), |h| {
        u64::from(h.color.samples()) * u64::from(h.depth.div_ceil(8))
    });
    let rows = pixels.saturating_mul(stored);
    if !lossy && options.effort == Effort::Fast && info.frames == 1 && rows > brisk::LARGE {
        rate.row.0 = BRISK.0;
        rate.input.0 = BRISK.1;
    }
    // What is hardly compressed says nothing of what will be left.
    let input = (job.input.len() as u64).min(rows.saturating_mul(frames) / 2);
    let of = |row: u64, input_rate: u64, pixel: u64, frames: u64| {
        rows.saturating_mul(row)
            .saturating_add(pixels.saturating_mul(pixel))
            .saturating_mul(frames)
            .saturating_add(input.saturating_mul(input_rate))
    };
    let once = of(rate.row.0, rate.input.0, rate.pixel.0, frames);
    let searches = if lossy && options.max_reduction.is_some() { 8 } else { 1 };
    // Of an animation one frame at a time is in memory; zopfli's rounds over little data are one stretch.
    let peak = of(rate.row.1, rate.input.1, rate.pixel.1, 1) / 10 + 2 * job.input.len() as u64;
    let gap = (once / frames).saturating_mul(rate.gap) / 100;
    let zopfli =
        if options.effort == Effort::Best { rows.min(ZOPFLI_PIECE).saturating_mul(ZOPFLI_NS) } else { 0 };
    Plan {
        peak_bytes: (2 << 20) + peak,
        bytes_per_thread: (1 << 20) + rows.saturating_mul(3),
        expected_ns: 500_000 + once.saturating_mul(searches),
        useful_threads: match options.effort {
            Effort::Fast => u32::try_from(frames).unwrap_or(u32::MAX).max(2),
            _ => u32::try_from(frames).unwrap_or(u32::MAX).max(4),
        },
        stop_gap_ns: 1_000_000 + gap.max(zopfli),
    }
}

/// Nanoseconds for each byte of rows and of input at effort fast, where rows are many.
const BRISK: (u64, u64) = (25, 20);
/// Bytes of rows that zopfli takes in one piece, and what ten rounds take for each byte.
const ZOPFLI_PIECE: u64 = 96 << 10;
const ZOPFLI_NS: u64 = 10_000;
