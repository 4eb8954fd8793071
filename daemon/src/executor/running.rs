//! A job that has a thread: what is known of it, how much CPU it used, and its way from Light to Heavy.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use squeezed_schedule::{JobId, Lane};

use crate::memory::Grant;
use crate::thread::{ThreadId, own_cpu_time};

/// Who a job is for, for STATUS.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The user.
    pub uid: u32,
    /// The connection.
    pub connection: u64,
    /// Bytes of the image.
    pub bytes: u64,
    /// How far it is, 0 to 1000.
    pub permille: Arc<AtomicU32>,
    /// The format, once it is known.
    pub format: Arc<OnceLock<String>>,
}

/// A run of a job: its place on a thread.
pub struct Running {
    /// The job.
    pub id: JobId,
    /// Who it is for.
    pub about: About,
    /// When the run began.
    pub since: Instant,
    /// CPU time that it is expected to need.
    pub expected: Duration,
    /// Threads that it may use at once, its own included.
    pub threads: u32,
    thread: ThreadId,
    cpu_before: Duration,
    heavy: AtomicBool,
    demoted: AtomicBool,
    forgotten: AtomicBool,
    accounted_ns: AtomicU64,
    memory: Mutex<Vec<Grant>>,
    helpers: Mutex<Vec<Helper>>,
    /// CPU time of helpers that have ended.
    ended: Mutex<Duration>,
}

/// A thread that the job started.
struct Helper {
    thread: ThreadId,
    cpu: Duration,
}

impl Running {
    /// A run that begins now on the calling thread.
    pub fn begin(
        id: JobId,
        about: About,
        lane: Lane,
        expected: Duration,
        threads: u32,
        memory: Vec<Grant>,
    ) -> Self {
        Self {
            id,
            about,
            since: Instant::now(),
            expected,
            threads,
            thread: ThreadId::current(),
            cpu_before: own_cpu_time(),
            heavy: AtomicBool::new(lane == Lane::Heavy),
            demoted: AtomicBool::new(false),
            forgotten: AtomicBool::new(false),
            accounted_ns: AtomicU64::new(0),
            memory: Mutex::new(memory),
            helpers: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// The lane that it is in now.
    pub fn lane(&self) -> Lane {
        if self.heavy.load(Ordering::Relaxed) { Lane::Heavy } else { Lane::Light }
    }

    /// Whether it began in Light and is in Heavy now.
    pub fn was_demoted(&self) -> bool {
        self.demoted.load(Ordering::Relaxed)
    }

    /// The lane that its thread asks next; `None` where the thread ends with it.
    pub fn next_lane(&self) -> Option<Lane> {
        (!self.was_demoted()).then(|| self.lane())
    }

    /// Marks that nobody wants it any more.
    pub fn forget(&self) {
        self.forgotten.store(true, Ordering::Relaxed);
    }

    /// Whether nobody wants it any more.
    pub fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The calling thread works for this job. Called whenever the job looks at its stop flag, so that threads which it
    /// started are known.
    pub fn note_thread(&self) {
        let me = ThreadId::current();
        if me == self.thread {
            return;
        }
        let mut helpers = lock(&self.helpers);
        match helpers.iter_mut().find(|h| h.thread == me) {
            Some(known) => known.cpu = own_cpu_time(),
            None => {
                helpers.push(Helper { thread: me, cpu: own_cpu_time() });
                if let (true, Some(nice)) = (self.was_demoted(), self.thread.nice()) {
                    me.set_nice(nice);
                }
            }
        }
    }

    /// CPU time that the run used so far, as another thread sees it.
    pub fn cpu(&self) -> Duration {
        let own = self.thread.cpu_time().unwrap_or_default().saturating_sub(self.cpu_before);
        own + self.helpers_cpu()
    }

    /// CPU time that the run used so far; for the job's own thread.
    pub fn own_cpu(&self) -> Duration {
        own_cpu_time().saturating_sub(self.cpu_before) + self.helpers_cpu()
    }

    /// What of this CPU time was not told before.
    pub fn unaccounted(&self, cpu: Duration) -> Duration {
        let ns = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(ns.saturating_sub(self.accounted_ns.fetch_max(ns, Ordering::Relaxed)))
    }

    /// Takes its threads and its memory to Heavy.
    pub fn demote(&self, nice: i32) {
        self.heavy.store(true, Ordering::Relaxed);
        self.demoted.store(true, Ordering::Relaxed);
        self.thread.set_nice(nice);
        lock(&self.helpers).iter().for_each(|h| {
            h.thread.set_nice(nice);
        });
        lock(&self.memory).iter_mut().for_each(Grant::demote);
    }

    /// Adds work memory that it asked for beyond its plan.
    pub fn add_memory(&self, mut grant: Grant) {
        let mut memory = lock(&self.memory);
        if self.lane() == Lane::Heavy {
            grant.demote();
        }
        memory.push(grant);
    }

    /// Gives its work memory back.
    pub fn release_memory(&self) {
        let memory = std::mem::take(&mut *lock(&self.memory));
        drop(memory);
    }

    fn helpers_cpu(&self) -> Duration {
        let mut helpers = lock(&self.helpers);
        let mut ended = lock(&self.ended);
        // A helper that has ended counts with what it was seen to use last, and its number may be another thread's soon.
        helpers.retain_mut(|h| match h.thread.cpu_time() {
            Some(cpu) => {
                h.cpu = h.cpu.max(cpu);
                true
            }
            None => {
                *ended += h.cpu;
                false
            }
        });
        *ended + helpers.iter().map(|h| h.cpu).sum::<Duration>()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squeezed_schedule::{Arrival, Config, Schedule};

    #[test]
    fn helpers_are_counted_and_each_cpu_second_is_told_once() {
        let mut schedule = Schedule::new(Config::for_cores(1));
        let arrival = Arrival { uid: 0, connection: 0, bytes: 0, expected: Duration::ZERO, deadline: None };
        let run = Running::begin(
            schedule.admit(Duration::ZERO, arrival).unwrap(),
            About::default(),
            Lane::Light,
            Duration::ZERO,
            2,
            Vec::new(),
        );
        std::thread::scope(|s| {
            s.spawn(|| {
                run.note_thread();
                while own_cpu_time() < Duration::from_millis(30) {}
                run.note_thread();
            });
        });
        let cpu = run.own_cpu();
        assert!(cpu >= Duration::from_millis(30), "{cpu:?}");
        assert!(run.unaccounted(cpu) >= Duration::from_millis(30));
        assert_eq!(run.unaccounted(cpu), Duration::ZERO);
    }
}
