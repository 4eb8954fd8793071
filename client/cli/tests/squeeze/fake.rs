//! A daemon of a few lines, for what a good one never does.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use squeezed_protocol::{
    Frame, FrameKind, HelloAck, MAGIC, MAX_BODY, Outcome, PluginId, Receipt, Status, WINDOW, WireLimits,
};

/// The daemon's side of one connection.
pub struct Peer(UnixStream);

pub fn bind(socket: &Path) -> UnixListener {
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    UnixListener::bind(socket).unwrap()
}

/// Waits for a client and says hello as a daemon of this version.
pub fn accept(listener: &UnixListener, version: &str) -> Peer {
    let mut peer = Peer(listener.accept().unwrap().0);
    assert_eq!(peer.next().unwrap().header.kind, FrameKind::Hello);
    let limits = WireLimits {
        meta_bytes: 65536,
        body_bytes: MAX_BODY as u64,
        window_bytes: WINDOW,
        image_bytes: 1 << 20,
        pixels: 1 << 20,
        frames: 1,
        streams: 8,
        jobs: 8,
    };
    let hello = HelloAck {
        magic: MAGIC.into(),
        major: 1,
        minor: 0,
        features: vec![],
        limits,
        isolation: "none".into(),
        formats: vec![],
        version: version.into(),
        pid: std::process::id(),
    };
    peer.send(&Frame::json(FrameKind::HelloAck, 0, &hello));
    peer
}

impl Peer {
    /// The next frame; `None` when the client has gone.
    pub fn next(&mut self) -> Option<Frame> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len).ok()?;
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        self.0.read_exact(&mut bytes).ok()?;
        Some(Frame::decode(bytes.into()).unwrap())
    }

    pub fn send(&mut self, frame: &Frame) {
        self.0.write_all(&frame.encode()).unwrap();
    }

    /// Answers a request that came in one frame.
    pub fn answer(&mut self, request: &Frame, body: &[u8]) {
        let receipt = Receipt {
            status: Status::Optimized,
            reason: None,
            detail: None,
            format: "png".into(),
            method: "fake".into(),
            quality: None,
            pixels_identical: true,
            before: request.body.len() as u64,
            after: body.len() as u64,
            width: 1,
            height: 1,
            frames: 1,
            source_quality: None,
            kept: vec![],
            dropped: vec![],
            trials: vec![],
            omitted: 0,
            plugin: PluginId { id: "fake".into(), version: "1".into() },
            judged_by: None,
            isolation: "none".into(),
            best_so_far: false,
            reused: None,
            queue_ms: 0.0,
            run_ms: 0.0,
        };
        self.result(request, &Outcome { receipt: Some(receipt), ..Outcome::default() }, body);
    }

    pub fn result(&mut self, request: &Frame, outcome: &Outcome, body: &[u8]) {
        let outcome = Outcome { size: body.len() as u64, ..outcome.clone() };
        let mut frame = Frame::json(FrameKind::Result, request.header.stream, &outcome).end(true);
        frame.body = body.to_vec().into();
        self.send(&frame);
    }
}
