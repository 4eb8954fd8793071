//! Files with one byte changed, as candidate and as source: an answer comes, whatever it is, and a candidate that
//! passes as lossless has the pixels of its source.

mod common;

use chaos::{Chaos, Picture};
use common::{check, scene};
use squeezed_judge::{Claim, Judge, Source};
use squeezed_plugin_api::{Limits, Metadata};

const SIDE: u32 = 24;

/// Judges every mutant as both sides.
fn walk(format: &str, file: &[u8], step: usize) {
    assert!(check(format, file, file, true).is_ok());
    for at in (0..file.len()).step_by(step) {
        for change in [0x01, 0x80, 0xff] {
            let mut mutant = file.to_vec();
            mutant[at] ^= change;
            let as_candidate = check(format, file, &mutant, true);
            let as_source = check(format, &mutant, file, true);
            // A broken source may be readable by no one here; where it is, both find the same.
            let broken = |r: &Result<_, String>| r.as_ref().is_err_and(|e| e.contains("decod"));
            assert!(
                as_candidate.is_ok() == as_source.is_ok() && broken(&as_candidate) == broken(&as_source),
                "byte {at} ^ {change:#x}: {as_candidate:?} {as_source:?}"
            );
            let _ = check(format, file, &mutant[..at], true);
        }
    }
}

#[test]
fn png() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&scene(SIDE as usize, SIDE as usize)).unwrap();
    walk("png", &file, 3);
}

#[test]
fn jpeg() {
    let mut c = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    c.set_size(SIDE as usize, SIDE as usize);
    let mut started = c.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&scene(SIDE as usize, SIDE as usize)).unwrap();
    walk("jpeg", &started.finish().unwrap(), 3);
}

#[test]
fn webp() {
    let pixels = scene(SIDE as usize, SIDE as usize);
    walk("webp", &webp::Encoder::from_rgb(&pixels, SIDE, SIDE).encode(50.0), 2);
    walk("webp", &webp::Encoder::from_rgb(&pixels, SIDE, SIDE).encode_lossless(), 5);
}

#[test]
fn by_a_plugin() {
    let file = Picture::gradient(9, 5, "rgba", 16, 2).meta("gps", "here").icc(b"profile").to_bytes();
    let (policy, limits) = (Metadata::All, Limits { pixels: 100_000, frames: 100, ..Limits::default() });
    for at in 0..file.len() {
        let mut mutant = file.clone();
        mutant[at] ^= 0x11;
        for (a, b) in [(&file, &mutant), (&mutant, &file)] {
            let source =
                Source { format: "chaos", bytes: a, plugin: &Chaos, policy, limits, stop: &|| false };
            let passed = Judge::new(source).check(&Claim { bytes: b, lossless: true }).is_ok();
            let (a, b) = (Picture::parse(a, true), Picture::parse(b, true));
            let same = a.is_ok_and(|a| b.is_ok_and(|b| a.samples == b.samples && a.meta == b.meta));
            assert!(!passed || same, "byte {at}");
        }
    }
}
