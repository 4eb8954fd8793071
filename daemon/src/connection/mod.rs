//! One connection: reads every frame at once, keeps the streams apart, answers.
//!
//! **Invariant:** nothing here waits for memory, for a job or for the client to read. Frames, events of jobs and timers
//! are the three things that make it move; what is to be written goes to the [`outbox`].

mod outbox;
mod reader;
mod requests;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use squeezed_protocol::{
    ErrorCode, ErrorReply, Frame, FrameKind, Goaway, Hello, HelloAck, MAGIC, MAJOR, MAX_BODY, MAX_META,
    WINDOW, WireLimits, negotiate,
};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::job::Event;
use crate::logging::Throttle;
use crate::peer::Peer;
use crate::server::{Phase, Signals};
use crate::state::Daemon;
use outbox::Outbox;
use reader::{FrameReader, Incoming};
use stream::Stream;

/// HELLO must come within this time; half a frame must go on within it.
const PATIENCE: Duration = Duration::from_secs(10);
/// A granted upload must go on within this time.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(30);
/// Ended streams whose bytes may still come; more end the connection.
const MAX_ENDED: usize = 100_000;

/// Why a connection ends.
enum End {
    /// The client closed it, or all is said after GOAWAY.
    Quiet,
    /// The client broke the protocol.
    Protocol(String),
}

struct Connection {
    /// Its number since the daemon's start.
    number: u64,
    daemon: Arc<Daemon>,
    signals: Signals,
    peer: Peer,
    outbox: Outbox,
    events: mpsc::UnboundedSender<Event>,
    streams: HashMap<u32, Stream>,
    /// Answered streams whose END has not come, with the bytes they may still send.
    ended: HashMap<u32, u64>,
    last_stream: u32,
    greeted: bool,
    draining: bool,
    since: Instant,
}

/// Serves one connection to its end.
pub async fn serve(
    daemon: Arc<Daemon>,
    socket: UnixStream,
    mut phase: watch::Receiver<Phase>,
    signals: Signals,
) {
    // A small send buffer: what the kernel holds cannot be overtaken any more.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, 128 << 10);
    let peer = Peer::of(&socket);
    daemon.stats.connections.fetch_add(1, Ordering::Relaxed);
    let (read, write) = socket.into_split();
    let outbox = Outbox::default();
    let mut writer = tokio::spawn(outbox.clone().write_to(write));
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut connection = Connection {
        number: daemon.stats.accepted.fetch_add(1, Ordering::Relaxed) + 1,
        daemon: daemon.clone(),
        signals,
        peer,
        outbox: outbox.clone(),
        events,
        streams: HashMap::new(),
        ended: HashMap::new(),
        last_stream: 0,
        greeted: false,
        draining: false,
        since: Instant::now(),
    };
    let mut reader = FrameReader::new(read);
    let end = loop {
        if connection.draining && connection.streams.is_empty() {
            break End::Quiet;
        }
        let timer = connection.next_timer(&reader);
        tokio::select! {
            // Events first: a job's answer should not wait for a flood of frames.
            biased;
            Some(event) = inbox.recv() => connection.on_event(event),
            changed = phase.changed() => {
                let phase = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Ending };
                if !connection.draining && phase != Phase::Running {
                    connection.drain();
                }
                if phase == Phase::Ending {
                    connection.end_all();
                    break End::Quiet;
                }
            }
            // The writer ends by itself only when the client is gone or leaves too much unread.
            _ = &mut writer => break End::Quiet,
            () = sleep_until(timer) => if let Err(text) = connection.on_timer(&reader) {
                break End::Protocol(text);
            },
            frame = reader.next() => match frame {
                Ok(Incoming::Frame(frame)) => {
                    if let Err(text) = connection.on_frame(&frame) {
                        break End::Protocol(text);
                    }
                    // A buffer full of tiny frames is no reason to keep others from this thread.
                    tokio::task::coop::consume_budget().await;
                }
                Ok(Incoming::Part) => {}
                Ok(Incoming::Closed) => break End::Quiet,
                Err(e) => break End::Protocol(e.to_string()),
            },
        }
    };
    if let End::Protocol(text) = end {
        static THROTTLE: Throttle = Throttle::new(10);
        if THROTTLE.pass().is_some() {
            tracing::info!(uid = peer.uid, pid = peer.pid, "protocol error, connection closed: {text}");
        }
        outbox.send(&Frame::json(FrameKind::Error, 0, &ErrorReply::new(ErrorCode::Protocol, text)));
    }
    connection.cancel_all();
    drop(connection);
    outbox.finish();
    // What is queued may still be read; the writer gives up by itself on a client that takes nothing.
    if !writer.is_finished() {
        let _ = writer.await;
    }
    daemon.stats.connections.fetch_sub(1, Ordering::Relaxed);
}

