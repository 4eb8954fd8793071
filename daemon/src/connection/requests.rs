//! The life of streams: opened by a request, filled by DATA, handed to the executor, ended by an answer.

use std::sync::Arc;
use std::time::Duration;

use squeezed_protocol::{ErrorCode, ErrorReply, Frame, FrameKind, Outcome, Request, WINDOW};
use tokio::time::Instant;

use super::stream::{Job, Piece, Stream, Upload};
use super::{Connection, MAX_ENDED, UPLOAD_PATIENCE};
use crate::executor::{About, Arrival, Refused, Running};
use crate::job::{Asker, Charge, Event, JobControl, Kind, Task, receipt};
use crate::memory::Permit;
use crate::state::Daemon;
use crate::status::Stats;

/// When a stream needs a look.
pub fn due(stream: &Stream) -> Option<Instant> {
    match stream {
        // Time to get in line does not count against the client, silence after the grant does.
        Stream::Upload(u) => {
            let silence = u.is_granted().then(|| u.last_byte + UPLOAD_PATIENCE);
            [silence, u.deadline].into_iter().flatten().min()
        }
        // Armed while a thread has it, too: after a first look it waits again, and nothing tells of that.
        Stream::Job(j) => j.deadline.filter(|d| !j.control.has_started() || Instant::now() < *d),
    }
}

impl Connection {
    /// OPTIMIZE, ESTIMATE or INSPECT.
    pub(super) fn open(&mut self, frame: &Frame) -> Result<(), String> {
        let stream = self.new_stream(frame)?;
        if self.ended.len() >= MAX_ENDED {
            return Err(format!("{MAX_ENDED} streams were answered and never ended; send END for each"));
        }
        let upload = match self.admit(frame, stream) {
            Ok(upload) => upload,
            Err(e) => {
                if e.name == ErrorCode::Busy {
                    self.daemon.count_busy();
                }
                self.refuse(stream, frame, WINDOW, &e);
                return Ok(());
            }
        };
        self.streams.insert(stream, Stream::Upload(upload));
        self.fill(stream, frame)
    }

    /// DATA.
    pub(super) fn data(&mut self, frame: &Frame) -> Result<(), String> {
        let stream = frame.header.stream;
        if self.streams.contains_key(&stream) {
            return self.fill(stream, frame);
        }
        let Some(left) = self.ended.get_mut(&stream) else {
            let what = if stream > self.last_stream { "was never opened" } else { "has ended" };
            return Err(format!("DATA on stream {stream}, which {what}"));
        };
        let size = frame.body.len() as u64;
        if size > *left {
            return Err(format!("DATA on stream {stream} beyond its credit"));
        }
        *left -= size;
        if frame.header.end {
            self.ended.remove(&stream);
        }
        Ok(())
    }

    /// CANCEL. After the final answer it is ignored.
    pub(super) fn cancel(&mut self, stream: u32) -> Result<(), String> {
        if stream == 0 || stream > self.last_stream {
            return Err(format!("CANCEL of stream {stream}, which was never opened"));
        }
        if self.streams.contains_key(&stream) {
            self.daemon.metrics.cancelled();
        }
        self.end(stream, &ErrorReply::new(ErrorCode::Cancelled, "cancelled by the client"));
        Ok(())
    }

    /// PLUGINS, STATUS, RELOAD, SHUTDOWN.
    pub(super) fn ask(&mut self, frame: &Frame) -> Result<(), String> {
        let stream = self.new_stream(frame)?;
        let kind = frame.header.kind;
        let admin = self.peer.is_admin();
        if !admin && matches!(kind, FrameKind::Reload | FrameKind::Shutdown) {
            let text = format!("{kind:?} is for root and the daemon's user; you are uid {}", self.peer.uid);
            self.outbox.send(&Frame::json(
                FrameKind::Error,
                stream,
                &ErrorReply::new(ErrorCode::Forbidden, text),
            ));
            return Ok(());
        }
        let body = match kind {
            FrameKind::Plugins => serde_json::to_vec(&self.daemon.registry.rows(admin)),
            FrameKind::Status => serde_json::to_vec(&Stats::report(&self.daemon, self.draining, admin)),
            FrameKind::Reload => match self.daemon.reload() {
                Ok(restart) => serde_json::to_vec(&serde_json::json!({ "needs_restart": restart })),
                Err(e) => {
                    let text = format!("the configuration stays as it was: {e}");
                    let error = ErrorReply::new(ErrorCode::BadRequest, text);
                    self.outbox.send(&Frame::json(FrameKind::Error, stream, &error));
                    return Ok(());
                }
            },
            _ => {
                self.signals.shut_down();
                serde_json::to_vec(&serde_json::json!({}))
            }
        };
        let body = body.map_err(|e| format!("cannot write an answer: {e}"))?;
        let outcome = Outcome { size: body.len() as u64, ..Outcome::default() };
        self.outbox.send_result(
            Frame::json(FrameKind::Result, stream, &outcome),
            body.into(),
            Charge::default(),
        );
        Ok(())
    }

