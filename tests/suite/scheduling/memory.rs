//! Many large images at once in little memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use image::ImageFormat;
use squeezed_tests::{Line, peak_rss, photo};

use crate::builder;

const IMAGES: usize = 64;
const MIB: u64 = 1 << 20;
const INPUT: u64 = 256 * MIB;
const WORK: u64 = 768 * MIB;

#[test]
fn sixty_four_images_of_24_megapixels_stay_in_the_budget() {
    let daemon = builder()
        .plugins(&["jpeg", "png"])
        .set("memory.input_bytes", INPUT)
        .set("memory.work_bytes", WORK)
        .start();
    let count = std::env::var("SQUEEZED_IMAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(IMAGES);
    let picture = photo(6000, 4000, 1);
    let encoded = |picture: image::DynamicImage, format| {
        let mut out = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut out, format).expect("encodes");
        Arc::new(out.into_inner())
    };
    // A grey PNG takes a third of the time, and one of four is a PNG, so that the test ends soon.
    let grey = image::DynamicImage::ImageRgb8(picture.clone()).into_luma8();
    let images = [encoded(grey.into(), ImageFormat::Png), encoded(picture.into(), ImageFormat::Jpeg)];
    let start = Instant::now();
    let saved = AtomicU64::new(0);
    std::thread::scope(|s| {
        for n in 0..count {
            let (image, saved, socket) = (images[usize::from(n % 4 > 0)].clone(), &saved, daemon.socket());
            s.spawn(move || {
                let mut line = Line::open(socket);
                line.raw().patience(Duration::from_secs(600));
                // No two are identical: those would share one run.
                let options = format!(r#"{{"effort":"fast","min_savings":{}}}"#, n as f64 * 1e-6);
                loop {
                    let reply = line.optimize(&image, &options);
                    if reply.is_result() {
                        let size = if reply.body.is_empty() { image.len() } else { reply.body.len() };
                        saved.fetch_add((image.len() - size) as u64, Ordering::Relaxed);
                        return;
                    }
                    assert_eq!(reply.error(), "BUSY", "{reply:?}");
                    std::thread::sleep(Duration::from_millis(reply.meta["retry_after_ms"].as_u64().unwrap()));
                }
            });
        }
    });
    let took = start.elapsed();
    let (peak, budget) = (peak_rss(daemon.pid()), INPUT + WORK);
    let mut line = Line::open(daemon.socket());
    line.wait_idle(Duration::from_secs(10));
    let status = line.status();
    let mib = |bytes: u64| bytes / MIB;
    println!(
        "{count} images ({} and {} MiB) in {took:.1?}, {} MiB saved: peak RSS {} MiB, {:.2} of the budget of {} MiB",
        mib(images[0].len() as u64),
        mib(images[1].len() as u64),
        mib(saved.into_inner()),
        mib(peak),
        peak as f64 / budget as f64,
        mib(budget)
    );
    println!("input pool {}, work pool {}", status["input_pool"], status["work_pool"]);
    for plugin in status["plugins"].as_array().unwrap() {
        println!("{plugin}");
    }
    assert!(peak < budget + budget / 4, "{} MiB resident", mib(peak));
    assert_eq!(status["done"].as_u64(), Some(count as u64));
}
