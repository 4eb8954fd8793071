//! Reads the daemon for a scrape: the one file here that knows it.

use std::sync::atomic::Ordering;

use super::{Gauges, PoolReading, Reading};
use crate::memory::Usage;
use crate::state::Daemon;

impl Gauges for Daemon {
    fn read(&self) -> Reading {
        let lanes = self.executor.snapshot();
        let threads = self.executor.config().cores as u64;
        Reading {
            connections: self.stats.connections.load(Ordering::Relaxed),
            queued: [lanes.light.queued as u64, lanes.heavy.queued as u64],
            running: [lanes.light.running as u64, (lanes.heavy.running + lanes.heavy.demoted) as u64],
            threads: [threads, threads + lanes.heavy.demoted as u64],
            heavy_debt: lanes.debt.as_secs_f64(),
            pools: [self.input.usage(), self.windows.usage(), self.work.usage()].map(reading),
            cache: self.reuse.stats(),
        }
    }
}

fn reading(u: Usage) -> PoolReading {
    PoolReading { capacity: u.capacity, granted: u.granted, peak: u.peak, waiting: u.waiting }
}
