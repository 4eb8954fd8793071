//! Metadata under both policies.

use squeezed_plugin_api::testing::items;
use squeezed_plugin_api::{Kind, Metadata, MetadataItem, Mode, Options};

use super::{PICTURES, decode, fixture, offers};
use crate::Jpeg;
use crate::file::File;

fn display() -> Options {
    Options { metadata: Metadata::Display, ..Options::default() }
}

fn same(a: &MetadataItem, b: &MetadataItem) -> bool {
    a.kind == b.kind && a.name == b.name && (a.hash == b.hash || a.kind.holds_offsets())
}

#[test]
fn all_keeps_every_item() {
    for name in PICTURES {
        let bytes = fixture(name);
        let source = items(&Jpeg, &bytes).unwrap();
        for mode in [Mode::Lossless, Mode::Quality(30)] {
            for o in offers(&bytes, &Options { mode, ..Options::default() }).unwrap() {
                let kept = items(&Jpeg, &o.bytes).unwrap();
                for item in &source {
                    assert!(kept.iter().any(|k| same(k, item)), "{name} {}: {item:?}", o.method);
                }
                assert_eq!(kept.len(), source.len(), "{name}");
            }
        }
    }
}

#[test]
fn display_keeps_what_shows_and_nothing_else() {
    for name in PICTURES {
        let bytes = fixture(name);
        let source = items(&Jpeg, &bytes).unwrap();
        for mode in [Mode::Lossless, Mode::Quality(30)] {
            let all = offers(&bytes, &Options { mode, ..display() }).unwrap();
            if source.iter().any(|i| !i.kind.is_display()) {
                assert!(all.iter().any(|o| o.method == "strip"), "{name}");
            }
            for o in all {
                let kept = items(&Jpeg, &o.bytes).unwrap();
                for item in source.iter().filter(|i| i.kind.is_display()) {
                    assert!(kept.iter().any(|k| same(k, item)), "{name} {}: {item:?} of {kept:?}", o.method);
                }
                for k in &kept {
                    assert!(k.kind.is_display(), "{name} {}: {k:?}", o.method);
                }
                if o.lossless {
                    assert!(decode(&o.bytes).unwrap() == decode(&bytes).unwrap(), "{name} {}", o.method);
                }
            }
        }
    }
}

#[test]
fn further_pictures_are_found_where_the_new_index_says() {
    for name in ["gainmap-apple.jpg", "gainmap-big-endian.jpg", "gainmap-gps-iptc.jpg"] {
        let bytes = fixture(name);
        let before = File::parse(&bytes).unwrap();
        assert_eq!(before.pictures.len(), 1, "{name}");
        let map = decode(&bytes[before.pictures[0].clone()]).unwrap();
        for metadata in [Metadata::All, Metadata::Display] {
            for o in offers(&bytes, &Options { metadata, ..Options::default() }).unwrap() {
                let after = File::parse(&o.bytes).unwrap();
                let range = after.pictures[0].clone();
                assert!(after.gaps.is_empty());
                assert_eq!(range.end, o.bytes.len(), "{name} {}", o.method);
                assert!(decode(&o.bytes[range.clone()]).unwrap() == map);
                if metadata == Metadata::All {
                    assert_eq!(o.bytes[range], bytes[before.pictures[0].clone()]);
                }
                assert!(after.has_gain_map() || before.has_gain_map() == after.has_gain_map());
            }
        }
    }
}

#[test]
fn an_index_that_does_not_match_is_not_followed() {
    let mut bytes = fixture("gainmap-big-endian.jpg");
    let at = {
        let file = File::parse(&bytes).unwrap();
        file.pictures[0].start
    };
    bytes[at] = 0;
    let error = offers(&bytes, &Options::default()).unwrap_err();
    assert_eq!(error.message, "multi-picture index that does not match the file");
}

#[test]
fn trailing_bytes_follow_the_policy() {
    let mut bytes = fixture("420-exif.jpg");
    bytes.extend_from_slice(b"trailing bytes");
    for o in offers(&bytes, &Options::default()).unwrap() {
        assert!(o.bytes.ends_with(b"\xff\xd9trailing bytes"));
    }
    for o in offers(&bytes, &display()).unwrap() {
        assert!(o.bytes.ends_with(b"\xff\xd9"));
        assert!(o.dropped.contains(&(Kind::Trailing, "trailing".into())));
    }
}

#[test]
fn segments_are_kept_byte_for_byte_and_in_order() {
    for name in PICTURES {
        let bytes = fixture(name);
        let segments = |b: &[u8]| {
            let file = File::parse(b).unwrap();
            let all = file.walk.segments.iter().map(|s| b[s.whole.clone()].to_vec());
            all.filter(|s| !s[4..].starts_with(b"MPF\0")).collect::<Vec<_>>()
        };
        for o in offers(&bytes, &Options::default()).unwrap() {
            assert_eq!(segments(&o.bytes), segments(&bytes), "{name}");
        }
    }
}

#[test]
fn thumbnails_in_jfif_go_and_the_density_stays() {
    let bytes = fixture("420-exif.jpg");
    let mut with = vec![0xff, 0xd8, 0xff, 0xe0, 0, 19];
    with.extend_from_slice(b"JFIF\0\x01\x02\x01\0\x48\0\x48\x01\x01abc");
    with.extend_from_slice(&bytes[2..]);
    for o in offers(&with, &display()).unwrap() {
        let kept = items(&Jpeg, &o.bytes).unwrap();
        let density = MetadataItem::new(Kind::Density, "jfif", &[1, 0, 0x48, 0, 0x48]);
        assert!(kept.contains(&density));
        assert!(kept.iter().all(|i| i.kind != Kind::Thumbnail));
    }
}
