//! What is going on at the moment of a scrape. Asked then and only then: nobody keeps these numbers up to date.

use metrics::{Counter, Gauge};
use squeezed_cache::Stats;
use squeezed_schedule::Lane;

use super::names;
use super::recorder::Registrar;

/// The pools, as labels, in the order of [`Reading::pools`].
const POOLS: [&str; 3] = ["input", "windows", "work"];

/// The daemon, as far as the metrics look at it.
pub trait Gauges: Send + Sync + 'static {
    /// Reads everything. Called for each scrape on a thread that may block for a moment.
    fn read(&self) -> Reading;
}

/// A memory pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolReading {
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes granted.
    pub granted: u64,
    /// Most bytes granted at once since the start.
    pub peak: u64,
    /// Requests in the line.
    pub waiting: u64,
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// Open connections.
    pub connections: u64,
    /// Jobs that wait, by lane: light, heavy.
    pub queued: [u64; 2],
    /// Jobs that run, by lane.
    pub running: [u64; 2],
    /// Codec threads, by lane.
    pub threads: [u64; 2],
    /// CPU seconds that the heavy lane is owed.
    pub heavy_debt: f64,
    /// The pools: input, windows, work.
    pub pools: [PoolReading; 3],
    /// The cache on disk; zeros without one.
    pub cache: Stats,
}

pub(super) struct GaugeHandles {
    connections: Gauge,
    heavy_debt: Gauge,
    lanes: [LaneGauges; 2],
    pools: [PoolGauges; 3],
    hits: Counter,
    misses: Counter,
    torn: Counter,
    written: Counter,
    dropped: Counter,
    failed: Counter,
    evicted: Counter,
    entries: Gauge,
    bytes: Gauge,
}

struct LaneGauges {
    queued: Gauge,
    running: Gauge,
    threads: Gauge,
}

struct PoolGauges {
    capacity: Gauge,
    granted: Gauge,
    peak: Gauge,
    waiting: Gauge,
}

impl GaugeHandles {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        r.gauge(&names::INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        Self {
            connections: r.gauge(&names::CONNECTIONS, &[]),
            heavy_debt: r.gauge(&names::HEAVY_DEBT, &[]),
            lanes: Lane::ALL.map(|lane| LaneGauges {
                queued: r.gauge(&names::QUEUED, &[lane.name()]),
                running: r.gauge(&names::RUNNING, &[lane.name()]),
                threads: r.gauge(&names::THREADS, &[lane.name()]),
            }),
            pools: POOLS.map(|pool| PoolGauges {
                capacity: r.gauge(&names::POOL_CAPACITY, &[pool]),
                granted: r.gauge(&names::POOL_GRANTED, &[pool]),
                peak: r.gauge(&names::POOL_PEAK, &[pool]),
                waiting: r.gauge(&names::POOL_WAITING, &[pool]),
            }),
            hits: r.counter(&names::CACHE_HITS, &[]),
            misses: r.counter(&names::CACHE_MISSES, &[]),
            torn: r.counter(&names::CACHE_TORN, &[]),
            written: r.counter(&names::CACHE_WRITTEN, &[]),
            dropped: r.counter(&names::CACHE_DROPPED, &[]),
            failed: r.counter(&names::CACHE_FAILED, &[]),
            evicted: r.counter(&names::CACHE_EVICTED, &[]),
            entries: r.gauge(&names::CACHE_ENTRIES, &[]),
            bytes: r.gauge(&names::CACHE_BYTES, &[]),
        }
    }

    pub(super) fn set(&self, now: &Reading) {
        // Whole numbers are exact up to 2^53.
        let set = |g: &Gauge, n: u64| g.set(n as f64);
        set(&self.connections, now.connections);
        self.heavy_debt.set(now.heavy_debt);
        for (i, lane) in self.lanes.iter().enumerate() {
            let of = |by_lane: &[u64; 2]| by_lane.get(i).copied().unwrap_or(0);
            set(&lane.queued, of(&now.queued));
            set(&lane.running, of(&now.running));
            set(&lane.threads, of(&now.threads));
        }
        for (pool, p) in self.pools.iter().zip(&now.pools) {
            set(&pool.capacity, p.capacity);
            set(&pool.granted, p.granted);
            set(&pool.peak, p.peak);
            set(&pool.waiting, p.waiting);
        }
        let c = &now.cache;
        self.hits.absolute(c.hits);
        self.misses.absolute(c.misses);
        self.torn.absolute(c.torn);
        self.written.absolute(c.written);
        self.dropped.absolute(c.dropped);
        self.failed.absolute(c.failed);
        self.evicted.absolute(c.evicted);
        set(&self.entries, c.entries);
        set(&self.bytes, c.bytes);
    }
}
