//! What of a file `metadata = display` keeps, as an edit that takes away the rest. Knows items and boxes, not bytes.

use std::collections::BTreeSet;

use squeezed_plugin_api::Metadata;
use squeezed_plugin_common::{exif, xmp};

use crate::facts::{Auxiliary, is_picture};
use crate::{Broken, Edit, File, Item, Meta, Property, XMP_UUID};

/// How deep pictures may be derived from or belong to others.
const MAX_DEPTH: u32 = 16;

/// The edit that leaves what a policy keeps.
///
/// # Errors
/// The data of an item that stays is not in the file.
pub fn edit(file: &File<'_>, policy: Metadata) -> Result<Edit, Broken> {
    let mut edit = Edit { policy, ..Edit::default() };
    if policy == Metadata::All {
        return Ok(edit);
    }
    if let Some(b) = file.boxes.iter().find(|b| b.uuid == Some(XMP_UUID)) {
        edit.xmp = xmp::display(b.body);
    }
    let Some(meta) = &file.meta else { return Ok(edit) };
    let shown = shown(meta);
    for item in &meta.items {
        let stays = if shown.contains(&item.id) {
            true
        } else if !belongs(meta, &shown, item) {
            false
        } else if item.kind == b"Exif" {
            let block = file.data(item)?;
            let thin = exif::display(tiff(&block));
            if let Some(thin) = &thin {
                // No bytes between the length and the block.
                edit.data.insert(item.id, [&[0; 4][..], thin].concat());
            }
            thin.is_some()
        } else if is_plain_xmp(item) {
            let thin = xmp::display(&file.data(item)?);
            if let Some(thin) = &thin {
                edit.data.insert(item.id, thin.clone());
            }
            thin.is_some()
        } else {
            false
        };
        if !stays {
            edit.drop.insert(item.id);
        }
    }
    // What stays as it is need not be written as new.
    for (i, b) in meta.properties.iter().enumerate() {
        if matches!(Property::read(b), Ok(Property::Text)) {
            edit.drop_properties.insert(i);
        }
    }
    Ok(edit)
}

/// The pictures that `display` keeps: those that are shown, what they are made of, their alpha, and gain maps.
pub fn shown(meta: &Meta<'_>) -> BTreeSet<u32> {
    let mut kept = BTreeSet::new();
    for item in meta.items.iter().filter(|i| is_picture(i.kind)) {
        let refers = |kind| meta.targets(item.id, kind).next().is_some();
        let part = meta.sources(item.id, b"dimg").any(|by| by != item.id);
        if Some(item.id) == meta.primary || !(part || refers(b"auxl") || refers(b"thmb")) {
            keep(meta, item.id, 0, &mut kept);
        }
    }
    kept
}

fn keep(meta: &Meta<'_>, id: u32, depth: u32, kept: &mut BTreeSet<u32>) {
    if depth > MAX_DEPTH || meta.item(id).is_none() || !kept.insert(id) {
        return;
    }
    for part in meta.targets(id, b"dimg") {
        keep(meta, part, depth + 1, kept);
    }
    for (aux, what) in meta.auxiliaries(id) {
        if matches!(what, Auxiliary::Alpha | Auxiliary::GainMap) {
            keep(meta, aux.id, depth + 1, kept);
        }
    }
}

/// Whether an item describes a picture that is kept, or none in particular.
pub(crate) fn belongs(meta: &Meta<'_>, shown: &BTreeSet<u32>, item: &Item<'_>) -> bool {
    let mut targets = meta.targets(item.id, b"cdsc").peekable();
    targets.peek().is_none() || targets.any(|t| shown.contains(&t))
}

/// Whether an item is an XMP packet that can be read.
pub(crate) fn is_plain_xmp(item: &Item<'_>) -> bool {
    item.is_xmp() && item.content_encoding.is_empty()
}

/// The TIFF structure in the data of an `Exif` item, which begins with how many bytes come before it.
pub fn tiff(data: &[u8]) -> &[u8] {
    let Some((before, rest)) = data.split_first_chunk::<4>() else { return data };
    let at = rest.get(u32::from_be_bytes(*before) as usize..).unwrap_or_default();
    // Some writers count wrongly or not at all.
    let is_tiff = |b: &[u8]| b.starts_with(b"II*\0") || b.starts_with(b"MM\0*");
    if is_tiff(at) {
        return at;
    }
    [rest, data]
        .into_iter()
        .map(|b| b.strip_prefix(b"Exif\0\0").unwrap_or(b))
        .find(|b| is_tiff(b))
        .unwrap_or(at)
}
