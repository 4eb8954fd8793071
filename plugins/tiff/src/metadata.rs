//! Which fields of a page stay under a policy, and what the host is told of them. EXIF, XMP and IPTC are decided by the
//! room that all plugins share; here they are only taken out of and put back into directories.

use std::borrow::Cow;
use std::collections::HashMap;

use squeezed_plugin_api::{Error, Kind, Metadata, MetadataItem};
use squeezed_plugin_common::{exif, icc, iptc, xmp};

use crate::directory::{Directory, Entry, File, Header};
use crate::render;
use crate::tag::{self, Role};
use crate::write::{self, OutDirectory, OutEntry, Value};

const BYTE: u16 = 1;

/// Reports the metadata of all pages. Items of pages behind the first have the page's number in their names.
pub fn items(file: &File<'_>, trailing: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    // Pages often share a profile: its hash is made once.
    let mut profiles: HashMap<(usize, usize), u64> = HashMap::new();
    for (i, (page, _)) in render::pictures(file).into_iter().enumerate() {
        let mut say = |mut item: MetadataItem| {
            if i > 0 {
                item.name = format!("{} ({})", item.name.chars().take(60).collect::<String>(), i + 1);
            }
            out(item);
        };
        if let Some(block) = exif_block(file.header, page) {
            exif::items(&block, &mut say);
        }
        for entry in &page.entries {
            match tag::role(entry.tag) {
                Role::Icc => {
                    let place = (entry.value.as_ptr() as usize, entry.value.len());
                    let known = profiles.get(&place).copied();
                    let item = match known {
                        Some(hash) => MetadataItem { hash, length: place.1 as u64, ..icc::item(&[]) },
                        None => icc::item(entry.value),
                    };
                    profiles.insert(place, item.hash);
                    say(item);
                }
                Role::Xmp => xmp::items(entry.value, &mut say),
                Role::Iptc => iptc::items(&wrapped(entry.value), &mut say),
                Role::Photoshop => iptc::items(entry.value, &mut say),
                Role::Item(kind, name) => say(MetadataItem::new(kind, name, &meaning(entry))),
                Role::Unknown => {
                    say(MetadataItem::new(Kind::Unknown, format!("tag-{}", entry.tag), &meaning(entry)));
                }
                Role::Coding | Role::Structure | Role::Exif => {}
            }
        }
    }
    if !trailing.is_empty() {
        out(MetadataItem::new(Kind::Trailing, "trailing", trailing));
    }
}

/// The orientation of a page, 1 to 8.
pub fn orientation(file: &File<'_>, page: &Directory<'_>) -> u8 {
    let told = page.number(tag::ORIENTATION, file.header.order);
    told.and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=8).contains(n)).unwrap_or(1)
}

/// A field with what it leads to: tag and value, and of directories what they hold instead of where they are.
fn meaning(entry: &Entry<'_>) -> Vec<u8> {
    let mut out = entry.tag.to_be_bytes().to_vec();
    if entry.children.is_empty() {
        out.extend_from_slice(entry.value);
    }
    for child in &entry.children {
        child.entries.iter().for_each(|e| out.extend(meaning(e)));
    }
    out
}

/// EXIF as the shared room knows it: a block of its own with the page's fields and directories that EXIF has.
fn exif_block(header: Header, page: &Directory<'_>) -> Option<Vec<u8>> {
    let classic = Header { big: false, ..header };
    let fields: Vec<_> = page.entries.iter().filter(|e| tag::role(e.tag) == Role::Exif).collect();
    if fields.is_empty() {
        return None;
    }
    let entries = fields.into_iter().filter_map(|e| exif_entry(e)).collect();
    write::file(classic, &[OutDirectory { entries, ..OutDirectory::default() }], &[]).ok()
}

fn exif_entry<'a>(entry: &Entry<'a>) -> Option<OutEntry<'a>> {
    // Eight-byte numbers are BigTIFF's alone, of which only the pointers matter here.
    if entry.children.is_empty() {
        let known = !matches!(entry.kind, 16..=18);
        return known.then(|| OutEntry {
            tag: entry.tag,
            kind: entry.kind,
            count: entry.count,
            value: Value::Bytes(entry.value.into()),
        });
    }
    let below = |d: &Directory<'a>| OutDirectory {
        entries: d.entries.iter().filter_map(exif_entry).collect(),
        ..OutDirectory::default()
    };
    let list: Vec<_> = entry.children.iter().map(below).collect();
    Some(OutEntry { tag: entry.tag, kind: 4, count: list.len() as u64, value: Value::Directories(list) })
}

