//! What is open on one connection: streams that wait for an answer, uploads that wait for their turn or their credit.
//!
//! Pure bookkeeping: frames in, frames out. It knows no socket and no task.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use squeezed_protocol::{ErrorCode, ErrorReply, Frame, FrameKind, Goaway, Outcome, Progress, WireLimits};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of one stream that go out before it is another's turn.
const TURN: usize = 64 << 10;

/// An answer with all of its bytes.
#[derive(Debug)]
pub(crate) struct Reply {
    pub outcome: Outcome,
    pub body: Bytes,
}

/// What the asker of a stream listens to.
pub(crate) struct Opened {
    pub id: u32,
    pub reply: oneshot::Receiver<Result<Reply>>,
    pub progress: watch::Receiver<Option<Progress>>,
}

/// A request before it has a stream.
pub(crate) struct Opening {
    pub kind: FrameKind,
    pub meta: Bytes,
    pub bytes: Bytes,
    /// Most bytes that the answer may carry.
    pub answer_limit: u64,
    /// Counts against the daemon's limit of streams until the answer is here.
    pub permit: OwnedSemaphorePermit,
}

struct Stream {
    /// Gone once the asker lost interest.
    reply: Option<oneshot::Sender<Result<Reply>>>,
    progress: watch::Sender<Option<Progress>>,
    answer_limit: u64,
    partial: Option<Partial>,
    _permit: OwnedSemaphorePermit,
}

struct Partial {
    outcome: Outcome,
    body: BytesMut,
    got: u64,
}

struct Upload {
    id: u32,
    kind: FrameKind,
    /// Present until the opening frame is sent.
    meta: Option<Bytes>,
    rest: Bytes,
    credit: u64,
}

#[derive(Default)]
struct Tables {
    last_id: u32,
    streams: HashMap<u32, Stream>,
    /// Small frames that pass everything else.
    urgent: VecDeque<Frame>,
    /// Uploads that may send, in the order of their turns. Those not yet opened keep their order, so ids rise.
    ready: VecDeque<Upload>,
    /// Uploads that used up their window and wait for a GRANT.
    waiting: HashMap<u32, Upload>,
    pings: VecDeque<oneshot::Sender<()>>,
    goaway: Option<Goaway>,
    ended: Option<Error>,
}

/// The state of one connection, shared by its two tasks and all requests.
pub(crate) struct State {
    tables: Mutex<Tables>,
    wake: Notify,
    slots: Arc<Semaphore>,
    over: watch::Sender<bool>,
    window: u64,
    body: usize,
}

