//! A walk over real files, driven by `SQUEEZED_CORPUS`; results go to `SQUEEZED_CORPUS_OUT` where that is set.

use std::path::{Path, PathBuf};
use std::time::Instant;

use squeezed_plugin_api::{Effort, ErrorCode, Metadata, Mode, Optimizer, Options};

use super::{decode, winner};
use crate::Jpeg;

fn files(root: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(root).into_iter().flatten().flatten().map(|e| e.path()).collect();
    all.retain(|p| {
        p.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
    });
    all.sort();
    all
}

#[test]
fn no_file_is_harmed() {
    let Some(root) = std::env::var_os("SQUEEZED_CORPUS") else { return };
    let out = std::env::var_os("SQUEEZED_CORPUS_OUT").map(PathBuf::from);
    let mut options = Options::default();
    if let Some(q) = std::env::var("SQUEEZED_QUALITY").ok().and_then(|q| q.parse().ok()) {
        options.mode = Mode::Quality(q);
    }
    match std::env::var("SQUEEZED_EFFORT").as_deref() {
        Ok("fast") => options.effort = Effort::Fast,
        Ok("best") => options.effort = Effort::Best,
        _ => {}
    }
    if std::env::var_os("SQUEEZED_DISPLAY").is_some() {
        options.metadata = Metadata::Display;
    }
    for path in files(&Path::new(&root).join("jpeg")) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let start = Instant::now();
        let info = Jpeg.inspect(&bytes, &mut |_| ());
        let inspected = start.elapsed();
        let Ok(info) = info else {
            println!("{name}\tinspect\t{}", info.unwrap_err());
            continue;
        };
        let start = Instant::now();
        let result = winner(&bytes, &options);
        let took = start.elapsed();
        let megapixels = f64::from(info.width) * f64::from(info.height) / 1e6;
        let verdict = match &result {
            Err(e) => format!("{:?} {e}", e.code),
            Ok(None) => "unchanged".into(),
            Ok(Some(o)) => format!("{} {:.3}", o.method, o.bytes.len() as f64 / bytes.len() as f64),
        };
        println!(
            "{name}\t{}\t{verdict}\tq{}\t{:.2} MP\t{:.0} ms/MP\tinspect {:.2} ms/MiB",
            bytes.len(),
            info.source_quality,
            megapixels,
            took.as_secs_f64() * 1e3 / megapixels,
            inspected.as_secs_f64() * 1e3 / (bytes.len() as f64 / 1048576.0)
        );
        if let Ok(Some(o)) = result {
            if o.lossless {
                assert!(decode(&bytes).unwrap() == decode(&o.bytes).unwrap(), "{name}: samples differ");
            }
            let again = winner(&o.bytes, &options).unwrap();
            if let Some(again) = again {
                println!("{name}\tAGAIN {} {} of {}", again.method, again.bytes.len(), o.bytes.len());
            }
            if let Some(out) = &out {
                std::fs::write(out.join(&name), &o.bytes).unwrap();
            }
        } else if let Err(e) = result {
            assert!(!matches!(e.code, ErrorCode::Failed | ErrorCode::Panicked), "{name}: {e}");
        }
    }
}

#[test]
fn no_hostile_file_takes_long() {
    let Some(root) = std::env::var_os("SQUEEZED_HOSTILE") else { return };
    for path in files(Path::new(&root)) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (metadata, mode) in [(Metadata::All, Mode::Lossless), (Metadata::Display, Mode::Quality(60))] {
            let options = Options { metadata, mode, ..Options::default() };
            let start = Instant::now();
            let verdict = match winner(&bytes, &options) {
                Err(e) => format!("{:?} {e}", e.code),
                Ok(None) => "unchanged".into(),
                Ok(Some(o)) => format!("{} {} of {}", o.method, o.bytes.len(), bytes.len()),
            };
            let decoded =
                decode(&bytes).map_or_else(|e| format!("{:?}", e.code), |d| format!("{:?}", d.shape));
            let took = start.elapsed();
            println!("{name}\t{verdict}\t{decoded}\t{took:.0?}");
            assert!(took.as_secs() < 20, "{name} took {took:?}");
        }
    }
}