    /// A pool granted the rest of an upload.
    pub(super) fn granted(&mut self, stream: u32, permit: Permit) {
        if let Some(Stream::Upload(upload)) = self.streams.get_mut(&stream) {
            // The whole size is charged now; the window goes back to those who wait.
            upload.permits = vec![permit];
            upload.place = None;
            upload.last_byte = Instant::now();
            upload.bytes.reserve_exact(
                usize::try_from(upload.request.size).unwrap_or(0).saturating_sub(upload.bytes.len()),
            );
            self.outbox.send(&Frame::new(FrameKind::Grant, stream, "{}", ""));
        }
    }

    /// Ends streams whose time is over.
    pub(super) fn time_out_streams(&mut self, now: Instant) {
        let over: Vec<u32> = self
            .streams
            .iter()
            .filter(|(_, s)| due(s).is_some_and(|d| now >= d))
            .map(|(id, _)| *id)
            .collect();
        for stream in over {
            let late = match self.streams.get(&stream) {
                Some(Stream::Upload(u)) => u.deadline.is_some_and(|d| now >= d),
                _ => true,
            };
            let error = if late {
                ErrorReply::new(ErrorCode::Deadline, "the deadline passed before the job could begin")
            } else {
                ErrorReply::new(ErrorCode::BadRequest, "no byte of the upload came for 30 s")
            };
            self.end(stream, &error);
        }
    }

    /// Ends all streams without an answer: the client is gone.
    pub(super) fn cancel_all(&mut self) {
        for (_, stream) in self.streams.drain() {
            match stream {
                Stream::Job(job) => {
                    forget(&self.daemon, &job);
                }
                Stream::Upload(upload) => drop_elsewhere(upload.bytes),
            }
        }
    }

    /// Checks the id of a new stream.
    fn new_stream(&mut self, frame: &Frame) -> Result<u32, String> {
        let stream = frame.header.stream;
        if stream <= self.last_stream {
            let last = self.last_stream;
            return Err(format!("stream ids rise and are never reused: {stream} came after {last}"));
        }
        self.last_stream = stream;
        Ok(stream)
    }

    /// Takes a request in, with memory for its window and a place in the line for the rest.
    fn admit(&mut self, frame: &Frame, stream: u32) -> Result<Upload, ErrorReply> {
        if self.draining {
            let text = "the daemon is ending; connect again for the next one";
            return Err(ErrorReply::new(ErrorCode::ShuttingDown, text).retry_after(1000));
        }
        let request = Request::parse(&frame.meta).map_err(|e| ErrorReply::new(ErrorCode::BadRequest, e.0))?;
        let config = self.daemon.config();
        if request.size == 0 {
            return Err(ErrorReply::new(ErrorCode::BadImage, "the image is empty"));
        }
        if request.size > config.limits.image_bytes {
            let most = config.limits.image_bytes;
            let text = format!(
                "the image has {} bytes, more than limits.image_bytes = {most}; raise it in the configuration",
                request.size
            );
            return Err(ErrorReply::new(ErrorCode::TooLarge, text));
        }
        let pool = &self.daemon.input;
        if !pool.could_fit(request.size) {
            let text = format!(
                "the image has {} bytes, but one image gets at most {} of memory; raise memory.input_bytes",
                request.size,
                pool.largest()
            );
            return Err(ErrorReply::new(ErrorCode::TooLarge, text));
        }
        if self.streams.len() >= config.limits.streams {
            let text =
                format!("{} streams are open on this connection; wait for answers", self.streams.len());
            return Err(ErrorReply::new(ErrorCode::Busy, text).retry_after(50));
        }
        // The window is open at once, so its memory is taken at once.
        let waits = request.size > WINDOW;
        let window = if waits { self.daemon.windows.take_now(WINDOW) } else { pool.take_now(request.size) };
        let window = window.ok_or_else(|| {
            ErrorReply::new(ErrorCode::Busy, "no memory for another image now").retry_after(100)
        })?;
        let kind = match frame.header.kind {
            FrameKind::Optimize => Kind::Optimize,
            FrameKind::Estimate => Kind::Estimate,
            _ => Kind::Inspect,
        };
        let now = Instant::now();
        let deadline =
            request.options.deadline_ms.map(|ms| now + Duration::from_millis(ms.min(u64::from(u32::MAX))));
        let mut upload = Upload {
            kind,
            bytes: Vec::with_capacity(usize::try_from(request.size.min(WINDOW)).unwrap_or(0)),
            permits: vec![window],
            place: None,
            last_byte: now,
            deadline,
            request,
        };
        if waits {
            let events = self.events.clone();
            // A grant that comes at once travels the same way as one that comes later.
            upload.place = pool.take_later(upload.request.size, move |permit| {
                let _ = events.send(Event::Granted(stream, permit));
            });
        }
        Ok(upload)
    }

