//! The link between a job on its thread and the connection that asked for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use squeezed_cache::{Joined, Seat};
use squeezed_host::Control;
use squeezed_plugin_api::{LogLevel, StopReason};
use squeezed_protocol::Progress;
use tokio::sync::mpsc::UnboundedSender;

use super::{Asker, Event, Reuse};
use crate::executor::Running;
use crate::logging::{Throttle, plain};
use crate::memory::Work;

/// PROGRESS is sent at most this often.
const PROGRESS_GAP: Duration = Duration::from_millis(100);

/// One job's switches and gauges.
pub struct JobControl {
    stream: u32,
    events: UnboundedSender<Event>,
    work: Arc<Work>,
    cancelled: AtomicBool,
    started: AtomicBool,
    deadline: Option<Instant>,
    /// What the judge will need of the time to the deadline.
    judging: OnceLock<Duration>,
    /// The thread that has it now.
    run: Mutex<Option<Arc<Running>>>,
    /// Its seat in a run that others may have joined.
    shared: Mutex<Option<(Arc<Reuse>, Seat)>>,
    want_progress: bool,
    permille: Arc<AtomicU32>,
    last_progress: Mutex<Option<Instant>>,
}

impl JobControl {
    /// The control of a job of this stream.
    pub fn new(
        stream: u32,
        events: UnboundedSender<Event>,
        work: Arc<Work>,
        deadline: Option<Instant>,
        want_progress: bool,
    ) -> Self {
        Self {
            stream,
            events,
            work,
            cancelled: AtomicBool::new(false),
            started: AtomicBool::new(false),
            deadline,
            judging: OnceLock::new(),
            run: Mutex::default(),
            shared: Mutex::default(),
            want_progress,
            permille: Arc::default(),
            last_progress: Mutex::new(None),
        }
    }

    /// Takes the job's place among others: joins an identical one, or lets others join it. Not called for a job that was
    /// cancelled before.
    pub fn enter(&self, reuse: &Arc<Reuse>, join: impl FnOnce() -> Joined<Asker>) -> Option<Joined<Asker>> {
        let mut shared = self.shared();
        if self.cancelled.load(Ordering::SeqCst) {
            return None;
        }
        let joined = join();
        if let Joined::Leader(seat) | Joined::Follower(seat) = &joined {
            *shared = Some((reuse.clone(), *seat));
        }
        Some(joined)
    }

    /// Whoever asked does not want the answer any more. A job that others may have joined is told by its seat, since it
    /// may have to go on for them.
    pub fn cancel(&self) -> Option<Seat> {
        let shared = self.shared();
        match &*shared {
            Some((_, seat)) => Some(*seat),
            None => {
                self.cancelled.store(true, Ordering::SeqCst);
                None
            }
        }
    }

    /// Ends the run: nobody is left who wants its answer.
    pub fn stop_run(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// A thread took it up.
    pub fn begin(&self, run: &Arc<Running>) {
        *self.run() = Some(run.clone());
        self.started.store(true, Ordering::Release);
    }

    /// It waits again.
    pub fn pause(&self) {
        self.started.store(false, Ordering::Release);
        *self.run() = None;
    }

    /// How long before the deadline the plugin must stop, so that what it found can still be judged: at most half of what
    /// is left.
    pub fn leave_for_judge(&self, expected: Duration) {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let _ = self.judging.set(expected.min(left / 2));
        }
    }

    /// Whether a thread has it.
    pub fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// The gauge of its progress, for STATUS.
    pub fn gauge(&self) -> Arc<AtomicU32> {
        self.permille.clone()
    }

    /// Tells the connection something.
    pub fn tell(&self, event: Event) {
        // A connection that is gone has cancelled this job already.
        let _ = self.events.send(event);
    }

    /// Sends PROGRESS, at most so often.
    fn show(&self, progress: Progress) {
        if !self.want_progress {
            return;
        }
        let mut last = self.last_progress.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|l| l.elapsed() >= PROGRESS_GAP) {
            *last = Some(Instant::now());
            self.tell(Event::Progress(self.stream, progress));
        }
    }

    fn shared(&self) -> MutexGuard<'_, Option<(Arc<Reuse>, Seat)>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control for JobControl {
    fn stop(&self) -> Option<StopReason> {
        if let Some(run) = &*self.run() {
            run.note_thread();
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(StopReason::Cancelled);
        }
        let judging = self.judging.get().copied().unwrap_or_default();
        self.deadline.filter(|d| Instant::now() + judging >= *d).map(|_| StopReason::Deadline)
    }

    fn progress(&self, permille: u32, best_bytes: u64) {
        self.permille.store(permille, Ordering::Relaxed);
        let progress = Progress { permille, best_bytes };
        let shared = self.shared().clone();
        match shared {
            Some((reuse, seat)) => reuse.each(&seat, |asker| asker.control.show(progress)),
            None => self.show(progress),
        }
    }

    fn max_threads(&self) -> u32 {
        self.run().as_ref().map_or(1, |run| run.threads)
    }

    fn reserve(&self, bytes: u64) -> bool {
        let Some(run) = self.run().clone() else { return false };
        let grant = self.work.take(run.lane(), bytes, false);
        grant.map(|g| run.add_memory(g)).is_some()
    }

    fn log(&self, level: LogLevel, text: &str) {
        static THROTTLE: Throttle = Throttle::new(20);
        if THROTTLE.pass().is_none() {
            return;
        }
        let text = plain(text);
        match level {
            LogLevel::Error => tracing::error!("plugin: {text}"),
            LogLevel::Warn => tracing::warn!("plugin: {text}"),
            LogLevel::Info => tracing::info!("plugin: {text}"),
            LogLevel::Debug => tracing::debug!("plugin: {text}"),
        }
    }
}