impl State {
    pub fn new(limits: &WireLimits) -> Self {
        let streams = usize::try_from(limits.streams).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let body = usize::try_from(limits.body_bytes).unwrap_or(usize::MAX);
        Self {
            tables: Mutex::default(),
            wake: Notify::new(),
            slots: Arc::new(Semaphore::new(streams)),
            over: watch::channel(false).0,
            window: limits.window_bytes.max(1),
            body: body.clamp(1, TURN),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // No code below can leave the tables half changed.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the daemon's limit of streams has room for one more.
    pub async fn slot(&self) -> Result<OwnedSemaphorePermit> {
        match self.slots.clone().acquire_owned().await {
            Ok(permit) => Ok(permit),
            Err(_) => Err(self.why_ended()),
        }
    }

    fn why_ended(&self) -> Error {
        self.lock().ended.clone().unwrap_or_else(|| disconnected("the connection was closed"))
    }

    /// Gives a request its stream and queues its bytes.
    pub fn open(&self, opening: Opening) -> Result<Opened> {
        let mut t = self.lock();
        if let Some(error) = &t.ended {
            return Err(error.clone());
        }
        if let Some(goaway) = &t.goaway {
            let text = format!("the daemon is ending ({}); connect again", goaway.message);
            return Err(Error::new(ErrorKind::Daemon(ErrorCode::ShuttingDown), text));
        }
        let Some(id) = t.last_id.checked_add(1) else {
            return Err(disconnected("the stream numbers of this connection are used up; connect again"));
        };
        t.last_id = id;
        let (reply_tx, reply) = oneshot::channel();
        let (progress_tx, progress) = watch::channel(None);
        let stream = Stream {
            reply: Some(reply_tx),
            progress: progress_tx,
            answer_limit: opening.answer_limit,
            partial: None,
            _permit: opening.permit,
        };
        t.streams.insert(id, stream);
        t.ready.push_back(Upload {
            id,
            kind: opening.kind,
            meta: Some(opening.meta),
            rest: opening.bytes,
            credit: self.window,
        });
        drop(t);
        self.wake.notify_one();
        Ok(Opened { id, reply, progress })
    }

    /// Queues a PING.
    pub fn ping(&self) -> Result<oneshot::Receiver<()>> {
        let (tx, rx) = oneshot::channel();
        let mut t = self.lock();
        if let Some(error) = &t.ended {
            return Err(error.clone());
        }
        t.pings.push_back(tx);
        t.urgent.push_back(Frame::new(FrameKind::Ping, 0, Bytes::new(), Bytes::new()).end(true));
        drop(t);
        self.wake.notify_one();
        Ok(rx)
    }

    /// Asks the daemon to drop a stream. With `forget`, nobody waits for its answer any more.
    pub fn cancel(&self, id: u32, forget: bool) {
        let mut t = self.lock();
        let Some(stream) = t.streams.get_mut(&id) else { return };
        if forget {
            stream.reply = None;
            if let Some(partial) = &mut stream.partial {
                partial.body = BytesMut::new();
            }
        }
        let answered = stream.partial.is_some();
        let opened = !t.ready.iter().any(|u| u.id == id && u.meta.is_some());
        if opened && !answered {
            t.urgent.push_back(Frame::new(FrameKind::Cancel, id, Bytes::new(), Bytes::new()).end(true));
        }
        t.forget_upload(id);
        if !opened {
            // The daemon never heard of it, so nothing will come.
            if let Some(reply) = t.streams.remove(&id).and_then(|s| s.reply) {
                let _ = reply.send(Err(cancelled()));
            }
        } else if !answered {
            drop(t);
            self.wake.notify_one();
        }
    }

    /// The next frame to send: urgent ones first, then one turn of the upload that waited longest.
    pub fn next_frame(&self) -> Option<Frame> {
        let mut t = self.lock();
        if let Some(frame) = t.urgent.pop_front() {
            return Some(frame);
        }
        let mut upload = t.ready.pop_front()?;
        let allowed = usize::try_from(upload.credit).unwrap_or(usize::MAX).min(self.body);
        let chunk = upload.rest.split_to(upload.rest.len().min(allowed));
        upload.credit = upload.credit.saturating_sub(chunk.len() as u64);
        let frame = match upload.meta.take() {
            Some(meta) => Frame::new(upload.kind, upload.id, meta, chunk),
            None => Frame::new(FrameKind::Data, upload.id, Bytes::new(), chunk),
        };
        let end = upload.rest.is_empty();
        if !end && upload.credit > 0 {
            t.ready.push_back(upload);
        } else if !end {
            t.waiting.insert(upload.id, upload);
        }
        Some(frame.end(end))
    }

    /// Waits until [`Self::next_frame`] may have something.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes in one frame of the daemon.
    ///
    /// # Errors
    /// What is wrong with it, or the daemon's own last word; either way the connection is over.
    pub fn accept(&self, frame: Frame) -> Result<()> {
        let id = frame.header.stream;
        match frame.header.kind {
            FrameKind::Pong => {
                if let Some(waiter) = self.lock().pings.pop_front() {
                    let _ = waiter.send(());
                }
            }
            FrameKind::Ping => {
                let pong = Frame::new(FrameKind::Pong, 0, frame.meta, frame.body).end(true);
                self.lock().urgent.push_back(pong);
                self.wake.notify_one();
            }
            FrameKind::Goaway => {
                let goaway = frame.parse().map_err(|e| bad("GOAWAY", e))?;
                self.lock().goaway = Some(goaway);
            }
            FrameKind::Grant => self.lock().grant(id, &self.wake),
            FrameKind::Progress => {
                let progress = frame.parse().map_err(|e| bad("PROGRESS", e))?;
                if let Some(stream) = self.lock().streams.get(&id) {
                    stream.progress.send_replace(Some(progress));
                }
            }
            FrameKind::Error => {
                let error = Error::from(frame.parse::<ErrorReply>().map_err(|e| bad("ERROR", e))?);
                if id == 0 {
                    return Err(error);
                }
                self.lock().finish(id, Err(error))?;
            }
            FrameKind::Result => {
                let outcome = frame.parse().map_err(|e| bad("RESULT", e))?;
                self.lock().result(id, outcome, &frame)?;
            }
            FrameKind::Data => self.lock().data(id, &frame)?,
            other => {
                return Err(Error::new(
                    ErrorKind::BadReply,
                    format!("the daemon sent {other:?}, which it may not"),
                ));
            }
        }
        Ok(())
    }

    /// Ends everything that still waits with this error.
    pub fn end(&self, error: Error) {
        let mut t = self.lock();
        let error = t.ended.get_or_insert(error).clone();
        t.urgent.clear();
        t.ready.clear();
        t.waiting.clear();
        t.pings.clear();
        let streams = std::mem::take(&mut t.streams);
        drop(t);
        self.slots.close();
        self.over.send_replace(true);
        for reply in streams.into_values().filter_map(|s| s.reply) {
            let _ = reply.send(Err(error.clone()));
        }
    }

    /// Waits until [`Self::end`] was called.
    pub async fn closed(&self) {
        // Cannot fail: the sender lives as long as this.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// Why nothing comes any more, for a waiter whose channel closed.
    pub fn lost(&self) -> Error {
        self.why_ended()
    }
}

impl Tables {
    /// Drops what is left of an upload. Where the daemon has heard of it, it hears of its end, so that it may forget
    /// the stream too.
    fn forget_upload(&mut self, id: u32) {
        let mut left = self.waiting.remove(&id).is_some();
        self.ready.retain(|u| {
            left |= u.id == id && u.meta.is_none();
            u.id != id
        });
        if left {
            self.urgent.push_back(Frame::new(FrameKind::Data, id, Bytes::new(), Bytes::new()).end(true));
        }
    }

    /// One GRANT covers the whole declared size.
    fn grant(&mut self, id: u32, wake: &Notify) {
        if let Some(mut upload) = self.waiting.remove(&id) {
            upload.credit = u64::MAX;
            self.ready.push_back(upload);
            wake.notify_one();
        } else if let Some(upload) = self.ready.iter_mut().find(|u| u.id == id) {
            upload.credit = u64::MAX;
        }
    }

    fn finish(&mut self, id: u32, answer: Result<Reply>) -> Result<()> {
        let stream = self.streams.remove(&id).ok_or_else(|| unknown(id))?;
        self.forget_upload(id);
        if let Some(reply) = stream.reply {
            let _ = reply.send(answer);
        }
        Ok(())
    }

    fn result(&mut self, id: u32, outcome: Outcome, frame: &Frame) -> Result<()> {
        let stream = self.streams.get_mut(&id).ok_or_else(|| unknown(id))?;
        if stream.partial.is_some() {
            return Err(Error::new(ErrorKind::BadReply, format!("the daemon answered stream {id} twice")));
        }
        if outcome.size > stream.answer_limit {
            let text =
                format!("an answer of {} bytes, where at most {} can be", outcome.size, stream.answer_limit);
            return Err(Error::new(ErrorKind::BadReply, text));
        }
        stream.partial = Some(Partial { outcome, body: BytesMut::new(), got: 0 });
        self.data(id, frame)
    }

    fn data(&mut self, id: u32, frame: &Frame) -> Result<()> {
        let stream = self.streams.get_mut(&id).ok_or_else(|| unknown(id))?;
        let early = || Error::new(ErrorKind::BadReply, format!("bytes of stream {id} before its answer"));
        let partial = stream.partial.as_mut().ok_or_else(early)?;
        partial.got = partial.got.saturating_add(frame.body.len() as u64);
        let size = partial.outcome.size;
        if partial.got > size || (frame.header.end && partial.got != size) {
            let text = format!("the answer has {} bytes, but {size} were announced", partial.got);
            return Err(Error::new(ErrorKind::BadReply, text));
        }
        if stream.reply.is_some() {
            if frame.header.end && partial.body.is_empty() {
                // Everything in one frame: no copy.
                let outcome = std::mem::take(&mut partial.outcome);
                return self.finish(id, Ok(Reply { outcome, body: frame.body.clone() }));
            }
            partial.body.extend_from_slice(&frame.body);
        }
        if !frame.header.end {
            return Ok(());
        }
        let (outcome, body) = (std::mem::take(&mut partial.outcome), std::mem::take(&mut partial.body));
        self.finish(id, Ok(Reply { outcome, body: body.freeze() }))
    }
}

fn disconnected(text: &str) -> Error {
    Error::new(ErrorKind::Disconnected, text)
}

/// The answer to a request that was cancelled before the daemon gave its own.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Daemon(ErrorCode::Cancelled), "cancelled by the caller")
}

fn bad(what: &str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::BadReply, format!("the daemon's {what} cannot be read: {error}"))
}

fn unknown(id: u32) -> Error {
    Error::new(ErrorKind::BadReply, format!("the daemon answered stream {id}, which is not open"))
}

#[cfg(test)]
mod tests;
