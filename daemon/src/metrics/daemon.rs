//! Reads the daemon for a scrape: the one file here that knows it.

use std::sync::atomic::Ordering;

use super::{Gauges, PoolReading, Reading};
use crate::memory::Pool;
use crate::state::Daemon;

impl Gauges for Daemon {
    fn read(&self) -> Reading {
        let load = self.executor.load();
        Reading {
            connections: self.stats.connections.load(Ordering::Relaxed),
            queued: [load.queued as u64, 0],
            running: [load.running as u64, 0],
            threads: [load.threads as u64, 0],
            pools: [&self.input, &self.windows, &self.work].map(|pool| reading(pool)),
            ..Reading::default()
        }
    }
}

fn reading(pool: &Pool) -> PoolReading {
    let u = pool.usage();
    PoolReading { capacity: u.capacity, granted: u.granted, peak: u.granted, waiting: u.waiting }
}
