//! Whoever waits for the answer of a job, and how the answer is made fit for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use squeezed_protocol::{ErrorReply, Outcome, Reused, Status};

use super::{Answer, Charge, Event, JobControl};

/// A stream that waits for an answer.
pub struct Asker {
    /// The stream.
    pub stream: u32,
    /// The link to its connection.
    pub control: Arc<JobControl>,
    /// The memory of its image, which pays for the answer until it is written.
    pub charge: Charge,
    /// When its last byte came.
    pub ready: Instant,
    /// Whether it wants its own bytes back where they are unchanged.
    pub want_unchanged_body: bool,
}

/// An answer before it is made fit for those who asked.
pub struct Made<'a> {
    /// What to tell.
    pub result: Result<Outcome, ErrorReply>,
    /// The smaller file; empty where there is none.
    pub body: Bytes,
    /// The image, for those who want it back.
    pub input: &'a [u8],
    /// Time at work.
    pub ran: Duration,
}

impl Asker {
    /// Sends the answer; `reused` where it was made for another.
    pub fn answer(self, made: &Made<'_>, reused: Option<Reused>) {
        let mut body = made.body.clone();
        let mut result = made.result.clone();
        if let Ok(outcome) = &mut result {
            if let Some(receipt) = &mut outcome.receipt {
                if reused.is_some() {
                    receipt.reused = reused;
                    let ran = if reused == Some(Reused::Cache) { Duration::ZERO } else { made.ran };
                    receipt.run_ms = ran.as_secs_f64() * 1e3;
                    receipt.queue_ms = self.ready.elapsed().saturating_sub(ran).as_secs_f64() * 1e3;
                }
                if receipt.status == Status::Unchanged && self.want_unchanged_body {
                    body = Bytes::copy_from_slice(made.input);
                }
            }
            outcome.size = body.len() as u64;
        }
        let answer = Answer { result, body, charge: self.charge };
        self.control.pause();
        self.control.tell(Event::Done(self.stream, Box::new(answer)));
    }
}
