//! The metadata of a file in the vocabulary that all plugins share. An item's value is what it means, so that it stays
//! equal when boxes are written anew.

use std::collections::BTreeSet;

use squeezed_plugin_api::{Kind, MetadataItem};
use squeezed_plugin_common::{c2pa, exif, icc, xmp};

use crate::facts::{Auxiliary, is_derived, is_picture, picture};
use crate::policy::{belongs, is_plain_xmp, shown, tiff};
use crate::{Broken, Color, File, Item, Meta, Property, XMP_UUID};

/// The type of a `uuid` box with content credentials.
const C2PA_UUID: [u8; 16] =
    [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];

/// Reports every item.
///
/// # Errors
/// The data of one is not in the file.
pub fn items(file: &File<'_>, out: &mut dyn FnMut(MetadataItem)) -> Result<(), Broken> {
    if let Some(meta) = &file.meta {
        let shown = shown(meta);
        properties(meta, &shown, out);
        for item in &meta.items {
            describe(file, meta, &shown, item, out)?;
        }
    }
    for b in &file.boxes {
        match &b.kind.0 {
            b"ftyp" | b"meta" | b"mdat" | b"moov" | b"free" | b"skip" | b"wide" => {}
            b"uuid" if b.uuid == Some(C2PA_UUID) => out(MetadataItem::new(Kind::C2pa, "c2pa", b.body)),
            b"uuid" if b.uuid == Some(XMP_UUID) => xmp::items(b.body, out),
            b"jumb" if c2pa::is_manifest_store(b.whole) => {
                out(MetadataItem::new(Kind::C2pa, "c2pa", b.body));
            }
            b"mpvd" => out(MetadataItem::new(Kind::MotionPhoto, "mpvd", b.body)),
            kind => out(MetadataItem::new(Kind::Unknown, kind.escape_ascii().to_string(), b.body)),
        }
    }
    if !file.trailing.is_empty() {
        out(MetadataItem::new(Kind::Trailing, "trailing", file.trailing));
    }
    Ok(())
}

/// Whether the file carries content credentials.
pub fn is_signed(file: &File<'_>) -> bool {
    file.boxes
        .iter()
        .any(|b| b.uuid == Some(C2PA_UUID) || (b.kind == b"jumb" && c2pa::is_manifest_store(b.whole)))
}

/// Whether the file carries the video of a motion photo.
pub fn has_motion_photo(file: &File<'_>) -> bool {
    file.boxes.iter().any(|b| b.kind == b"mpvd")
}

/// Bytes of metadata in the file.
pub fn bytes(file: &File<'_>) -> u64 {
    let of = |i: &Item<'_>| i.extents.iter().filter_map(|e| e.length).sum::<u64>();
    let items = file.meta.iter().flat_map(|m| &m.items).filter(|i| !is_picture(i.kind));
    items.map(of).fold(0, u64::saturating_add)
}

/// The properties of pictures that are kept: each value once.
fn properties(meta: &Meta<'_>, shown: &BTreeSet<u32>, out: &mut dyn FnMut(MetadataItem)) {
    let mut seen = BTreeSet::new();
    let mut texts = BTreeSet::new();
    for item in meta.items.iter().filter(|i| shown.contains(&i.id)) {
        for a in &item.properties {
            let Some(b) = meta.properties.get(a.index) else { continue };
            let Ok(property) = Property::read(b) else { continue };
            if !seen.insert(a.index) {
                continue;
            }
            let found = match property {
                Property::Color(Color::Icc(profile)) => Some(icc::item(profile)),
                Property::Color(_) => Some(MetadataItem::new(Kind::ColorSpace, "nclx", b.body)),
                Property::Light => Some(MetadataItem::new(Kind::ColorSpace, b.kind.to_string(), b.body)),
                Property::Aspect(..) => Some(MetadataItem::new(Kind::Density, "pasp", b.body)),
                Property::Crop(_) => Some(MetadataItem::new(Kind::Orientation, "clap", b.body)),
                _ => None,
            };
            if let Some(found) = found.filter(|i| texts.insert(i.clone())) {
                out(found);
            }
        }
    }
    let mut orientations = BTreeSet::new();
    for item in meta.items.iter().filter(|i| shown.contains(&i.id)) {
        let n = picture(meta, item).orientation;
        if n != 1 && orientations.insert(n) {
            out(MetadataItem::new(Kind::Orientation, "orientation", &[n]));
        }
    }
    let of_people = |b: &&crate::BoxRef<'_>| matches!(Property::read(b), Ok(Property::Text));
    for b in meta.properties.iter().filter(of_people) {
        let used = |i: &Item<'_>| i.properties.iter().any(|a| meta.properties.get(a.index) == Some(b));
        if meta.items.iter().any(used) {
            out(MetadataItem::new(Kind::Text, b.kind.to_string(), b.body));
        }
    }
}

