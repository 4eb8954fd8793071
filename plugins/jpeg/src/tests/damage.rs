//! Damaged files are BadImage and nothing else; odd but whole ones are not.

use squeezed_plugin_api::{ErrorCode, Limits, Mode, Options};

use super::{PICTURES, decode, fixture, offers};
use crate::walk::Walk;

#[test]
fn a_cut_anywhere_is_a_bad_image() {
    for name in PICTURES {
        let bytes = fixture(name);
        let end = Walk::of(&bytes).unwrap().end;
        for sixteenth in 1..16 {
            let cut = &bytes[..end * sixteenth / 16];
            for mode in [Mode::Lossless, Mode::Quality(70)] {
                let result = offers(cut, &Options { mode, ..Options::default() });
                let error = result.unwrap_err();
                assert_eq!(error.code, ErrorCode::BadImage, "{name} at {sixteenth}/16: {error}");
            }
            assert_eq!(decode(cut).unwrap_err().code, ErrorCode::BadImage, "{name} at {sixteenth}/16");
        }
    }
}

#[test]
fn a_cut_inside_a_further_picture_is_a_bad_image() {
    let bytes = fixture("gainmap-big-endian.jpg");
    let cut = &bytes[..bytes.len() - 500];
    assert_eq!(offers(cut, &Options::default()).unwrap_err().code, ErrorCode::BadImage);
}

#[test]
fn a_missing_eoi_alone_is_mended() {
    for name in ["420-exif.jpg", "422-restart.jpg", "444-progressive.jpg"] {
        let bytes = fixture(name);
        let end = Walk::of(&bytes).unwrap().end;
        let cut = &bytes[..end - 2];
        assert!(decode(cut).unwrap() == decode(&bytes).unwrap());
        for o in offers(cut, &Options::default()).unwrap() {
            assert!(o.bytes.ends_with(&[0xff, 0xd9]));
            assert!(decode(&o.bytes).unwrap() == decode(&bytes).unwrap());
        }
    }
}

#[test]
fn a_progressive_file_cut_between_scans_is_a_bad_image() {
    let bytes = fixture("444-progressive.jpg");
    let walk = Walk::of(&bytes).unwrap();
    let cut = &bytes[..walk.scans[2].data.end];
    assert_eq!(offers(cut, &Options::default()).unwrap_err().code, ErrorCode::BadImage);
    assert_eq!(decode(cut).unwrap_err().code, ErrorCode::BadImage);
}

#[test]
fn an_unfinished_progressive_file_is_not_recoded() {
    let bytes = fixture("444-progressive.jpg");
    let walk = Walk::of(&bytes).unwrap();
    let mut short = bytes[..walk.scans[2].data.end].to_vec();
    short.extend_from_slice(&[0xff, 0xd9]);
    assert_eq!(offers(&short, &Options::default()).unwrap_err().code, ErrorCode::UnsupportedFeature);
}

#[test]
fn lost_restart_markers_are_a_bad_image() {
    let mut bytes = fixture("422-restart.jpg");
    let walk = Walk::of(&bytes).unwrap();
    let data = walk.scans[0].data.clone();
    let at =
        (data.start..data.end).find(|i| bytes[*i] == 0xff && (0xd0..0xd8).contains(&bytes[i + 1])).unwrap();
    bytes.drain(at..at + 2);
    assert_eq!(offers(&bytes, &Options::default()).unwrap_err().code, ErrorCode::BadImage);
}

#[test]
fn stray_bytes_between_segments_are_not_damage() {
    let bytes = fixture("420-exif.jpg");
    let first = Walk::of(&bytes).unwrap().segments[0].whole.end;
    let mut stray = bytes[..first].to_vec();
    stray.extend_from_slice(b"stray\0bytes");
    stray.extend_from_slice(&bytes[first..]);
    for o in offers(&stray, &Options::default()).unwrap() {
        assert!(decode(&o.bytes).unwrap() == decode(&bytes).unwrap());
    }
}

#[test]
fn height_from_a_dnl_segment_is_taken() {
    let bytes = fixture("422-restart.jpg");
    let walk = Walk::of(&bytes).unwrap();
    let mut dnl = bytes.clone();
    dnl[walk.frame.height_at..walk.frame.height_at + 2].fill(0);
    let end = walk.scans[0].data.end;
    let [h1, h0] = walk.frame.height.to_be_bytes();
    dnl.splice(end..end, [0xff, 0xdc, 0, 4, h1, h0]);
    assert!(decode(&dnl).unwrap() == decode(&bytes).unwrap());
    for o in offers(&dnl, &Options::default()).unwrap() {
        assert!(decode(&o.bytes).unwrap() == decode(&bytes).unwrap());
        assert_eq!(Walk::of(&o.bytes).unwrap().frame.height, walk.frame.height);
    }
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    let mut bytes = fixture("422-restart.jpg");
    let at = Walk::of(&bytes).unwrap().frame.height_at;
    bytes[at..at + 4].fill(0xfe);
    assert_eq!(offers(&bytes, &Options::default()).unwrap_err().code, ErrorCode::TooLarge);
    let limits = Limits { pixels: u64::MAX, ..Limits::default() };
    let error = offers(&bytes, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(error.code, ErrorCode::BadImage, "{error}");
}

#[test]
fn many_scans_are_too_large() {
    let bytes = fixture("444-progressive.jpg");
    let walk = Walk::of(&bytes).unwrap();
    let scan = bytes[walk.parts.last().unwrap().clone()].to_vec();
    let mut bomb = bytes[..walk.end - 2].to_vec();
    for _ in 0..1000 {
        bomb.extend_from_slice(&scan);
    }
    bomb.extend_from_slice(&[0xff, 0xd9]);
    assert_eq!(offers(&bomb, &Options::default()).unwrap_err().code, ErrorCode::TooLarge);
}

#[test]
fn flipped_bits_never_panic() {
    for name in ["odd-sampling-rgb.jpg", "arithmetic.jpg", "stray-dnl.jpg"] {
        let bytes = fixture(name);
        let step = (bytes.len() / 150).max(1);
        for at in (2..bytes.len()).step_by(step) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            match offers(&bad, &Options::default()) {
                Ok(all) => {
                    let source = decode(&bad).unwrap();
                    assert!(all.iter().all(|o| decode(&o.bytes).unwrap() == source), "{name} at {at}");
                }
                Err(e) => assert!(
                    matches!(
                        e.code,
                        ErrorCode::BadImage | ErrorCode::UnsupportedFeature | ErrorCode::TooLarge
                    ),
                    "{name} at {at}: {e}"
                ),
            }
        }
    }
}
