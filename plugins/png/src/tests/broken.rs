//! Damaged, hostile and odd input: a named error, never a panic, never half a picture.

use squeezed_plugin_api::{Effort, ErrorCode, Job, Limits, Metadata, Mode, testing::TestHost};

use super::*;
use crate::chunk::{SIGNATURE, push};

fn code(input: &[u8], options: &Options) -> Option<ErrorCode> {
    testing::run(&Png, input, options).err().map(|e| e.code)
}

fn usual(input: &[u8]) -> Option<ErrorCode> {
    code(input, &Options::default())
}

#[test]
fn every_cut_is_a_bad_image() {
    for (name, input) in fixtures() {
        for part in 0..16 {
            let cut = &input[..input.len() * part / 16];
            assert_eq!(usual(cut), Some(ErrorCode::BadImage), "{name} at {part}/16");
        }
    }
}

#[test]
fn no_flipped_byte_makes_a_panic() {
    let (mode, metadata, effort) = (Mode::Quality(80), Metadata::Display, Effort::Fast);
    let options = Options { mode, metadata, effort, ..Options::default() };
    for name in ["libavif-draw_points.png", "made-apng-hidden-default.png", "sharp-p3.png"] {
        let input = fixture(name);
        for at in (8..input.len()).filter(|at| *at < 200 || at % 3 == 0) {
            let mut bad = input.clone();
            bad[at] ^= 0x41;
            let _ = testing::run(&Png, &bad, &options);
        }
    }
}

#[test]
fn other_files_are_no_png() {
    for input in [&b""[..], b"\x89", b"just text", &SIGNATURE] {
        assert_eq!(usual(input), Some(ErrorCode::BadImage));
    }
}

#[test]
fn picture_data_that_is_short_wrong_or_long() {
    let picture = many_colors(Color::Rgb, 30, 30);
    let raw = picture.inflate().unwrap();
    let with = |raw: &[u8]| {
        let mut c = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut data = vec![0; c.zlib_compress_bound(raw.len())];
        let n = c.zlib_compress(raw, &mut data).unwrap();
        data.truncate(n);
        Picture { data, ..picture.clone() }.to_still()
    };
    assert_eq!(usual(&with(&raw)), None);
    assert_eq!(usual(&with(&raw[..raw.len() - 1])), Some(ErrorCode::BadImage), "short");
    let mut filter = raw.clone();
    filter[91] = 6;
    assert_eq!(usual(&with(&filter)), Some(ErrorCode::BadImage), "filter");
    let mut sum = picture.clone();
    *sum.data.last_mut().unwrap() ^= 1;
    assert_eq!(usual(&sum.to_still()), Some(ErrorCode::BadImage), "adler");
    let long = with(&[&raw[..], &[0; 5000]].concat());
    assert_eq!(usual(&long), None, "excess is cut");
    assert_eq!(canvases(&winner(&long, &Options::default()).unwrap().bytes), canvases(&with(&raw)));
}

#[test]
fn what_readers_disagree_on_comes_back_unchanged() {
    let header = Header { width: 4, height: 1, depth: 8, color: Color::Indexed, interlaced: false };
    let outside = Picture {
        header,
        palette: vec![0; 6],
        transparency: vec![],
        data: plain_rows(&[0, 1, 2, 200], header),
    };
    assert_eq!(usual(&outside.to_still()), Some(ErrorCode::UnsupportedFeature));
    let long = Picture { transparency: vec![0; 3], data: plain_rows(&[0, 1, 0, 1], header), ..outside };
    assert_eq!(usual(&long.to_still()), Some(ErrorCode::UnsupportedFeature));
    let mut apple = SIGNATURE.to_vec();
    push(&mut apple, *b"CgBI", &[&[0; 4]]);
    assert_eq!(usual(&apple), Some(ErrorCode::UnsupportedFeature));
}

