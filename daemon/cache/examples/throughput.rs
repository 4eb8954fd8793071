//! How fast the cache answers, against reading the same bytes from a plain file.
//!
//!     cargo run --release -p squeezed-cache --example throughput [FOLDER]
//!
//! Both sides alternate over the same sizes, with everything in the page cache, so the difference is what the cache
//! itself costs: opening by steps and the hash over all of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use squeezed_cache::{Again, Asked, InputHash, Key, Put, Question, Store};
use squeezed_plugin_api::Options;

const UID: u32 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(place)?;
    let options = Options::default();
    let asked = Question {
        plugin: "png",
        plugin_version: "1",
        plugin_build: b"",
        format: "png",
        daemon: "0",
        options: &options,
        lossy_gain: 0.05,
        min_savings: 0.0,
    }
    .asked();
    let store = Store::open(&dir.path().join("cache"), 4 << 30)?;
    println!("| body | get us | read us | get MB/s | read MB/s | hash of the input us |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for (len, count) in [
        (None, 2000),
        (Some(20_000), 2000),
        (Some(200_000), 1000),
        (Some(2 << 20), 100),
        (Some(16 << 20), 16),
    ] {
        compare(&store, dir.path(), &asked, len, count)?;
    }
    put_costs(&store, &asked);
    Ok(())
}

fn compare(
    store: &Store,
    dir: &Path,
    asked: &Asked,
    len: Option<usize>,
    count: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let body: Vec<u8> = (0..len.unwrap_or(0)).map(|i| (i as u32).wrapping_mul(2_654_435_761) as u8).collect();
    let key = |n: u32| Key::new(&InputHash::of(&n.to_le_bytes()), asked);
    let file = |n: u32| dir.join(format!("{n}"));
    let base = len.map_or(0, |l| l as u32) ^ 0x5555_0000;
    for n in 0..count {
        let body = len.map(|_| body.clone().into());
        while !store.put(Put {
            uid: UID,
            key: key(base + n),
            meta: vec![b'm'; 600].into(),
            body: body.clone(),
            again: None,
        }) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::fs::write(file(n), body.unwrap_or_default())?;
    }
    store.flush(Duration::from_secs(60));
    let (mut got, mut read, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for round in 0..5 {
        for n in 0..count {
            let start = Instant::now();
            let entry = store.get(UID, &key(base + n), u64::MAX).ok_or("an entry is missing")?;
            let middle = Instant::now();
            let plain = std::fs::read(file(n))?;
            // The first round warms both.
            if round > 0 {
                got += middle - start;
                read += middle.elapsed();
                bytes += plain.len();
            }
            assert_eq!(entry.body.unwrap_or_default().len(), plain.len());
        }
    }
    std::hint::black_box(InputHash::of(&body));
    let start = Instant::now();
    std::hint::black_box(InputHash::of(&body));
    let hash = start.elapsed();
    let each = |d: Duration| d.as_secs_f64() * 1e6 / f64::from(4 * count);
    let rate = |d: Duration| bytes as f64 / d.as_secs_f64() / 1e6;
    let name = len.map_or_else(|| "unchanged".to_owned(), |l| l.to_string());
    println!(
        "| {name} | {:.1} | {:.1} | {:.0} | {:.0} | {:.1} |",
        each(got),
        each(read),
        rate(got),
        rate(read),
        hash.as_secs_f64() * 1e6
    );
    Ok(())
}

/// What putting costs the job's thread, and how fast the writer is.
fn put_costs(store: &Store, asked: &Asked) {
    let body = bytes::Bytes::from(vec![7; 20_000]);
    let keys: Vec<Key> =
        (0..1000_u32).map(|n| Key::new(&InputHash::of(&(!n).to_be_bytes()), asked)).collect();
    let puts: Vec<Put> = keys
        .iter()
        .map(|key| Put {
            uid: UID,
            key: *key,
            meta: vec![b'm'; 600].into(),
            body: Some(body.clone()),
            again: Some(Again { asked: *asked, meta: vec![b'm'; 600].into() }),
        })
        .collect();
    let before = store.stats().written;
    let start = Instant::now();
    let taken = puts.into_iter().filter(|p| store.put(p.clone())).count();
    let put = start.elapsed();
    store.flush(Duration::from_secs(60));
    let all = start.elapsed();
    println!(
        "\nput: {:.2} us each on the job's thread; {taken} of 1000 taken at once, {} entries written in {:.0} ms",
        put.as_secs_f64() * 1e6 / 1000.0,
        store.stats().written - before,
        all.as_secs_f64() * 1e3
    );
}
