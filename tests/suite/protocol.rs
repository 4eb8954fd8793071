//! Broken, hostile and odd clients: each ends in the named error, and the daemon serves the next one.

use chaos::Picture;
use squeezed_protocol::{FrameKind, MAX_FRAME, WINDOW};
use squeezed_tests::{Builder, Raw, TestDaemon, png_of};

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
fn data_after_end_and_beyond_credit_is_a_framing_error() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    assert!(raw.optimize(1, &small_png(), "{}").is_result());
    raw.frame(FrameKind::Data, 1, "", b"more", false);
    assert!(raw.protocol_error().contains("has ended"));

    // The window is 256 KiB; the pool is full, so there is no grant for the rest.
    let daemon = Builder::new().set("memory.input_bytes", 4 << 20).start();
    let mut raw = daemon.connect();
    let size = 3 << 20;
    let meta = format!("{{\"size\":{size}}}");
    raw.frame(FrameKind::Optimize, 1, &meta, &[0; 1000], false);
    raw.wait_grant(1);
    raw.frame(FrameKind::Optimize, 2, &meta, &vec![0; WINDOW as usize], false);
    raw.frame(FrameKind::Data, 2, "", b"x", false);
    assert!(raw.protocol_error().contains("beyond its credit"));
    daemon.assert_serves();
}

#[test]
fn after_an_early_error_the_rest_of_the_upload_is_discarded_up_to_its_credit() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Optimize, 1, r#"{"size":100,"options":{"qualty":80}}"#, &[0; 10], false);
    let reply = raw.answer(1);
    assert_eq!(reply.error(), "BAD_REQUEST");
    assert!(reply.message().contains("qualty"), "{}", reply.message());
    raw.frame(FrameKind::Data, 1, "", &[0; 90], true);
    assert!(raw.optimize(2, &small_png(), "{}").is_result(), "the connection lives on");
    raw.frame(FrameKind::Optimize, 3, r#"{"size":100,"options":{"quality":0}}"#, &[0; 10], false);
    assert_eq!(raw.answer(3).error(), "BAD_REQUEST");
    raw.frame(FrameKind::Data, 3, "", &vec![0; WINDOW as usize], false);
    assert!(raw.protocol_error().contains("beyond its credit"));
}

