//! `squeeze bench`: what it sends, counts and prints. No test here asserts a time.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use squeezed_protocol::{ErrorCode, ErrorReply, Frame, FrameKind, Outcome, StatusReport};

use crate::fake::{self, Peer};
use crate::picture::png;
use crate::world::{Run, World};

/// A daemon that tells nothing in STATUS and answers each image as it is told to; `false` ends the connection.
fn daemon(w: &World, answer: impl Fn(&mut Peer, &Frame, u32) -> bool + Send + Sync + 'static) {
    let listener = fake::bind(&w.socket());
    let (answer, images) = (Arc::new(answer), Arc::new(AtomicU32::new(0)));
    std::thread::spawn(move || {
        loop {
            let mut peer = fake::accept(&listener, "9.0.0");
            let (answer, images) = (answer.clone(), images.clone());
            std::thread::spawn(move || {
                while let Some(frame) = peer.next() {
                    if frame.header.kind == FrameKind::Status {
                        let body = serde_json::to_vec(&StatusReport::default()).unwrap();
                        peer.result(&frame, &Outcome::default(), &body);
                    } else if !answer(&mut peer, &frame, images.fetch_add(1, Ordering::Relaxed)) {
                        return;
                    }
                }
            });
        }
    });
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_mix_of_made_pictures() {
    let w = World::new();
    let run = w
        .run("bench --requests 12 -c 3 --streams 2 --mix light=1 --light-options effort=fast --json")
        .exits(0);
    let report = &run.json()[0];
    insta::assert_snapshot!(keys(report).join(" "));
    assert_eq!(keys(&report["classes"]), ["light"]);
    let light = &report["classes"]["light"];
    insta::assert_snapshot!(keys(light).join(" "));
    assert_eq!((light["requests"].as_u64(), report["complete"].as_bool()), (Some(12), Some(true)));
    let at = |name: &str| light["latency_ms"][name].as_f64().unwrap();
    assert!(at("p50") <= at("p90") && at("p90") <= at("p99") && at("p99") <= at("max"), "{light}");
    assert_eq!((report["concurrency"].as_u64(), report["streams"].as_u64()), (Some(3), Some(2)));
    assert_eq!(report["material"]["light"]["pictures"], 2);
    assert!(report["cpu_seconds"].as_f64().unwrap() > 0.0, "the daemon's CPU time can be seen here");
    assert_eq!(w.run("status --json").json()[0]["done"], 12);

    let text = String::from_utf8(w.run("bench --requests 3 -c 1 --mix light=1").exits(0).out).unwrap();
    let light = text.lines().find(|l| l.starts_with("  light  ")).unwrap();
    assert!(light.contains("  3  ") && text.contains("0 BUSY, no errors"), "{text}");
}

#[test]
fn files_are_sent_in_turn_and_never_alike() {
    let w = World::empty();
    w.file("in/a.png", &png(20, 20, 1));
    w.file("in/b.png", &png(900, 20, 2));
    w.file("in/notes.txt", b"no image");
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = seen.clone();
    daemon(&w, move |peer, frame, _| {
        let meta: Value = serde_json::from_slice(&frame.meta).unwrap();
        kept.lock().unwrap().push((frame.body.len(), meta["options"].to_string()));
        peer.answer(frame, b"\x89PNG\r\n\x1a\nsmaller");
        true
    });
    let run =
        w.run("bench in --heavy-from 5000 --requests 20 -c 1 --heavy-options quality=70 --json").exits(0);
    let report = &run.json()[0];
    assert_eq!(report["material"]["heavy"]["pictures"], 1);
    let counts = ["light", "heavy"].map(|class| report["classes"][class]["requests"].as_u64().unwrap());
    assert_eq!(counts, [18, 2], "nine to one");
    let seen = seen.lock().unwrap();
    let heavy: Vec<_> = seen.iter().filter(|(size, _)| *size > 5000).collect();
    assert_eq!(heavy.len(), 2);
    assert!(heavy.iter().all(|(_, o)| o.contains("\"quality\":70") && o.contains("best")), "{heavy:?}");
    let different: std::collections::HashSet<_> = seen.iter().map(|(_, options)| options).collect();
    assert_eq!(different.len(), 20, "identical requests would share a run");
}

#[test]
fn the_same_again_and_again() {
    let w = World::empty();
    w.file("a.png", &png(20, 20, 1));
    let seen = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let kept = seen.clone();
    daemon(&w, move |peer, frame, _| {
        kept.lock().unwrap().insert(frame.meta.to_vec());
        peer.answer(frame, b"\x89PNG\r\n\x1a\nsmaller");
        true
    });
    w.run("bench a.png --same --requests 5 -c 1").exits(0);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn busy_is_counted_and_tried_again() {
    let w = World::empty();
    w.file("a.png", &png(20, 20, 1));
    daemon(&w, |peer, frame, n| {
        if n < 2 {
            let busy = ErrorReply::new(ErrorCode::Busy, "the queue is full").retry_after(1);
            peer.send(&Frame::json(FrameKind::Error, frame.header.stream, &busy).end(true));
        } else {
            peer.answer(frame, b"\x89PNG\r\n\x1a\nsmaller");
        }
        true
    });
    let run = w.run("bench a.png --requests 3 -c 1 --json").exits(0);
    let all = &run.json()[0]["all"];
    assert_eq!((all["busy"].as_u64(), all["requests"].as_u64()), (Some(2), Some(3)), "{all}");
}

#[test]
fn what_is_lost_or_wrong_is_an_error() {
    let w = World::empty();
    w.file("a.png", &png(20, 20, 1));
    daemon(&w, |peer, frame, n| match n {
        0 => false,
        1 => {
            let bad = ErrorReply::new(ErrorCode::PluginFailed, "it failed");
            peer.send(&Frame::json(FrameKind::Error, frame.header.stream, &bad).end(true));
            true
        }
        _ => {
            peer.answer(frame, b"\x89PNG\r\n\x1a\nsmaller");
            true
        }
    });
    let run = w.run("bench a.png --requests 4 -c 1 --json").exits(1);
    let all = &run.json()[0]["all"];
    assert_eq!(all["requests"], 2);
    assert_eq!(keys(&all["errors"]), ["DISCONNECTED", "PLUGIN_FAILED"]);
}

#[test]
fn ctrl_c_prints_what_was_measured() {
    let w = World::new();
    let line = "bench --requests 1000000 -c 2 --mix light=1 --light-options effort=fast --json";
    let child = w.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while w.run("status --json").json()[0]["done"].as_u64().unwrap() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Run::from(child.wait_with_output().unwrap()).exits(130);
    let report = &run.json()[0];
    assert_eq!(report["complete"], false);
    assert!(report["all"]["requests"].as_u64().unwrap() >= 1, "{report}");
    assert!(run.err.contains("stopping the load"), "{}", run.err);
}

#[test]
fn a_scenario_says_whether_it_holds() {
    let w = World::new();
    // Made smaller than it is by its options; what it measures is not looked at.
    let line = "bench --scenario heavy-png --requests 3 --heavy-options effort=fast --light-options effort=fast --json";
    let run = w.run(&format!("{line} --check"));
    let outcome = &run.json()[0];
    assert_eq!(outcome["scenario"], "heavy-png");
    assert_eq!(outcome["complete"], true);
    assert_eq!(run.code, if outcome["holds"] == true { 0 } else { 1 }, "{outcome}");
    assert_eq!(keys(&outcome["errors"]).len(), 0, "{outcome}");
    assert!(outcome["requests"].as_u64().unwrap() >= 6, "{outcome}");
    let demand = &outcome["must_show"][0];
    assert_eq!((demand["unit"].as_str(), demand["limit"].as_f64()), (Some("ms"), Some(5.0)));
    assert!(demand["value"].is_number(), "{demand}");
    let status = &w.run("status --json").json()[0];
    assert_eq!(
        (status["running"].as_u64(), status["queued"].as_u64()),
        (Some(0), Some(0)),
        "nothing is left behind"
    );
}
