//! The forerunner's own four cases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use squeezed_tests::Sample;

use crate::executor::{Executor, cores};
use crate::material::{Case, Material};
use crate::small::{beside, ms};

/// How long `clients` clients take for all of these.
fn all(e: &dyn Executor, cases: &[Case], clients: usize) -> Duration {
    let (next, start, go) = (AtomicUsize::new(0), Instant::now(), Arc::default());
    std::thread::scope(|s| {
        for _ in 0..clients {
            let (next, go) = (&next, &go);
            s.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    e.run(case, go).expect("it ends well");
                }
            });
        }
    });
    start.elapsed()
}

fn smalls(e: &dyn Executor, case: &Case, count: usize, limit: Duration) -> (Sample, Sample) {
    let (mut took, mut waited) = (Sample::default(), Sample::default());
    let (start, go) = (Instant::now(), Arc::default());
    while took.count() < count && (took.count() == 0 || start.elapsed() < limit) {
        let begin = Instant::now();
        waited.add(e.run(case, &go).expect("it ends well"));
        took.add(begin.elapsed());
    }
    (took, waited)
}

pub fn table(executors: &[Box<dyn Executor>]) {
    let m = Material::make();
    let limit = Duration::from_secs(4);
    println!(
        "\n| executor | 4 JPEG at once: wall s, times CPU / cores | WebP under a cap + 3 small: small p50, p99 | heavy + PNG: the PNG starts after, p50, longest | 100 mixed, 10 at a time: requests/s |"
    );
    println!("|---|---:|---:|---:|---:|");
    for e in executors {
        let e = &**e;
        smalls(e, &m.small_png, 5, limit);
        let idle = smalls(e, &m.small_png, 50, limit).0;
        let before = e.cpu();
        let wall = all(e, &m.jpegs, 4);
        let ideal = (e.cpu() - before).as_secs_f64() / cores() as f64;
        let search = beside(e, std::slice::from_ref(&m.capped_webp), || {
            let three = std::thread::scope(|s| {
                let clients: Vec<_> =
                    (0..3).map(|_| s.spawn(|| smalls(e, &m.small_png, 30, limit).0)).collect();
                clients.into_iter().map(|c| c.join().expect("a client")).collect::<Vec<_>>()
            });
            let mut sum = Sample::default();
            three.iter().for_each(|sample| sum.merge(sample));
            sum
        });
        let start = beside(e, &m.heavy[..2], || smalls(e, &m.small_png, 50, limit).1);
        let mixed = all(e, &m.mixed, 10);
        println!(
            "| {} | {:.2}, {:.2} x | {:.0} ms ({:.1} x), {:.0} ms ({:.1} x) | {:.2} ms, {:.2} ms | {:.1} |",
            e.name(),
            wall.as_secs_f64(),
            wall.as_secs_f64() / ideal,
            ms(search.p50()),
            search.p50().as_secs_f64() / idle.p50().as_secs_f64(),
            ms(search.p99()),
            search.p99().as_secs_f64() / idle.p99().as_secs_f64(),
            ms(start.p50()),
            ms(start.max()),
            m.mixed.len() as f64 / mixed.as_secs_f64(),
        );
    }
}
