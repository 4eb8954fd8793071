//! What each ancillary chunk is for: the items that `inspect` reports and what each policy keeps. Blocks that several
//! formats share (EXIF, XMP, IPTC) are read by `squeezed-plugin-common`.

use std::borrow::Cow;

use squeezed_plugin_api::{Error, Kind, Metadata, MetadataItem};
use squeezed_plugin_common::{exif, icc, iptc, xmp};

use crate::chunk::{Chunk, push};
use crate::file::{File, Place};
use crate::relative;
use crate::text::{self, Budget};

/// A chunk as it will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a> {
    /// Where it stands.
    pub place: Place,
    /// Its type.
    pub name: [u8; 4],
    /// The whole chunk.
    pub bytes: Cow<'a, [u8]>,
}

/// What a chunk is for.
enum Meaning {
    /// One thing, kept or dropped as a whole.
    Whole(MetadataItem),
    /// An EXIF block.
    Exif(Vec<u8>),
    /// An XMP packet.
    Xmp(Vec<u8>),
    /// Photoshop resources with IPTC.
    Iptc(Vec<u8>),
    /// A compressed text that the policy must read and the limit forbids to inflate.
    Closed(MetadataItem),
}

/// The keyword that Adobe gave the XMP packet.
const XMP: &str = "XML:com.adobe.xmp";

/// How much `inspect` inflates, whatever a job's limits are: equal items must come from a file before and after.
pub const INSPECTED: u64 = 16 << 20;

/// Reports every item of a file.
pub fn items(file: &File<'_>, budget: &mut Budget, out: &mut dyn FnMut(MetadataItem)) {
    for (_, chunk) in &file.ancillary {
        match meaning(file, chunk, budget) {
            Meaning::Whole(item) | Meaning::Closed(item) => out(item),
            Meaning::Exif(block) => exif::items(&block, out),
            Meaning::Xmp(packet) => xmp::items(&packet, out),
            Meaning::Iptc(block) => iptc::items(&block, out),
        }
    }
    if file.header.color != crate::header::Color::Indexed && !file.palette.is_empty() {
        out(MetadataItem::new(Kind::Unknown, "PLTE", file.palette));
    }
    if !file.trailing.is_empty() {
        out(MetadataItem::new(Kind::Trailing, "trailing", file.trailing));
    }
}

/// The orientation, 1 to 8, where EXIF tells one.
pub fn orientation(file: &File<'_>, budget: &mut Budget) -> u8 {
    let blocks = file.ancillary.iter().filter_map(|(_, c)| match meaning(file, c, budget) {
        Meaning::Exif(block) => exif::orientation(&block),
        _ => None,
    });
    blocks.into_iter().next().unwrap_or(1)
}

/// The chunks that a policy keeps, in order. Under `all` they are those of the source, byte for byte, a wrong checksum
/// included; only the stream inside an intact iCCP may be compressed better.
///
/// # Errors
/// `TooLarge` where a text must be read to thin it out and is above the limit.
pub fn kept<'a>(file: &File<'a>, policy: Metadata, limit: u64) -> Result<Vec<Kept<'a>>, Error> {
    let mut all = Vec::with_capacity(file.ancillary.len());
    for (place, chunk) in &file.ancillary {
        let bytes = match policy {
            Metadata::All => Some(unthinned(chunk)),
            Metadata::Display => thinned(file, chunk, limit)?,
        };
        if let Some((name, bytes)) = bytes {
            all.push(Kept { place: *place, name, bytes });
        }
    }
    Ok(all)
}

type Named<'a> = ([u8; 4], Cow<'a, [u8]>);

fn unthinned<'a>(chunk: &Chunk<'a>) -> Named<'a> {
    // A profile that `inspect` leaves closed is compared as stored, so it stays as stored.
    if chunk.name == *b"iCCP"
        && chunk.intact
        && let Some(profile) = text::profile(chunk, &mut Budget::new(INSPECTED))
        && let Some(data) = text::shorter_profile(chunk, &profile)
    {
        return (chunk.name, made(chunk.name, &data));
    }
    (chunk.name, Cow::Borrowed(chunk.raw))
}

fn thinned<'a>(file: &File<'_>, chunk: &Chunk<'a>, limit: u64) -> Result<Option<Named<'a>>, Error> {
    let as_it_is = Some((chunk.name, Cow::Borrowed(chunk.raw)));
    Ok(match meaning(file, chunk, &mut Budget::new(limit)) {
        Meaning::Whole(item) if item.kind == Kind::Icc => Some(unthinned(chunk)),
        Meaning::Whole(item) => as_it_is.filter(|_| item.kind.is_display()),
        Meaning::Exif(block) => exif::display(&block).map(|b| (*b"eXIf", made(*b"eXIf", &b))),
        Meaning::Xmp(packet) => xmp::display(&packet).map(|p| {
            let data = [XMP.as_bytes(), &[0; 5], &p].concat();
            (*b"iTXt", made(*b"iTXt", &data))
        }),
        Meaning::Iptc(block) => iptc::display(&block).map(|b| {
            let data = [b"Raw profile type iptc\0", &text::to_raw_profile("iptc", &b)[..]].concat();
            (*b"tEXt", made(*b"tEXt", &data))
        }),
        Meaning::Closed(_) => return Err(text::above(limit)),
    })
}