    /// Adds a frame's body to its upload.
    fn fill(&mut self, stream: u32, frame: &Frame) -> Result<(), String> {
        let Some(Stream::Upload(upload)) = self.streams.get_mut(&stream) else {
            return Err(format!("DATA on stream {stream} after its END"));
        };
        match upload.take(&frame.body, frame.header.end) {
            Piece::More => Ok(()),
            Piece::Complete => {
                self.submit(stream);
                Ok(())
            }
            Piece::BeyondCredit => Err(format!("DATA on stream {stream} beyond its credit")),
            Piece::WrongSize(come) => {
                let size = upload.request.size;
                let credit = upload.credit_left();
                self.streams.remove(&stream);
                let text = format!("{size} bytes were declared, but {come} came");
                self.refuse(stream, frame, credit, &ErrorReply::new(ErrorCode::BadRequest, text));
                Ok(())
            }
        }
    }

    /// Hands a complete upload to the executor.
    fn submit(&mut self, stream: u32) {
        let Some(Stream::Upload(upload)) = self.streams.remove(&stream) else { return };
        let Upload { kind, request, bytes, permits, deadline, .. } = upload;
        let control = Arc::new(JobControl::new(
            stream,
            self.events.clone(),
            self.daemon.work.clone(),
            deadline.map(Instant::into_std),
            request.want_progress,
        ));
        let about = About {
            uid: self.peer.uid,
            connection: self.number,
            bytes: bytes.len() as u64,
            permille: control.gauge(),
            format: Arc::default(),
        };
        let arrival = Arrival {
            uid: self.peer.uid,
            connection: self.number,
            bytes: bytes.len() as u64,
            expected: Task::look_cost(bytes.len() as u64),
            deadline: None,
        };
        let ready = std::time::Instant::now();
        let charge = Charge::new(permits);
        let asker = Asker {
            stream,
            control: control.clone(),
            charge: charge.clone(),
            ready,
            want_unchanged_body: request.want_unchanged_body,
        };
        let task = Task {
            kind,
            uid: self.peer.uid,
            input: bytes,
            charge,
            request,
            ready,
            control: control.clone(),
            asker: Some(asker),
            seat: None,
            reuse: self.daemon.reuse.clone(),
            span: tracing::Span::none(),
        };
        let daemon = self.daemon.clone();
        let look = Box::new(move |run: &Arc<Running>| task.look(&daemon, run));
        match self.daemon.executor.admit(arrival, deadline.map(Instant::into_std), about, look) {
            Ok(queued) => {
                self.streams.insert(stream, Stream::Job(Job { control, queued, deadline }));
            }
            Err(refused) => {
                match refused {
                    Refused::Busy { .. } => self.daemon.count_busy(),
                    Refused::Deadline { .. } => self.daemon.metrics.deadline_refused(),
                }
                let error = receipt::refused(&refused);
                self.outbox.send(&Frame::json(FrameKind::Error, stream, &error));
            }
        }
    }

    /// Answers a stream with an error before its bytes are all there: they are discarded up to the credit it had.
    fn refuse(&mut self, stream: u32, frame: &Frame, credit: u64, error: &ErrorReply) {
        self.outbox.send(&Frame::json(FrameKind::Error, stream, error));
        if frame.header.end {
            return;
        }
        self.ended.insert(stream, credit.saturating_sub(frame.body.len() as u64));
    }

    /// Ends a stream with an error, whatever it does.
    pub(super) fn end(&mut self, stream: u32, error: &ErrorReply) {
        match self.streams.remove(&stream) {
            None => return,
            Some(Stream::Upload(upload)) => {
                // Bounded where streams are opened: each adds one at most.
                self.ended.insert(stream, upload.credit_left());
                drop_elsewhere(upload.bytes);
            }
            Some(Stream::Job(job)) => {
                forget(&self.daemon, &job);
            }
        }
        self.outbox.send(&Frame::json(FrameKind::Error, stream, error));
    }
}

/// Takes a job out of wherever it waits.
fn forget(daemon: &Daemon, job: &Job) {
    let Some(seat) = job.control.cancel() else {
        if let Some(left) = daemon.executor.forget(job.queued) {
            drop_elsewhere(left);
        }
        return;
    };
    let (asker, run) = daemon.reuse.leave(&seat);
    let left = run.and_then(|run| {
        run.control.stop_run();
        daemon.executor.forget(run.id)
    });
    if asker.is_some() || left.is_some() {
        drop_elsewhere((asker, left));
    }
}

/// Gives memory back on another thread: unmapping a large image takes milliseconds.
pub(super) fn drop_elsewhere(value: impl Send + 'static) {
    tokio::task::spawn_blocking(move || drop(value));
}
