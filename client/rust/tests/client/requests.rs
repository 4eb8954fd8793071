//! What a caller sees, against a daemon of a few lines.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::fake::{Fake, Peer, receipt};
use bytes::Bytes;
use squeezed_client::{Client, ErrorCode, ErrorKind, JobOptions, Progress, Status, StatusReport};
use squeezed_protocol::{ErrorReply, Frame, FrameKind, Goaway, Outcome};

async fn pair(streams: u64) -> (Client, Peer) {
    let fake = Fake::new();
    let (client, peer) = tokio::join!(Client::connect(&fake.path), fake.peer(streams));
    (client.unwrap(), peer)
}

#[tokio::test]
async fn a_big_image_goes_and_comes_whole() {
    let (client, mut peer) = pair(8).await;
    let image: Vec<u8> = (0..900_000u32).map(|i| i as u8).collect();
    let daemon = async {
        let (id, request, body) = peer.request().await;
        assert_eq!(request.options.quality, Some(80));
        assert!(!request.want_unchanged_body && !request.want_progress);
        let half = &body[..450_000];
        let outcome =
            Outcome { size: 450_000, receipt: Some(receipt(Status::Optimized)), ..Outcome::default() };
        peer.send(Frame::json(FrameKind::Result, id, &outcome)).await;
        peer.send(Frame::new(FrameKind::Data, id, Bytes::new(), half[..200_000].to_vec())).await;
        peer.send(Frame::new(FrameKind::Data, id, Bytes::new(), half[200_000..].to_vec())).await;
        peer.send(Frame::new(FrameKind::Data, id, Bytes::new(), Bytes::new()).end(true)).await;
    };
    let options = JobOptions { quality: Some(80), ..JobOptions::default() };
    let (answer, ()) = tokio::join!(client.optimize(image.clone(), options), daemon);
    assert_eq!(answer.unwrap().bytes.unwrap(), image[..450_000]);
}

#[tokio::test]
async fn unchanged_has_no_bytes_and_optimized_must_have_some() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        for status in [Status::Unchanged, Status::Optimized] {
            let (id, ..) = peer.request().await;
            peer.result(id, Outcome { receipt: Some(receipt(status)), ..Outcome::default() }, b"").await;
        }
    };
    let calls = async {
        let answer = client.optimize(&b"input"[..], JobOptions::default()).await.unwrap();
        assert_eq!((answer.receipt.status, answer.bytes), (Status::Unchanged, None));
        let error = client.optimize(&b"input"[..], JobOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
    };
    tokio::join!(calls, daemon);
}

#[tokio::test]
async fn a_small_image_passes_a_big_one_that_waits_for_credit() {
    let (client, mut peer) = pair(8).await;
    let big = tokio::spawn({
        let client = client.clone();
        async move { client.optimize(vec![1; 4 << 20], JobOptions::default()).await }
    });
    let mut window = 0;
    while window < 256 << 10 {
        window += peer.next().await.body.len();
    }
    let daemon = async {
        let (id, _, body) = peer.request().await;
        assert_eq!(body, b"small");
        peer.optimized(id, b"s").await;
        peer
    };
    let (small, peer) = tokio::join!(client.optimize(&b"small"[..], JobOptions::default()), daemon);
    assert_eq!(small.unwrap().bytes.unwrap(), "s");
    drop(peer);
    assert_eq!(big.await.unwrap().unwrap_err().kind(), ErrorKind::Disconnected);
}

#[tokio::test]
async fn a_dropped_future_cancels() {
    let (client, mut peer) = pair(1).await;
    let job = client.optimize(&b"slow"[..], JobOptions::default());
    assert!(tokio::time::timeout(Duration::from_millis(50), job).await.is_err());
    let (id, ..) = peer.request().await;
    let frame = peer.next().await;
    assert_eq!((frame.header.kind, frame.header.stream), (FrameKind::Cancel, id));
    // The only stream is free again once the daemon has had its last word.
    let daemon = async {
        peer.error(id, ErrorCode::Cancelled, None).await;
        let (id, ..) = peer.request().await;
        peer.optimized(id, b"x").await;
    };
    let (next, ()) = tokio::join!(client.optimize(&b"next"[..], JobOptions::default()), daemon);
    next.unwrap();
}

