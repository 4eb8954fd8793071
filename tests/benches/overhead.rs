//! What the daemon costs: a direct library call, judge included, against the same job through the socket.
//!
//! Both sides alternate within each measurement, so that a machine that slows down slows both. Run with
//! `cargo bench -p squeezed-tests --bench overhead`; `docs/performance.md` has the table.

use std::time::{Duration, Instant};

use criterion::Criterion;
use squeezed_host::{Control, Plugin, Ran, Rules};
use squeezed_plugin_api::{Effort, LogLevel, Options, StopReason};
use squeezed_tests::{Builder, Raw, TestDaemon, noise_png};

/// A control that never stops a job.
struct Free;

impl Control for Free {
    fn stop(&self) -> Option<StopReason> {
        None
    }
    fn progress(&self, _: u32, _: u64) {}
    fn max_threads(&self) -> u32 {
        1
    }
    fn reserve(&self, _: u64) -> bool {
        true
    }
    fn log(&self, _: LogLevel, _: &str) {}
}

struct Case {
    name: &'static str,
    effort: Effort,
    plugin: Plugin,
    image: Vec<u8>,
}

impl Case {
    fn direct(&self) -> Ran {
        let options = Options { effort: self.effort, ..Options::default() };
        let seen = squeezed_host::examine(&self.plugin, &self.image, &options.limits).expect("readable");
        let format = self.plugin.description().formats[0].clone();
        squeezed_host::optimize(&self.plugin, &format, &self.image, &seen, &options, &Rules::default(), &Free)
            .expect("it runs")
    }
}

/// A client that numbers its streams.
struct Line {
    raw: Raw,
    stream: u32,
}

impl Line {
    fn daemon(&mut self, case: &Case) -> Vec<u8> {
        self.stream += 1;
        let options = if case.effort == Effort::Fast { r#"{"effort":"fast"}"# } else { "{}" };
        let reply = self.raw.optimize(self.stream, &case.image, options);
        assert!(reply.is_result(), "{reply:?}");
        reply.body
    }
}

/// A smooth picture with some noise, as a camera would see it.
fn photo(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let h = (x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0x2C1B_3C6D) >> 29;
        let wave = |p: f32, q: f32| (127.0 + 100.0 * (x as f32 / p).sin() * (y as f32 / q).cos()) as u32;
        image::Rgb([wave(97.0, 61.0), wave(53.0, 89.0), wave(151.0, 43.0)].map(|v| (v + h).min(255) as u8))
    })
}

fn encode(picture: &image::RgbImage, format: image::ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, format).expect("encodes");
    out.into_inner()
}

fn cases() -> Vec<Case> {
    let plugin = |name: &str| Plugin::load(&squeezed_tests::plugin(name)).expect("the plugin loads");
    let jpeg = encode(&photo(1152, 868), image::ImageFormat::Jpeg);
    let png = encode(&photo(2304, 1736), image::ImageFormat::Png);
    let case = |name, effort, format, image| Case { name, effort, plugin: plugin(format), image };
    vec![
        case("png-20KB-fast", Effort::Fast, "png", noise_png(80, 64)),
        case("png-20KB", Effort::Balanced, "png", noise_png(80, 64)),
        case("jpeg-1MP", Effort::Balanced, "jpeg", jpeg),
        case("png-4MP", Effort::Balanced, "png", png),
    ]
}

/// Times `timed` and runs `other` in between, untimed.
fn alternate(iters: u64, mut timed: impl FnMut(), mut other: impl FnMut()) -> Duration {
    let mut sum = Duration::ZERO;
    for _ in 0..iters {
        other();
        let start = Instant::now();
        timed();
        sum += start.elapsed();
    }
    sum
}

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

/// Pairs of times in milliseconds, each side first in turn, and the medians of both and of their difference.
fn table(case: &Case, line: &mut Line, pairs: usize) {
    let (mut direct, mut through, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    let time = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    };
    for n in 0..pairs {
        let mut library = || drop(std::hint::black_box(case.direct()));
        let mut socket = || drop(std::hint::black_box(line.daemon(case)));
        let (a, b) = if n % 2 == 0 {
            let a = time(&mut library);
            (a, time(&mut socket))
        } else {
            let b = time(&mut socket);
            (time(&mut library), b)
        };
        direct.push(a);
        through.push(b);
        differences.push(b - a);
    }
    let (a, b, d) = (median(direct), median(through), median(differences));
    println!("| {} | {} | {a:.3} | {b:.3} | {d:.3} | {:.2} % |", case.name, case.image.len(), d / a * 100.0);
}

fn main() {
    let daemon: TestDaemon = Builder::new().args(&["--log-level", "warn"]).start();
    let mut line = Line { raw: daemon.connect(), stream: 0 };
    let mut criterion = Criterion::default().configure_from_args();
    let cases = cases();
    for case in &cases {
        let mut group = criterion.benchmark_group(case.name);
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(5));
        group.bench_function("direct", |b| {
            b.iter_custom(|n| {
                alternate(n, || drop(std::hint::black_box(case.direct())), || drop(line.daemon(case)))
            });
        });
        group.bench_function("daemon", |b| {
            b.iter_custom(|n| {
                alternate(n, || drop(line.daemon(case)), || drop(std::hint::black_box(case.direct())))
            });
        });
        group.finish();
    }
    criterion.final_summary();
    println!("\n| image | bytes | direct ms | daemon ms | median of differences ms | overhead |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (case, pairs) in cases.iter().zip([301, 301, 61, 9]) {
        table(case, &mut line, pairs);
    }
}
