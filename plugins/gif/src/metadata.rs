//! What the extensions are for: the items that `inspect` reports, and what each policy keeps.

use std::borrow::Cow;

use squeezed_plugin_api::{Kind, Metadata, MetadataItem};
use squeezed_plugin_common::{c2pa, icc, iptc, xmp};

use crate::container::{Container, Extension, Part};

/// What XMP is followed by: a chain of lengths that leads any reader of sub-blocks to the terminator.
const MAGIC: usize = 258;

/// What an extension is for.
enum Meaning<'a> {
    /// One thing, kept or dropped as a whole.
    Whole(MetadataItem),
    /// An XMP packet.
    Xmp(Cow<'a, [u8]>),
    /// IPTC or Photoshop resources.
    Iptc(Vec<u8>),
}

fn meaning<'a>(e: &Extension<'a>) -> Meaning<'a> {
    let whole = |kind, name: &str, value: &[u8]| Meaning::Whole(MetadataItem::new(kind, name, value));
    match (e.label, e.head()) {
        (0xfe, head) => whole(Kind::Comment, "comment", &[head, &e.body()].concat()),
        (0x01, _) => whole(Kind::Text, "plain-text", e.raw),
        (0xff, b"NETSCAPE2.0" | b"ANIMEXTS1.0") => match loops(e) {
            Some(_) => whole(Kind::Animation, "loop", &e.body()),
            None => whole(Kind::Animation, "netscape", &e.body()),
        },
        (0xff, b"ICCRGBG1012") => Meaning::Whole(icc::item(&e.body())),
        (0xff, b"XMP DataXMP") => Meaning::Xmp(packet(e)),
        (0xff, b"MGKIPTC0000" | b"MGK8BIM0000") => Meaning::Iptc(e.body()),
        (0xff, head) => {
            let signed = head.starts_with(b"C2PA") || c2pa::is_manifest_store(&e.body());
            let kind = if signed { Kind::C2pa } else { Kind::Unknown };
            whole(kind, &head.escape_ascii().to_string(), e.raw)
        }
        (label, _) => whole(Kind::Unknown, &format!("extension-{label:02x}"), e.raw),
    }
}

/// The packet as it stands in the file, or its sub-blocks where a writer made some.
fn packet<'a>(e: &Extension<'a>) -> Cow<'a, [u8]> {
    let tail = e.raw.len().checked_sub(MAGIC).filter(|at| *at >= 14);
    match tail.and_then(|at| e.raw.split_at_checked(at)) {
        Some((head, [0x01, 0xff, 0xfe, ..])) => Cow::Borrowed(&head[14..]),
        _ => Cow::Owned(e.body()),
    }
}

/// How often the animation is repeated, as a looping extension says.
fn loops(e: &Extension<'_>) -> Option<u16> {
    match e.body().as_slice() {
        [1, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

fn extensions<'c, 'a>(c: &'c Container<'a>) -> impl Iterator<Item = &'c Extension<'a>> {
    c.parts.iter().filter_map(|p| match p {
        Part::Extension(e) => Some(e),
        Part::Frame(_) => None,
    })
}

/// Reports every item.
pub fn items(c: &Container<'_>, out: &mut dyn FnMut(MetadataItem)) {
    for e in extensions(c) {
        match meaning(e) {
            Meaning::Whole(item) => out(item),
            Meaning::Xmp(packet) => xmp::items(&packet, out),
            Meaning::Iptc(block) => iptc::items(&block, out),
        }
    }
    if c.aspect != 0 {
        out(MetadataItem::new(Kind::Density, "pixel-aspect", &[c.aspect]));
    }
    if !c.trailing.is_empty() {
        out(MetadataItem::new(Kind::Trailing, "trailing", c.trailing));
    }
}

/// How often the animation plays; 0 is for ever.
pub fn loop_count(c: &Container<'_>) -> u32 {
    let looping = |e: &&Extension<'_>| e.label == 0xff && matches!(e.head(), b"NETSCAPE2.0" | b"ANIMEXTS1.0");
    let count = extensions(c).filter(looping).find_map(loops);
    count.map_or(1, |n| if n == 0 { 0 } else { u32::from(n) + 1 })
}

/// Whether the file carries content credentials.
pub fn is_signed(c: &Container<'_>) -> bool {
    extensions(c).any(|e| e.label == 0xff && matches!(meaning(e), Meaning::Whole(i) if i.kind == Kind::C2pa))
}

/// An extension as a policy keeps it.
pub fn kept<'a>(e: &Extension<'a>, policy: Metadata) -> Option<Cow<'a, [u8]>> {
    if policy == Metadata::All {
        return Some(Cow::Borrowed(e.raw));
    }
    match meaning(e) {
        Meaning::Whole(item) => item.kind.is_display().then_some(Cow::Borrowed(e.raw)),
        Meaning::Xmp(packet) => xmp::display(&packet).map(|p| {
            let mut raw = [b"\x21\xff\x0bXMP DataXMP", &p[..], &[1]].concat();
            raw.extend((0..=255).rev());
            raw.push(0);
            Cow::Owned(raw)
        }),
        Meaning::Iptc(block) => iptc::display(&block).map(|b| {
            let mut raw = e.raw[..3 + e.head().len()].to_vec();
            for part in b.chunks(255) {
                raw.push(part.len() as u8);
                raw.extend_from_slice(part);
            }
            raw.push(0);
            Cow::Owned(raw)
        }),
    }
}

/// Bytes of metadata in the file.
pub fn bytes(c: &Container<'_>) -> u64 {
    extensions(c).map(|e| e.raw.len() as u64).sum()
}
