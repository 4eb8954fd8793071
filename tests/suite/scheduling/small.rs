//! Small images beside endless heavy work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use image::ImageFormat;
use squeezed_protocol::FrameKind;
use squeezed_tests::{Line, Sample, TestDaemon, cpu_of, nobody, photo, process_cpu, threads};

use crate::builder;

/// Enough for a 99th percentile that is not simply the maximum.
const ROUNDS: usize = 150;

fn encoded(width: u32, height: u32, seed: u32, format: ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    photo(width, height, seed).write_to(&mut out, format).expect("encodes");
    out.into_inner()
}

/// A PNG of 20 KB and a JPEG of 50 KB.
fn small_images() -> [Vec<u8>; 2] {
    let (png, jpeg) = (encoded(128, 104, 1, ImageFormat::Png), encoded(900, 640, 2, ImageFormat::Jpeg));
    assert!((14_000..28_000).contains(&png.len()), "PNG of {} bytes", png.len());
    assert!((35_000..70_000).contains(&jpeg.len()), "JPEG of {} bytes", jpeg.len());
    [png, jpeg]
}

/// How long each takes.
fn measure(line: &mut Line, images: &[Vec<u8>; 2]) -> [Sample; 2] {
    let mut samples = [Sample::default(), Sample::default()];
    for _ in 0..ROUNDS {
        for (image, sample) in images.iter().zip(&mut samples) {
            let start = Instant::now();
            let reply = line.optimize(image, "{}");
            assert!(reply.is_result(), "{reply:?}");
            sample.add(start.elapsed());
        }
    }
    samples
}

/// Encodes of several megapixels at best, four at a time, until told to stop; all that is left is taken back.
fn endless(socket: &Path, images: &[Vec<u8>], stop: &AtomicBool) {
    let mut line = Line::open(socket);
    let mut open = Vec::new();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        while open.len() < 4 {
            n += 1;
            // Another threshold each time: identical jobs would share one run.
            let options = format!(r#"{{"effort":"best","min_savings":{}}}"#, n as f64 * 1e-6);
            open.push(line.send(&images[n % images.len()], &options));
        }
        std::thread::sleep(Duration::from_millis(20));
        let status = line.status();
        let running = status["running"].as_u64().unwrap() + status["queued"].as_u64().unwrap();
        if running < open.len() as u64 {
            let (stream, kind, meta) = line.any_answer();
            assert_eq!(kind, FrameKind::Result, "{meta}");
            open.retain(|s| *s != stream);
        }
    }
    open.into_iter().for_each(|stream| line.cancel(stream));
    line.wait_idle(Duration::from_secs(20));
}

struct Seen {
    idle: [Sample; 2],
    beside: [Sample; 2],
    /// Heavy's CPU in cores, alone and beside the small ones, and what the small ones used.
    heavy_alone: f64,
    heavy_beside: f64,
    light: f64,
}

/// CPU time of the whole process, threads that have ended included, and of Light.
struct Mark {
    all: Duration,
    light: Duration,
    at: Instant,
}

impl Mark {
    fn now(pid: u32) -> Self {
        Self { all: process_cpu(pid), light: cpu_of(pid, "sqz-light"), at: Instant::now() }
    }
    /// Cores that Heavy and Light used since.
    fn since(&self, pid: u32) -> (f64, f64) {
        let now = Self::now(pid);
        let (all, light) = (now.all - self.all, now.light.saturating_sub(self.light));
        let wall = (now.at - self.at).as_secs_f64();
        (all.saturating_sub(light).as_secs_f64() / wall, light.as_secs_f64() / wall)
    }
}

