//! One request about one image: options, progress, cancel, and another try where the daemon was busy.

use std::time::{Duration, Instant};

use bytes::Bytes;
use squeezed_protocol::{
    ErrorCode, Estimate, Frame, FrameKind, ImageInfo, JobOptions, Progress, Receipt, Request, Status,
};
use tokio::sync::watch;

use crate::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::retry;
use crate::state::{Opened, Opening, Reply, State, cancelled};

/// The answer to an OPTIMIZE request.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimized {
    /// What was done, kept and dropped.
    pub receipt: Receipt,
    /// The smaller file; `None` where the input is the answer.
    pub bytes: Option<Bytes>,
}

/// Cancels one [`Job`], from anywhere. The job then ends with `CANCELLED`, unless its answer was already on its way.
#[derive(Debug, Clone)]
pub struct CancelHandle(watch::Sender<bool>);

impl CancelHandle {
    /// Cancels the job.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

type OnProgress<'a> = Box<dyn FnMut(Progress) + Send + 'a>;
type OnBusy<'a> = Box<dyn FnMut(Duration) + Send + 'a>;

/// One request in the making; made by [`Client::job`]. Dropping the future that one of its last three methods returns
/// cancels the request in the daemon too.
#[must_use = "a job does nothing until one of its last three methods is called"]
pub struct Job<'a> {
    client: Client,
    bytes: Bytes,
    options: JobOptions,
    on_progress: Option<OnProgress<'a>>,
    on_busy: Option<OnBusy<'a>>,
    cancel: (watch::Sender<bool>, watch::Receiver<bool>),
    patience: Duration,
}

impl<'a> Job<'a> {
    pub(crate) fn new(client: Client, bytes: Bytes, options: JobOptions) -> Self {
        let patience = options.deadline_ms.map_or(retry::PATIENCE, Duration::from_millis);
        Self {
            client,
            bytes,
            options,
            on_progress: None,
            on_busy: None,
            cancel: watch::channel(false),
            patience,
        }
    }

    /// Calls this at most ten times a second while the daemon works.
    pub fn on_progress(mut self, call: impl FnMut(Progress) + Send + 'a) -> Self {
        self.on_progress = Some(Box::new(call));
        self
    }

    /// Calls this for each BUSY answer that is followed by another try, with the pause before that try: never shorter than
    /// the daemon asked for, growing, and spread so that clients that were refused together do not return together.
    pub fn on_busy(mut self, call: impl FnMut(Duration) + Send + 'a) -> Self {
        self.on_busy = Some(Box::new(call));
        self
    }

    /// How long BUSY is answered by another try; the default is the job's deadline, or 60 s without one. With none at all,
    /// BUSY is the answer.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A handle that cancels this job.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(self.cancel.0.clone())
    }

    /// Makes the image smaller.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn optimize(self) -> Result<Optimized> {
        let size = self.bytes.len() as u64;
        let reply = self.ask(FrameKind::Optimize, size).await?;
        let receipt = reply.outcome.receipt.ok_or_else(|| missing("receipt"))?;
        match receipt.status {
            Status::Unchanged => Ok(Optimized { receipt, bytes: None }),
            Status::Optimized if reply.body.is_empty() => Err(missing("file")),
            Status::Optimized => Ok(Optimized { receipt, bytes: Some(reply.body) }),
        }
    }

    /// Guesses how small the image would get.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn estimate(self) -> Result<Estimate> {
        let reply = self.ask(FrameKind::Estimate, 0).await?;
        reply.outcome.estimate.ok_or_else(|| missing("estimate"))
    }

    /// Says what the image is.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn inspect(self) -> Result<ImageInfo> {
        let reply = self.ask(FrameKind::Inspect, 0).await?;
        reply.outcome.info.ok_or_else(|| missing("description"))
    }

    async fn ask(mut self, kind: FrameKind, answer_limit: u64) -> Result<Reply> {
        let started = Instant::now();
        let mut attempt = 0;
        loop {
            let error = match self.once(kind, answer_limit, started).await {
                Err(error) if error.code() == Some(ErrorCode::Busy) => error,
                other => return other,
            };
            let pause = retry::pause(attempt, error.retry_after());
            attempt = attempt.saturating_add(1);
            if started.elapsed().saturating_add(pause) >= self.patience {
                return Err(error);
            }
            if let Some(call) = &mut self.on_busy {
                call(pause);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = asked_to_stop(&mut self.cancel.1) => return Err(cancelled()),
            }
        }
    }

    async fn once(&mut self, kind: FrameKind, answer_limit: u64, started: Instant) -> Result<Reply> {
        let state = self.client.state();
        let permit = tokio::select! {
            permit = state.slot() => permit?,
            () = asked_to_stop(&mut self.cancel.1) => return Err(cancelled()),
        };
        let mut options = self.options.clone();
        if let Some(ms) = options.deadline_ms {
            let spent = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            // Zero would be refused as an option; a millisecond ends in DEADLINE, which is the truth.
            options.deadline_ms = Some(if ms == 0 { 0 } else { ms.saturating_sub(spent).max(1) });
        }
        let mut request = Request::new(self.bytes.len() as u64, options);
        request.want_progress = self.on_progress.is_some();
        let meta = Frame::json(kind, 0, &request).meta;
        let opened = state.open(Opening { kind, meta, bytes: self.bytes.clone(), answer_limit, permit })?;
        let mut wait = Waiting::new(state, opened);
        let mut told = false;
        loop {
            tokio::select! {
                biased;
                reply = &mut wait.opened.reply => {
                    wait.answered = true;
                    return reply.unwrap_or_else(|_| Err(state.lost()));
                }
                Ok(()) = wait.opened.progress.changed(), if self.on_progress.is_some() => {
                    let progress = *wait.opened.progress.borrow_and_update();
                    if let (Some(call), Some(progress)) = (&mut self.on_progress, progress) {
                        call(progress);
                    }
                }
                () = asked_to_stop(&mut self.cancel.1), if !told => {
                    told = true;
                    state.cancel(wait.opened.id, false);
                }
            }
        }
    }
}

/// Sends CANCEL when its future is dropped before the answer came.
pub(crate) struct Waiting<'s> {
    state: &'s State,
    pub opened: Opened,
    pub answered: bool,
}

impl<'s> Waiting<'s> {
    pub fn new(state: &'s State, opened: Opened) -> Self {
        Self { state, opened, answered: false }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.state.cancel(self.opened.id, true);
        }
    }
}

async fn asked_to_stop(cancel: &mut watch::Receiver<bool>) {
    // The job holds a sender itself, so waiting cannot fail before it ends.
    if cancel.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::BadReply, format!("the daemon's answer has no {what}"))
}
