//! Files made box by box: what is read of them, and what is left of them after a rewrite.

use proptest::prelude::*;
use squeezed_plugin_api::{Kind, Metadata};

use crate::boxes::{write, write_full};
use crate::facts::{Auxiliary, picture};
use crate::{Broken, Edit, File, Fixed, inventory, policy};

/// A file with `ftyp`, `meta` and `mdat`: a coded picture (1), its alpha (2), a thumbnail (3), Exif (4), XMP (5), a grid
/// (6) whose data is in `idat`, made of picture 1 and 7.
pub(crate) fn sample() -> Vec<u8> {
    let data: [(u16, &[u8; 4], &[u8]); 6] = [
        (1, b"hvc1", b"first picture"),
        (2, b"hvc1", b"alpha"),
        (3, b"hvc1", b"thumbnail"),
        (4, b"Exif", b"\0\0\0\0no tiff at all"),
        (5, b"mime", b"<not xmp"),
        (7, b"hvc1", b"second picture"),
    ];
    let mut starts = vec![0u32; data.len()];
    let mut file = Vec::new();
    for _ in 0..2 {
        file.clear();
        write(&mut file, b"ftyp", |o| o.extend_from_slice(b"heic\0\0\0\0mif1heic"));
        write_full(&mut file, b"meta", 0, 0, |o| meta(o, &data, &starts));
        write(&mut file, b"free", |o| o.extend_from_slice(&[0; 100]));
        let mut at = file.len() as u32 + 8;
        write(&mut file, b"mdat", |o| {
            for (i, d) in data.iter().enumerate() {
                // Padding that nobody wants, and before the last something that somebody might.
                o.extend_from_slice(&[0; 7]);
                starts[i] = at + 7;
                at += 7 + d.2.len() as u32;
                o.extend_from_slice(d.2);
            }
            o.extend_from_slice(b"unreferenced");
        });
        write(&mut file, b"mpvd", |o| o.extend_from_slice(b"a film"));
    }
    file
}