#[test]
fn bombs_meet_limits() {
    let input = many_colors(Color::Rgb, 100, 100).to_still();
    let limits = Limits { pixels: 9_999, ..Limits::default() };
    assert_eq!(code(&input, &Options { limits, ..Options::default() }), Some(ErrorCode::TooLarge));
    let apng = fixture("made-apng-over.png");
    let limits = Limits { frames: 5, ..Limits::default() };
    assert_eq!(code(&apng, &Options { limits, ..Options::default() }), Some(ErrorCode::TooLarge));
    let header = Header { width: 0x7fff_fff0, height: 1, depth: 16, color: Color::Rgba, interlaced: true };
    let strip = Picture { header, palette: vec![], transparency: vec![], data: vec![0; 64] };
    assert_eq!(usual(&strip.to_still()), Some(ErrorCode::BadImage));
    let square = Picture { header: Header { height: 0x7fff_ffff, ..header }, ..strip };
    assert_eq!(usual(&square.to_still()), Some(ErrorCode::BadImage));
}

/// Zeros, deflated.
fn deflated_zeros(count: usize) -> Vec<u8> {
    let mut c = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let zeros = vec![0; count];
    let mut packed = vec![0; c.zlib_compress_bound(zeros.len())];
    let n = c.zlib_compress(&zeros, &mut packed).unwrap();
    packed.truncate(n);
    packed
}

#[test]
fn metadata_that_inflates_above_the_limit_is_refused_by_name() {
    let still = many_colors(Color::Rgb, 30, 30).to_still();
    let heads: [([u8; 4], &[u8]); 4] = [
        (*b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"),
        (*b"iTXt", b"Comment\0\x01\0\0\0"),
        (*b"zTXt", b"Comment\0\0"),
        (*b"iCCP", b"icc\0\0"),
    ];
    let (half, whole) = (deflated_zeros(10 << 20), deflated_zeros(20 << 20));
    for metadata in [Metadata::All, Metadata::Display] {
        let options = Options { metadata, effort: Effort::Fast, ..Options::default() };
        for (name, head) in heads {
            let one = |packed: &[u8]| [head, packed].concat();
            let input = with_chunks(&still, &[(name, &one(&whole))]);
            let error = testing::run(&Png, &input, &options).err().unwrap();
            assert_eq!(error.code, ErrorCode::TooLarge);
            assert!(
                error.message.contains("limits.metadata_bytes = 16777216; raise it"),
                "{}",
                error.message
            );
            let raised = Options {
                limits: Limits { metadata_bytes: 24 << 20, ..Limits::default() },
                ..options.clone()
            };
            assert_eq!(code(&input, &raised), None, "{head:?} {metadata:?}");
            // The parts count together, and what is within the limit passes.
            let input = with_chunks(&still, &[(name, &one(&half))]);
            assert_eq!(code(&input, &options), None);
            let input =
                with_chunks(&still, &[(name, &one(&half)), (*b"zTXt", &[b"k\0\0", &half[..]].concat())]);
            assert_eq!(code(&input, &options), Some(ErrorCode::TooLarge));
        }
    }
}

#[test]
fn an_unknown_option_is_refused() {
    let input = many_colors(Color::Rgb, 8, 8).to_still();
    let options = Options { extra: vec![("colour".into(), "1".into())], ..Options::default() };
    assert_eq!(code(&input, &options), Some(ErrorCode::BadOption));
}

#[test]
fn a_stop_ends_the_job_at_any_poll() {
    let input = many_colors(Color::Rgb, 64, 64).to_still();
    let options = Options { mode: Mode::Quality(80), ..Options::default() };
    let info = Png.inspect(&input, &mut |_| ()).unwrap();
    for polls in 0..8 {
        let host = TestHost::new(input.len(), &options);
        host.stop_after(polls);
        let error = Png.optimize(&Job::new(&input, &info, &options, &host)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Stopped);
    }
}
