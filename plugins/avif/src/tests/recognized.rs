//! A second run finds what the first one made.

use super::*;
use crate::codec::{Color, Content, How, Layout, Picture};
use crate::{av1, codec, quality};

fn noise(width: u32, height: u32, layout: Layout, depth: u8) -> Picture {
    let mut state = 1u32;
    let mut planes = Vec::new();
    for i in 0..layout.planes() {
        let len = Picture::plane_len(layout, i, width, height).unwrap();
        let one = |at: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let smooth = (at as u32 * 7 % 200) << (depth - 8);
            (smooth + (state >> 28)).min((1 << depth) - 1) as u16
        };
        planes.push((0..len).map(one).collect());
    }
    let color = Color { full_range: true, primaries: 1, transfer: 13, matrix: 6, chroma_position: 0 };
    Picture { width, height, layout, depth, color, planes }
}

#[test]
fn every_layout_and_depth_comes_back_as_it_is() {
    for layout in [Layout::Grey, Layout::Half, Layout::HalfWide, Layout::Full] {
        for depth in [8, 10, 12] {
            for (width, height) in [(1, 1), (33, 17), (64, 65)] {
                let picture = noise(width, height, layout, depth);
                let how = How { cq: 20, speed: 8, content: Content::Photo, lossless: false, tuned: true };
                let coded = codec::encode(&picture, how).unwrap();
                let (sequence, frame) = av1::headers(&coded).unwrap();
                assert_eq!((sequence.depth, sequence.mono), (depth, layout == Layout::Grey));
                assert_eq!(frame.size, (width, height));
                assert!(frame.base_q >= quality::index(20));
                let back = codec::Decoder::open(0, false, 1 << 20).unwrap().decode(&coded).unwrap();
                assert_eq!(
                    (back.width, back.height, back.layout, back.depth),
                    (width, height, layout, depth)
                );
                assert_eq!(back.color.full_range, picture.color.full_range);
                let off: u64 = picture.planes[0]
                    .iter()
                    .zip(&back.planes[0])
                    .map(|(a, b)| u64::from(a.abs_diff(*b)))
                    .sum();
                assert!(
                    off / picture.planes[0].len() as u64 <= 16 << (depth - 8),
                    "{layout:?} {depth} {width}"
                );
            }
        }
    }
}

#[test]
fn every_quality_is_in_the_header_as_the_formula_says() {
    let picture = noise(40, 24, Layout::Half, 8);
    let mut before = u8::MAX;
    for q in 1..=100 {
        let cq = quality::cq(q);
        assert!(cq <= before);
        before = cq;
        for (content, tuned) in [(Content::Photo, true), (Content::Screen, true), (Content::Photo, false)] {
            let how = How { cq, speed: 9, content, lossless: false, tuned };
            let coded = codec::encode(&picture, how).unwrap();
            assert!(quality::is_at_or_below(&coded, q), "{q} {content:?}");
            let finer = (1..q).rev().find(|lower| quality::cq(*lower) > cq);
            assert!(finer.is_none_or(|lower| !quality::is_at_or_below(&coded, lower)), "{q}");
        }
    }
}

#[test]
fn one_run_is_enough() {
    for (name, file) in ALL {
        for metadata in [Metadata::All, Metadata::Display] {
            let options = options(Mode::Quality(60), metadata);
            let info = Avif.inspect(file, &mut |_| ()).unwrap();
            let host = testing::TestHost::new(file.len(), &options);
            let _ = Avif.optimize(&Job::new(file, &info, &options, &host));
            let Some(first) = host.winner() else { continue };
            let again = testing::TestHost::new(first.bytes.len(), &options);
            let info = Avif.inspect(&first.bytes, &mut |_| ()).unwrap();
            let _ = Avif.optimize(&Job::new(&first.bytes, &info, &options, &again));
            assert_eq!(again.winner().map(|o| o.method), None, "{name} {metadata:?}");
        }
    }
}

#[test]
fn the_cap_is_kept() {
    let options = Options { max_reduction: Some(10.0), ..options(Mode::Quality(20), Metadata::All) };
    let (offers, error) = offers(ALPHA, &options);
    assert_eq!(error, None);
    assert!(offers.iter().all(|o| o.bytes.len() * 100 >= ALPHA.len() * 89));
}
