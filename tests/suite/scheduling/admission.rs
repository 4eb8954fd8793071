//! What is refused at once: a full queue and a deadline that cannot be kept.

use std::time::{Duration, Instant};

use squeezed_protocol::FrameKind;
use squeezed_tests::Line;

use crate::{builder, daemon, honest, job};

#[test]
fn a_full_queue_tells_when_to_come_back_and_is_right() {
    let daemon = builder().set("executor.queue_jobs", 8).start();
    let mut line = Line::open(daemon.socket());
    for n in 0..40 {
        line.send(&honest(50, n), "{}");
    }
    let (mut busy, mut done, mut retry) = (0, 0, Duration::ZERO);
    while busy + done < 40 {
        let (_, kind, meta) = line.any_answer();
        if kind == FrameKind::Result {
            done += 1;
            continue;
        }
        assert_eq!(meta["name"], "BUSY", "{meta}");
        busy += 1;
        let ms = meta["retry_after_ms"].as_u64().expect("when to come back");
        assert!((1..60_000).contains(&ms), "{meta}");
        retry = retry.max(Duration::from_millis(ms));
    }
    assert!(busy > 10 && done >= 8, "{busy} BUSY, {done} done");
    assert!(line.status()["busy"].as_u64() >= Some(busy));

    // A patient client gets all of its files through: it waits as long as it is told each time.
    let (mut tries, start) = (0, Instant::now());
    let mut filler = Line::open(daemon.socket());
    for n in 100..110 {
        filler.send(&honest(50, n), "{}");
    }
    loop {
        tries += 1;
        let reply = line.optimize(&honest(1, 1000), "{}");
        if reply.is_result() {
            break;
        }
        assert_eq!(reply.error(), "BUSY", "{reply:?}");
        std::thread::sleep(Duration::from_millis(reply.meta["retry_after_ms"].as_u64().unwrap()));
        assert!(tries < 20, "the daemon sends it away again and again");
    }
    println!(
        "{busy} BUSY of 40, retry after {retry:?}; the patient one had {tries} tries in {:.1?}",
        start.elapsed()
    );
}

#[test]
fn a_deadline_that_cannot_be_kept_is_refused_at_once() {
    let daemon = daemon();
    let mut line = Line::open(daemon.socket());
    // Six seconds of work for every thread.
    let cores = line.status()["lanes"][1]["threads"].as_u64().unwrap();
    for n in 0..cores * 6 {
        line.send(&honest(1000, n), "{}");
    }
    line.wait_status(Duration::from_secs(10), |s| s["lanes"][1]["running"] == cores);
    let start = Instant::now();
    // Of this connection it is the last in line: shortest first does not help it.
    let reply = line.optimize(&honest(1500, 100), r#"{"deadline_ms":800}"#);
    let took = start.elapsed();
    assert_eq!(reply.error(), "DEADLINE", "{reply:?}");
    println!("refused after {took:.1?}: {}", reply.message());
    assert!(took < Duration::from_millis(400), "it was told after {took:?} only");
    // One that can be kept is taken, though the lane is full.
    let reply = line.optimize(&job("honest", Duration::from_millis(1), 101), r#"{"deadline_ms":5000}"#);
    assert!(reply.is_result(), "{reply:?}");
}