#[test]
fn wrong_sizes_are_bad_requests_and_cost_one_stream() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Optimize, 1, r#"{"size":0}"#, b"", true);
    assert_eq!(raw.answer(1).error(), "BAD_IMAGE");
    raw.frame(FrameKind::Optimize, 2, r#"{"size":10}"#, &[0; 9], true);
    assert_eq!(raw.answer(2).error(), "BAD_REQUEST");
    raw.frame(FrameKind::Optimize, 3, r#"{"size":10}"#, &[0; 11], false);
    assert_eq!(raw.answer(3).error(), "BAD_REQUEST");
    raw.frame(FrameKind::Data, 3, "", &[0; 5], true);
    raw.frame(FrameKind::Optimize, 4, "{}", b"", true);
    assert_eq!(raw.answer(4).error(), "BAD_REQUEST");
    raw.frame(FrameKind::Optimize, 5, "not json", b"", true);
    assert_eq!(raw.answer(5).error(), "BAD_REQUEST");
    let reply = raw.optimize(6, &small_png(), r#"{"max_reduction":10,"min_savings":20}"#);
    assert_eq!(reply.error(), "BAD_REQUEST");
    // The last DATA may be empty.
    let png = small_png();
    raw.frame(FrameKind::Optimize, 7, &format!("{{\"size\":{}}}", png.len()), &png, false);
    raw.frame(FrameKind::Data, 7, "", b"", true);
    assert!(raw.answer(7).is_result());
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
    let tight = Builder::new().set("memory.work_bytes", 2 << 20).start();
    let reply = tight.connect().optimize(1, &png_of(600, 600, |_, _| [9; 4]), "{}");
    error(reply, "memory.work_bytes");
    let tight = Builder::new().set("memory.input_bytes", 4 << 20).start();
    let mut raw = tight.connect();
    raw.frame(FrameKind::Optimize, 1, r#"{"size":5000000}"#, b"", false);
    error(raw.answer(1), "memory.input_bytes");
}

#[test]
fn ten_thousand_streams_at_once_are_answered_one_by_one() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let png = small_png();
    let meta = format!("{{\"size\":{}}}", png.len());
    for stream in 1..=10_000 {
        // Half an image: the stream stays open.
        assert!(raw.frame(FrameKind::Optimize, stream, &meta, &png[..10], false));
    }
    let mut busy = 0;
    for stream in 65..=10_000 {
        let reply = raw.answer(stream);
        assert_eq!(reply.error(), "BUSY", "{reply:?}");
        assert!(reply.meta["retry_after_ms"].as_u64().is_some());
        busy += 1;
    }
    assert_eq!(busy, 10_000 - 64);
    raw.frame(FrameKind::Data, 1, "", &png[10..], true);
    assert!(raw.answer(1).is_result(), "the streams that were taken are served");
    daemon.assert_serves();
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
fn a_client_that_leaves_takes_its_jobs_and_memory_along() {
    let daemon = Builder::new().set("executor.threads", 1).start();
    for _ in 0..3 {
        let mut raw = daemon.connect();
        raw.request(FrameKind::Optimize, 1, &picture("hang"), "{}");
        raw.request(FrameKind::Optimize, 2, &picture("hang"), "{}");
        raw.frame(FrameKind::Optimize, 3, r#"{"size":9000000}"#, &[0; 10], false);
    }
    daemon.assert_serves();
    let mut raw = daemon.connect();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        raw = {
            let mut next = daemon.connect();
            std::mem::swap(&mut raw, &mut next);
            next
        };
        raw.frame(FrameKind::Status, 1, "", b"", true);
        let status: serde_json::Value = serde_json::from_slice(&raw.answer(1).body).unwrap();
        let granted = &status["input_pool"]["granted"];
        if granted == 0 && status["work_pool"]["granted"] == 0 && status["running"] == 0 {
            break;
        }
        assert!(std::time::Instant::now() < end, "{status}");
        raw = daemon.connect();
    }
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
fn a_large_result_comes_in_pieces_that_small_answers_overtake() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let big = Picture::gradient(1500, 1500, "rgb", 8, 1).command("honest").padding(500).to_bytes();
    raw.request(FrameKind::Optimize, 1, &big, "{}");
    // Nothing is read until the big result clogs the socket; then a small request must not wait behind all of it.
    std::thread::sleep(std::time::Duration::from_millis(500));
    raw.request(FrameKind::Optimize, 2, &picture("honest"), "{}");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (mut before, mut after, mut small) = (0, 0, false);
    loop {
        let frame = raw.recv();
        match (frame.header.stream, frame.header.kind) {
            (2, FrameKind::Result) => small = true,
            (1, FrameKind::Data) if small => after += frame.body.len(),
            (1, FrameKind::Data) => before += frame.body.len(),
            _ => {}
        }
        if frame.header.stream == 1 && frame.header.kind == FrameKind::Data && frame.header.end {
            break;
        }
    }
    assert!(small && after > 4 * before, "{before} bytes before the small answer, {after} after it");
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
    assert_eq!(status["connections"], 1);
    raw.frame(FrameKind::Reload, 3, "", b"", true);
    assert!(raw.answer(3).is_result());
}

#[test]
fn a_client_that_reads_nothing_is_closed_before_it_costs_memory() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let body = vec![7; 200_000];
    let mut sent = 0;
    while sent < 2000 && raw.frame(FrameKind::Ping, 0, "", &body, false) {
        sent += 1;
    }
    assert!(sent < 2000, "400 MB of unread PONGs were taken");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kib < 150_000, "{kib} KiB");
    daemon.assert_serves();
}

#[test]
fn more_uploads_than_memory_are_all_answered_in_time() {
    // Room for four such images; eight streams may wait with their windows.
    let daemon = Builder::new().set("memory.input_bytes", 16 << 20).start();
    let mut raw = daemon.connect();
    let image = Picture::gradient(1000, 1000, "rgb", 8, 1).command("honest").padding(500).to_bytes();
    let window = WINDOW as usize;
    let streams = 1..=20u32;
    for stream in streams.clone() {
        raw.frame(
            FrameKind::Optimize,
            stream,
            &format!("{{\"size\":{}}}", image.len()),
            &image[..window],
            false,
        );
    }
    let (mut done, mut busy) = (0, 0);
    while done + busy < 20 {
        let frame = raw.recv();
        match frame.header.kind {
            FrameKind::Grant => {
                let mut rest = image[window..].chunks(window).peekable();
                while let Some(chunk) = rest.next() {
                    let end = rest.peek().is_none();
                    raw.frame(FrameKind::Data, frame.header.stream, "", chunk, end);
                }
            }
            FrameKind::Result => done += 1,
            FrameKind::Error => {
                assert!(String::from_utf8_lossy(&frame.meta).contains("BUSY"), "{:?}", frame.meta);
                busy += 1;
            }
            _ => {}
        }
    }
    assert!(done >= 8, "{done} done, {busy} busy");
    assert!(raw.optimize(30, &small_png(), "{}").is_result());
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
