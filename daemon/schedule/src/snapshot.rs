//! What the scheduler looks like at one moment, for STATUS and metrics.

use std::time::Duration;

/// The scheduler at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Snapshot {
    /// The Light lane.
    pub light: LaneSnapshot,
    /// The Heavy lane.
    pub heavy: LaneSnapshot,
    /// Jobs that were admitted and whose work has not begun, those under examination included.
    pub waiting_jobs: usize,
    /// Bytes of input that these hold.
    pub waiting_bytes: u64,
    /// CPU that Light owes Heavy.
    pub debt: Duration,
    /// Whether Light leaves a core to Heavy just now.
    pub light_gives_way: bool,
    /// Jobs that left the queue a second, averaged over the last 10 s or so in which something waited.
    pub jobs_per_second: f64,
    /// The same in bytes.
    pub bytes_per_second: f64,
}

/// One lane at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneSnapshot {
    /// Runs on the lane's own threads.
    pub running: usize,
    /// Runs that were demoted into this lane and still go on.
    pub demoted: usize,
    /// Runs that wait for a thread.
    pub queued: usize,
    /// For how long the oldest of them has waited in this lane.
    pub oldest_wait: Duration,
    /// CPU that all queued ones are expected to take.
    pub expected_cpu: Duration,
    /// Whether the job in turn waits for memory.
    pub waits_for_memory: bool,
}
