use super::*;
use proptest::prelude::*;

type Entry = (u16, u16, Vec<u8>);

/// A block with these directories; `exif` and `gps` are reached by pointers, `next` is the second directory.
fn build(big: bool, main: &[Entry], exif: &[Entry], gps: &[Entry], next: &[Entry]) -> Vec<u8> {
    let u16b = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let u32b = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let size =
        |d: &[Entry]| 6 + d.iter().map(|e| 12 + if e.2.len() > 4 { e.2.len() } else { 0 }).sum::<usize>();
    let mut main = main.to_vec();
    let pointers = usize::from(!exif.is_empty()) + usize::from(!gps.is_empty());
    let exif_at = 8 + size(&main) + 12 * pointers;
    let gps_at = exif_at + if exif.is_empty() { 0 } else { size(exif) };
    let next_at = gps_at + if gps.is_empty() { 0 } else { size(gps) };
    if !exif.is_empty() {
        main.push((EXIF_IFD, 4, u32b(exif_at as u32).to_vec()));
    }
    if !gps.is_empty() {
        main.push((GPS_IFD, 4, u32b(gps_at as u32).to_vec()));
    }
    let mut out = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    out.extend(u32b(8));
    let mut put = |d: &[Entry], next: usize| {
        let mut values_at = out.len() + 6 + 12 * d.len();
        let mut values = Vec::new();
        out.extend(u16b(d.len() as u16));
        for (tag, kind, value) in d {
            let unit = match kind {
                3 => 2,
                4 => 4,
                5 | 10 => 8,
                _ => 1,
            };
            out.extend(u16b(*tag));
            out.extend(u16b(*kind));
            out.extend(u32b((value.len() / unit) as u32));
            if value.len() > 4 {
                out.extend(u32b(values_at as u32));
                values_at += value.len();
                values.extend_from_slice(value);
            } else {
                let mut v = value.clone();
                v.resize(4, 0);
                out.extend(v);
            }
        }
        out.extend(u32b(next as u32));
        out.extend(values);
    };
    put(&main, if next.is_empty() { 0 } else { next_at });
    for d in [exif, gps, next] {
        if !d.is_empty() {
            put(d, 0);
        }
    }
    out
}

fn short(big: bool, n: u16) -> Vec<u8> {
    if big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
}

fn all(block: &[u8]) -> Vec<MetadataItem> {
    let mut v = Vec::new();
    items(block, &mut |i| v.push(i));
    v
}

fn names(block: &[u8]) -> Vec<(Kind, String)> {
    all(block).iter().map(MetadataItem::label).collect()
}

fn check(block: &[u8]) {
    let mut want: Vec<_> = all(block).into_iter().filter(|i| i.kind.is_display()).collect();
    let shown = display(block);
    let mut got = shown.as_deref().map(all).unwrap_or_default();
    want.sort();
    got.sort();
    assert_eq!(got, want);
    assert_eq!(shown.as_deref().and_then(display), shown, "a second time changes nothing");
    assert_eq!(shown.as_deref().and_then(orientation), orientation(block));
}

fn photo(big: bool) -> Vec<u8> {
    build(
        big,
        &[
            (0x010f, 2, b"Camera Co\0".to_vec()),
            (ORIENTATION, 3, short(big, 6)),
            (X_RESOLUTION, 5, [72u32.to_be_bytes(), 1u32.to_be_bytes()].concat()),
            (Y_RESOLUTION, 5, [72u32.to_be_bytes(), 1u32.to_be_bytes()].concat()),
            (RESOLUTION_UNIT, 3, short(big, 2)),
            (ARTIST, 2, b"A. Person\0".to_vec()),
            (COPYRIGHT, 2, b"(c) A. Person\0".to_vec()),
        ],
        &[
            (0x829a, 5, vec![1; 8]),
            (0x9000, 7, b"0232".to_vec()),
            (DATE_TIME_ORIGINAL, 2, b"2024:05:06 07:08:09\0".to_vec()),
            (OFFSET_TIME_ORIGINAL, 2, b"+02:00\0".to_vec()),
            (MAKER_NOTE, 7, vec![9; 300]),
            (SUB_SEC_TIME_ORIGINAL, 2, b"42\0".to_vec()),
            (COLOR_SPACE, 3, short(big, 1)),
        ],
        &[(1, 2, b"N\0".to_vec()), (2, 5, vec![3; 24])],
        &[(THUMBNAIL_OFFSET, 4, vec![0; 4]), (THUMBNAIL_LENGTH, 4, vec![0; 4])],
    )
}

#[test]
fn a_photo_says_what_it_holds_in_both_orders() {
    for big in [false, true] {
        let block = photo(big);
        let labels = names(&block);
        let kinds: Vec<_> = labels.iter().map(|(k, n)| (*k, n.as_str())).collect();
        let want = [
            (Kind::Orientation, "orientation"),
            (Kind::Rights, "copyright"),
            (Kind::Rights, "artist"),
            (Kind::CaptureTime, "date-time-original"),
            (Kind::Density, "exif-resolution"),
            (Kind::ColorSpace, "exif-color-space"),
            (Kind::Gps, "gps"),
            (Kind::MakerNote, "maker-note"),
            (Kind::Thumbnail, "exif-thumbnail"),
            (Kind::Exif, "exif"),
        ];
        assert_eq!(kinds, want);
        assert_eq!(orientation(&block), Some(6));
        check(&block);
        assert!(display(&block).unwrap().len() < 260);
    }
}

#[test]
fn structure_alone_is_nothing() {
    let block = build(true, &[(0x0213, 3, short(true, 1))], &[(0x9000, 7, b"0232".to_vec())], &[], &[]);
    assert!(all(&block).is_empty());
    assert_eq!(display(&block), None);
}