impl Connection {
    fn on_frame(&mut self, frame: &Frame) -> Result<(), String> {
        let kind = frame.header.kind;
        if !self.greeted {
            return match kind {
                FrameKind::Hello => self.hello(frame),
                _ => Err("the first frame must be HELLO".into()),
            };
        }
        match kind {
            FrameKind::Ping => {
                let pong =
                    Frame::new(FrameKind::Pong, frame.header.stream, frame.meta.clone(), frame.body.clone());
                self.outbox.send(&pong);
                Ok(())
            }
            FrameKind::Optimize | FrameKind::Estimate | FrameKind::Inspect => self.open(frame),
            FrameKind::Data => self.data(frame),
            FrameKind::Cancel => self.cancel(frame.header.stream),
            FrameKind::Plugins | FrameKind::Status | FrameKind::Reload | FrameKind::Shutdown => {
                self.ask(frame)
            }
            FrameKind::Hello => Err("HELLO came twice".into()),
            FrameKind::HelloAck
            | FrameKind::Goaway
            | FrameKind::Pong
            | FrameKind::Grant
            | FrameKind::Progress
            | FrameKind::Result
            | FrameKind::Error => Err(format!("{kind:?} is for the daemon to send")),
        }
    }

    fn hello(&mut self, frame: &Frame) -> Result<(), String> {
        let hello: Hello = frame.parse().map_err(|e| format!("HELLO: {e}"))?;
        let minor = negotiate(&hello).map_err(|e| e.to_string())?;
        self.greeted = true;
        let config = self.daemon.config();
        let limits = WireLimits {
            meta_bytes: MAX_META as u64,
            body_bytes: MAX_BODY as u64,
            window_bytes: WINDOW,
            image_bytes: config.limits.image_bytes,
            pixels: config.limits.pixels,
            frames: config.limits.frames,
            streams: config.limits.streams as u64,
            jobs: config.executor.queue_jobs as u64,
        };
        let ack = HelloAck {
            magic: MAGIC.into(),
            major: MAJOR,
            minor,
            features: ["estimate", "inspect", "progress", "unchanged-body"].map(String::from).to_vec(),
            limits,
            isolation: "none".into(),
            formats: self.daemon.registry.formats(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
        };
        self.outbox.send(&Frame::json(FrameKind::HelloAck, 0, &ack));
        if self.draining {
            self.goaway();
        }
        Ok(())
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Granted(stream, permit) => self.granted(stream, permit),
            Event::Progress(stream, progress) => {
                if self.streams.contains_key(&stream) {
                    self.outbox.send(&Frame::json(FrameKind::Progress, stream, &progress));
                }
            }
            Event::Done(stream, answer) => {
                // A stream that was answered before (CANCELLED, DEADLINE) is not there any more.
                if self.streams.remove(&stream).is_none() {
                    requests::drop_elsewhere(answer);
                } else {
                    match answer.result {
                        Ok(outcome) => {
                            let result = Frame::json(FrameKind::Result, stream, &outcome);
                            self.outbox.send_result(result, answer.body, answer.charge);
                        }
                        Err(e) => self.outbox.send(&Frame::json(FrameKind::Error, stream, &e)),
                    }
                }
            }
        }
    }

    /// Answers every stream before the daemon ends.
    fn end_all(&mut self) {
        let open: Vec<u32> = self.streams.keys().copied().collect();
        for stream in open {
            let text = "the daemon ended before the job did; connect again for the next one";
            self.end(stream, &ErrorReply::new(ErrorCode::ShuttingDown, text).retry_after(1000));
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        if self.greeted {
            self.goaway();
        }
    }

    fn goaway(&self) {
        let message = "the daemon is ending; connect again for the next one".into();
        let goaway = Goaway { last_stream: self.last_stream, message };
        self.outbox.send(&Frame::json(FrameKind::Goaway, 0, &goaway));
    }

    /// When something is due.
    fn next_timer(&self, reader: &FrameReader) -> Instant {
        let mut due = self.since + Duration::from_secs(3600 * 24 * 365);
        if !self.greeted {
            due = due.min(self.since + PATIENCE);
        }
        if let Some(since) = reader.half_since() {
            due = due.min(since + PATIENCE);
        }
        for stream in self.streams.values() {
            due = due.min(requests::due(stream).unwrap_or(due));
        }
        due
    }

    fn on_timer(&mut self, reader: &FrameReader) -> Result<(), String> {
        let now = Instant::now();
        if !self.greeted && now >= self.since + PATIENCE {
            return Err("HELLO did not come within 10 s".into());
        }
        if reader.half_since().is_some_and(|since| now >= since + PATIENCE) {
            return Err("half a frame, then 10 s of silence".into());
        }
        self.time_out_streams(now);
        Ok(())
    }
}
