//! What Heavy's nice value costs and brings.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chaos::Picture;
use squeezed_tests::Line;

use crate::executor::{Executor as _, Lanes, cores};
use crate::material::Material;
use crate::small::{beside, measure, multiple};

/// A job of so much CPU, unlike any other.
fn cpu_job(ms: u64, number: u64) -> Vec<u8> {
    let mut picture = Picture::gradient(8, 8, "rgb", 8, 1).command(&format!("cpu={ms}")).padding(500);
    picture.expect_ns = Some(ms * 1_000_000);
    picture.meta("number", &number.to_string()).to_bytes()
}

/// Cores that Heavy gets while Light has more work than all cores can do.
fn under_endless_light_load(lanes: &Lanes) -> f64 {
    let (stop, number) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut line = Line::open(lanes.daemon.socket());
                let mut open = 0;
                while !stop.load(Ordering::Relaxed) {
                    while open < 8 {
                        line.send(&cpu_job(10, number.fetch_add(1, Ordering::Relaxed)), "{}");
                        open += 1;
                    }
                    line.any_answer();
                    open -= 1;
                }
            });
        }
        let mut line = Line::open(lanes.daemon.socket());
        for n in 0..4 {
            line.send(&cpu_job(60_000, 1 << (40 + n)), "{}");
        }
        std::thread::sleep(Duration::from_secs(1));
        let used = || squeezed_tests::cpu_of(lanes.daemon.pid(), "sqz-heavy");
        let (before, start) = (used(), Instant::now());
        std::thread::sleep(Duration::from_secs(4));
        let got = (used() - before).as_secs_f64() / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        got
    })
}

pub fn table(values: &[i32]) {
    let m = Material::make();
    println!(
        "\n| heavy_nice | PNG beside 4 heavy: p50 ms | p99 ms | JPEG p50 ms | p99 ms | heavy, of what small ones leave | heavy under endless light load |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for nice in values {
        let lanes = Lanes::start(*nice);
        let limit = Duration::from_secs(8);
        measure(&lanes, &m, 10, limit);
        let before = lanes.cpu();
        let idle = measure(&lanes, &m, 60, limit);
        let each = (lanes.cpu() - before).as_secs_f64() / idle[0].count() as f64;
        let (seen, share) = beside(&lanes, &m.heavy, || {
            let (before, start) = (lanes.cpu(), Instant::now());
            let seen = measure(&lanes, &m, 60, limit);
            let small = each * seen[0].count() as f64;
            let all = start.elapsed().as_secs_f64() * cores() as f64;
            (seen, ((lanes.cpu() - before).as_secs_f64() - small) / (all - small))
        });
        let floor = under_endless_light_load(&lanes);
        println!(
            "| {nice} | {} | {} | {} | {} | {:.0} % | {:.0} % of a core |",
            multiple(seen[0].p50(), idle[0].p50()),
            multiple(seen[0].p99(), idle[0].p99()),
            multiple(seen[1].p50(), idle[1].p50()),
            multiple(seen[1].p99(), idle[1].p99()),
            share * 100.0,
            floor * 100.0,
        );
    }
}
