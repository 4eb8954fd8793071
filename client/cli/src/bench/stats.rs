//! Percentiles and sums over samples.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sample::{Answer, Sample};

/// How a measured quantity is spread. Percentiles are exact: each is a value that was measured (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Half of all are at or below it.
    pub p50: f64,
    /// 90 % of all are at or below it.
    pub p90: f64,
    /// 99 % of all are at or below it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of these values, if there are any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let max = *sorted.last()?;
        let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or(max)
        };
        Some(Self { mean, p50: at(50), p90: at(90), p99: at(99), max })
    }
}

/// The sums over some samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Requests that were answered well.
    pub requests: u64,
    /// Milliseconds from request to answer.
    pub latency_ms: Option<Spread>,
    /// Milliseconds in the daemon's queue.
    pub queue_ms: Option<Spread>,
    /// Milliseconds at work.
    pub run_ms: Option<Spread>,
    /// Bytes sent.
    pub bytes_in: u64,
    /// Bytes of the answers, unchanged files included.
    pub bytes_out: u64,
    /// Millions of pixels.
    pub megapixels: f64,
    /// BUSY answers, those included that were followed by another try.
    pub busy: u64,
    /// Requests that ended in an error, by its name.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// The sums over these samples.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        let samples: Vec<&Sample> = samples.into_iter().collect();
        let good: Vec<(&Sample, &Answer)> =
            samples.iter().filter_map(|s| Some((*s, s.answer.as_ref().ok()?))).collect();
        let mut errors = BTreeMap::new();
        for name in samples.iter().filter_map(|s| s.answer.as_ref().err()) {
            *errors.entry(*name).or_default() += 1;
        }
        Self {
            requests: good.len() as u64,
            latency_ms: Spread::of(good.iter().map(|(s, _)| s.latency.as_secs_f64() * 1000.0)),
            queue_ms: Spread::of(good.iter().map(|(_, a)| a.queue_ms)),
            run_ms: Spread::of(good.iter().map(|(_, a)| a.run_ms)),
            bytes_in: good.iter().map(|(_, a)| a.before).sum(),
            bytes_out: good.iter().map(|(_, a)| a.after).sum(),
            megapixels: good.iter().map(|(_, a)| a.pixels).sum::<u64>() as f64 / 1e6,
            busy: samples.iter().map(|s| s.busy).sum(),
            errors,
        }
    }

    /// Requests that ended in an error.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// Milliseconds as people read them.
pub fn time(ms: f64) -> String {
    match ms {
        _ if ms < 10.0 => format!("{ms:.2} ms"),
        _ if ms < 1000.0 => format!("{ms:.1} ms"),
        _ if ms < 100_000.0 => format!("{:.2} s", ms / 1000.0),
        _ => format!("{:.0} s", ms / 1000.0),
    }
}

/// The shape of a distribution in one line: each bar is one step of the logarithm between the least and the largest.
pub fn shape(values: impl IntoIterator<Item = f64>) -> Option<String> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const STEPS: usize = 32;
    let logs: Vec<f64> = values.into_iter().filter(|v| *v > 0.0).map(f64::ln).collect();
    let low = logs.iter().copied().reduce(f64::min)?;
    let high = logs.iter().copied().reduce(f64::max)?;
    let width = (high - low) / STEPS as f64;
    if width <= 0.0 {
        return None;
    }
    let mut counts = [0_usize; STEPS];
    for log in logs {
        let at = (((log - low) / width) as usize).min(STEPS - 1);
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max()?;
    let bar = |count: usize| match count {
        0 => ' ',
        n => BARS.get((n * BARS.len()).div_ceil(most) - 1).copied().unwrap_or('█'),
    };
    let bars: String = counts.into_iter().map(bar).collect();
    Some(format!("{} {bars} {}", time(low.exp()), time(high.exp())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=200).map(f64::from).rev()).unwrap();
        assert_eq!((spread.p50, spread.p90, spread.p99, spread.max), (100.0, 180.0, 198.0, 200.0));
        assert_eq!(spread.mean, 100.5);
        let one = Spread::of([7.0]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (7.0, 7.0, 7.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn times() {
        assert_eq!([0.5, 12.34, 1500.0, 123_456.0].map(time), ["0.50 ms", "12.3 ms", "1.50 s", "123 s"]);
    }

    #[test]
    fn a_shape() {
        let values = (0..1000).map(|n| 1.0 + f64::from(n % 100) / 10.0);
        let text = shape(values).unwrap();
        assert!(text.starts_with("1.00 ms ") && text.ends_with(" 10.9 ms") && text.contains('█'), "{text}");
        assert_eq!(shape([5.0, 5.0]), None);
    }
}
