//! What a file holds beside pixels: the items that `inspect` reports.

use squeezed_plugin_api::{Kind, MetadataItem};
use squeezed_plugin_common::icc;

use crate::file::File;

/// Reports every item.
pub fn items(file: &File<'_>, out: &mut dyn FnMut(MetadataItem)) {
    let mut say = |kind, name: &str, value: &[u8]| out(MetadataItem::new(kind, name, value));
    let density = file.density();
    if density != [0; 8] {
        say(Kind::Density, "pixels-per-metre", &density);
    }
    if let Some(space) = file.color_space() {
        say(Kind::ColorSpace, "color-space", &space);
    }
    if file.linked {
        say(Kind::Icc, "linked-profile", file.profile);
    }
    if file.reserved != [0; 4] {
        say(Kind::Unknown, "reserved", &file.reserved);
    }
    if file.os2().iter().any(|b| *b != 0) {
        say(Kind::Unknown, "os2-header", file.os2());
    }
    if !file.suggested().is_empty() {
        say(Kind::Unknown, "palette", file.suggested());
    }
    if !file.gap.is_empty() {
        say(Kind::Unknown, "gap", &file.gap);
    }
    if !file.trailing.is_empty() {
        say(Kind::Trailing, "trailing", &file.trailing);
    }
    if !file.linked && !file.profile.is_empty() {
        out(icc::item(file.profile));
    }
}