fn meta(o: &mut Vec<u8>, data: &[(u16, &[u8; 4], &[u8])], starts: &[u32]) {
    write_full(o, b"hdlr", 0, 0, |o| o.extend_from_slice(b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    write_full(o, b"pitm", 0, 0, |o| o.extend_from_slice(&[0, 6]));
    write_full(o, b"iloc", 1, 0, |o| {
        // Eight bytes for what needs four, and an index that says nothing.
        o.extend_from_slice(&[0x88, 0x84, 0, 7]);
        for ((id, _, bytes), start) in data.iter().zip(starts) {
            o.extend_from_slice(&id.to_be_bytes());
            o.extend_from_slice(&[0, 0, 0, 0]);
            o.extend_from_slice(&u64::from(*start).to_be_bytes());
            o.extend_from_slice(&[0, 2]);
            // In two parts.
            for (offset, length) in [(0u64, 2u64), (2, bytes.len() as u64 - 2)] {
                o.extend_from_slice(&[0; 4]);
                o.extend_from_slice(&offset.to_be_bytes());
                o.extend_from_slice(&length.to_be_bytes());
            }
        }
        o.extend_from_slice(&[0, 6, 0, 1, 0, 0]);
        o.extend_from_slice(&[0; 8]);
        o.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        o.extend_from_slice(&0u64.to_be_bytes());
        o.extend_from_slice(&8u64.to_be_bytes());
    });
    write_full(o, b"iinf", 0, 0, |o| {
        o.extend_from_slice(&[0, 7]);
        for (id, kind) in data.iter().map(|d| (d.0, d.1)).chain([(6, b"grid")]) {
            write_full(o, b"infe", 2, 0, |o| {
                o.extend_from_slice(&id.to_be_bytes());
                o.extend_from_slice(&[0, 0]);
                o.extend_from_slice(kind);
                o.push(0);
                if kind == b"mime" {
                    o.extend_from_slice(b"application/rdf+xml\0");
                }
            });
        }
    });
    write_full(o, b"iref", 0, 0, |o| {
        for (kind, from, to) in [
            (b"auxl", 2, &[6u16][..]),
            (b"thmb", 3, &[6]),
            (b"cdsc", 4, &[6]),
            (b"cdsc", 5, &[6]),
            (b"dimg", 6, &[1, 7]),
        ] {
            write(o, kind, |o| {
                o.extend_from_slice(&u16::to_be_bytes(from));
                o.extend_from_slice(&(to.len() as u16).to_be_bytes());
                to.iter().for_each(|t| o.extend_from_slice(&t.to_be_bytes()));
            });
        }
    });
    write(o, b"iprp", |o| {
        write(o, b"ipco", |o| {
            for side in [64u32, 64, 16] {
                write_full(o, b"ispe", 0, 0, |o| {
                    o.extend_from_slice(&side.to_be_bytes());
                    o.extend_from_slice(&side.to_be_bytes());
                });
            }
            write(o, b"irot", |o| o.push(1));
            write_full(o, b"auxC", 0, 0, |o| {
                o.extend_from_slice(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0");
            });
            write(o, b"colr", |o| o.extend_from_slice(b"profa profile"));
        });
        write_full(o, b"ipma", 0, 0, |o| {
            o.extend_from_slice(&5u32.to_be_bytes());
            for (id, list) in [(1, &[1u8][..]), (2, &[2, 5]), (3, &[3]), (6, &[0x81, 0x84, 6]), (7, &[2])] {
                o.extend_from_slice(&u16::to_be_bytes(id));
                o.push(list.len() as u8);
                o.extend_from_slice(list);
            }
        });
    });
    write(o, b"idat", |o| o.extend_from_slice(b"\0\0\0\x01\0\x40\0\x40"));
}

fn item_data(file: &[u8], id: u32) -> Option<Vec<u8>> {
    let f = File::parse(file).unwrap();
    let item = f.meta.as_ref().unwrap().item(id)?;
    Some(f.data(item).unwrap().into_owned())
}

#[test]
fn everything_is_read() {
    let file = sample();
    let f = File::parse(&file).unwrap();
    let (meta, item) = f.primary().unwrap();
    let p = picture(meta, item);
    assert_eq!((item.id, p.size, p.orientation, p.icc), (6, Some((64, 64)), 8, Some(&b"a profile"[..])));
    assert_eq!(meta.coded(6).unwrap().iter().map(|i| i.id).collect::<Vec<_>>(), [1, 7]);
    assert_eq!(meta.alpha(6).map(|a| (a.0.id, a.1)), Some((2, false)));
    assert_eq!(meta.auxiliary(meta.item(2).unwrap()), Auxiliary::Alpha);
    assert_eq!(meta.masters().len(), 1);
    assert_eq!(item_data(&file, 7).unwrap(), b"second picture");
    assert_eq!(item_data(&file, 6).unwrap(), b"\0\0\0\x01\0\x40\0\x40");
}

#[test]
fn all_keeps_every_byte_that_is_not_padding() {
    let file = sample();
    let f = File::parse(&file).unwrap();
    let out = f.rewrite(&policy::edit(&f, Metadata::All).unwrap()).unwrap();
    assert!(out.len() + 250 < file.len(), "{} {}", out.len(), file.len());
    for id in 1..=7 {
        assert_eq!(item_data(&out, id), item_data(&file, id), "{id}");
    }
    let mut before = Vec::new();
    let mut after = Vec::new();
    inventory::items(&f, &mut |i| before.push(i)).unwrap();
    let g = File::parse(&out).unwrap();
    inventory::items(&g, &mut |i| after.push(i)).unwrap();
    assert_eq!(before, after);
    assert!(out.windows(12).any(|w| w == b"unreferenced"));
    assert_eq!(g.rewrite(&policy::edit(&g, Metadata::All).unwrap()).unwrap(), out);
}

#[test]
fn display_drops_what_does_not_show() {
    let file = sample();
    let f = File::parse(&file).unwrap();
    let out = f.rewrite(&policy::edit(&f, Metadata::Display).unwrap()).unwrap();
    let g = File::parse(&out).unwrap();
    let ids: Vec<u32> = g.meta.as_ref().unwrap().items.iter().map(|i| i.id).collect();
    assert_eq!(ids, [1, 2, 7, 6]);
    let mut left = Vec::new();
    inventory::items(&g, &mut |i| left.push(i.label())).unwrap();
    assert!(left.iter().all(|(kind, _)| kind.is_display()), "{left:?}");
    assert!(left.iter().any(|(kind, _)| *kind == Kind::Icc));
    for text in [&b"thumbnail"[..], b"no tiff", b"not xmp", b"a film", b"unreferenced"] {
        assert!(!out.windows(text.len()).any(|w| w == text));
    }
    assert_eq!(g.rewrite(&policy::edit(&g, Metadata::Display).unwrap()).unwrap(), out);
}

#[test]
fn new_data_takes_the_place_of_old() {
    let file = sample();
    let f = File::parse(&file).unwrap();
    let mut edit = Edit::default();
    edit.data.insert(1, b"a longer first picture than before".to_vec());
    edit.data.insert(6, b"grid".to_vec());
    let mut ispe = Vec::new();
    write_full(&mut ispe, b"ispe", 0, 0, |o| o.extend_from_slice(&[0, 0, 0, 9, 0, 0, 0, 9]));
    edit.properties.insert((1, 0), ispe);
    let out = f.rewrite(&edit).unwrap();
    assert_eq!(item_data(&out, 1).unwrap(), b"a longer first picture than before");
    assert_eq!(item_data(&out, 6).unwrap(), b"grid");
    assert_eq!(item_data(&out, 7).unwrap(), b"second picture");
    let g = File::parse(&out).unwrap();
    let meta = g.meta.as_ref().unwrap();
    let size = |id| picture(meta, meta.item(id).unwrap()).size;
    assert_eq!((size(1), size(6)), (Some((9, 9)), Some((64, 64))));
}

#[test]
fn what_is_made_of_a_dropped_picture_cannot_be_written() {
    let file = sample();
    let f = File::parse(&file).unwrap();
    let mut edit = Edit::default();
    edit.drop.insert(7);
    assert!(matches!(f.rewrite(&edit), Err(Fixed::Feature(_))));
}

#[test]
fn cut_anywhere_it_is_broken() {
    let file = sample();
    let end = file.len() - 14;
    for cut in 0..end {
        assert!(File::parse(&file[..cut]).is_err(), "{cut}");
    }
    // The film behind the pictures may be cut: it is what was appended.
    assert_eq!(File::parse(&file[..end + 9]).unwrap().trailing.len(), 9);
}

#[test]
fn data_outside_of_the_file_is_broken() {
    let mut file = sample();
    let at = file.windows(4).position(|w| w == b"iloc").unwrap();
    // The base offset of the first item.
    file[at + 4 + 4 + 4 + 6] = 1;
    assert_eq!(File::parse(&file), Err(Broken::Outside(1)));
}

proptest! {
    #[test]
    fn a_changed_byte_never_panics(at in 0usize..1100, to: u8, display: bool) {
        let mut file = sample();
        let at = at % file.len();
        file[at] = to;
        if let Ok(f) = File::parse(&file) {
            let _ = inventory::items(&f, &mut |_| ());
            let _ = f.sequence();
            let policy = if display { Metadata::Display } else { Metadata::All };
            if let Ok(edit) = policy::edit(&f, policy)
                && let Ok(out) = f.rewrite(&edit)
            {
                prop_assert!(File::parse(&out).is_ok());
            }
        }
    }
}
