//! Every fixture through every policy: pixels, metadata, the second run.

use squeezed_plugin_api::{Effort, Metadata, Mode};

use super::*;

fn signed(input: &[u8]) -> bool {
    Png.inspect(input, &mut |_| ()).unwrap().flags.signed
}

#[test]
fn lossless_keeps_every_sample_and_every_item() {
    for (name, input) in fixtures().into_iter().filter(|f| !signed(&f.1)) {
        for effort in [Effort::Fast, Effort::Balanced] {
            if effort == Effort::Balanced && input.len() > 20_000 {
                continue;
            }
            let host = testing::run(&Png, &input, &Options { effort, ..Options::default() }).unwrap();
            let before = canvases(&input);
            for offer in host.offers() {
                assert!(offer.lossless, "{name}");
                assert_eq!(canvases(&offer.bytes), before, "{name} {}", offer.method);
                assert_eq!(items(&offer.bytes), items(&input), "{name} {}", offer.method);
            }
        }
    }
}

#[test]
fn a_second_run_finds_nothing() {
    for (name, input) in
        fixtures().into_iter().filter(|f| f.1.len() < 60_000 || f.0.starts_with("derived-p3"))
    {
        for (mode, effort) in [
            (Mode::Lossless, Effort::Balanced),
            (Mode::Quality(80), Effort::Balanced),
            (Mode::Lossless, Effort::Fast),
        ] {
            let options = Options { mode, effort, metadata: Metadata::Display, ..Options::default() };
            let first = winner(&input, &options).map_or(input.clone(), |o| o.bytes);
            let second = testing::run(&Png, &first, &options).unwrap();
            let better = second.offers().iter().any(|o| o.bytes.len() < first.len());
            assert!(!better, "{name} {mode:?}");
        }
    }
}

#[test]
fn display_keeps_what_is_for_display_and_nothing_else() {
    for (name, input) in fixtures() {
        for mode in [Mode::Lossless, Mode::Quality(80)] {
            let options =
                Options { mode, metadata: Metadata::Display, effort: Effort::Fast, ..Options::default() };
            let host = testing::run(&Png, &input, &options).unwrap();
            assert!(!host.offers().is_empty(), "{name}");
            let want: Vec<_> = items(&input).into_iter().filter(|i| i.kind.is_display()).collect();
            for offer in host.offers() {
                let mut have = items(&offer.bytes);
                have.iter_mut().for_each(|i| i.length = 0);
                let mut want = want.clone();
                want.iter_mut().for_each(|i| i.length = 0);
                assert_eq!(have, want, "{name} {}", offer.method);
            }
        }
    }
}

#[test]
fn chunks_are_put_back_byte_for_byte() {
    let still = many_colors(Color::Rgb, 40, 40).to_still();
    let chunks: [([u8; 4], &[u8]); 4] = [
        (*b"gAMA", &[0, 0, 177, 143]),
        (*b"teSt", b"x"),
        (*b"prVt", b"yy"),
        (*b"tIME", &[7, 0, 1, 1, 0, 0, 0]),
    ];
    let mut input = with_chunks(&still, &chunks);
    // A wrong checksum of an ancillary chunk is kept as it is.
    let at = input.windows(4).position(|w| w == b"teSt").unwrap();
    input[at + 5] ^= 1;
    input.extend_from_slice(b"trailing");
    let out = winner(&input, &Options::default()).unwrap().bytes;
    let head = &input[33..input.windows(4).position(|w| w == b"IDAT").unwrap() - 4];
    assert!(out.windows(head.len()).any(|w| w == head));
    assert!(out.ends_with(b"trailing"));
}

#[test]
fn hidden_colour_under_transparency_stays() {
    let mut picture = many_colors(Color::Rgba, 64, 64);
    let rows: Vec<u8> = (0..64 * 64_u32)
        .flat_map(|i| [i as u8, (i / 64) as u8, 7, if i % 3 == 0 { 0 } else { 255 }])
        .collect();
    picture.data = plain_rows(&rows, picture.header);
    let input = picture.to_still();
    let out = winner(&input, &Options::default()).unwrap().bytes;
    assert_eq!(canvases(&out), canvases(&input));
}

#[test]
fn a_background_stays_true_when_the_colour_type_changes() {
    let header = Header { width: 50, height: 50, depth: 8, color: Color::Rgb, interlaced: false };
    let rows: Vec<u8> =
        (0..2500_u32).flat_map(|i| if i % 7 < 3 { [9, 80, 200] } else { [200, 10, 0] }).collect();
    let picture = Picture { header, palette: vec![], transparency: vec![], data: plain_rows(&rows, header) };
    let input = with_chunks(&picture.to_still(), &[(*b"bKGD", &[0, 1, 0, 2, 0, 3]), (*b"sBIT", &[8, 8, 8])]);
    let out = winner(&input, &Options::default()).unwrap().bytes;
    assert_eq!(Picture::of_still(&out).unwrap().header.color, Color::Indexed);
    assert_eq!(valued(&out), valued(&input));
    assert_eq!(canvases(&out), canvases(&input));
}

#[test]
fn a_palette_has_room_for_the_background() {
    let input =
        with_chunks(&fixture("derived-p3-exif8-itxt-ztxt.png"), &[(*b"bKGD", &[0, 255, 0, 0, 0, 253])]);
    let options = Options { mode: Mode::Quality(100), effort: Effort::Fast, ..Options::default() };
    let out = winner(&input, &options).unwrap();
    assert!(!out.lossless);
    assert_eq!(valued(&out.bytes), valued(&input));
}

#[test]
fn the_same_job_gives_the_same_bytes() {
    let input = many_colors(Color::Rgb, 120, 90).to_still();
    let options = Options { mode: Mode::Quality(70), ..Options::default() };
    let run = || testing::run(&Png, &input, &options).unwrap().offers();
    assert_eq!(run(), run());
}
