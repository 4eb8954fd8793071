//! Light jobs that take much longer than they said.

use std::time::{Duration, Instant};

use squeezed_protocol::FrameKind;
use squeezed_tests::{Line, Sample, TestDaemon, nobody, threads};

use crate::{builder, honest, job};

fn liars_are_demoted(daemon: &TestDaemon) {
    let mut liars = Line::open(daemon.socket());
    let cores = liars.status()["lanes"][0]["threads"].as_u64().unwrap();
    let before = threads(daemon.pid()).len();
    let count = cores + 1;
    for n in 0..count {
        // Each says 1 ms and takes a second of CPU.
        liars.send(&job("cpu=1000", Duration::from_millis(1), n), "{}");
    }
    let mut line = Line::open(daemon.socket());
    line.wait_status(Duration::from_secs(10), |s| s["lanes"][0]["demoted"] == count);
    let status = line.status();
    assert_eq!(status["lanes"][1]["running"], count, "they are Heavy now: {status}");
    assert_eq!(status["lanes"][0]["running"], 0, "Light is free: {status}");
    let demoted: Vec<_> = status["jobs"].as_array().unwrap().iter().map(|j| &j["lane"]).collect();
    assert!(demoted.iter().all(|lane| *lane == "heavy"), "{status}");
    let niced = threads(daemon.pid());
    let light_nice = niced.iter().filter(|t| t.name.starts_with("sqz-light")).map(|t| t.nice).min().unwrap();
    let low = niced.iter().filter(|t| t.name.starts_with("sqz-light") && t.nice > light_nice).count();
    assert_eq!(low as u64, count, "their threads are niced: {niced:?}");
    // Light goes on with fresh threads.
    let mut sample = Sample::default();
    for n in 0..20 {
        let start = Instant::now();
        assert!(line.optimize(&honest(1, 1000 + n), "{}").is_result());
        sample.add(start.elapsed());
    }
    println!("beside {count} demoted jobs: p50 {:.1?}, longest {:.1?}", sample.p50(), sample.max());
    assert!(sample.p50() < Duration::from_millis(100), "{:?}", sample.p50());
    for _ in 0..count {
        let (_, kind, meta) = liars.any_answer();
        assert_eq!(kind, FrameKind::Result, "{meta}");
    }
    line.wait_idle(Duration::from_secs(10));
    squeezed_tests::wait_until(Duration::from_secs(20), "the surplus threads end with their jobs", || {
        threads(daemon.pid()).len() <= before
    });
    let status = line.status();
    assert_eq!((&status["lanes"][0]["running"], &status["lanes"][1]["running"]), (&0.into(), &0.into()));
}

#[test]
fn light_jobs_that_overrun_are_demoted_while_others_go_on() {
    liars_are_demoted(&builder().plugins(&["chaos", "png"]).start());
}

#[test]
fn a_plain_user_demotes_too() {
    liars_are_demoted(&builder().plugins(&["chaos", "png"]).uid(nobody()).start());
}