/// IPTC datasets as the resource that the shared room reads.
fn wrapped(datasets: &[u8]) -> Vec<u8> {
    let mut block = b"8BIM\x04\x04\0\0".to_vec();
    block.extend_from_slice(&u32::try_from(datasets.len()).unwrap_or(0).to_be_bytes());
    block.extend_from_slice(datasets);
    block
}

/// The fields of a page that stay, but for those of its coding.
///
/// # Errors
/// `UnsupportedFeature` where what stays cannot be written.
pub fn kept<'a>(file: &File<'a>, page: &Directory<'a>, policy: Metadata) -> Result<OutDirectory<'a>, Error> {
    let mut out = OutDirectory::default();
    let display = policy == Metadata::Display;
    let bytes = |tag, value: Vec<u8>| OutEntry {
        tag,
        kind: BYTE,
        count: value.len() as u64,
        value: Value::Bytes(value.into()),
    };
    for entry in &page.entries {
        let role = tag::role(entry.tag);
        match role {
            Role::Coding => {}
            // Pictures below a page are put together by those who code them.
            _ if entry.tag == tag::SUB_IFDS && !entry.children.is_empty() => {}
            Role::Structure if out.entries.iter().any(|e| e.tag == entry.tag) => {}
            Role::Structure | Role::Icc => out.entries.push(copied(entry)),
            Role::Item(kind, _) if !display || kind.is_display() => out.entries.push(copied(entry)),
            _ if !display => out.entries.push(copied(entry)),
            Role::Xmp => out.entries.extend(xmp::display(entry.value).map(|v| bytes(entry.tag, v))),
            Role::Photoshop => out.entries.extend(iptc::display(entry.value).map(|v| bytes(entry.tag, v))),
            Role::Iptc => {
                let left = iptc::display(&wrapped(entry.value)).and_then(|v| unwrapped(&v));
                out.entries.extend(left.map(|v| bytes(entry.tag, v)));
            }
            Role::Exif | Role::Item(..) | Role::Unknown => {}
        }
    }
    if display && let Some(block) = exif_block(file.header, page).and_then(|b| exif::display(&b)) {
        let left = File::parse(&block).map_err(|e| Error::failed(e.message))?;
        let first = left.pages.first().map_or(&[][..], |p| &p.entries);
        out.entries.extend(first.iter().map(|e| owned(e)));
    }
    Ok(out)
}

/// What is between the header of the one resource that [`wrapped`] made and its padding.
fn unwrapped(block: &[u8]) -> Option<Vec<u8>> {
    let rest = block.strip_prefix(b"8BIM\x04\x04\0\0")?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*size) as usize).filter(|v| !v.is_empty()).map(<[u8]>::to_vec)
}

/// A field as it is, with the directories that it leads to.
pub fn copied<'a>(entry: &Entry<'a>) -> OutEntry<'a> {
    let value = if !entry.children.is_empty() {
        let below = |d: &Directory<'a>| OutDirectory {
            entries: d.entries.iter().map(copied).collect(),
            ..OutDirectory::default()
        };
        Value::Directories(entry.children.iter().map(below).collect())
    } else if entry.tag == tag::MAKER_NOTE && entry.value.len() > 8 && !is_movable(entry.value) {
        Value::Pinned(entry.value, entry.at)
    } else {
        Value::Bytes(Cow::Borrowed(entry.value))
    };
    OutEntry { tag: entry.tag, kind: entry.kind, count: entry.count, value }
}

fn owned(entry: &Entry<'_>) -> OutEntry<'static> {
    let value = if entry.children.is_empty() {
        Value::Bytes(entry.value.to_vec().into())
    } else {
        let below = |d: &Directory<'_>| OutDirectory {
            entries: d.entries.iter().map(owned).collect(),
            ..OutDirectory::default()
        };
        Value::Directories(entry.children.iter().map(below).collect())
    };
    OutEntry { tag: entry.tag, kind: entry.kind, count: entry.count, value }
}

/// Whether a maker note counts its offsets from its own start. Others count from the start of the file and have to stay
/// where they are.
fn is_movable(note: &[u8]) -> bool {
    let own: [&[u8]; 6] =
        [b"Nikon\0\x02", b"Apple iOS\0", b"FUJIFILM", b"OLYMPUS\0", b"OM SYSTEM", b"SIGMA\0\0\0\x01"];
    own.iter().any(|o| note.starts_with(o))
}
