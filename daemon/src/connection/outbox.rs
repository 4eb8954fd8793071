//! What waits to be written, and the task that writes it: answers before bodies, the shortest body first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use squeezed_protocol::{Frame, FrameKind};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::job::Charge;

/// PONG and PROGRESS that a client may leave unread.
const MAX_NOISE: usize = 1024;
/// Answers that a client may leave unread.
const MAX_ANSWERS: usize = 65_536;
/// Bytes of frames that a client may leave unread, without the bodies of results: those are charged to a pool.
const MAX_BYTES: usize = 16 << 20;
/// A client that takes no byte for this long is gone.
const STALL: Duration = Duration::from_secs(30);
/// Bytes of a body written at a time, so that a small answer never sits behind much of a large one.
const CHUNK: usize = 64 << 10;
/// Every so many chunks the oldest body is served, however long it is.
const OLDEST_EVERY: u32 = 4;

/// The queue of one connection.
#[derive(Clone, Default)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
    /// The client left too much unread: whatever is being written is given up.
    overrun: Notify,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Queued>,
    noise: usize,
    bytes: usize,
    bodies: Vec<Body>,
    turn: u32,
    overrun: bool,
    finish: bool,
}

/// A frame on its way out.
struct Queued {
    bytes: Bytes,
    /// What of it counts against [`MAX_BYTES`].
    counted: usize,
    is_noise: bool,
    charge: Charge,
}

/// A result's bytes. Its memory stays charged until the last one is written.
struct Body {
    stream: u32,
    bytes: Bytes,
    charge: Charge,
}

/// What the writer does next.
enum Next {
    /// Write these, then give the memory back.
    Write(Vec<Bytes>, Charge),
    /// Wait.
    Wait,
    /// End.
    End,
}

impl Outbox {
    /// Queues a frame.
    pub fn send(&self, frame: &Frame) {
        self.push(frame, frame.body.len(), Charge::default());
    }

    /// Queues a result with its body. A short body travels inside the result's frame.
    pub fn send_result(&self, frame: Frame, body: Bytes, charge: Charge) {
        if body.len() <= CHUNK {
            let counted = if charge.is_empty() { body.len() } else { 0 };
            self.push(&Frame { body, ..frame }.end(true), counted, charge);
            return;
        }
        let stream = frame.header.stream;
        self.send(&frame);
        let mut state = self.lock();
        if !state.overrun {
            state.bodies.push(Body { stream, bytes: body, charge });
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    fn push(&self, frame: &Frame, counted_body: usize, charge: Charge) {
        let is_noise = matches!(frame.header.kind, FrameKind::Pong | FrameKind::Progress);
        let mut state = self.lock();
        if state.overrun {
            return;
        }
        let bytes = frame.encode();
        let counted = bytes.len() - frame.body.len() + counted_body;
        state.noise += usize::from(is_noise);
        state.bytes += counted;
        state.frames.push_back(Queued { bytes, counted, is_noise, charge });
        if state.noise > MAX_NOISE || state.frames.len() > MAX_ANSWERS || state.bytes > MAX_BYTES {
            state.overrun = true;
            state.frames.clear();
            state.bodies.clear();
            self.shared.overrun.notify_one();
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Lets the writer end once everything is written.
    pub fn finish(&self) {
        self.lock().finish = true;
        self.shared.wake.notify_one();
    }

    /// Writes until told to finish. Ends early when the client leaves too much unread or takes nothing for 30 s.
    pub async fn write_to(self, mut socket: OwnedWriteHalf) {
        loop {
            match self.next() {
                Next::Write(parts, charge) => {
                    for part in parts {
                        let written = tokio::select! {
                            written = write_all(&mut socket, &part) => written,
                            () = self.shared.overrun.notified() => Err(()),
                        };
                        if written.is_err() {
                            return;
                        }
                    }
                    drop(charge);
                }
                Next::Wait => self.shared.wake.notified().await,
                Next::End => {
                    let _ = socket.shutdown().await;
                    return;
                }
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.lock();
        if state.overrun {
            return Next::End;
        }
        if let Some(queued) = state.frames.pop_front() {
            state.noise -= usize::from(queued.is_noise);
            state.bytes -= queued.counted;
            return Next::Write(vec![queued.bytes], queued.charge);
        }
        state.turn = state.turn.wrapping_add(1);
        let at = if state.turn.is_multiple_of(OLDEST_EVERY) {
            (!state.bodies.is_empty()).then_some(0)
        } else {
            (0..state.bodies.len()).min_by_key(|i| state.bodies[*i].bytes.len())
        };
        let Some(at) = at else { return if state.finish { Next::End } else { Next::Wait } };
        let body = &mut state.bodies[at];
        let chunk = body.bytes.split_to(CHUNK.min(body.bytes.len()));
        let last = body.bytes.is_empty();
        let frame = Frame::new(FrameKind::Data, body.stream, Bytes::new(), chunk).end(last);
        let charge = if last { state.bodies.remove(at).charge } else { Charge::default() };
        Next::Write(vec![frame.encode_head().freeze(), frame.body], charge)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of `bytes`; an error when no byte is taken for [`STALL`].
async fn write_all(socket: &mut OwnedWriteHalf, mut bytes: &[u8]) -> Result<(), ()> {
    while !bytes.is_empty() {
        match tokio::time::timeout(STALL, socket.write(bytes)).await {
            Ok(Ok(n)) if n > 0 => bytes = &bytes[n..],
            _ => return Err(()),
        }
    }
    Ok(())
}