fn made(name: [u8; 4], data: &[u8]) -> Cow<'static, [u8]> {
    let mut bytes = Vec::with_capacity(data.len() + crate::chunk::OVERHEAD);
    push(&mut bytes, name, &[data]);
    Cow::Owned(bytes)
}

fn meaning(file: &File<'_>, chunk: &Chunk<'_>, budget: &mut Budget) -> Meaning {
    let whole = |kind| Meaning::Whole(MetadataItem::new(kind, chunk.label(), chunk.data));
    match &chunk.name {
        b"iCCP" => match text::profile(chunk, budget) {
            Some(profile) => Meaning::Whole(icc::item(&profile)),
            None => whole(Kind::Icc),
        },
        b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" | b"mDCV" | b"mDCv" | b"cLLI" | b"cLLi" => {
            whole(Kind::ColorSpace)
        }
        b"sBIT" => match relative::significant(file.header, chunk.data) {
            Some(bits) => Meaning::Whole(MetadataItem::new(Kind::ColorSpace, "sBIT", &bits)),
            None => whole(Kind::ColorSpace),
        },
        b"bKGD" => match relative::background(file.header, file.palette, chunk.data) {
            Some(color) => {
                let value: Vec<u8> = color.iter().flat_map(|v| v.to_be_bytes()).collect();
                Meaning::Whole(MetadataItem::new(Kind::ColorSpace, "bKGD", &value))
            }
            None => whole(Kind::ColorSpace),
        },
        b"pHYs" => whole(Kind::Density),
        b"acTL" => whole(Kind::Animation),
        b"caBX" => whole(Kind::C2pa),
        b"eXIf" => Meaning::Exif(chunk.data.strip_prefix(b"Exif\0\0").unwrap_or(chunk.data).to_vec()),
        b"tEXt" | b"zTXt" | b"iTXt" => text_meaning(file, chunk, budget),
        _ => whole(Kind::Unknown),
    }
}

fn text_meaning(file: &File<'_>, chunk: &Chunk<'_>, budget: &mut Budget) -> Meaning {
    let Some(keyword) = text::key(chunk) else {
        return Meaning::Whole(MetadataItem::new(Kind::Text, chunk.label(), chunk.data));
    };
    let lower = keyword.to_ascii_lowercase();
    let profile = lower.strip_prefix("raw profile type ");
    let kind = match lower.as_str() {
        "copyright" => Kind::Rights,
        "creation time" => Kind::CaptureTime,
        "comment" => Kind::Comment,
        "xml:com.adobe.xmp" => Kind::Xmp,
        _ => match profile {
            Some("exif" | "app1") => Kind::Exif,
            Some("xmp") => Kind::Xmp,
            Some("iptc" | "8bim") => Kind::Iptc,
            _ => Kind::Text,
        },
    };
    let raw = |kind| MetadataItem::new(kind, keyword.clone(), chunk.data);
    if !matches!(kind, Kind::Xmp | Kind::Exif | Kind::Iptc) {
        return Meaning::Whole(raw(kind));
    }
    // Only the first block of its kind counts for readers, and a chunk of its own counts before a raw profile.
    let first = |name: [u8; 4], key: &str| {
        !file.chunks(name).any(|c| {
            c.raw.as_ptr() < chunk.raw.as_ptr() && text::key(c).is_some_and(|k| k.eq_ignore_ascii_case(key))
        })
    };
    if profile.is_some() && (kind == Kind::Exif && file.has(*b"eXIf") || !first(chunk.name, &keyword)) {
        return Meaning::Whole(raw(kind));
    }
    let Some(text) = text::read(chunk, budget) else { return Meaning::Whole(raw(kind)) };
    let Some(value) = text.value else {
        // A broken stream is kept or dropped as it is; a bomb may hold rights that must not be lost in silence.
        return if budget.exceeded() { Meaning::Closed(raw(kind)) } else { Meaning::Whole(raw(kind)) };
    };
    if profile.is_none() {
        return Meaning::Xmp(value);
    }
    let Some(block) = text::raw_profile(&value) else { return Meaning::Whole(raw(kind)) };
    match kind {
        Kind::Exif => match block.strip_prefix(b"Exif\0\0") {
            Some(tiff) => Meaning::Exif(tiff.to_vec()),
            None => Meaning::Whole(raw(kind)),
        },
        Kind::Iptc => Meaning::Iptc(block),
        _ if file.chunks(*b"iTXt").any(|c| text::key(c).is_some_and(|k| k == XMP)) => {
            Meaning::Whole(raw(kind))
        }
        _ => Meaning::Xmp(block),
    }
}
