//! Counters, and the report for STATUS.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use squeezed_protocol::{JobRow, LaneRow, PluginLoad, PoolRow, StatusReport};
use squeezed_schedule::LaneSnapshot;

use crate::executor::{Lane, Running};
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
    /// Connections accepted; the number of the last one.
    pub accepted: AtomicU64,
    plugins: Mutex<BTreeMap<String, PluginLoad>>,
}

/// What one job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Bytes in.
    pub input: u64,
    /// Bytes out.
    pub output: u64,
    /// CPU time.
    pub cpu: Duration,
    /// Run time.
    pub wall: Duration,
    /// Bytes planned.
    pub planned: u64,
    /// Bytes measured; 0 where nothing was.
    pub peak: u64,
    /// Whether the plan was exceeded by half.
    pub over: bool,
}

impl Stats {
    /// Adds a job to its plugin's row.
    pub fn add(&self, plugin: &str, load: &Load) {
        let mut plugins = self.plugins();
        let row = plugins
            .entry(plugin.to_owned())
            .or_insert_with(|| PluginLoad { id: plugin.to_owned(), ..PluginLoad::default() });
        row.jobs += 1;
        row.input_bytes += load.input;
        row.output_bytes += load.output;
        row.cpu_ms += millis(load.cpu);
        row.wall_ms += millis(load.wall);
        row.plan_peak_bytes = row.plan_peak_bytes.max(load.planned);
        row.measured_peak_bytes = row.measured_peak_bytes.max(load.peak);
        row.overruns += u64::from(load.over);
    }

    /// The daemon's state; jobs and plugins only for those who may see them.
    pub fn report(daemon: &Daemon, draining: bool, full: bool) -> StatusReport {
        let stats = &daemon.stats;
        let lanes = daemon.executor.snapshot();
        let limits = daemon.executor.config();
        let threads = u32::try_from(limits.cores).unwrap_or(u32::MAX);
        let nice = daemon.executor.nice();
        let lane = |lane: Lane, s: &LaneSnapshot| LaneRow {
            name: lane.name().into(),
            threads,
            nice: if lane == Lane::Heavy { nice.1 } else { nice.0 },
            running: (s.running + s.demoted) as u64,
            queued: s.queued as u64,
            oldest_wait_ms: millis(s.oldest_wait),
            expected_ms: millis(s.expected_cpu),
            in_debt: lane == Lane::Heavy && lanes.light_gives_way,
            demoted: if lane == Lane::Light { daemon.executor.demoted() } else { 0 },
        };
        let mut runs = if full { daemon.executor.runs() } else { Vec::new() };
        runs.sort_by_key(|r| r.id);
        let plugins = if full { stats.plugins().values().cloned().collect() } else { Vec::new() };
        StatusReport {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: daemon.started.elapsed().as_secs(),
            draining,
            threads: threads.saturating_mul(2),
            running: (lanes.light.running + lanes.heavy.running + lanes.heavy.demoted) as u64,
            queued: (lanes.light.queued + lanes.heavy.queued) as u64,
            queue_limit: limits.queue_jobs as u64,
            queued_bytes: lanes.waiting_bytes,
            queue_bytes_limit: limits.queue_bytes,
            done: stats.done.load(Ordering::Relaxed),
            failed: stats.failed.load(Ordering::Relaxed),
            busy: stats.busy.load(Ordering::Relaxed),
            connections: stats.connections.load(Ordering::Relaxed),
            input_pool: pool(daemon.input.usage()),
            work_pool: pool(daemon.work.usage()),
            lanes: vec![lane(Lane::Light, &lanes.light), lane(Lane::Heavy, &lanes.heavy)],
            jobs: runs.iter().map(|r| job(r)).collect(),
            plugins,
            shared: if full { daemon.reuse.shared() } else { 0 },
            cache: if full { daemon.reuse.row() } else { None },
        }
    }

    fn plugins(&self) -> MutexGuard<'_, BTreeMap<String, PluginLoad>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn job(r: &Running) -> JobRow {
    JobRow {
        job: r.id.get(),
        uid: r.about.uid,
        connection: r.about.connection,
        format: r.about.format.get().cloned().unwrap_or_default(),
        bytes: r.about.bytes,
        lane: r.lane().name().into(),
        threads: r.threads,
        run_ms: millis(r.since.elapsed()),
        cpu_ms: millis(r.cpu()),
        expected_ms: millis(r.expected),
        permille: r.about.permille.load(Ordering::Relaxed),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn pool(u: Usage) -> PoolRow {
    PoolRow { capacity: u.capacity, granted: u.granted, waiting: u.waiting, reserve: u.reserve, peak: u.peak }
}
