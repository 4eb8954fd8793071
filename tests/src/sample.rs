//! Times that were measured, and random numbers that can be had again.

use std::time::Duration;

/// Measured times.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    times: Vec<Duration>,
}

impl Sample {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        let at = self.times.partition_point(|t| *t <= time);
        self.times.insert(at, time);
    }
    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        other.times.iter().for_each(|t| self.add(*t));
    }
    /// How many there are.
    pub fn count(&self) -> usize {
        self.times.len()
    }
    /// The time that this share of them, in percent, does not exceed.
    pub fn percentile(&self, percent: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        let at = (percent / 100.0 * self.times.len() as f64).ceil() as usize;
        self.times.get(at.saturating_sub(1).min(last)).copied().unwrap_or_default()
    }
    /// The middle one.
    pub fn p50(&self) -> Duration {
        self.percentile(50.0)
    }
    /// What only one in a hundred exceeds.
    pub fn p99(&self) -> Duration {
        self.percentile(99.0)
    }
    /// The longest.
    pub fn max(&self) -> Duration {
        self.percentile(100.0)
    }
}

/// Random numbers (xorshift), the same for the same seed.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }
    /// True this often, in percent.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
