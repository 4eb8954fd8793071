//! Answers that are made once: shared runs, the cache on disk, and what a scrape shows of it.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use chaos::Picture;
use serde_json::Value;
use squeezed_protocol::FrameKind;
use squeezed_tests::{Builder, Raw, TestDaemon, noise_png};

fn slow(ms: u32) -> Vec<u8> {
    Picture::gradient(16, 16, "rgb", 8, 1).command(&format!("sleep={ms}")).padding(500).to_bytes()
}

fn status(raw: &mut Raw, stream: u32) -> Value {
    raw.frame(FrameKind::Status, stream, "", b"", true);
    serde_json::from_slice(&raw.answer(stream).body).unwrap()
}

/// Waits until so many jobs run and shared the run of another.
fn until(daemon: &TestDaemon, running: u64, shared: u64) {
    let mut raw = daemon.connect();
    let end = Instant::now() + Duration::from_secs(20);
    for stream in 1.. {
        let s = status(&mut raw, stream);
        if s["running"].as_u64() == Some(running) && s["shared"].as_u64() == Some(shared) {
            return;
        }
        assert!(Instant::now() < end, "{s}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn identical_jobs_share_a_run_and_each_gets_the_answer() {
    let daemon = TestDaemon::start();
    let image = slow(1500);
    // Each on a connection of its own: which of those that wait is answered first is nobody's promise.
    let ask = |options: &str| {
        let mut raw = daemon.connect();
        raw.request(FrameKind::Optimize, 1, &image, options);
        raw
    };
    let mut first = ask("{}");
    until(&daemon, 1, 0);
    let mut same = [ask("{}"), ask("{}")];
    // Other options are another question, and a job with a deadline is nobody else's.
    let mut others = [ask(r#"{"min_savings":1}"#), ask(r#"{"deadline_ms":60000}"#)];
    until(&daemon, 2, 2);
    let first = first.answer(1);
    assert_eq!(first.receipt("reused"), &Value::Null);
    for raw in &mut same {
        let reply = raw.answer(1);
        assert_eq!(reply.body, first.body);
        assert_eq!(reply.receipt("reused"), "run");
        assert!(reply.receipt("queue_ms").as_f64() >= Some(0.0));
    }
    for raw in &mut others {
        assert_eq!(raw.answer(1).receipt("reused"), &Value::Null);
    }
}

#[test]
fn a_run_goes_on_for_whoever_is_left_and_ends_with_the_last() {
    let daemon = TestDaemon::start();
    let (mut one, mut two) = (daemon.connect(), daemon.connect());
    one.request(FrameKind::Optimize, 1, &slow(1200), "{}");
    until(&daemon, 1, 0);
    two.request(FrameKind::Optimize, 1, &slow(1200), "{}");
    until(&daemon, 1, 1);
    one.frame(FrameKind::Cancel, 1, "", b"", false);
    assert_eq!(one.answer(1).error(), "CANCELLED");
    assert!(two.answer(1).is_result());
    // All leave: by a cancel and by a closed connection.
    one.request(FrameKind::Optimize, 2, &slow(600_000), "{}");
    until(&daemon, 1, 1);
    two.request(FrameKind::Optimize, 2, &slow(600_000), "{}");
    until(&daemon, 1, 2);
    one.frame(FrameKind::Cancel, 2, "", b"", false);
    assert_eq!(one.answer(2).error(), "CANCELLED");
    drop(two);
    until(&daemon, 0, 2);
    let s = status(&mut one, 3);
    assert_eq!(s["work_pool"]["granted"], 0, "{s}");
    assert!(one.optimize(4, &slow(1), "{}").is_result(), "the key is free again");
}

#[test]
fn a_job_deep_in_another_connections_line_is_not_waited_for() {
    let daemon = Builder::new().set("executor.threads", 1).start();
    let (mut batch, mut other) = (daemon.connect(), daemon.connect());
    for n in 0..6 {
        // One thread: they are looked at and run in this order.
        batch.request(FrameKind::Optimize, n + 1, &slow(700 + n), "{}");
    }
    std::thread::sleep(Duration::from_millis(200));
    other.request(FrameKind::Optimize, 1, &slow(705), "{}");
    let reply = other.answer(1);
    assert!(reply.is_result());
    assert_eq!(reply.receipt("reused"), &Value::Null, "its own turn came before the batch's");
    (1..=6).for_each(|n| assert!(batch.answer(n).is_result()));
}

#[test]
fn the_cache_answers_again_after_a_restart_and_knows_its_own_results() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("cache");
    let start = || {
        let dir = dir.to_str().unwrap();
        Builder::new().set("cache.enabled", true).set("cache.dir", dir).start()
    };
    let png = noise_png(120, 80);
    let first = {
        let mut daemon = start();
        let reply = daemon.connect().optimize(1, &png, "{}");
        assert_eq!(reply.receipt("status"), "optimized");
        assert_eq!(reply.receipt("reused"), &Value::Null);
        daemon.signal(rustix::process::Signal::TERM);
        assert!(daemon.wait(Duration::from_secs(20)).success());
        reply
    };
    let daemon = start();
    let mut raw = daemon.connect();
    let again = raw.optimize(1, &png, "{}");
    assert_eq!(again.receipt("reused"), "cache", "{}", daemon.log());
    assert_eq!(again.body, first.body);
    assert_eq!(raw.optimize(2, &png, r#"{"effort":"fast"}"#).receipt("reused"), &Value::Null);
    let result = raw.optimize(3, &first.body, "{}");
    assert_eq!(result.receipt("status"), "unchanged");
    assert_eq!(result.receipt("reused"), "cache");
    let s = status(&mut raw, 4);
    assert!(s["cache"]["hits"].as_u64() >= Some(2), "{s}");
}

#[test]
fn a_scrape_shows_the_jobs() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("metrics.sock");
    let daemon = Builder::new().set("metrics.listen", format!("unix:{}", path.display())).start();
    let mut raw = daemon.connect();
    assert!(raw.optimize(1, &noise_png(60, 40), "{}").is_result());
    assert_eq!(raw.optimize(2, b"no picture at all", "{}").error(), "UNSUPPORTED_FORMAT");
    let mut scrape = std::os::unix::net::UnixStream::connect(&path).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    scrape.read_to_string(&mut text).unwrap();
    let value =
        |start: &str| text.lines().find(|l| l.starts_with(start)).map(|l| l.rsplit(' ').next().unwrap());
    let png = r#"squeezed_jobs_total{plugin="png",lane="light",outcome="optimized"}"#;
    assert_eq!(value(png), Some("1"), "{text}");
    let none = r#"squeezed_jobs_total{plugin="none",lane="light",outcome="unsupported_format"}"#;
    assert_eq!(value(none), Some("1"), "{text}");
}
