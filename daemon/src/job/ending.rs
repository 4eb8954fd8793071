//! The end of a job: everybody who waits for it is answered, and it is counted and logged.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorReply, Outcome, Reused, Status};

use super::asker::Made;
use super::task::Task;
use crate::executor::Lane;
use crate::logging::{Throttle, plain};
use crate::metrics;
use crate::state::Daemon;

/// How a job ended and what it took.
pub struct Ending {
    /// What to tell; the size of the body is each asker's affair.
    pub result: Result<Outcome, ErrorReply>,
    /// The smaller file; empty where there is none.
    pub body: Bytes,
    /// Where it was made before.
    pub reused: Option<Reused>,
    /// Time in the queue.
    pub waited: Duration,
    /// Time at work.
    pub ran: Duration,
    /// CPU time of its last run.
    pub cpu: Duration,
    /// The lane that it ended in.
    pub lane: Lane,
    /// The plugin, where one was found.
    pub plugin: Option<String>,
}

impl Task {
    /// Answers everybody who waits for this job.
    pub fn end(mut self, daemon: &Daemon, ending: Ending) {
        self.report(&ending);
        let askers = self.askers();
        let counter = if ending.result.is_ok() { &daemon.stats.done } else { &daemon.stats.failed };
        counter.fetch_add(askers.len() as u64, Ordering::Relaxed);
        count(daemon, &ending, self.input.len() as u64);
        self.control.pause();
        let Ending { result, body, reused, ran, .. } = ending;
        let made = Made { result, body, input: &self.input, ran };
        for (n, asker) in askers.into_iter().enumerate() {
            asker.answer(&made, reused.or((n > 0).then_some(Reused::Run)));
        }
    }

    /// One line for the log, inside the span of the job.
    fn report(&self, ending: &Ending) {
        static THROTTLE: Throttle = Throttle::new(100);
        let Some(held_back) = THROTTLE.pass() else { return };
        let result = &ending.result;
        let receipt = result.as_ref().ok().and_then(|o| o.receipt.as_ref());
        let _in = self.span.enter();
        self.span.record("after", receipt.map(|r| r.after));
        self.span.record("queue_ms", ending.waited.as_millis());
        self.span.record("run_ms", ending.ran.as_millis());
        match (result, receipt) {
            (Ok(_), Some(r)) => {
                tracing::info!(
                    method = r.method,
                    reason = r.reason.map(wire::Reason::name),
                    held_back,
                    "job done"
                );
            }
            (Ok(_), None) => tracing::info!(held_back, "job done"),
            (Err(e), _) => {
                tracing::info!(error = e.name.name(), held_back, "job failed: {}", plain(&e.message))
            }
        }
    }
}

fn count(daemon: &Daemon, ending: &Ending, bytes_in: u64) {
    use metrics::Outcome::{Estimated, Failed, Inspected, Optimized, Unchanged};
    let receipt = ending.result.as_ref().ok().and_then(|o| o.receipt.as_ref());
    let outcome = match (&ending.result, receipt) {
        (Err(e), _) => Failed(e.name),
        (Ok(_), Some(r)) if r.status == Status::Optimized => Optimized,
        (Ok(_), Some(_)) => Unchanged,
        (Ok(o), None) if o.estimate.is_some() => Estimated,
        (Ok(_), None) => Inspected,
    };
    let plugin = match &ending.plugin {
        Some(id) => daemon.metrics.plugin(id),
        None => daemon.metrics.no_plugin(),
    };
    let ended = metrics::Ended {
        outcome,
        queue_wait: ending.waited,
        run: ending.ran,
        cpu: ending.cpu,
        bytes_in,
        bytes_out: receipt.map_or(bytes_in, |r| r.after),
    };
    plugin.ended(ending.lane, &ended);
}
