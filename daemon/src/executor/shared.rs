//! What the threads of the executor share: the schedule, the closures of what waits, the list of what runs.
//!
//! **Invariant:** nothing that belongs to a job is run, dropped or read from the system while the lock is held, except a
//! change of nice, which must not hit a thread that has gone on to another job.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use squeezed_schedule::{Arrival, Expected, JobId, Lane, Refused, Schedule, Snapshot};

use super::running::{About, Running};
use super::{Look, Placed, WorkFn, lane};
use crate::memory::{Grant, Work};

/// What a thread does for a job.
pub enum Step {
    /// The first look.
    Look(Look),
    /// The work.
    Work(WorkFn),
}

/// A run that a thread was given.
pub struct Turn {
    /// Its place.
    pub run: Arc<Running>,
    /// What to do.
    pub step: Step,
}

/// What a look at all jobs found.
pub enum Seen {
    /// The executor ends.
    Ending,
    /// Nothing runs and nothing waits.
    Nothing,
    /// There are jobs; after this time Light may go on, where it waits for Heavy's debt to be paid.
    Jobs(Option<Duration>),
}

/// A run that waits.
struct Waiting {
    about: About,
    expected: Duration,
    useful_threads: u32,
    thread_bytes: u64,
    step: Step,
}

/// Shared by all threads of an executor.
pub struct Shared {
    epoch: Instant,
    heavy_nice: i32,
    /// Most demoted jobs at once: each has a thread more than its lane has. Beyond that Light keeps what overruns.
    most_demoted: usize,
    work: Arc<Work>,
    state: Mutex<State>,
    demoted: AtomicU64,
}

struct State {
    schedule: Schedule,
    waiting: HashMap<JobId, Waiting>,
    running: HashMap<JobId, Arc<Running>>,
    /// Threads without work; the last to become idle is the first to get some, since its caches are warm.
    idle: [Vec<Thread>; 2],
    started: u64,
    ending: bool,
    warden: Option<Thread>,
}

