//! Counters and the list of running jobs, for STATUS.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use squeezed_protocol::{JobRow, LaneRow, PoolRow, StatusReport};

use crate::memory::Usage;
use crate::state::Daemon;

/// Counters since the start.
#[derive(Default)]
pub struct Stats {
    /// Jobs ended well.
    pub done: AtomicU64,
    /// Jobs ended in an error.
    pub failed: AtomicU64,
    /// Requests answered BUSY.
    pub busy: AtomicU64,
    /// Connections open.
    pub connections: AtomicU64,
    next_job: AtomicU64,
    running: Mutex<BTreeMap<u64, Running>>,
}

/// A job at work.
struct Running {
    uid: u32,
    format: String,
    bytes: u64,
    since: Instant,
    permille: Arc<AtomicU32>,
}

/// Keeps a job in the list for as long as it lives.
pub struct Listed<'a> {
    stats: &'a Stats,
    /// Number of the job since the start.
    pub job: u64,
}

impl Stats {
    /// Lists a job that begins to run.
    pub fn list(&self, uid: u32, format: &str, bytes: u64, permille: Arc<AtomicU32>) -> Listed<'_> {
        let job = self.next_job.fetch_add(1, Ordering::Relaxed) + 1;
        let row = Running { uid, format: format.into(), bytes, since: Instant::now(), permille };
        self.lock().insert(job, row);
        Listed { stats: self, job }
    }

    /// The daemon's state; jobs only for those who may see them.
    pub fn report(daemon: &Daemon, draining: bool, full: bool) -> StatusReport {
        let (stats, load) = (&daemon.stats, daemon.executor.load());
        let row = |(job, r): (&u64, &Running)| JobRow {
            job: *job,
            uid: r.uid,
            format: r.format.clone(),
            bytes: r.bytes,
            run_ms: u64::try_from(r.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            permille: r.permille.load(Ordering::Relaxed),
            ..JobRow::default()
        };
        let threads = u32::try_from(load.threads).unwrap_or(u32::MAX);
        let lane = LaneRow {
            name: "light".into(),
            threads,
            running: load.running as u64,
            queued: load.queued as u64,
            ..LaneRow::default()
        };
        let jobs = if full { stats.lock().iter().map(row).collect() } else { Vec::new() };
        StatusReport {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: daemon.started.elapsed().as_secs(),
            draining,
            threads,
            running: load.running as u64,
            queued: load.queued as u64,
            queue_limit: load.queue_limit as u64,
            done: stats.done.load(Ordering::Relaxed),
            failed: stats.failed.load(Ordering::Relaxed),
            busy: stats.busy.load(Ordering::Relaxed),
            connections: stats.connections.load(Ordering::Relaxed),
            input_pool: pool(daemon.input.usage()),
            work_pool: pool(daemon.work.usage()),
            lanes: vec![lane],
            jobs,
            ..StatusReport::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.stats.lock().remove(&self.job);
    }
}

fn pool(u: Usage) -> PoolRow {
    PoolRow { capacity: u.capacity, granted: u.granted, waiting: u.waiting, ..PoolRow::default() }
}