#[test]
fn blank_rights_stay_as_the_camera_left_them() {
    let block =
        build(true, &[(COPYRIGHT, 2, b"     \0".to_vec()), (ARTIST, 2, b"\0\0\0\0".to_vec())], &[], &[], &[]);
    assert_eq!(names(&block), [(Kind::Rights, "copyright".into()), (Kind::Rights, "artist".into())]);
    check(&block);
}

#[test]
fn the_first_orientation_counts() {
    let block =
        build(true, &[(ORIENTATION, 3, short(true, 3)), (ORIENTATION, 3, short(true, 6))], &[], &[], &[]);
    assert_eq!(orientation(&block), Some(3));
    assert_eq!(names(&block), [(Kind::Orientation, "orientation".into())]);
    check(&block);
    let nine = build(true, &[(ORIENTATION, 3, short(true, 9))], &[], &[], &[]);
    assert_eq!((orientation(&nine), display(&nine)), (None, None));
}

#[test]
fn adobe_rgb_by_interoperability_is_kept() {
    // Interop lies in a directory of its own, behind a pointer in the Exif directory; reuse the GPS slot to place it.
    let exif = [(COLOR_SPACE, 3, short(true, 0xffff)), (INTEROP_IFD, 4, vec![0; 4])];
    let mut block = build(true, &[], &exif, &[(INTEROP_INDEX, 2, b"R03\0".to_vec())], &[]);
    let gps_at = 8 + 6 + 24 + 6 + 24;
    let pointer = 8 + 6 + 24 + 2 + 12 + 8;
    block[pointer..pointer + 4].copy_from_slice(&(gps_at as u32).to_be_bytes());
    assert!(names(&block).contains(&(Kind::ColorSpace, "exif-interoperability".into())));
    check(&block);
}

#[test]
fn apple_notes_keep_the_two_numbers_of_the_gain_map() {
    let mut note = b"Apple iOS\0\0\x01MM".to_vec();
    note.extend([0, 3]);
    let values_at = 14 + 2 + 36 + 4;
    for (tag, kind, at) in
        [(0x0001u16, 9u16, None), (0x0021, 10, Some(values_at)), (0x0030, 10, Some(values_at + 8))]
    {
        note.extend(tag.to_be_bytes());
        note.extend(kind.to_be_bytes());
        note.extend(1u32.to_be_bytes());
        note.extend((at.unwrap_or(7) as u32).to_be_bytes());
    }
    note.extend([0; 4]);
    note.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
    let block = build(true, &[], &[(MAKER_NOTE, 7, note)], &[], &[]);
    let labels = names(&block);
    assert_eq!(labels, [(Kind::GainMap, "apple-hdr-gain".into()), (Kind::MakerNote, "maker-note".into())]);
    check(&block);
}

#[test]
fn damage_and_loops_leave_what_is_readable() {
    let block = photo(true);
    assert_eq!(names(b"nothing like it"), [(Kind::Exif, "exif".into())]);
    assert_eq!(display(b"MM\0*"), None);
    // Cut anywhere: an answer, and orientation as long as its entry is there.
    for end in 0..block.len() {
        check(&block[..end]);
        if end >= 8 + 2 + 24 {
            assert_eq!(orientation(&block[..end]), Some(6), "cut at {end}");
        }
    }
    // The Exif directory and the next one are the first one again.
    let mut looped = build(
        true,
        &[(ORIENTATION, 3, short(true, 6)), (EXIF_IFD, 4, 8u32.to_be_bytes().to_vec())],
        &[],
        &[],
        &[],
    );
    let next = 8 + 2 + 24;
    looped[next..next + 4].copy_from_slice(&8u32.to_be_bytes());
    assert_eq!(orientation(&looped), Some(6));
    check(&looped);
    // A count that reaches far out of the block.
    let mut huge =
        build(true, &[(ORIENTATION, 3, short(true, 6)), (COPYRIGHT, 2, b"(c) me\0".to_vec())], &[], &[], &[]);
    huge[8 + 2 + 12 + 4..8 + 2 + 12 + 8].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(names(&huge), [(Kind::Orientation, "orientation".into())]);
    check(&huge);
}

#[test]
fn a_block_costs_what_its_length_says() {
    let started = std::time::Instant::now();
    for tag in [COPYRIGHT, ARTIST, ORIENTATION, EXIF_IFD, GPS_IFD, 0x010e] {
        let entries = 65_535usize;
        let mut block = b"MM\0*\0\0\0\x08\xff\xff".to_vec();
        for i in 0..entries {
            let tag = if tag == 0x010e { i as u16 } else { tag };
            block.extend(tag.to_be_bytes());
            block.extend([0, 2]);
            block.extend((2_000_000u32).to_be_bytes());
            block.extend(((14 + 12 * entries) as u32).to_be_bytes());
        }
        block.extend(vec![b' '; 2_000_010]);
        check(&block);
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(data: Vec<u8>) {
        check(&data);
    }

    #[test]
    fn any_bytes_behind_a_header_get_an_answer(big: bool, mut data: Vec<u8>) {
        let mut block = if big { b"MM\0*\0\0\0\x08".to_vec() } else { b"II*\0\x08\0\0\0".to_vec() };
        block.append(&mut data);
        check(&block);
    }

    #[test]
    fn a_flipped_photo_gets_an_answer(big: bool, at in 0usize..700, bits: u8) {
        let mut block = photo(big);
        let len = block.len();
        block[at % len] ^= bits;
        check(&block);
    }
}