impl Shared {
    /// No thread yet.
    pub fn new(schedule: Schedule, work: Arc<Work>, heavy_nice: i32) -> Arc<Self> {
        let shared = Arc::new(Self {
            epoch: Instant::now(),
            heavy_nice,
            most_demoted: schedule.config().cores.saturating_mul(8),
            work: work.clone(),
            state: Mutex::new(State {
                schedule,
                waiting: HashMap::new(),
                running: HashMap::new(),
                idle: Default::default(),
                started: 0,
                ending: false,
                warden: None,
            }),
            demoted: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&shared);
        work.on_release(move || {
            if let Some(shared) = weak.upgrade() {
                shared.lock().wake(None);
            }
        });
        shared
    }

    /// Nice value of Heavy's threads.
    pub fn heavy_nice(&self) -> i32 {
        self.heavy_nice
    }

    /// Light jobs demoted since the start.
    pub fn demoted(&self) -> u64 {
        self.demoted.load(Ordering::Relaxed)
    }

    /// Starts a thread of a lane.
    ///
    /// # Errors
    /// The system gives none.
    pub fn start_thread(self: &Arc<Self>, which: Lane) -> std::io::Result<()> {
        let mut state = self.lock();
        state.started += 1;
        lane::start(self, which, state.started)
    }

    /// Queues the first look at a job.
    ///
    /// # Errors
    /// The queue is full, or the job could not begin by its deadline.
    pub fn admit(
        &self,
        mut arrival: Arrival,
        deadline: Option<Instant>,
        about: About,
        look: Look,
    ) -> Result<JobId, Refused> {
        let expected = arrival.expected;
        arrival.deadline = deadline.map(|d| d.saturating_duration_since(self.epoch));
        let mut state = self.lock();
        let id = state.schedule.admit(self.now(), arrival)?;
        let step = Step::Look(look);
        state.waiting.insert(id, Waiting { about, expected, useful_threads: 1, thread_bytes: 0, step });
        state.wake(None);
        Ok(id)
    }

    /// Takes a job that waits out of the queue. One that runs is marked, so that it will not be queued again.
    pub fn forget(&self, id: JobId) -> Option<Step> {
        let mut state = self.lock();
        if let Some(run) = state.running.get(&id) {
            run.forget();
            return None;
        }
        let waiting = state.waiting.remove(&id)?;
        state.schedule.remove(self.now(), id);
        state.wake(None);
        Some(waiting.step)
    }

    /// The next run for a thread of this lane; waits for one. `None` when the executor ends.
    pub fn next(&self, lane: Lane) -> Option<Turn> {
        let me = std::thread::current();
        loop {
            // Outside the guard, so that no grant is ever given back under it.
            let mut memory = Vec::new();
            let mut state = self.lock();
            // A thread that woke by itself is still among the idle ones.
            state.idle[index(lane)].retain(|thread| thread.id() != me.id());
            if state.ending {
                return None;
            }
            if let Some(turn) = self.dispatch(&mut state, lane, &mut memory) {
                state.wake(None);
                return Some(turn);
            }
            state.idle[index(lane)].push(me.clone());
            drop(state);
            std::thread::park();
        }
    }

    fn dispatch(&self, state: &mut State, lane: Lane, memory: &mut Vec<Grant>) -> Option<Turn> {
        let heavy_waits = state.schedule.waits_for_memory(Lane::Heavy);
        let id = state.schedule.next(self.now(), lane, &mut |_, bytes| {
            let grant = self.work.take(lane, bytes, heavy_waits);
            let taken = grant.is_some();
            memory.extend(grant);
            taken
        })?;
        let w = state.waiting.remove(&id)?;
        let may = u32::try_from(state.schedule.threads_for_new_job()).unwrap_or(1).min(w.useful_threads);
        let mut threads = may.max(1);
        if threads > 1 {
            match self.work.take(lane, w.thread_bytes.saturating_mul(u64::from(threads - 1)), heavy_waits) {
                Some(more) => memory.push(more),
                None => threads = 1,
            }
        }
        let run = Arc::new(Running::begin(id, w.about, lane, w.expected, threads, std::mem::take(memory)));
        state.running.insert(id, run.clone());
        if let Some(warden) = state.warden.take() {
            warden.unpark();
        }
        Some(Turn { run, step: w.step })
    }

    /// The first look is over. Queues the work, where there is some.
    pub fn looked(&self, run: &Running, placed: Option<Placed>) {
        let cpu = run.own_cpu();
        let mut state = self.lock();
        state.running.remove(&run.id);
        let now = self.now();
        let unwanted = run.is_forgotten() || state.ending;
        let (placed, left) = if unwanted { (None, placed) } else { (placed, None) };
        let Some(placed) = placed else {
            state.schedule.ended(now, run.id, cpu);
            state.wake(run.next_lane());
            drop(state);
            // A whole image.
            drop(left);
            return;
        };
        let Placed { cpu: expected, memory, lane, useful_threads, thread_bytes, work, late } = placed;
        let result = state.schedule.place(now, run.id, cpu, Expected { cpu: expected, memory, lane });
        match result {
            Ok(()) => {
                let about = run.about.clone();
                let step = Step::Work(work);
                state.waiting.insert(run.id, Waiting { about, expected, useful_threads, thread_bytes, step });
                state.wake(run.next_lane());
            }
            Err(refused) => {
                state.wake(run.next_lane());
                drop(state);
                let _ = catch_unwind(AssertUnwindSafe(|| late(refused)));
            }
        }
    }

    /// The work is over.
    pub fn ended(&self, run: &Running) {
        let cpu = run.own_cpu();
        let mut state = self.lock();
        state.running.remove(&run.id);
        let now = self.now();
        if run.lane() == Lane::Heavy {
            state.schedule.heavy_used(now, run.unaccounted(cpu));
        }
        state.schedule.ended(now, run.id, cpu);
        state.wake(run.next_lane());
    }

    /// A look at what runs. With `may_sleep` the next job wakes a caller that saw nothing.
    pub fn tick(self: &Arc<Self>, may_sleep: bool) -> Seen {
        let runs: Vec<Arc<Running>> = {
            let mut state = self.lock();
            if state.ending {
                return Seen::Ending;
            }
            if state.running.is_empty() && state.waiting.is_empty() {
                if may_sleep {
                    state.warden = Some(std::thread::current());
                }
                return Seen::Nothing;
            }
            state.running.values().cloned().collect()
        };
        let mut heavy = Duration::ZERO;
        for run in runs {
            let cpu = run.cpu();
            match run.lane() {
                Lane::Heavy => heavy += run.unaccounted(cpu),
                Lane::Light if cpu > patience(run.expected) => self.demote(&run, cpu),
                Lane::Light => {}
            }
        }
        let mut state = self.lock();
        let now = self.now();
        state.schedule.heavy_used(now, heavy);
        // Heavy's debt may be paid.
        state.wake(None);
        Seen::Jobs(state.schedule.next_wake(now))
    }

    fn demote(self: &Arc<Self>, run: &Running, cpu: Duration) {
        let mut state = self.lock();
        let demoted = state.running.values().filter(|r| r.was_demoted()).count();
        // The look at a job and its work have one number: what was seen may be over and the other be running.
        let current = state.running.get(&run.id).is_some_and(|now| std::ptr::eq(Arc::as_ptr(now), run));
        if !current || demoted >= self.most_demoted {
            return;
        }
        state.started += 1;
        if let Err(e) = lane::start(self, Lane::Light, state.started) {
            tracing::warn!("no thread for a lane, a slow job stays Light: {e}");
            return;
        }
        run.demote(self.heavy_nice);
        run.unaccounted(cpu);
        state.schedule.demote(self.now(), run.id);
        self.demoted.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the threads after their current jobs and gives up what waits. They are not joined: a codec cannot be stopped.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ending = true;
        let left = std::mem::take(&mut state.waiting);
        state.idle.iter_mut().flat_map(|idle| idle.drain(..)).for_each(|thread| thread.unpark());
        if let Some(warden) = state.warden.take() {
            warden.unpark();
        }
        drop(state);
        drop(left);
    }
}

impl Shared {
    /// What is known of the lanes.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().schedule.snapshot(self.now())
    }

    /// Whether anything runs or waits.
    pub fn is_busy(&self) -> bool {
        let state = self.lock();
        !(state.running.is_empty() && state.waiting.is_empty())
    }

    /// What runs now.
    pub fn runs(&self) -> Vec<Arc<Running>> {
        self.lock().running.values().cloned().collect()
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Wakes a thread of each lane that has something to do. The caller's own lane is one that it will ask itself, so
    /// the first job there is its own.
    fn wake(&mut self, own: Option<Lane>) {
        for lane in Lane::ALL {
            if self.schedule.queued(lane) > usize::from(own == Some(lane))
                && let Some(thread) = self.idle[index(lane)].pop()
            {
                thread.unpark();
            }
        }
    }
}

fn index(lane: Lane) -> usize {
    usize::from(lane == Lane::Heavy)
}

/// CPU time after which a light job is demoted: docs/scheduling.md, Demotion.
fn patience(expected: Duration) -> Duration {
    (expected * 4).max(Duration::from_millis(50))
}
