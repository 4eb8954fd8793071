//! Layouts: whatever the samples are and however they come, what is offered as lossless has the same samples.

use super::*;
use squeezed_plugin_api::testing::items;

/// Every lossless offer has the source's samples, and all of its metadata under `all`.
fn assert_lossless(name: &str, bytes: &[u8]) -> TestHost {
    let before = decode(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    let host = optimize(bytes, None, Metadata::All).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut kept = items(&Tiff, bytes).unwrap();
    kept.sort();
    for offer in host.offers() {
        assert!(offer.lossless);
        assert_eq!(decode(&offer.bytes).unwrap(), before, "{name} by {}", offer.method);
        let mut found = items(&Tiff, &offer.bytes).unwrap();
        found.sort();
        assert_eq!(found, kept, "{name} by {}", offer.method);
        let info = |b: &[u8]| Tiff.inspect(b, &mut |_| ()).unwrap();
        assert_eq!(info(&offer.bytes), info(bytes), "{name} by {}", offer.method);
    }
    host
}

#[test]
fn fixtures_keep_their_samples() {
    for (name, bytes) in fixtures() {
        match optimize(&bytes, None, Metadata::All) {
            Ok(_) => drop(assert_lossless(&name, &bytes)),
            Err(e) => assert_eq!(e.code, squeezed_plugin_api::ErrorCode::UnsupportedFeature, "{name}: {e}"),
        }
    }
}

#[test]
fn every_depth_and_order_keeps_its_samples() {
    for big in [false, true] {
        for order in [Order::Little, Order::Big] {
            for bits in [1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64_u16] {
                for (samples, photometric) in [(1, 1), (1, 0), (2, 1), (3, 2), (4, 5), (5, 5)] {
                    let row = (37 * usize::from(samples) * usize::from(bits)).div_ceil(8);
                    let mut made = Made::new(37, 11, samples, bits, photometric, texture(row * 11));
                    made.header = Header { order, big };
                    let name = format!("{bits} bits {samples} samples {photometric} {order:?} {big}");
                    let host = assert_lossless(&name, &made.file());
                    assert!(!host.offers().is_empty(), "{name}");
                }
            }
        }
    }
}

#[test]
fn floats_keep_their_samples() {
    for order in [Order::Little, Order::Big] {
        for (bits, format) in [(16_u16, 3), (24, 3), (32, 3), (64, 3), (32, 2), (16, 2), (64, 6), (32, 5)] {
            let mut made = Made::new(40, 9, 1, bits, 1, texture(40 * 9 * usize::from(bits / 8)));
            made.header.order = order;
            let made = made.with(tag::SAMPLE_FORMAT, 3, &order.bytes(format, 2));
            assert_lossless(&format!("{bits} bits of format {format}, {order:?}"), &made.file());
        }
    }
}

#[test]
fn planes_tiles_and_units_keep_their_samples() {
    let mut planes = Made::new(30, 20, 3, 8, 2, texture(600));
    planes.strips = vec![texture(600), texture(600), texture(600)];
    assert_lossless("planes", &planes.with(tag::PLANAR, 3, &[2, 0]).file());

    let mut tiles = Made::new(40, 20, 1, 16, 1, Vec::new());
    tiles.strips = (0..6).map(|i| texture(16 * 16 * 2 + i)[i..].to_vec()).collect();
    let tiles = tiles.with(tag::TILE_WIDTH, 3, &[16, 0]).with(tag::TILE_HEIGHT, 3, &[16, 0]);
    let host = assert_lossless("tiles", &tiles.file());
    assert!(host.winner().unwrap().method.starts_with("deflate"));

    let units = Made::new(37, 21, 3, 8, 6, texture(19 * 11 * 6)).with(tag::SUBSAMPLING, 3, &[2, 0, 2, 0]);
    assert_lossless("chroma in units", &units.file());

    let palette: Vec<u8> = (0..3 * 16_u16).flat_map(|i| (i * 1300).to_le_bytes()).collect();
    let indexed = Made::new(50, 20, 1, 4, 3, texture(25 * 20)).with(tag::COLOR_MAP, 3, &palette);
    assert_lossless("palette", &indexed.file());

    let white = Made::new(50, 20, 1, 1, 0, texture(7 * 20)).with(tag::FILL_ORDER, 3, &[2, 0]);
    assert_lossless("reversed bits", &white.file());
}

#[test]
fn odd_depths_mean_what_they_say() {
    let twelve = Made::new(2, 1, 1, 12, 1, vec![0xab, 0xcd, 0xef]).file();
    let seen = decode(&twelve).unwrap();
    assert_eq!((seen.frames[0].2.bits, &seen.frames[0].3[..2]), (12, &0xabc_u16.to_ne_bytes()[..]));
    let white = Made::new(8, 1, 1, 1, 0, vec![0b1010_0000]).file();
    assert_eq!(decode(&white).unwrap().frames[0].3, [0, 1, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn pages_below_pages_and_values_shared_by_pages_survive() {
    let one = photograph(40, 30).with(tag::ICC, 7, &texture(5000));
    let (a, b) = (one.directory(), one.directory());
    let below = photograph(20, 15);
    let mut c = one.directory();
    c.entries.push(OutEntry {
        tag: tag::SUB_IFDS,
        kind: 4,
        count: 1,
        value: Value::Directories(vec![below.directory()]),
    });
    let bytes = write::file(one.header, &[a, b, c], b"said afterwards").unwrap();
    assert_eq!(decode(&bytes).unwrap().frames.len(), 4);
    let host = assert_lossless("pages", &bytes);
    let best = host.winner().unwrap();
    assert!(best.bytes.ends_with(b"said afterwards"));
    let profile = texture(5000);
    let count = best.bytes.windows(5000).filter(|w| *w == profile.as_slice()).count();
    assert_eq!(count, 1, "a profile that pages share is written once");
}

#[test]
fn maker_notes_with_offsets_stay_where_they_are() {
    let note = [b"Canon\0".as_slice(), &texture(300)].concat();
    let mut made = photograph(64, 64);
    made.fields.clear();
    let mut page = made.directory();
    let exif = OutDirectory {
        entries: vec![OutEntry {
            tag: tag::MAKER_NOTE,
            kind: 7,
            count: 306,
            value: Value::Pinned(&note, 9001),
        }],
        ..OutDirectory::default()
    };
    page.entries.push(OutEntry { tag: tag::EXIF, kind: 4, count: 1, value: Value::Directories(vec![exif]) });
    let bytes = write::file(made.header, &[page], &[]).unwrap();
    let host = assert_lossless("maker note", &bytes);
    for offer in host.offers() {
        assert_eq!(offer.bytes[9001..9001 + 306], note[..], "by {}", offer.method);
    }
    assert!(host.winner().is_some());
}
