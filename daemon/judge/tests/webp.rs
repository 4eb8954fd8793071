//! WebP files made by libwebp, judged by another decoder without any help of a plugin.

mod common;

use common::{check, scene};

/// Which pixel stands at (x, y) of a spoiled picture.
type Lie<'a> = &'a dyn Fn(usize, usize) -> [u8; 4];

const SIDE: u32 = 128;

fn lossy(rgba: &[u8], quality: f32) -> Vec<u8> {
    webp::Encoder::from_rgba(rgba, SIDE, SIDE).encode(quality).to_vec()
}

/// Lossless, colours under transparent pixels kept.
fn lossless(rgba: &[u8], width: u32, height: u32, method: i32) -> Vec<u8> {
    let mut config = webp::WebPConfig::new().unwrap();
    config.lossless = 1;
    config.exact = 1;
    config.method = method;
    webp::Encoder::from_rgba(rgba, width, height).encode_advanced(&config).unwrap().to_vec()
}

/// A scene whose alpha falls from left to right.
fn glass() -> Vec<u8> {
    let pixels = scene(SIDE as usize, SIDE as usize);
    let alpha = |i: usize| 255 - (i % SIDE as usize * 2) as u8;
    pixels.as_chunks::<3>().0.iter().enumerate().flat_map(|(i, [r, g, b])| [*r, *g, *b, alpha(i)]).collect()
}

fn opaque(mut rgba: Vec<u8>) -> Vec<u8> {
    rgba.iter_mut().skip(3).step_by(4).for_each(|a| *a = 255);
    rgba
}

#[test]
fn lossless_is_lossless_at_every_effort() {
    let mut pixels = glass();
    pixels[3] = 0;
    let source = lossless(&pixels, SIDE, SIDE, 0);
    assert_eq!(check("webp", &source, &lossless(&pixels, SIDE, SIDE, 6), true), Ok("image-webp"));
    let mut changed = pixels.clone();
    changed[0] ^= 1;
    let hidden = lossless(&changed, SIDE, SIDE, 4);
    assert_eq!(check("webp", &source, &hidden, true), Err("pixels-differ (frame 0)".into()));
    assert_eq!(check("webp", &source, &hidden, false), Ok("image-webp"));
    let flat = lossless(&opaque(pixels), SIDE, SIDE, 4);
    assert_eq!(check("webp", &source, &flat, false), Err("alpha-lost (frame 0)".into()));
}

#[test]
fn every_quality_of_the_same_picture_looks_alike() {
    for pixels in [glass(), opaque(glass())] {
        let source = lossy(&pixels, 98.0);
        for quality in (1..=100u8).step_by(3) {
            let candidate = lossy(&pixels, f32::from(quality));
            assert_eq!(check("webp", &source, &candidate, false), Ok("image-webp"), "quality {quality}");
        }
    }
}

#[test]
fn spoiled_pictures_do_not() {
    let pixels = glass();
    let source = lossy(&pixels, 90.0);
    let at =
        |x: usize, y: usize| -> [u8; 4] { *pixels[(y * SIDE as usize + x) * 4..].first_chunk().unwrap() };
    let last = SIDE as usize - 1;
    let lies: [(&str, Lie<'_>); 5] = [
        ("red and blue", &|x, y| [at(x, y)[2], at(x, y)[1], at(x, y)[0], at(x, y)[3]]),
        ("turned by 90", &|x, y| at(y, last - x)),
        ("mirrored", &|x, y| at(last - x, y)),
        ("", &|x, y| if y < 64 { at(x, y) } else { [128, 128, 128, 255] }),
        ("", &|x, y| [at(x, y)[0], at(x, y)[1], at(x, y)[2], 254]),
    ];
    for (name, lie) in lies {
        let spoiled: Vec<u8> = (0..128 * 128).flat_map(|i| lie(i % 128, i / 128)).collect();
        let text = check("webp", &source, &lossy(&spoiled, 80.0), false).unwrap_err();
        assert!(text.starts_with("looks-different (frame 0 ") && text.contains(name), "{name}: {text}");
    }
}

/// One frame: offset halved, size, pixel, blends, clears.
type Cut = ((u8, u8), (u32, u32), [u8; 4], bool, bool);

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];

/// Frames of one colour each on a canvas of 8x8, each shown for `ms`.
fn animation(cuts: &[Cut], ms: u8, plays: u8) -> Vec<u8> {
    fn chunk(out: &mut Vec<u8>, name: &[u8; 4], payload: &[u8]) {
        out.extend(name);
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(payload);
        out.resize(out.len() + (payload.len() & 1), 0);
    }
    let mut body = b"WEBP".to_vec();
    chunk(&mut body, b"VP8X", &[0x12, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
    chunk(&mut body, b"ANIM", &[0, 0, 0, 0, plays, 0]);
    for ((x, y), (width, height), pixel, blend, clear) in cuts {
        let flags = u8::from(*clear) | if *blend { 0 } else { 2 };
        let head = [*x, 0, 0, *y, 0, 0, *width as u8 - 1, 0, 0, *height as u8 - 1, 0, 0, ms, 0, 0, flags];
        let coded = lossless(&pixel.repeat((width * height) as usize), *width, *height, 4);
        chunk(&mut body, b"ANMF", &[&head, &coded[12..]].concat());
    }
    let mut out = b"RIFF".to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out
}

#[test]
fn animations_are_compared_by_their_canvases() {
    // Red; a blue square; the square gone again: by clearing it, or by a frame without it.
    let clearing: [Cut; 3] = [
        ((0, 0), (8, 8), RED, false, false),
        ((1, 1), (4, 4), BLUE, true, true),
        ((0, 0), (2, 2), RED, true, false),
    ];
    let drawing: [Cut; 3] = [
        ((0, 0), (8, 8), RED, false, false),
        ((1, 1), (4, 4), BLUE, false, false),
        ((1, 1), (4, 4), [0; 4], false, false),
    ];
    let source = animation(&clearing, 40, 3);
    assert_eq!(check("webp", &source, &animation(&drawing, 40, 3), true), Ok("image-webp"));
    assert_eq!(check("webp", &source, &animation(&drawing, 41, 3), true), Err("duration (frame 0)".into()));
    assert_eq!(check("webp", &source, &animation(&drawing, 40, 0), true), Err("loop-count 0 != 3".into()));
    let merged = check("webp", &source, &animation(&drawing[..2], 40, 3), true);
    assert_eq!(merged, Err("frame-count 2 != 3".into()));
    let mut stuck = drawing;
    stuck[2].2 = BLUE;
    let stuck = check("webp", &source, &animation(&stuck, 40, 3), true);
    assert_eq!(stuck, Err("pixels-differ (frame 2)".into()));
}

#[test]
fn cut_files_cannot_be_decoded() {
    let source = lossy(&glass(), 90.0);
    for part in [3, 5, 9] {
        let cut = check("webp", &source, &source[..source.len() * part / 10], true);
        assert!(cut.is_err_and(|text| text.starts_with("undecodable (image-webp: ")), "{part} tenths");
    }
}