#[tokio::test]
async fn a_handle_cancels() {
    let (client, mut peer) = pair(8).await;
    let job = client.job(&b"slow"[..], JobOptions::default());
    let handle = job.cancel_handle();
    let daemon = async {
        let (id, ..) = peer.request().await;
        handle.cancel();
        assert_eq!(peer.next().await.header.kind, FrameKind::Cancel);
        peer.error(id, ErrorCode::Cancelled, None).await;
    };
    let (answer, ()) = tokio::join!(job.optimize(), daemon);
    assert_eq!(answer.unwrap_err().code(), Some(ErrorCode::Cancelled));
}

#[tokio::test]
async fn progress_is_told() {
    let (client, mut peer) = pair(8).await;
    let seen = AtomicU32::new(0);
    let daemon = async {
        let (id, request, _) = peer.request().await;
        assert!(request.want_progress);
        peer.send(Frame::json(FrameKind::Progress, id, &Progress { permille: 500, best_bytes: 7 })).await;
        while seen.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        peer.optimized(id, b"x").await;
    };
    let call = client.optimize_with(&b"image"[..], JobOptions::default(), |p| {
        seen.store(p.permille, Ordering::Relaxed);
    });
    let (answer, ()) = tokio::join!(call, daemon);
    answer.unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 500);
}

#[tokio::test]
async fn busy_is_tried_again_after_the_time_the_daemon_names() {
    let (client, mut peer) = pair(8).await;
    let start = Instant::now();
    let daemon = async {
        let (id, first, _) = peer.request().await;
        peer.error(id, ErrorCode::Busy, Some(200)).await;
        let (id, second, _) = peer.request().await;
        assert!(second.options.deadline_ms < first.options.deadline_ms, "the time spent counts");
        peer.optimized(id, b"x").await;
    };
    let options = JobOptions { deadline_ms: Some(5000), ..JobOptions::default() };
    let mut pauses = Vec::new();
    let job = client.job(&b"image"[..], options).on_busy(|pause| pauses.push(pause));
    let (answer, ()) = tokio::join!(job.optimize(), daemon);
    answer.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(pauses.len() == 1 && pauses[0] >= Duration::from_millis(200), "{pauses:?}");
}

#[tokio::test]
async fn busy_beyond_the_callers_patience_is_told() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        let (id, ..) = peer.request().await;
        peer.error(id, ErrorCode::Busy, Some(60_000)).await;
    };
    let job = client.job(&b"image"[..], JobOptions::default()).patience(Duration::from_secs(1));
    let (answer, ()) = tokio::join!(job.optimize(), daemon);
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Busy));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn without_patience_busy_is_the_answer() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        let (id, ..) = peer.request().await;
        peer.error(id, ErrorCode::Busy, Some(1)).await;
    };
    let mut calls = 0;
    let job =
        client.job(&b"image"[..], JobOptions::default()).patience(Duration::ZERO).on_busy(|_| calls += 1);
    let (answer, ()) = tokio::join!(job.optimize(), daemon);
    assert_eq!(answer.unwrap_err().code(), Some(ErrorCode::Busy));
    assert_eq!(calls, 0, "no other try follows");
}

