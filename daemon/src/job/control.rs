//! The link between a job on its thread and the connection that asked for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use squeezed_host::Control;
use squeezed_plugin_api::{LogLevel, StopReason};
use squeezed_protocol::Progress;
use tokio::sync::mpsc::UnboundedSender;

use super::Event;
use crate::logging::{Throttle, plain};
use crate::memory::{Permit, Pool, Ticket};

/// PROGRESS is sent at most this often.
const PROGRESS_GAP: Duration = Duration::from_millis(100);

/// One job's switches and gauges.
pub struct JobControl {
    stream: u32,
    events: UnboundedSender<Event>,
    work: Arc<Pool>,
    cancelled: AtomicBool,
    started: AtomicBool,
    deadline: Option<Instant>,
    want_progress: bool,
    permille: Arc<AtomicU32>,
    last_progress: Mutex<Option<Instant>>,
    extra: Mutex<Vec<Permit>>,
    /// The place in the line for work memory; it holds the rest of the task.
    place: Mutex<Option<Ticket>>,
}

impl JobControl {
    /// The control of a job of this stream.
    pub fn new(
        stream: u32,
        events: UnboundedSender<Event>,
        work: Arc<Pool>,
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
            want_progress,
            permille: Arc::default(),
            last_progress: Mutex::new(None),
            extra: Mutex::default(),
            place: Mutex::default(),
        }
    }

    /// Tells the job that nobody wants its answer.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Marks that a thread took it up, or that it waits again.
    pub fn set_started(&self, started: bool) {
        self.started.store(started, Ordering::Release);
    }

    /// Keeps the job's place in the line for work memory. A job that was cancelled meanwhile leaves the line.
    pub fn stand_in_line(&self, place: Option<Ticket>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
        if self.cancelled.load(Ordering::SeqCst) {
            drop(self.leave_line());
        }
    }

    /// Takes the job out of the line. Dropping the ticket drops the rest of the task.
    pub fn leave_line(&self) -> Option<Ticket> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take()
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

    /// Gives back what was reserved beyond the plan.
    pub fn release(&self) {
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Control for JobControl {
    fn stop(&self) -> Option<StopReason> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(StopReason::Cancelled);
        }
        self.deadline.filter(|d| Instant::now() >= *d).map(|_| StopReason::Deadline)
    }

    fn progress(&self, permille: u32, best_bytes: u64) {
        self.permille.store(permille, Ordering::Relaxed);
        if !self.want_progress {
            return;
        }
        let mut last = self.last_progress.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|l| l.elapsed() >= PROGRESS_GAP) {
            *last = Some(Instant::now());
            self.tell(Event::Progress(self.stream, Progress { permille, best_bytes }));
        }
    }

    fn max_threads(&self) -> u32 {
        1
    }

    fn reserve(&self, bytes: u64) -> bool {
        let permit = self.work.take_now(bytes);
        let granted = permit.is_some();
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).extend(permit);
        granted
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
