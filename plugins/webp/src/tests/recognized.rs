//! Every lossy output is recognized as what it is, so that nothing is lost twice.

use squeezed_plugin_api::{Metadata, Mode};

use super::{ICC, offers, options};
use crate::codec::{self, Lossless, Lossy, Picture};
use crate::container::{Bitstream, Container};
use crate::{animation, quality};

/// Photo-like, drawing-like and flat pictures of many sizes.
fn pictures() -> Vec<(u32, u32, Vec<u32>)> {
    let (w, h) = (384, 256);
    let photo = Container::parse(ICC).map(|c| animation::pixels(&c.frames[0], &|| false).unwrap()).unwrap();
    let crop = |x: u32, y: u32, cw: u32, ch: u32| {
        let rows = (y..y + ch).flat_map(|r| photo[(r * w + x) as usize..(r * w + x + cw) as usize].to_vec());
        (cw, ch, rows.collect::<Vec<_>>())
    };
    let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 7) & 0xff;
    let drawn =
        (0..96 * 80u32).map(|i| if (i / 7 + i / 96 / 5) % 3 == 0 { 0xff20_4060 } else { 0xfff0_f0e0 });
    let halves =
        (0..64 * 64u32).map(|i| 0xff00_0000 | if i % 64 < 32 { 0x80_8080 } else { noise(i) * 0x01_0101 });
    vec![
        (w, h, photo.clone()),
        crop(100, 50, 128, 96),
        crop(0, 200, 40, 33),
        crop(300, 10, 17, 16),
        crop(5, 5, 1, 1),
        (96, 80, drawn.collect()),
        (64, 64, halves.collect()),
        (32, 32, vec![0xff77_8899; 32 * 32]),
    ]
}

#[test]
fn every_quality_is_recognized() {
    for (width, height, pixels) in pictures() {
        let step = if width > 200 { 7 } else { 1 };
        for quality in (1..=100u8).step_by(step) {
            for method in [3, 6] {
                let how = Lossy {
                    quality,
                    method,
                    sharp_yuv: false,
                    autofilter: false,
                    filter_strength: 20,
                    sns: 50,
                    segments: 4,
                    passes: 1,
                };
                let picture = Picture { width, height, pixels: &pixels };
                let file = codec::encode_lossy(picture, how, &|| false).unwrap();
                let c = Container::parse(&file).unwrap();
                let Bitstream::Lossy { header, .. } = &c.frames[0].image else { panic!("not lossy") };
                let found = quality::estimate(header);
                let off = found - f64::from(quality);
                assert!((-6.0..=quality::TOLERANCE).contains(&off), "{width}x{height} q{quality}: {found}");
            }
        }
    }
}

#[test]
fn what_was_made_at_a_quality_is_not_made_again() {
    for (width, height, pixels) in pictures() {
        let file = codec::encode_lossless(
            Picture { width, height, pixels: &pixels },
            Lossless { method: 0, effort: 0 },
            &|| false,
        )
        .unwrap();
        for quality in [1, 10, 35, 50, 51, 58, 75, 80, 90, 99, 100] {
            let o = options(Mode::Quality(quality), Metadata::All);
            for made in offers(&file, &o).into_iter().filter(|o| !o.lossless) {
                assert!(offers(&made.bytes, &o).iter().all(|o| o.lossless), "{width}x{height} q{quality}");
            }
        }
    }
}

#[test]
fn hidden_colour_goes_once_and_only_where_loss_was_asked_for() {
    // A flat disc; noise under the transparency around it.
    let noise = |n: u32| n.wrapping_mul(2_654_435_761) >> 8;
    let pixels: Vec<u32> = (0..120 * 120u32)
        .map(|i| (i % 120, i / 120, i))
        .map(
            |(x, y, i)| {
                if x.abs_diff(60).pow(2) + y.abs_diff(60).pow(2) < 900 { 0xff20_a040 } else { noise(i) }
            },
        )
        .collect();
    let picture = Picture { width: 120, height: 120, pixels: &pixels };
    let file = codec::encode_lossless(picture, Lossless { method: 0, effort: 0 }, &|| false).unwrap();
    let o = options(Mode::Quality(80), Metadata::All);
    let cleared: Vec<_> = offers(&file, &o).into_iter().filter(|o| o.method == "vp8l-cleared").collect();
    assert_eq!(cleared.len(), 1);
    assert!(!cleared[0].lossless && cleared[0].bytes.len() < file.len() / 10);
    assert!(
        squeezed_plugin_api::testing::run(&crate::WebP, &cleared[0].bytes, &o).unwrap().winner().is_none()
    );
    assert!(offers(&file, &options(Mode::Lossless, Metadata::All)).iter().all(|o| o.lossless));
}
