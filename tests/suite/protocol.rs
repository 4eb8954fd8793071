//! Broken, hostile and odd clients: each ends in the named error, and the daemon serves the next one.

use chaos::Picture;
use squeezed_protocol::{FrameKind, MAX_FRAME};
use squeezed_tests::{Builder, Raw, TestDaemon, png_of, png_with_text};

fn small_png() -> Vec<u8> {
    png_of(16, 16, |x, y| [x as u8 * 16, y as u8 * 16, 0, 255])
}

fn picture(command: &str) -> Vec<u8> {
    Picture::gradient(16, 16, "rgb", 8, 1).command(command).padding(500).to_bytes()
}

#[test]
fn framing_errors_end_the_connection_with_a_sentence() {
    let daemon = TestDaemon::start();
    let cases: &[(&str, &[u8])] = &[
        ("unknown frame kind 99", &[12, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("shorter than its header", &[3, 0, 0, 0, 1, 0, 0]),
        ("reserved field", &[12, 0, 0, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("unknown flags", &[12, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("does not fit", &[12, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0]),
    ];
    for (text, bytes) in cases {
        let mut raw = daemon.connect();
        raw.write(bytes);
        let message = raw.protocol_error();
        assert!(message.contains(text), "{message} lacks {text}");
    }
    let mut raw = daemon.connect();
    raw.write(&(MAX_FRAME as u32 + 1).to_le_bytes());
    assert!(raw.protocol_error().contains("longer than"));
    daemon.assert_serves();
}

#[test]
fn the_first_frame_must_be_a_hello_of_this_protocol() {
    let daemon = TestDaemon::start();
    let mut raw = Raw::connect(daemon.socket());
    raw.frame(FrameKind::Ping, 0, "", b"", false);
    assert!(raw.protocol_error().contains("HELLO"));

    let mut raw = Raw::connect(daemon.socket());
    raw.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(raw.protocol_error().contains("longer than"));

    for (hello, text) in [
        (r#"{"magic":"other","major":1}"#, "squeezed"),
        (r#"{"magic":"squeezed","major":9}"#, "upgrade"),
        (r#"{"magic":"squeezed","major":1,"minor_min":7,"minor_max":9}"#, "upgrade"),
        ("[]", "HELLO"),
    ] {
        let mut raw = Raw::connect(daemon.socket());
        raw.frame(FrameKind::Hello, 0, hello, b"", false);
        let message = raw.protocol_error();
        assert!(message.contains(text), "{message}");
    }
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Hello, 0, r#"{"magic":"squeezed","major":1}"#, b"", false);
    assert!(raw.protocol_error().contains("twice"));
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Grant, 1, "", b"", false);
    assert!(raw.protocol_error().contains("for the daemon to send"));
    daemon.assert_serves();
}

#[test]
fn stream_ids_rise_and_are_never_reused() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    assert!(raw.optimize(5, &small_png(), "{}").is_result());
    raw.request(FrameKind::Optimize, 5, &small_png(), "{}");
    assert!(raw.protocol_error().contains("never reused"));
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 0, &small_png(), "{}");
    assert!(raw.protocol_error().contains("rise"));
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Data, 3, "", b"x", true);
    assert!(raw.protocol_error().contains("never opened"));
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Cancel, 3, "", b"", false);
    assert!(raw.protocol_error().contains("never opened"));
    daemon.assert_serves();
}

#[test]
fn every_limit_is_named_with_the_key_that_raises_it() {
    let daemon = Builder::new()
        .set("limits.image_bytes", 100_000)
        .set("limits.pixels", 1000)
        .set("limits.frames", 3)
        .set("limits.total_pixels", 1500)
        .start();
    let mut raw = daemon.connect();
    let error = |reply: squeezed_tests::Reply, key: &str| {
        assert_eq!(reply.error(), "TOO_LARGE", "{reply:?}");
        assert!(reply.message().contains(key), "{} lacks {key}", reply.message());
    };
    raw.frame(FrameKind::Optimize, 1, r#"{"size":100001}"#, b"", false);
    error(raw.answer(1), "limits.image_bytes");
    error(raw.optimize(2, &png_of(40, 40, |_, _| [0; 4]), "{}"), "limits.pixels");
    let frames = |w, n| Picture::gradient(w, 10, "rgb", 8, n).to_bytes();
    error(raw.optimize(3, &frames(10, 4), "{}"), "limits.frames");
    error(raw.optimize(4, &frames(60, 3), "{}"), "limits.total_pixels");
    error(raw.optimize(5, &picture("huge-dims"), "{}"), "limits.pixels");
    assert!(raw.optimize(6, &small_png(), "{}").is_result());
    let tight = Builder::new().set("limits.metadata_bytes", 100_000).start();
    error(tight.connect().optimize(1, &png_with_text(&"x".repeat(200_000)), "{}"), "limits.metadata_bytes");
    let tight = Builder::new().set("memory.work_bytes", 2 << 20).start();
    let reply = tight.connect().optimize(1, &png_of(600, 600, |_, _| [9; 4]), "{}");
    error(reply, "memory.work_bytes");
    let tight = Builder::new().set("memory.input_bytes", 4 << 20).start();
    let mut raw = tight.connect();
    raw.frame(FrameKind::Optimize, 1, r#"{"size":5000000}"#, b"", false);
    error(raw.answer(1), "memory.input_bytes");
}

#[test]
fn a_full_queue_is_busy_at_once() {
    let daemon = Builder::new().set("executor.threads", 1).set("executor.queue_jobs", 2).start();
    let mut raw = daemon.connect();
    for stream in 1..=6 {
        raw.request(FrameKind::Optimize, stream, &picture("sleep=600"), "{}");
    }
    let reply = raw.answer(4);
    assert_eq!(reply.error(), "BUSY");
    assert!(reply.meta["retry_after_ms"].as_u64().unwrap() >= 10);
    assert!(raw.answer(1).is_result());
}

#[test]
fn cancel_is_answered_and_after_the_answer_ignored() {
    let daemon = Builder::new().set("executor.threads", 1).start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("hang"), "{}");
    raw.request(FrameKind::Optimize, 2, &picture("honest"), "{}");
    raw.frame(FrameKind::Cancel, 2, "", b"", false);
    assert_eq!(raw.answer(2).error(), "CANCELLED", "a queued job");
    raw.frame(FrameKind::Cancel, 1, "", b"", false);
    assert_eq!(raw.answer(1).error(), "CANCELLED", "a running job");
    raw.frame(FrameKind::Optimize, 3, r#"{"size":1000}"#, &[0; 10], false);
    raw.frame(FrameKind::Cancel, 3, "", b"", false);
    assert_eq!(raw.answer(3).error(), "CANCELLED", "an upload");
    raw.frame(FrameKind::Data, 3, "", &[0; 990], true);
    assert!(raw.optimize(4, &picture("honest"), "{}").is_result());
    raw.frame(FrameKind::Cancel, 4, "", b"", false);
    assert!(raw.optimize(5, &picture("honest"), "{}").is_result(), "the thread of the cancelled job is free");
}

#[test]
fn deadlines_give_the_best_so_far_or_an_error() {
    let daemon = Builder::new().set("executor.threads", 1).start();
    let mut raw = daemon.connect();
    let reply = raw.optimize(1, &picture("offer-then-hang"), r#"{"deadline_ms":300}"#);
    assert!(reply.is_result(), "{reply:?}");
    assert_eq!(reply.receipt("best_so_far"), true);
    assert_eq!(raw.optimize(2, &picture("hang"), r#"{"deadline_ms":100}"#).error(), "DEADLINE");
    raw.request(FrameKind::Optimize, 3, &picture("sleep=1500"), "{}");
    raw.request(FrameKind::Optimize, 4, &picture("honest"), r#"{"deadline_ms":100}"#);
    let first = raw.answer(4);
    assert_eq!(
        first.error(),
        "DEADLINE",
        "it could not begin in time, and was told so before the other one ended"
    );
    assert!(raw.answer(3).is_result());
}

#[test]
fn progress_comes_only_when_wanted_and_before_the_answer() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let image = picture("sleep=700");
    let meta = format!("{{\"size\":{},\"want_progress\":true}}", image.len());
    raw.frame(FrameKind::Optimize, 1, &meta, &image, true);
    let mut seen = 0;
    loop {
        let frame = raw.recv();
        match frame.header.kind {
            FrameKind::Progress => seen += 1,
            FrameKind::Result => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((2..=10).contains(&seen), "at most ten a second: {seen} in 0.7 s");
}

#[test]
fn status_plugins_reload_and_who_may_ask() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Plugins, 1, "", b"", true);
    let plugins: serde_json::Value = serde_json::from_slice(&raw.answer(1).body).unwrap();
    let png = plugins.as_array().unwrap().iter().find(|p| p["id"] == "png").unwrap();
    assert_eq!(png["licence"], "GPL-3.0-or-later");
    assert!(png["path"].as_str().is_some(), "root and the daemon's user see paths");
    raw.frame(FrameKind::Status, 2, "", b"", true);
    let status: serde_json::Value = serde_json::from_slice(&raw.answer(2).body).unwrap();
    assert!(status["connections"].as_u64() >= Some(1), "{status}");
    raw.frame(FrameKind::Reload, 3, "", b"", true);
    assert!(raw.answer(3).is_result());
}

#[test]
fn a_cap_and_the_five_percent_rule_hold_end_to_end() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    // Lossless drops half of the padding, lossy all of it.
    let image =
        |padding| Picture::gradient(64, 64, "rgb", 8, 1).command("honest-lossy").padding(padding).to_bytes();
    let free = raw.optimize(1, &image(40_000), r#"{"quality":80}"#);
    assert_eq!(free.receipt("pixels_identical"), false, "{free:?}");
    let capped = raw.optimize(2, &image(40_000), r#"{"quality":80,"max_reduction":10}"#);
    assert_eq!(capped.receipt("pixels_identical"), true, "{capped:?}");
    assert!(capped.receipt("trials").to_string().contains("over_cap"), "{capped:?}");
    let alone = raw.optimize(3, &image(40_000), r#"{"max_reduction":10}"#);
    assert_eq!(alone.receipt("pixels_identical"), true, "a cap alone asks for quality 80: {alone:?}");
    let little = raw.optimize(4, &image(600), r#"{"quality":80}"#);
    assert_eq!(little.receipt("pixels_identical"), true, "less than 5 % is not worth a loss: {little:?}");
}
