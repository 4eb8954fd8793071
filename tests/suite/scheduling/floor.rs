//! Heavy work goes on under endless light load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use squeezed_tests::{Line, TestDaemon};

use crate::{builder, honest};

/// CPU time of a light job: so long may it run before it ends or is demoted.
const LIGHT_MS: u64 = 20;
const HEAVY: Duration = Duration::from_secs(1);

/// The bound of docs/scheduling.md: `(c + debt_limit) / heavy_share + s`.
fn bound() -> Duration {
    (HEAVY + Duration::from_millis(250)) * 4 + Duration::from_millis(LIGHT_MS + 20)
}

/// Keeps as many light jobs open as half of the queue takes, on several connections: never a moment without any.
fn light_load(daemon: &TestDaemon, number: u64, stop: &AtomicBool, done: &AtomicU64) {
    let mut line = Line::open(daemon.socket());
    let mut sent = number << 32;
    let mut open = 0;
    while !stop.load(Ordering::Relaxed) {
        while open < 16 {
            sent += 1;
            line.send(&honest(LIGHT_MS, sent), "{}");
            open += 1;
        }
        line.any_answer();
        open -= 1;
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long the heavy job takes beside endless light work.
fn heavy_job_beside_light_ones(daemon: &TestDaemon) -> Duration {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|s| {
        for n in 1..=6 {
            let (stop, done) = (&stop, &done);
            s.spawn(move || light_load(daemon, n, stop, done));
        }
        std::thread::sleep(Duration::from_millis(500));
        let mut line = Line::open(daemon.socket());
        let before = done.load(Ordering::Relaxed);
        let start = Instant::now();
        let reply = line.optimize(&honest(HEAVY.as_millis() as u64, 0), "{}");
        let took = start.elapsed();
        let light = done.load(Ordering::Relaxed) - before;
        stop.store(true, Ordering::Relaxed);
        assert!(reply.is_result(), "{reply:?}");
        println!(
            "a heavy job of {HEAVY:?} beside {light} light ones of {LIGHT_MS} ms: {took:.2?}, bound {:?}",
            bound()
        );
        assert!(
            light as f64 * LIGHT_MS as f64 / 1e3 > took.as_secs_f64() / 4.0,
            "there was hardly any load: {light}"
        );
        took
    })
}

#[test]
fn a_heavy_job_ends_within_its_bound_under_endless_light_load() {
    let daemon = builder().plugins(&["chaos", "png"]).start();
    let took = heavy_job_beside_light_ones(&daemon);
    assert!(took < bound() * 3 / 2, "{took:?}, the bound is {:?}", bound());
}

#[test]
fn on_one_core_light_pauses_for_the_heavy_job() {
    // The daemon inherits the thread's only core.
    let daemon = std::thread::spawn(|| {
        let mut cpus = CpuSet::new();
        cpus.set(0);
        sched_setaffinity(None, &cpus).expect("one core");
        builder().plugins(&["chaos", "png"]).start()
    });
    let daemon = daemon.join().unwrap();
    assert_eq!(Line::open(daemon.socket()).status()["lanes"][0]["threads"], 1);
    let took = heavy_job_beside_light_ones(&daemon);
    assert!(took < bound() * 3 / 2, "{took:?}, the bound is {:?}", bound());
}
