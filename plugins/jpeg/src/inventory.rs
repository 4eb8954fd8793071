//! What metadata a file carries, as items. Values are semantic, so that a block that was rewritten gives equal items.

use squeezed_plugin_api::{Kind, MetadataItem};
use squeezed_plugin_common::{c2pa, exif, icc, iptc, xmp};

use crate::file::File;
use crate::segment::{self, Role};
use crate::{ciff, picture_info};

/// Reports all items.
pub fn items(file: &File<'_>, out: &mut dyn FnMut(MetadataItem)) {
    primary(file, out);
    let previews = file.index.as_ref().is_some_and(|(_, index)| index.only_previews());
    for (i, picture) in file.pictures.iter().enumerate() {
        let bytes = file.input.get(picture.clone()).unwrap_or_default();
        if previews {
            out(MetadataItem::new(Kind::Thumbnail, format!("mpf-preview-{}", i + 2), bytes));
            continue;
        }
        let kind = if file.index.is_some() { Kind::MultiPicture } else { Kind::GainMap };
        out(MetadataItem::new(kind, format!("picture-{}", i + 2), bytes));
        // One level deep: a picture that is named by the index of a picture is not looked into.
        if let Ok(inner) = File::parse(bytes) {
            primary(&inner, &mut |item| {
                out(MetadataItem { name: cut(format!("{}-{}", i + 2, item.name)), ..item });
            });
        }
    }
    for gap in &file.gaps {
        let bytes = file.input.get(gap.clone()).unwrap_or_default();
        if file.is_video(gap) {
            out(MetadataItem::new(Kind::MotionPhoto, "video", bytes));
        } else {
            out(MetadataItem::new(Kind::Trailing, "trailing", bytes));
        }
    }
}

fn cut(mut name: String) -> String {
    let end = (0..=name.len().min(79)).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
    name.truncate(end);
    name
}

/// The items of the first picture's own segments.
fn primary(file: &File<'_>, out: &mut dyn FnMut(MetadataItem)) {
    let mut seen: Vec<Role> = Vec::new();
    for (segment, role) in file.walk.segments.iter().zip(&file.roles) {
        let body = file.body(segment);
        let value = role.value(body);
        let first = !seen.contains(role);
        seen.push(*role);
        match role {
            Role::Jfif => jfif(body, first, out),
            Role::Jfxx => out(MetadataItem::new(Kind::Thumbnail, "jfxx", value)),
            // Readers take the first EXIF block and the first packet.
            Role::Exif if first => exif::items(value, out),
            Role::Exif => out(MetadataItem::new(Kind::Exif, "exif-again", value)),
            Role::Xmp if first => xmp::items(value, out),
            Role::Xmp => out(MetadataItem::new(Kind::Xmp, "xmp-again", value)),
            Role::Mpf => {
                let previews = file.index.as_ref().is_some_and(|(_, i)| i.only_previews());
                if file.broken_index.is_some() {
                    out(MetadataItem::new(Kind::Unknown, "mpf-broken", value));
                } else if !previews {
                    out(MetadataItem::new(Kind::MultiPicture, "mpf", value));
                }
            }
            Role::IsoGainMap => out(MetadataItem::new(Kind::GainMap, "iso-21496-1", value)),
            Role::Adobe => out(MetadataItem::new(Kind::ColorSpace, "adobe", value)),
            Role::Ciff if first => ciff::items(body, out),
            Role::Ciff => out(MetadataItem::new(Kind::MakerNote, "ciff-again", value)),
            Role::PictureInfo if first => picture_info::items(body, out),
            Role::PictureInfo => out(MetadataItem::new(Kind::Unknown, "app12-picture-info-again", value)),
            Role::Comment => out(MetadataItem::new(Kind::Comment, "comment", value)),
            Role::Other => out(MetadataItem::new(Kind::Unknown, segment::name(segment.marker, body), value)),
            // Those that go over several segments are reported once, below.
            Role::Icc | Role::ExtendedXmp | Role::Jumbf | Role::Photoshop => {}
        }
    }
    together(file, out);
}

fn jfif(body: &[u8], first: bool, out: &mut dyn FnMut(MetadataItem)) {
    if let Some(density) = body.get(7..12) {
        out(MetadataItem::new(Kind::Density, if first { "jfif" } else { "jfif-again" }, density));
    }
    if let Some(thumbnail) = body.get(14..)
        && !thumbnail.is_empty()
    {
        out(MetadataItem::new(Kind::Thumbnail, "jfif-thumbnail", thumbnail));
    }
}

/// What is spread over several segments.
fn together(file: &File<'_>, out: &mut dyn FnMut(MetadataItem)) {
    if let Some(profile) = profile(file) {
        out(icc::item(&profile));
    } else if file.roles.contains(&Role::Icc) {
        let parts: Vec<&[u8]> = file.values(Role::Icc).collect();
        out(MetadataItem::new(Kind::Icc, "icc-incomplete", &parts.concat()));
    }
    let extended: Vec<&[u8]> = file.values(Role::ExtendedXmp).collect();
    if !extended.is_empty() {
        out(MetadataItem::new(Kind::Xmp, "xmp-extended", &extended.concat()));
    }
    if let Some(resources) = resources(file) {
        iptc::items(&resources, out);
    }
    let boxes: Vec<&[u8]> = file.values(Role::Jumbf).collect();
    if !boxes.is_empty() {
        let all = boxes.concat();
        if is_signed(file) {
            out(MetadataItem::new(Kind::C2pa, "c2pa", &all));
        } else {
            out(MetadataItem::new(Kind::Unknown, "jumbf", &all));
        }
    }
}

/// Photoshop resources of all segments, joined.
pub fn resources(file: &File<'_>) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = file.values(Role::Photoshop).collect();
    (!parts.is_empty()).then(|| parts.concat())
}

/// The ICC profile, if all its chunks are there in whatever order.
fn profile(file: &File<'_>) -> Option<Vec<u8>> {
    let mut chunks: Vec<(u8, u8, &[u8])> = Vec::new();
    for value in file.values(Role::Icc) {
        let [number, count, data @ ..] = value else { return None };
        chunks.push((*number, *count, data));
    }
    chunks.sort_by_key(|c| c.0);
    let count = chunks.len();
    let whole = |(i, c): (usize, &(u8, u8, &[u8]))| usize::from(c.0) == i + 1 && usize::from(c.1) == count;
    let sound = count > 0 && chunks.iter().enumerate().all(whole);
    sound.then(|| chunks.iter().flat_map(|c| c.2).copied().collect())
}

/// Whether content credentials sign the file. A box that spans segments repeats its header in each; the first tells.
pub fn is_signed(file: &File<'_>) -> bool {
    // Behind "JP": box instance (2) and sequence number (4).
    file.values(Role::Jumbf).any(|v| v.get(6..).is_some_and(c2pa::is_manifest_store))
}