#[tokio::test]
async fn no_more_streams_are_opened_than_the_daemon_takes() {
    let (client, mut peer) = pair(2).await;
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.optimize(&b"image"[..], JobOptions::default()).await })
        })
        .collect();
    let (a, ..) = peer.request().await;
    let (b, ..) = peer.request().await;
    assert!(tokio::time::timeout(Duration::from_millis(50), peer.next()).await.is_err());
    peer.optimized(b, b"x").await;
    peer.optimized(a, b"x").await;
    for _ in 0..3 {
        let (id, ..) = peer.request().await;
        peer.optimized(id, b"x").await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn after_goaway_the_caller_is_told_to_connect_again() {
    let (client, mut peer) = pair(8).await;
    peer.send(Frame::json(FrameKind::Goaway, 0, &Goaway { last_stream: 0, message: "draining".into() }))
        .await;
    peer.send(Frame::new(FrameKind::Ping, 0, Bytes::new(), Bytes::new())).await;
    assert_eq!(peer.next().await.header.kind, FrameKind::Pong);
    let error = client.status().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ShuttingDown));
    assert!(error.wants_reconnect() && error.message().contains("draining"), "{error}");
}

#[tokio::test]
async fn the_daemons_last_word_reaches_every_waiter() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        peer.request().await;
        peer.error(0, ErrorCode::Protocol, None).await;
        drop(peer);
    };
    let (answer, ()) = tokio::join!(client.optimize(&b"image"[..], JobOptions::default()), daemon);
    assert_eq!(answer.unwrap_err().code(), Some(ErrorCode::Protocol));
    assert_eq!(client.ping().await.unwrap_err().code(), Some(ErrorCode::Protocol));
    assert_eq!(client.closed().await.code(), Some(ErrorCode::Protocol));
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        let (id, ..) = peer.request().await;
        peer.send(Frame::new(FrameKind::Result, id, &b"not json"[..], Bytes::new())).await;
    };
    let (answer, ()) = tokio::join!(client.optimize(&b"image"[..], JobOptions::default()), daemon);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::BadReply);
}

#[tokio::test]
async fn reports_and_commands() {
    let (client, mut peer) = pair(8).await;
    let daemon = async {
        let report = StatusReport { version: "9".into(), ..StatusReport::default() };
        let answers: [(FrameKind, Vec<u8>); 3] = [
            (FrameKind::Status, serde_json::to_vec(&report).unwrap()),
            (FrameKind::Plugins, b"[]".to_vec()),
            (FrameKind::Shutdown, vec![]),
        ];
        for (kind, body) in answers {
            let frame = peer.next().await;
            assert_eq!(frame.header.kind, kind);
            assert!(frame.header.end);
            peer.result(frame.header.stream, Outcome::default(), &body).await;
        }
        let frame = peer.next().await;
        assert_eq!(frame.header.kind, FrameKind::Reload);
        peer.error(frame.header.stream, ErrorCode::Forbidden, None).await;
    };
    let calls = async {
        assert_eq!(client.status().await.unwrap().version, "9");
        assert!(client.plugins().await.unwrap().is_empty());
        client.shutdown().await.unwrap();
        assert_eq!(client.reload().await.unwrap_err().code(), Some(ErrorCode::Forbidden));
    };
    tokio::join!(calls, daemon);
}

#[tokio::test]
async fn a_refusal_and_another_program_are_told_apart() {
    let fake = Fake::new();
    let (refused, mut peer) = tokio::join!(Client::connect(&fake.path), async {
        let mut peer = fake.silent().await;
        let refusal = ErrorReply::new(ErrorCode::Protocol, "upgrade the older one");
        peer.send(Frame::json(FrameKind::Error, 0, &refusal)).await;
        peer
    });
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::Protocol));
    peer.next().await;

    let (other, _) = tokio::join!(Client::connect(&fake.path), async {
        let mut peer = fake.silent().await;
        let ack = squeezed_client::HelloAck { magic: "other".into(), ..crate::fake::hello(1) };
        peer.send(Frame::json(FrameKind::HelloAck, 0, &ack)).await;
        peer
    });
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Handshake);
}

#[tokio::test]
async fn nobody_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = Client::connect(folder.path().join("none")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let long = folder.path().join("x".repeat(200));
    let error = Client::connect(long).await.unwrap_err();
    assert!(error.message().contains("107"), "{error}");
}
