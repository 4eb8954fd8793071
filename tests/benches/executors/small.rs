//! Small images alone, and beside four encodes of four megapixels that never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use squeezed_tests::Sample;

use crate::executor::{Executor, cores};
use crate::material::{Case, Material};

const ROUNDS: usize = 60;
/// No longer than this, whatever was reached.
const LIMIT: Duration = Duration::from_secs(8);

/// The times of small images, one client after the other.
pub fn measure(e: &dyn Executor, m: &Material, rounds: usize, limit: Duration) -> [Sample; 2] {
    let mut samples = [Sample::default(), Sample::default()];
    let (start, go) = (Instant::now(), Arc::default());
    for _ in 0..rounds {
        for ((_, case), sample) in m.small().iter().zip(&mut samples) {
            let begin = Instant::now();
            if start.elapsed() < limit || sample.count() == 0 {
                e.run(case, &go).expect("it ends well");
                sample.add(begin.elapsed());
            }
        }
    }
    samples
}

/// Runs `body` beside clients that ask for these without end.
pub fn beside<T>(e: &dyn Executor, heavy: &[Case], body: impl FnOnce() -> T) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let result = std::thread::scope(|s| {
        for case in heavy {
            let stop = &stop;
            s.spawn(move || while !stop.load(Ordering::Relaxed) && e.run(case, stop).is_some() {});
        }
        std::thread::sleep(Duration::from_millis(500));
        let result = body();
        stop.store(true, Ordering::Relaxed);
        result
    });
    e.settle();
    result
}

pub fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

/// "12.3 (1.2 x)".
pub fn multiple(d: Duration, idle: Duration) -> String {
    format!("{:.1} ({:.2} x)", ms(d), d.as_secs_f64() / idle.as_secs_f64())
}

pub fn table(executors: &[Box<dyn Executor>]) {
    let m = Material::make();
    println!(
        "\n| executor | image | idle p50 ms | idle p99 ms | n | beside 4 heavy: p50 ms | p99 ms | heavy, of what small ones leave |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for e in executors {
        let e = &**e;
        measure(e, &m, 10, LIMIT);
        let before = e.cpu();
        let idle = measure(e, &m, ROUNDS, LIMIT);
        // CPU time of one PNG and one JPEG.
        let each = (e.cpu() - before).as_secs_f64() / idle[0].count() as f64;
        let (beside, share) = beside(e, &m.heavy, || {
            let (before, start) = (e.cpu(), Instant::now());
            let seen = measure(e, &m, ROUNDS, LIMIT);
            // Jobs of this process are counted as they end, so only the daemon's are known in between.
            let used = (e.cpu() - before).as_secs_f64();
            let small = each * seen[0].count() as f64;
            let all = start.elapsed().as_secs_f64() * cores() as f64;
            (seen, (used - small) / (all - small))
        });
        for (((name, _), idle), beside) in m.small().iter().zip(&idle).zip(&beside) {
            let share = if e.name() == "lanes" { format!("{:.0} %", share * 100.0) } else { "".into() };
            println!(
                "| {} | {name} | {:.1} | {:.1} | {} | {} | {} | {share} |",
                e.name(),
                ms(idle.p50()),
                ms(idle.p99()),
                beside.count(),
                multiple(beside.p50(), idle.p50()),
                multiple(beside.p99(), idle.p99()),
            );
        }
    }
}

/// How long each image of the mix takes by itself.
pub fn mix(e: &dyn Executor) {
    let m = Material::make();
    let named = m.small().map(|(name, case)| (name.to_owned(), case)).into_iter();
    let heavy = m.heavy.iter().enumerate().map(|(n, case)| (format!("heavy {n}"), case));
    let rest = [("JPEG 4 MP".to_owned(), &m.jpegs[0]), ("capped WebP".to_owned(), &m.capped_webp)];
    for (name, case) in named.chain(heavy).chain(rest) {
        let start = Instant::now();
        e.run(case, &Arc::default()).expect("it ends well");
        println!("{name}: {} bytes, {{{}}}: {:.1} ms", case.image.len(), case.wire, ms(start.elapsed()));
    }
}
