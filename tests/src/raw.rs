//! A client that speaks frames and nothing else, so that it can also speak them wrongly.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use squeezed_protocol::{Frame, FrameKind, Hello, WINDOW};

/// A connection.
pub struct Raw {
    socket: UnixStream,
}

/// A stream's answer with all of its body.
#[derive(Debug)]
pub struct Reply {
    /// RESULT or ERROR.
    pub kind: FrameKind,
    /// Its meta.
    pub meta: Value,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether it is a RESULT.
    pub fn is_result(&self) -> bool {
        self.kind == FrameKind::Result
    }
    /// The error's name; empty for a result.
    pub fn error(&self) -> &str {
        self.meta["name"].as_str().unwrap_or("")
    }
    /// The error's message.
    pub fn message(&self) -> &str {
        self.meta["message"].as_str().unwrap_or("")
    }
    /// A field of the receipt.
    pub fn receipt(&self, field: &str) -> &Value {
        &self.meta["receipt"][field]
    }
}

impl Raw {
    /// Connects without a word.
    pub fn connect(socket: &Path) -> Self {
        let socket = UnixStream::connect(socket).expect("the daemon answers");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self { socket }
    }
    /// Connects as another user: what the daemon sees is the thread that connects. Only root can.
    pub fn connect_as(socket: &Path, uid: u32) -> Self {
        let socket = socket.to_path_buf();
        let thread = std::thread::spawn(move || {
            let id = rustix::process::Uid::from_raw(uid);
            rustix::thread::set_thread_res_uid(id, id, id).expect("only root becomes another user");
            Self::connect(&socket)
        });
        thread.join().expect("it connects")
    }
    /// How long a read may take; a minute at first.
    pub fn patience(&mut self, limit: Duration) {
        self.socket.set_read_timeout(Some(limit)).expect("a timeout");
    }
    /// HELLO and HELLO_ACK.
    pub fn hello(&mut self) -> Value {
        self.send(&Frame::json(FrameKind::Hello, 0, &Hello::new("test")));
        let ack = self.recv();
        assert_eq!(ack.header.kind, FrameKind::HelloAck);
        ack.parse().expect("JSON")
    }
    /// Writes bytes as they are; errors are the other side's to cause.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }
    /// Sends a frame.
    pub fn send(&mut self, frame: &Frame) -> bool {
        self.write(&frame.encode())
    }
    /// Sends a frame of these parts.
    pub fn frame(&mut self, kind: FrameKind, stream: u32, meta: &str, body: &[u8], end: bool) -> bool {
        let body = Bytes::copy_from_slice(body);
        self.send(&Frame::new(kind, stream, meta.to_owned(), body).end(end))
    }
    /// The next frame; `None` when the connection has ended.
    pub fn try_next(&mut self) -> Option<Frame> {
        let mut len = [0; 4];
        self.socket.read_exact(&mut len).ok()?;
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        self.socket.read_exact(&mut bytes).ok()?;
        Some(Frame::decode(bytes.into()).expect("a daemon's frame is legal"))
    }
    /// The next frame.
    pub fn recv(&mut self) -> Frame {
        self.try_next().expect("a frame before the end")
    }
    /// The answer of a stream, with everything for other streams passed over.
    pub fn answer(&mut self, stream: u32) -> Reply {
        loop {
            let frame = self.recv();
            if is_answer(&frame, stream) {
                return self.with_body(&frame);
            }
        }
    }
    /// The same; `None` where nothing comes for this long.
    pub fn try_answer(&mut self, stream: u32, limit: Duration) -> Option<Reply> {
        let mut first = [0];
        loop {
            // A frame that has begun is read to its end.
            self.patience(limit);
            let begun = rustix::net::recv(&self.socket, &mut first, rustix::net::RecvFlags::PEEK);
            self.patience(Duration::from_secs(60));
            match begun {
                Err(rustix::io::Errno::AGAIN) => return None,
                _ => {
                    let frame = self.recv();
                    if is_answer(&frame, stream) {
                        return Some(self.with_body(&frame));
                    }
                }
            }
        }
    }
    fn with_body(&mut self, frame: &Frame) -> Reply {
        let stream = frame.header.stream;
        let mut reply =
            Reply { kind: frame.header.kind, meta: frame.parse().expect("JSON"), body: frame.body.to_vec() };
        let mut more = reply.is_result() && !frame.header.end;
        while more {
            let frame = self.recv();
            if frame.header.stream == stream && frame.header.kind == FrameKind::Data {
                reply.body.extend_from_slice(&frame.body);
                more = !frame.header.end;
            }
        }
        reply
    }
    /// Waits for a stream's GRANT.
    pub fn wait_grant(&mut self, stream: u32) {
        loop {
            let frame = self.recv();
            assert_ne!(frame.header.kind, FrameKind::Error, "{:?}", frame.meta);
            if frame.header.kind == FrameKind::Grant && frame.header.stream == stream {
                return;
            }
        }
    }
    /// Sends a whole request.
    pub fn request(&mut self, kind: FrameKind, stream: u32, image: &[u8], options: &str) {
        let meta = format!("{{\"size\":{},\"options\":{options}}}", image.len());
        let window = image.len().min(WINDOW as usize);
        self.frame(kind, stream, &meta, &image[..window], window == image.len());
        if window < image.len() {
            self.wait_grant(stream);
            let mut rest = image[window..].chunks(WINDOW as usize).peekable();
            while let Some(chunk) = rest.next() {
                let end = rest.peek().is_none();
                self.frame(FrameKind::Data, stream, "", chunk, end);
            }
        }
    }
    /// One image, to its answer.
    pub fn optimize(&mut self, stream: u32, image: &[u8], options: &str) -> Reply {
        self.request(FrameKind::Optimize, stream, image, options);
        self.answer(stream)
    }
    /// The ERROR PROTOCOL that ends the connection, and that it ends.
    pub fn protocol_error(&mut self) -> String {
        loop {
            let frame = self.try_next().expect("ERROR PROTOCOL before the end");
            if frame.header.kind == FrameKind::Error && frame.header.stream == 0 {
                let meta: Value = frame.parse().expect("JSON");
                assert_eq!(meta["name"], "PROTOCOL");
                assert!(self.try_next().is_none(), "the connection ends after ERROR PROTOCOL");
                return meta["message"].as_str().expect("a message").to_owned();
            }
        }
    }
}

fn is_answer(frame: &Frame, stream: u32) -> bool {
    frame.header.stream == stream && matches!(frame.header.kind, FrameKind::Result | FrameKind::Error)
}
