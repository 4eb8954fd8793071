//! A greeted connection that numbers its streams and can have many of them open.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use squeezed_protocol::FrameKind;

use crate::{Raw, Reply};

/// A connection.
pub struct Line {
    raw: Raw,
    stream: u32,
}

impl Line {
    /// Connects as the user of this process.
    pub fn open(socket: &Path) -> Self {
        Self::greet(Raw::connect(socket))
    }
    /// Connects as another user; only root can.
    pub fn open_as(socket: &Path, uid: u32) -> Self {
        Self::greet(Raw::connect_as(socket, uid))
    }
    fn greet(mut raw: Raw) -> Self {
        raw.hello();
        Self { raw, stream: 0 }
    }
    /// The frames beneath.
    pub fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }
    /// A number for a stream of one's own making.
    pub fn next_stream(&mut self) -> u32 {
        self.stream += 1;
        self.stream
    }
    /// Sends a whole image and gives the number of its stream.
    pub fn send(&mut self, image: &[u8], options: &str) -> u32 {
        let stream = self.next_stream();
        self.raw.request(FrameKind::Optimize, stream, image, options);
        stream
    }
    /// One image, to its answer.
    pub fn optimize(&mut self, image: &[u8], options: &str) -> Reply {
        let stream = self.send(image, options);
        self.raw.answer(stream)
    }
    /// Takes the request of a stream back.
    pub fn cancel(&mut self, stream: u32) {
        self.raw.frame(FrameKind::Cancel, stream, "", b"", false);
    }
    /// The next final answer of any stream. What follows of its body is passed over.
    pub fn any_answer(&mut self) -> (u32, FrameKind, Value) {
        loop {
            let frame = self.raw.recv();
            if matches!(frame.header.kind, FrameKind::Result | FrameKind::Error) {
                return (frame.header.stream, frame.header.kind, frame.parse().expect("JSON"));
            }
        }
    }
    /// The daemon's state.
    pub fn status(&mut self) -> Value {
        let stream = self.next_stream();
        self.raw.frame(FrameKind::Status, stream, "", b"", true);
        serde_json::from_slice(&self.raw.answer(stream).body).expect("JSON")
    }
    /// Waits until nothing runs, nothing waits and no memory is granted. How long that took.
    pub fn wait_idle(&mut self, limit: Duration) -> Duration {
        self.wait_status(limit, |s| {
            let zero = |v: &Value| v.as_u64() == Some(0);
            let pools = zero(&s["input_pool"]["granted"]) && zero(&s["work_pool"]["granted"]);
            zero(&s["running"]) && zero(&s["queued"]) && pools
        })
    }
    /// Waits until the state is as wanted. How long that took.
    pub fn wait_status(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return start.elapsed();
            }
            assert!(start.elapsed() < limit, "after {limit:?}: {status:#}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Waits for something that other processes do.
pub fn wait_until(limit: Duration, what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
