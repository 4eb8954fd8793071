//! What is offered in which mode, and that a second run finds nothing more.

use super::*;
use squeezed_plugin_api::testing::items;
use squeezed_plugin_api::{Effort, ErrorCode};

fn again(bytes: &[u8], quality: Option<u8>, metadata: Metadata) -> Option<usize> {
    let host = optimize(bytes, quality, metadata).unwrap();
    host.winner().filter(|w| w.bytes.len() < bytes.len()).map(|w| w.bytes.len())
}

#[test]
fn a_second_run_finds_nothing() {
    for (name, bytes) in fixtures().into_iter().filter(|f| f.1.len() < 120_000) {
        for (quality, metadata) in [(None, Metadata::All), (Some(80), Metadata::Display)] {
            let Ok(host) = optimize(&bytes, quality, metadata) else { continue };
            let Some(best) = host.winner() else { continue };
            let label = format!("{name} at {quality:?} {metadata:?} by {}", best.method);
            assert_eq!(again(&best.bytes, quality, metadata), None, "{label}");
        }
    }
}

#[test]
fn display_keeps_what_shows() {
    for (name, bytes) in fixtures() {
        let wanted: Vec<_> =
            items(&Tiff, &bytes).unwrap().into_iter().filter(|i| i.kind.is_display()).collect();
        let Ok(host) = optimize(&bytes, None, Metadata::Display) else { continue };
        for offer in host.offers() {
            assert_eq!(items(&Tiff, &offer.bytes).unwrap(), wanted, "{name} by {}", offer.method);
        }
        assert!(!host.offers().is_empty());
    }
}

#[test]
fn metadata_is_told_by_kind() {
    let made = photograph(32, 32)
        .with(tag::ORIENTATION, 3, &[6, 0])
        .with(33432, 2, b"somebody\0")
        .with(305, 2, b"a program\0")
        .with(33550, 12, &[0; 24])
        .with(700, 1, b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
        .with(tag::ICC, 7, &[7; 200])
        .with(60_000, 1, b"private");
    let bytes = made.file();
    let host = optimize(&bytes, None, Metadata::Display).unwrap();
    let best = host.winner().unwrap();
    let kinds = |list: &[(squeezed_plugin_api::Kind, String)]| {
        let mut names: Vec<_> = list.iter().map(|k| k.0.name()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(kinds(&best.kept), ["icc", "orientation", "rights"]);
    assert_eq!(kinds(&best.dropped), ["exif", "gps", "unknown", "xmp"]);
    let info = Tiff.inspect(&best.bytes, &mut |_| ()).unwrap();
    assert_eq!(info.orientation, 6);
}

#[test]
fn loss_is_for_photographs_of_eight_bits() {
    let bytes = photograph(200, 160).file();
    let host = optimize(&bytes, Some(70), Metadata::All).unwrap();
    let best = host.winner().unwrap();
    assert_eq!((best.method.as_str(), best.lossless), ("jpeg-q70", false));
    let (a, b) = (decode(&bytes).unwrap(), decode(&best.bytes).unwrap());
    let far = a.frames[0].3.iter().zip(&b.frames[0].3).map(|(x, y)| u64::from(x.abs_diff(*y))).sum::<u64>();
    assert!(far / (a.frames[0].3.len() as u64) < 12, "{far}");
    assert_eq!(Tiff.inspect(&best.bytes, &mut |_| ()).unwrap().source_quality, 70);
    // At a lower quality it is worth another look, at the same or a higher one not.
    assert!(optimize(&best.bytes, Some(30), Metadata::All).unwrap().offers().iter().any(|o| !o.lossless));
    for quality in [70, 80, 100] {
        assert!(
            optimize(&best.bytes, Some(quality), Metadata::All).unwrap().offers().iter().all(|o| o.lossless)
        );
    }
    let deep = Made::new(64, 64, 3, 16, 2, texture(64 * 64 * 6)).file();
    assert!(optimize(&deep, Some(50), Metadata::All).unwrap().offers().iter().all(|o| o.lossless));
}

#[test]
fn capped_quality_stays_above_the_floor() {
    let bytes = photograph(200, 160).file();
    let capped = Options { max_reduction: Some(30.0), ..options(Some(80), Metadata::All) };
    let host = run(&Tiff, &bytes, &capped).unwrap();
    let best = host.winner().unwrap();
    let lossless = host.offers().iter().filter(|o| o.lossless).map(|o| o.bytes.len()).min().unwrap();
    assert!(best.bytes.len() * 10 >= lossless * 7, "{} of {lossless}", best.bytes.len());
}

#[test]
fn zstd_is_for_those_who_have_it_or_ask() {
    let bytes = photograph(120, 100).file();
    let ask = |value: &str| Options { extra: vec![("zstd".into(), value.into())], ..Options::default() };
    let methods = |o: &Options| {
        run(&Tiff, &bytes, o).unwrap().offers().into_iter().map(|o| o.method).collect::<Vec<_>>()
    };
    assert!(methods(&Options::default()).iter().all(|m| !m.starts_with("zstd")));
    assert!(methods(&ask("on")).iter().any(|m| m.starts_with("zstd") || m.starts_with("deflate")));
    assert_eq!(run(&Tiff, &bytes, &ask("maybe")).err().unwrap().code, ErrorCode::BadOption);
    let unknown = Options { extra: vec![("lzma".into(), "on".into())], ..Options::default() };
    assert_eq!(run(&Tiff, &bytes, &unknown).err().unwrap().code, ErrorCode::BadOption);
}

#[test]
fn more_effort_is_never_larger() {
    let bytes = photograph(120, 100).file();
    let size = |effort| {
        let host = run(&Tiff, &bytes, &Options { effort, ..Options::default() }).unwrap();
        host.winner().unwrap().bytes.len()
    };
    let (fast, balanced, best) = (size(Effort::Fast), size(Effort::Balanced), size(Effort::Best));
    assert!(best <= balanced && balanced <= fast, "{fast} {balanced} {best}");
}

#[test]
fn bilevel_pages_become_group_4() {
    let mut rows = vec![0_u8; 125 * 600];
    for (y, row) in rows.chunks_exact_mut(125).enumerate() {
        row[20..20 + y / 8].fill(0xff);
    }
    let host = optimize(&Made::new(1000, 600, 1, 1, 0, rows).file(), None, Metadata::All).unwrap();
    let best = host.winner().unwrap();
    assert_eq!(best.method, "ccitt-g4");
    assert!(best.bytes.len() < 800);
}
