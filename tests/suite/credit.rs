//! Bytes in flight: credit, grants, sizes, what is left unread, and that memory comes back.

use chaos::Picture;
use squeezed_protocol::{FrameKind, WINDOW};
use squeezed_tests::{Builder, TestDaemon, png_of};

fn small_png() -> Vec<u8> {
    png_of(16, 16, |x, y| [x as u8 * 16, y as u8 * 16, 0, 255])
}

fn picture(command: &str) -> Vec<u8> {
    Picture::gradient(16, 16, "rgb", 8, 1).command(command).padding(500).to_bytes()
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
