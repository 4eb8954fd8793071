//! Files that are cut, changed or made to waste time end in an answer or a named error.

use super::*;
use squeezed_plugin_api::{Effort, ErrorCode, Kind};

#[test]
fn cut_files_are_damaged_and_nothing_else() {
    for (name, bytes) in fixtures().into_iter().filter(|f| f.1.len() < 120_000) {
        for sixteenth in 1..16 {
            let cut = &bytes[..bytes.len() * sixteenth / 16];
            match optimize(cut, None, Metadata::All) {
                Err(e) => assert!(
                    matches!(e.code, ErrorCode::BadImage | ErrorCode::UnsupportedFeature),
                    "{name} at {sixteenth}: {e}"
                ),
                Ok(host) => panic!("{name} at {sixteenth}: {:?}", host.winner().map(|w| w.method)),
            }
        }
    }
}

#[test]
fn changed_bytes_never_panic_and_never_change_pixels() {
    let mut state = 1_u32;
    let mut random = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % n
    };
    for (name, bytes) in fixtures().into_iter().filter(|f| f.1.len() < 40_000) {
        for _ in 0..20 {
            let mut changed = bytes.clone();
            for _ in 0..1 + random(4) {
                // Half of the changes near the start, where directories often are.
                let at = if random(2) == 0 { random(changed.len().min(400)) } else { random(changed.len()) };
                changed[at] = random(256) as u8;
            }
            let fast = Options { effort: Effort::Fast, ..options(Some(80), Metadata::All) };
            let Ok(host) = run(&Tiff, &changed, &fast) else { continue };
            let Ok(before) = decode(&changed) else { continue };
            for offer in host.offers().iter().filter(|o| o.lossless) {
                assert_eq!(decode(&offer.bytes).unwrap(), before, "{name} by {}", offer.method);
            }
        }
    }
}

fn code(bytes: &[u8]) -> ErrorCode {
    optimize(bytes, None, Metadata::All).err().map(|e| e.code).unwrap()
}

#[test]
fn structure_that_lies_is_damage() {
    let good = photograph(16, 16).file();
    assert!(optimize(&good, None, Metadata::All).is_ok());
    let mut looped = good.clone();
    let entries = usize::from(u16::from_le_bytes([good[8], good[9]]));
    looped[10 + entries * 12] = 8;
    assert_eq!(code(&looped), ErrorCode::BadImage);
    assert_eq!(code(b"II*\0\x08\0\0\0"), ErrorCode::BadImage);
    assert_eq!(code(b"II*\0\0\0\0\0"), ErrorCode::BadImage);
    assert_eq!(code(b"MM\0+\0\x08\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), ErrorCode::BadImage);
    let huge = Made::new(1 << 30, 1 << 30, 4, 64, 5, texture(100));
    assert_eq!(code(&huge.file()), ErrorCode::BadImage);
    let tile = Made::new(4, 4, 1, 8, 1, texture(100));
    let tile = tile.with(tag::TILE_WIDTH, 4, &[0, 0, 1, 0]).with(tag::TILE_HEIGHT, 4, &[0, 0, 1, 0]);
    assert_eq!(code(&tile.file()), ErrorCode::BadImage);
}

#[test]
fn bombs_cost_no_memory() {
    // A picture of 60,000 squared in 100 bytes of each coding.
    for compression in [1_u8, 2, 3, 4, 5, 7, 8] {
        let made =
            Made::new(60_000, 60_000, 1, 8, 1, texture(100)).with(tag::COMPRESSION, 3, &[compression, 0]);
        let e = Tiff.inspect(&made.file(), &mut |_| ()).map(|i| i.width);
        let bytes = made.file();
        assert!(e.is_err() || decode(&bytes).is_err(), "{compression}");
        assert!(optimize(&bytes, None, Metadata::All).is_err(), "{compression}");
    }
}

#[test]
fn directories_that_lie_on_each_other_cost_no_memory() {
    let count = 60_000_u16;
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend(count.to_le_bytes());
    for _ in 0..count {
        // EXIF, one LONG, the very same directory.
        bytes.extend([0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0]);
    }
    bytes.extend([0; 4]);
    assert_eq!(code(&bytes), ErrorCode::BadImage);
}

#[test]
fn a_predictor_without_a_coding_that_has_one_is_none() {
    let rows = crate::codec::pack_bits::encode(&texture(80), 8);
    for predictor in [2, 3] {
        let made = Made::new(64, 10, 1, 1, 1, rows.clone());
        let made = made.with(tag::COMPRESSION, 3, &[0x05, 0x80]).with(tag::PREDICTOR, 3, &[predictor, 0]);
        let seen = decode(&made.file()).unwrap();
        assert_eq!(seen, decode(&Made::new(64, 10, 1, 1, 1, texture(80)).file()).unwrap());
    }
}

#[test]
fn camera_raw_is_left_alone() {
    let refused = |bytes: &[u8]| Tiff.inspect(bytes, &mut |_| ()).err().map(|e| e.code);
    let unsupported = Some(ErrorCode::UnsupportedFeature);
    assert_eq!(refused(&photograph(16, 16).with(tag::DNG_VERSION, 1, &[1, 4, 0, 0]).file()), unsupported);
    assert_eq!(refused(&Made::new(16, 16, 1, 8, 32803, texture(256)).file()), unsupported);
    let mut cr2 = photograph(16, 16).file();
    assert_eq!(refused(&cr2), None);
    cr2[8..10].copy_from_slice(b"CR");
    assert!(refused(&cr2).is_some());
}

#[test]
fn private_data_that_a_field_may_point_at_is_not_lost() {
    let mut bytes = photograph(16, 16).with(60_001, 4, &[0; 4]).file();
    let place = bytes.windows(4).position(|w| w == [0x61, 0xea, 4, 0]).unwrap();
    let target = bytes.len() as u32;
    bytes[place + 8..place + 12].copy_from_slice(&target.to_le_bytes());
    bytes.extend_from_slice(b"private data");
    assert_eq!(code(&bytes), ErrorCode::UnsupportedFeature);
    assert!(optimize(&bytes, None, Metadata::Display).is_ok(), "both go");
}

#[test]
fn a_stop_ends_the_job() {
    let bytes = photograph(200, 200).file();
    let info = Tiff.inspect(&bytes, &mut |_| ()).unwrap();
    for polls in [0, 1, 3, 7] {
        let opts = options(Some(80), Metadata::All);
        let host = TestHost::new(bytes.len(), &opts);
        host.stop_after(polls);
        let e = Tiff.optimize(&squeezed_plugin_api::Job::new(&bytes, &info, &opts, &host)).unwrap_err();
        assert_eq!(e.code, ErrorCode::Stopped, "{polls}");
    }
}

#[test]
fn signed_files_are_told() {
    let store = [
        &[0, 0, 0, 40][..],
        b"jumb",
        &[0, 0, 0, 32],
        b"jumd",
        b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71",
        b"\x03c2pa\0\0\0",
    ]
    .concat();
    let bytes = photograph(16, 16).with(tag::C2PA, 7, &store).file();
    let mut kinds = Vec::new();
    assert!(Tiff.inspect(&bytes, &mut |i| kinds.push(i.kind)).unwrap().flags.signed);
    assert!(kinds.contains(&Kind::C2pa));
    assert_eq!(code(&bytes), ErrorCode::UnsupportedFeature);
    let host = optimize(&bytes, None, Metadata::Display).unwrap();
    assert!(!Tiff.inspect(&host.winner().unwrap().bytes, &mut |_| ()).unwrap().flags.signed);
}
