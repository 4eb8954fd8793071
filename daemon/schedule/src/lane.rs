//! A lane: its queue and what runs on its threads. Knows nothing of the other lane.

use std::collections::BTreeSet;

use crate::job::JobId;
use crate::queue::Queue;
use crate::time::Time;

/// Where a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Jobs that are expected to end soon, and all examinations.
    Light,
    /// All others, at a lower priority.
    Heavy,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Light, Lane::Heavy];

    /// The name that users see: in STATUS, metrics and thread names.
    pub const fn name(self) -> &'static str {
        match self {
            Lane::Light => "light",
            Lane::Heavy => "heavy",
        }
    }
}

/// One lane as it is now.
#[derive(Debug)]
pub(crate) struct LaneState {
    pub queue: Queue,
    /// Runs on the lane's threads, by when they are expected to end.
    pub running: BTreeSet<(Time, JobId)>,
    /// Since when each queued job waits in this lane.
    pub waits: BTreeSet<(Time, JobId)>,
    /// The job whose turn it is and whose memory did not fit; no other work starts before it.
    pub blocked: Option<JobId>,
}

impl LaneState {
    pub fn new(quantum: u64) -> Self {
        Self { queue: Queue::new(quantum), running: BTreeSet::new(), waits: BTreeSet::new(), blocked: None }
    }

    /// A job does not wait here any more.
    pub fn forget_wait(&mut self, id: JobId, since: Time) {
        self.waits.remove(&(since, id));
        if self.blocked == Some(id) {
            self.blocked = None;
        }
    }
}
