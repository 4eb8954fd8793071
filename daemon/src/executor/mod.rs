//! Gives jobs a thread: two lanes of blocking threads behind one schedule.
//!
//! **Light** runs at the daemon's own nice, **Heavy** above it, so the kernel takes a core from Heavy for Light within a
//! slice: no core is reserved and none idles. Which job goes when is decided by [`squeezed_schedule`], which knows no
//! threads; here are the threads, the clocks and the memory. Nothing here knows what a job does: a caller gives a closure
//! for the first look, which answers with one for the work.

mod lane;
mod running;
mod shared;
mod warden;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use squeezed_schedule::{Config, Schedule, Snapshot};

use crate::memory::Work;
use crate::thread::own_nice;
use shared::Shared;

pub use running::{About, Running};
pub use shared::Step;
pub use squeezed_schedule::{Arrival, JobId, Lane, Refused};

/// The first look at a job, always in Light. `None` where nothing is left to do. Dropped undone when the executor ends or
/// forgets it.
pub type Look = Box<dyn FnOnce(&Arc<Running>) -> Option<Placed> + Send>;
/// The work of a job, in its lane.
pub type WorkFn = Box<dyn FnOnce(&Arc<Running>) + Send>;

/// What a first look led to.
pub struct Placed {
    /// CPU time that the work will need.
    pub cpu: Duration,
    /// Bytes that it will need.
    pub memory: u64,
    /// Where it belongs.
    pub lane: Lane,
    /// Threads that would help it.
    pub useful_threads: u32,
    /// Bytes for each thread beyond the first.
    pub thread_bytes: u64,
    /// The work.
    pub work: WorkFn,
    /// Called instead of the work where it could not begin by its deadline.
    pub late: Box<dyn FnOnce(Refused) + Send>,
}

/// The lanes.
pub struct Executor {
    shared: Arc<Shared>,
    config: Config,
    nice: i32,
}

impl Executor {
    /// Starts the threads. Heavy's are `heavy_nice` above the process's own nice.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(config: Config, work: Arc<Work>, heavy_nice: i32) -> std::io::Result<Self> {
        let nice = own_nice().unwrap_or(0);
        let shared =
            Shared::new(Schedule::new(config.clone()), work, nice.saturating_add(heavy_nice).min(19));
        let executor = Self { shared, config, nice };
        let cores = executor.config.cores;
        for lane in Lane::ALL.into_iter().flat_map(|l| std::iter::repeat_n(l, cores)) {
            executor.shared.start_thread(lane)?;
        }
        warden::start(&executor.shared)?;
        Ok(executor)
    }

    /// Queues a job by its first look. The number takes it out again with [`Self::forget`].
    ///
    /// # Errors
    /// The queue is full, or the job could not begin by its deadline.
    pub fn admit(
        &self,
        arrival: Arrival,
        deadline: Option<Instant>,
        about: About,
        look: Look,
    ) -> Result<JobId, Refused> {
        self.shared.admit(arrival, deadline, about, look)
    }

    /// Takes a job that still waits out of the queue. Dropping the rest of it may take time: it holds a whole image.
    pub fn forget(&self, id: JobId) -> Option<Step> {
        self.shared.forget(id)
    }

    /// Its limits and shares.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Nice values of Light's and Heavy's threads.
    pub fn nice(&self) -> (i32, i32) {
        (self.nice, self.shared.heavy_nice())
    }

    /// Light jobs demoted since the start.
    pub fn demoted(&self) -> u64 {
        self.shared.demoted()
    }

    /// The lanes as they are now.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Whether anything runs or waits.
    pub fn is_busy(&self) -> bool {
        self.shared.is_busy()
    }

    /// What runs now.
    pub fn runs(&self) -> Vec<Arc<Running>> {
        self.shared.runs()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.end();
    }
}
