//! A daemon of a few lines that answers as it is told.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use squeezed_protocol::{
    ErrorCode, ErrorReply, Frame, FrameKind, HelloAck, MAGIC, MAX_FRAME, Outcome, PluginId, Receipt, Request,
    Status, WireLimits,
};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Where the daemon listens; its folder goes with it.
pub struct Fake {
    _folder: TempDir,
    pub path: PathBuf,
    listener: UnixListener,
}

/// The daemon's side of one connection.
pub struct Peer(Framed<UnixStream, LengthDelimitedCodec>);

impl Fake {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        Self { _folder: folder, path, listener }
    }

    /// Waits for a client, without a word.
    pub async fn silent(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        let codec = LengthDelimitedCodec::builder().little_endian().max_frame_length(MAX_FRAME).new_codec();
        Peer(Framed::new(stream, codec))
    }

    /// Waits for a client and says hello.
    pub async fn peer(&self, streams: u64) -> Peer {
        let mut peer = self.silent().await;
        assert_eq!(peer.next().await.header.kind, FrameKind::Hello);
        peer.send(Frame::json(FrameKind::HelloAck, 0, &hello(streams))).await;
        peer
    }
}

pub fn hello(streams: u64) -> HelloAck {
    HelloAck {
        magic: MAGIC.into(),
        major: 1,
        minor: 0,
        features: vec![],
        limits: WireLimits {
            meta_bytes: 65536,
            body_bytes: 262_144,
            window_bytes: 262_144,
            image_bytes: 1 << 28,
            pixels: 1,
            frames: 1,
            streams,
            jobs: 1,
        },
        isolation: "none".into(),
        formats: vec![],
        version: "0.1.0".into(),
        pid: 1,
    }
}

pub fn receipt(status: Status) -> Receipt {
    Receipt {
        status,
        reason: None,
        detail: None,
        format: "png".into(),
        method: "fake".into(),
        quality: None,
        pixels_identical: true,
        before: 10,
        after: 5,
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
    }
}

impl Peer {
    pub async fn try_next(&mut self) -> Option<Frame> {
        Some(Frame::decode(self.0.next().await?.ok()?.freeze()).unwrap())
    }

    pub async fn next(&mut self) -> Frame {
        self.try_next().await.expect("the client closed the connection")
    }

    /// The next request with its whole body, granting what it needs.
    pub async fn request(&mut self) -> (u32, Request, Vec<u8>) {
        let first = self.next().await;
        let request = Request::parse(&first.meta).unwrap();
        let (id, mut body, mut end) = (first.header.stream, first.body.to_vec(), first.header.end);
        if request.size > 262_144 {
            self.send(Frame::new(FrameKind::Grant, id, Bytes::new(), Bytes::new())).await;
        }
        while !end {
            let frame = self.next().await;
            assert_eq!((frame.header.kind, frame.header.stream), (FrameKind::Data, id));
            body.extend_from_slice(&frame.body);
            end = frame.header.end;
        }
        assert_eq!(body.len() as u64, request.size);
        (id, request, body)
    }

    pub async fn send(&mut self, frame: Frame) {
        self.0.send(frame.encode().slice(4..)).await.unwrap();
    }

    pub async fn result(&mut self, id: u32, outcome: Outcome, body: &[u8]) {
        let outcome = Outcome { size: body.len() as u64, ..outcome };
        let mut frame = Frame::json(FrameKind::Result, id, &outcome).end(true);
        frame.body = Bytes::copy_from_slice(body);
        self.send(frame).await;
    }

    pub async fn optimized(&mut self, id: u32, body: &[u8]) {
        self.result(id, Outcome { receipt: Some(receipt(Status::Optimized)), ..Outcome::default() }, body)
            .await;
    }

    pub async fn error(&mut self, id: u32, code: ErrorCode, retry_after_ms: Option<u64>) {
        let mut reply = ErrorReply::new(code, "told so");
        reply.retry_after_ms = retry_after_ms;
        self.send(Frame::json(FrameKind::Error, id, &reply).end(true)).await;
    }
}
