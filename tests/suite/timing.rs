//! What must not wait: run alone, with bounds at least ten times what is usual.

use std::time::{Duration, Instant};

use chaos::Picture;
use squeezed_protocol::{FrameKind, WINDOW};
use squeezed_tests::{Builder, Raw, TestDaemon, noise_png};

fn busy(ms: u64) -> Vec<u8> {
    Picture::gradient(16, 16, "rgb", 8, 1).command(&format!("burn={ms}")).padding(500).to_bytes()
}

#[test]
fn a_ping_is_answered_while_every_executor_thread_encodes() {
    let daemon = TestDaemon::start();
    let mut load = daemon.connect();
    let threads = std::thread::available_parallelism().unwrap().get() as u32;
    for stream in 1..=threads * 2 {
        // Identical jobs would share one run.
        load.request(FrameKind::Optimize, stream, &busy(1500 + u64::from(stream)), "{}");
    }
    let mut raw = daemon.connect();
    std::thread::sleep(Duration::from_millis(200));
    raw.frame(FrameKind::Status, 1, "", b"", true);
    let status: serde_json::Value = serde_json::from_slice(&raw.answer(1).body).unwrap();
    assert!(status["running"].as_u64() >= Some(threads.into()), "every thread encodes: {status}");
    let mut worst = Duration::ZERO;
    for n in 0..20u8 {
        let start = Instant::now();
        load.frame(FrameKind::Ping, 0, "", &[n], false);
        loop {
            let frame = load.recv();
            if frame.header.kind == FrameKind::Pong {
                assert_eq!(&frame.body[..], [n]);
                break;
            }
        }
        worst = worst.max(start.elapsed());
    }
    assert!(worst < Duration::from_millis(250), "a PING took {worst:?}");
}

#[test]
fn a_small_image_and_a_cancel_pass_a_slow_upload_of_200_mb_on_one_connection() {
    let daemon = Builder::new().set("memory.input_bytes", 400 << 20).start();
    let mut raw = daemon.connect();
    let size: u64 = 200 << 20;
    raw.frame(FrameKind::Optimize, 1, &format!("{{\"size\":{size}}}"), &vec![0; WINDOW as usize], false);
    raw.wait_grant(1);
    let small = noise_png(80, 64);
    assert!((15_000..30_000).contains(&small.len()), "{} bytes", small.len());
    let chunk = vec![0; WINDOW as usize];
    let mut worst = Duration::ZERO;
    for n in 0..20 {
        for _ in 0..4 {
            raw.frame(FrameKind::Data, 1, "", &chunk, false);
        }
        let stream = 2 + n;
        let start = Instant::now();
        let reply = raw.optimize(stream, &small, r#"{"effort":"fast"}"#);
        assert!(reply.is_result(), "{reply:?}");
        worst = worst.max(start.elapsed());
    }
    // A 20 KB PNG takes some 15 ms at effort fast.
    assert!(worst < Duration::from_millis(1000), "a small PNG took {worst:?}");
    let start = Instant::now();
    raw.frame(FrameKind::Cancel, 1, "", b"", false);
    assert_eq!(raw.answer(1).error(), "CANCELLED");
    assert!(start.elapsed() < Duration::from_millis(250), "CANCEL took {:?}", start.elapsed());
}

#[test]
fn hello_and_half_frames_are_waited_for_ten_seconds() {
    let daemon = TestDaemon::start();
    let mut silent = Raw::connect(daemon.socket());
    let mut half = daemon.connect();
    half.write(&[100, 0, 0, 0, 4, 0, 0]);
    let start = Instant::now();
    assert!(silent.protocol_error().contains("HELLO did not come"));
    assert!(half.protocol_error().contains("half a frame"));
    let took = start.elapsed();
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
    daemon.assert_serves();
}

#[test]
fn a_granted_upload_that_falls_silent_is_ended() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Optimize, 1, r#"{"size":1000000}"#, &[0; 1000], false);
    raw.wait_grant(1);
    let start = Instant::now();
    let reply = raw.answer(1);
    assert_eq!(reply.error(), "BAD_REQUEST", "{reply:?}");
    assert!(reply.message().contains("30 s"));
    assert!((29..45).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert!(raw.optimize(2, &noise_png(8, 8), "{}").is_result(), "the connection lives on");
}