fn describe(
    file: &File<'_>,
    meta: &Meta<'_>,
    shown: &BTreeSet<u32>,
    item: &Item<'_>,
    out: &mut dyn FnMut(MetadataItem),
) -> Result<(), Broken> {
    let is_shown = shown.contains(&item.id);
    if is_picture(item.kind) {
        let auxiliary = meta.targets(item.id, b"auxl").next().is_some().then(|| meta.auxiliary(item));
        if item.kind == b"tmap" {
            out(named(Kind::GainMap, "tmap", &file.data(item)?));
        } else if auxiliary == Some(Auxiliary::GainMap) && is_shown {
            out(named(Kind::GainMap, "gain-map", &coded(file, meta, item)?));
        } else if !is_shown && meta.targets(item.id, b"thmb").next().is_some() {
            out(MetadataItem::new(Kind::Thumbnail, "thumbnail", &coded(file, meta, item)?));
        } else if let Some(what) = auxiliary.filter(|_| !is_shown) {
            let name = if what == Auxiliary::Depth { "depth-map".into() } else { auxiliary_name(meta, item) };
            out(MetadataItem::new(Kind::Unknown, name, &coded(file, meta, item)?));
        }
        return Ok(());
    }
    let is_kept = belongs(meta, shown, item);
    let data = file.data(item)?;
    match &item.kind.0 {
        b"Exif" if is_kept => exif::items(tiff(&data), out),
        b"Exif" => out(MetadataItem::new(Kind::Exif, "exif of another picture", &data)),
        _ if is_plain_xmp(item) && is_kept => xmp::items(&data, out),
        _ if item.is_xmp() => out(MetadataItem::new(Kind::Xmp, "xmp of another picture", &data)),
        b"mime" => {
            let name = String::from_utf8_lossy(item.content_type).into_owned();
            out(MetadataItem::new(Kind::Unknown, format!("item {name}"), &data));
        }
        kind => out(MetadataItem::new(Kind::Unknown, format!("item {}", kind.escape_ascii()), &data)),
    }
    Ok(())
}

/// An item whose name carries its hash: the host does not compare values of kinds that may hold offsets, and these hold none.
fn named(kind: Kind, name: &str, value: &[u8]) -> MetadataItem {
    MetadataItem::new(kind, format!("{name} {:016x}", MetadataItem::hash_of(value)), value)
}

fn auxiliary_name(meta: &Meta<'_>, item: &Item<'_>) -> String {
    let urn = meta.properties_of(item).find_map(|p| match p {
        Property::Auxiliary(urn) => Some(String::from_utf8_lossy(urn).into_owned()),
        _ => None,
    });
    let urn = urn.unwrap_or_default();
    format!("auxiliary {}", urn.rsplit(':').next().unwrap_or_default())
}

/// What a picture is coded as: its data, or that of its parts.
fn coded(file: &File<'_>, meta: &Meta<'_>, item: &Item<'_>) -> Result<Vec<u8>, Broken> {
    let mut all = Vec::new();
    if is_derived(item.kind) {
        all.extend_from_slice(&file.data(item)?);
    }
    for part in meta.coded(item.id)? {
        all.extend_from_slice(&file.data(part)?);
        if all.len() > file.input.len() {
            return Err(Broken::Outside(part.id));
        }
    }
    Ok(all)
}
