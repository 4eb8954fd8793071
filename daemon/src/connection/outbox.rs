//! What waits to be written, and the task that writes it: answers before bodies, the shortest body first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use squeezed_protocol::{Frame, FrameKind};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::memory::Permit;

/// PONG and PROGRESS that a client may leave unread.
const MAX_NOISE: usize = 1024;
/// Answers that a client may leave unread.
const MAX_ANSWERS: usize = 65_536;
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
}

#[derive(Default)]
struct State {
    frames: VecDeque<(Bytes, bool)>,
    noise: usize,
    bodies: Vec<Body>,
    turn: u32,
    overrun: bool,
    finish: bool,
}

/// A result's bytes. Its memory stays charged until the last one is written.
struct Body {
    stream: u32,
    bytes: Bytes,
    _charge: Vec<Permit>,
}

impl Outbox {
    /// Queues a frame.
    pub fn send(&self, frame: &Frame) {
        let noise = matches!(frame.header.kind, FrameKind::Pong | FrameKind::Progress);
        let mut state = self.lock();
        state.noise += usize::from(noise);
        state.frames.push_back((frame.encode(), noise));
        state.overrun |= state.noise > MAX_NOISE || state.frames.len() > MAX_ANSWERS;
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Queues a result with its body. A short body travels inside the result's frame.
    pub fn send_result(&self, frame: Frame, body: Vec<u8>, charge: Vec<Permit>) {
        if body.len() <= CHUNK {
            self.send(&Frame { body: body.into(), ..frame }.end(true));
            return;
        }
        let stream = frame.header.stream;
        self.send(&frame);
        self.lock().bodies.push(Body { stream, bytes: body.into(), _charge: charge });
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
            let (next, end) = self.next();
            let Some(parts) = next else {
                if end {
                    let _ = socket.shutdown().await;
                    return;
                }
                self.shared.wake.notified().await;
                continue;
            };
            for part in parts {
                if write_all(&mut socket, &part).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The next bytes to write; otherwise whether to end.
    fn next(&self) -> (Option<Vec<Bytes>>, bool) {
        let mut state = self.lock();
        if state.overrun {
            return (None, true);
        }
        if let Some((bytes, noise)) = state.frames.pop_front() {
            state.noise -= usize::from(noise);
            return (Some(vec![bytes]), false);
        }
        state.turn = state.turn.wrapping_add(1);
        let at = if state.turn.is_multiple_of(OLDEST_EVERY) {
            (!state.bodies.is_empty()).then_some(0)
        } else {
            (0..state.bodies.len()).min_by_key(|i| state.bodies[*i].bytes.len())
        };
        let Some(at) = at else { return (None, state.finish) };
        let body = &mut state.bodies[at];
        let chunk = body.bytes.split_to(CHUNK.min(body.bytes.len()));
        let last = body.bytes.is_empty();
        let frame = Frame::new(FrameKind::Data, body.stream, Bytes::new(), chunk).end(last);
        if last {
            state.bodies.remove(at);
        }
        let head = frame.encode_head().freeze();
        (Some(vec![head, frame.body]), false)
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