fn run(daemon: &TestDaemon) -> Seen {
    let images = small_images();
    let heavy = [
        encoded(2000, 2000, 3, ImageFormat::Png),
        encoded(2400, 1800, 4, ImageFormat::Png),
        encoded(2000, 2000, 5, ImageFormat::WebP),
    ];
    let mut line = Line::open(daemon.socket());
    // The first ones teach the daemon what such images cost and fault in its code.
    (0..10).for_each(|_| images.iter().for_each(|i| drop(line.optimize(i, "{}"))));
    let idle = measure(&mut line, &images);
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        let load = s.spawn(|| endless(daemon.socket(), &heavy, &stop));
        line.wait_status(Duration::from_secs(20), |s| {
            s["lanes"][1]["running"].as_u64() == Some(s["lanes"][1]["threads"].as_u64().unwrap())
        });
        let pid = daemon.pid();
        let mark = Mark::now(pid);
        std::thread::sleep(Duration::from_secs(3));
        let (heavy_alone, _) = mark.since(pid);
        let mark = Mark::now(pid);
        let beside = measure(&mut line, &images);
        let (heavy_beside, light) = mark.since(pid);
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap();
        Seen { idle, beside, heavy_alone, heavy_beside, light }
    })
}

fn check(seen: &Seen) {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    for (name, (idle, beside)) in ["PNG", "JPEG"].iter().zip(seen.idle.iter().zip(&seen.beside)) {
        println!(
            "{name}: idle p50 {:.2} p99 {:.2} ms; beside heavy p50 {:.2} ({:.2} x) p99 {:.2} ms ({:.2} x)",
            ms(idle.p50()),
            ms(idle.p99()),
            ms(beside.p50()),
            ms(beside.p50()) / ms(idle.p50()),
            ms(beside.p99()),
            ms(beside.p99()) / ms(idle.p99()),
        );
    }
    let share = seen.heavy_beside / (seen.heavy_alone - seen.light);
    println!(
        "heavy alone {:.2} cores, beside {:.2}, the small ones {:.2}: {:.0} % of what they leave",
        seen.heavy_alone,
        seen.heavy_beside,
        seen.light,
        share * 100.0
    );
    for (idle, beside) in seen.idle.iter().zip(&seen.beside) {
        assert!(beside.p50() <= idle.p50() * 3, "p50 {:?} beside {:?} idle", beside.p50(), idle.p50());
        assert!(beside.p99() <= idle.p99() * 6, "p99 {:?} beside {:?} idle", beside.p99(), idle.p99());
    }
    assert!(seen.heavy_beside > 0.0 && share > 0.6, "heavy work got {share:.2} of what was left");
}

#[test]
fn small_images_are_served_beside_endless_heavy_ones() {
    let daemon = builder().start();
    check(&run(&daemon));
    daemon.assert_serves();
}

#[test]
fn the_lanes_work_in_an_autostarted_daemon_of_a_plain_user() {
    let daemon = builder().uid(nobody()).args(&["--autostarted"]).start();
    // Each heavy thread raises its own nice as it begins.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let niced = |all: &[squeezed_tests::Thread]| {
        all.iter().filter(|t| t.name.starts_with("sqz-heavy-")).all(|t| t.nice > 0)
    };
    let mut lanes = threads(daemon.pid());
    while !niced(&lanes) && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(5));
        lanes = threads(daemon.pid());
    }
    let nice = |prefix: &str| -> Vec<i32> {
        lanes.iter().filter(|t| t.name.starts_with(prefix)).map(|t| t.nice).collect()
    };
    let (light, heavy) = (nice("sqz-light-"), nice("sqz-heavy-"));
    assert!(!light.is_empty() && light.len() == heavy.len(), "{lanes:?}");
    assert!(light.iter().all(|n| *n == light[0]), "{light:?}");
    assert!(heavy.iter().all(|n| *n == (light[0] + 10).min(19)), "{heavy:?} above {light:?}");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, daemon.pid().to_string(), "a session of its own");
    let autogroup = std::fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled").unwrap_or_default();
    if autogroup.trim() == "1" {
        check(&run(&daemon));
    } else {
        println!("this kernel has no autogroups: only nice values were checked");
    }
}
