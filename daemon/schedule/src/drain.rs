//! How fast the queue drains: jobs and bytes a second, as a moving average over the time in which something waited.

use std::time::Duration;

use crate::time::Time;

/// The time after which what was measured counts for a third.
const MEMORY: f64 = 10.0;
/// With less than this measured there is no rate yet.
const LEAST: f64 = 0.001;

/// The rate at which jobs leave the queue.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    at: Time,
    jobs: f64,
    bytes: f64,
    busy: f64,
}

impl Drain {
    /// Time passed. Only time in which something waited counts: an idle daemon is not a slow one.
    pub fn advance(&mut self, now: Time, waiting: bool) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        if !waiting || passed <= 0.0 {
            return;
        }
        let kept = (-passed / MEMORY).exp();
        self.jobs *= kept;
        self.bytes *= kept;
        self.busy = self.busy * kept + passed;
    }

    /// A job left the queue.
    pub fn left(&mut self, bytes: u64) {
        self.jobs += 1.0;
        self.bytes += bytes as f64;
    }

    /// Jobs and bytes a second; nothing before something was measured.
    pub fn rate(&self) -> Option<(f64, f64)> {
        (self.busy >= LEAST && self.jobs > 0.0).then(|| (self.jobs / self.busy, self.bytes / self.busy))
    }

    /// How long this many jobs and bytes take to leave.
    pub fn time_for(&self, jobs: f64, bytes: f64) -> Option<Duration> {
        let (jobs_rate, bytes_rate) = self.rate()?;
        let seconds = (jobs / jobs_rate).max(if bytes > 0.0 { bytes / bytes_rate } else { 0.0 });
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_with_a_queue_counts() {
        let mut drain = Drain::default();
        assert_eq!(drain.rate(), None);
        for n in 1..=40 {
            drain.advance(Duration::from_millis(n * 50), true);
            drain.left(1000);
            drain.advance(Duration::from_millis(n * 50 + 25), false);
        }
        let (jobs, bytes) = drain.rate().unwrap();
        assert!((38.0..42.0).contains(&jobs), "{jobs}");
        assert!((38_000.0..42_000.0).contains(&bytes), "{bytes}");
        let quarter = drain.time_for(10.0, 0.0).unwrap();
        assert!((0.23..0.27).contains(&quarter.as_secs_f64()), "{quarter:?}");
    }
}
