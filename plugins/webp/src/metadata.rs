//! What of a file's metadata is reported, and what stays under a policy.

use squeezed_plugin_api::{Kind, Metadata, MetadataItem};
use squeezed_plugin_common::{exif, icc, xmp};

use crate::container::{Container, Part};
use crate::riff::Chunk;
use crate::write::Kept;

/// Reports every item.
pub fn items(c: &Container<'_>, out: &mut dyn FnMut(MetadataItem)) {
    for part in &c.parts {
        match part {
            Part::Frame(i) => {
                c.frames.get(*i).into_iter().flat_map(|f| &f.extra).for_each(|chunk| out(unknown(chunk)));
            }
            Part::Icc(profile) => out(icc::item(profile)),
            Part::Exif(block) => exif::items(tiff(block), out),
            Part::Xmp(packet) => xmp::items(packet, out),
            Part::Unknown(chunk) => out(unknown(chunk)),
        }
    }
    if let Some(a) = c.animation {
        out(MetadataItem::new(Kind::Animation, "loop", &a.loops.to_le_bytes()));
        out(MetadataItem::new(Kind::Animation, "background", &a.background));
    }
    if !c.trailing.is_empty() {
        out(MetadataItem::new(Kind::Trailing, "trailing", c.trailing));
    }
}

/// What stays under a policy.
pub fn kept(c: &Container<'_>, policy: Metadata) -> Kept {
    let mut kept = Kept { unknown: policy == Metadata::All, ..Kept::default() };
    for part in &c.parts {
        match (part, policy) {
            (Part::Exif(block), Metadata::All) => kept.exif = Some(block.to_vec()),
            (Part::Exif(block), Metadata::Display) => kept.exif = exif::display(tiff(block)),
            (Part::Xmp(packet), Metadata::All) => kept.xmp = Some(packet.to_vec()),
            (Part::Xmp(packet), Metadata::Display) => kept.xmp = xmp::display(packet),
            _ => {}
        }
    }
    kept
}

/// The orientation, 1 to 8; 1 where there is none.
pub fn orientation(c: &Container<'_>) -> u8 {
    let found = c.parts.iter().find_map(|p| match p {
        Part::Exif(block) => exif::orientation(tiff(block)),
        _ => None,
    });
    found.unwrap_or(1)
}

/// Whether the file carries content credentials.
pub fn is_signed(c: &Container<'_>) -> bool {
    c.parts.iter().any(|p| matches!(p, Part::Unknown(chunk) if is_c2pa(chunk)))
}

/// Whether the file says that it carries a gain map.
pub fn has_gain_map(c: &Container<'_>) -> bool {
    c.parts.iter().any(|p| matches!(p, Part::Xmp(packet) if xmp::has_gain_map(packet)))
}

fn is_c2pa(chunk: &Chunk<'_>) -> bool {
    &chunk.id == b"C2PA"
}

fn unknown(chunk: &Chunk<'_>) -> MetadataItem {
    let kind = if is_c2pa(chunk) { Kind::C2pa } else { Kind::Unknown };
    MetadataItem::new(kind, chunk.id.escape_ascii().to_string(), chunk.data)
}

/// Some writers copy JPEG's prefix into the chunk.
fn tiff(block: &[u8]) -> &[u8] {
    block.strip_prefix(b"Exif\0\0").unwrap_or(block)
}

/// Bytes of metadata in the file.
pub fn bytes(c: &Container<'_>) -> u64 {
    let of = |p: &Part<'_>| match p {
        Part::Icc(data) | Part::Exif(data) | Part::Xmp(data) => data.len() as u64,
        Part::Frame(_) | Part::Unknown(_) => 0,
    };
    c.parts.iter().map(of).sum()
}
