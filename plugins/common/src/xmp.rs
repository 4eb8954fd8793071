//! XMP: which properties show, which tell, and a packet with only those that show.
//!
//! A packet is read as the properties of its `rdf:Description`s. Names are compared by namespace, so prefixes do not
//! matter; values are compared as parsed, so neither do quoting and indentation. Entities beyond XML's own five,
//! document types and deep nesting are refused: such a packet is opaque and goes as a whole.

mod read;
mod table;
mod write;

use squeezed_plugin_api::{Kind, MetadataItem};

use read::{Element, Node};
use table::Role;

/// The first of each property, in the packet's order, with what it is for.
struct Property {
    role: Role,
    element: Element,
}

/// The properties of a packet; `None` where it is not a well-formed RDF packet.
fn properties(packet: &[u8]) -> Option<Vec<Property>> {
    let mut all: Vec<Property> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for element in read::packet(packet)? {
        if seen.insert((element.space.clone(), element.name.clone())) {
            let role = table::role(&element);
            all.push(Property { role, element });
        }
    }
    Some(all)
}

/// Reports what a packet holds: each property that is for display by its own name, positions as `xmp-gps`, the
/// motion photo's directory as `xmp-motion-photo`, all others together as `xmp`.
pub fn items(packet: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    let Some(all) = properties(packet) else {
        out(MetadataItem::new(Kind::Xmp, "xmp", packet));
        return;
    };
    let mut others: Vec<(Kind, &str, Vec<u8>)> = Vec::new();
    for p in &all {
        let value = p.element.canonical();
        match &p.role {
            Role::Display(kind, name) => out(MetadataItem::new(*kind, name.as_str(), &value)),
            Role::Other(kind, name) => match others.iter_mut().find(|o| o.1 == *name) {
                Some(o) => o.2.extend_from_slice(&value),
                None => others.push((*kind, name, value)),
            },
        }
    }
    others.into_iter().for_each(|(kind, name, value)| out(MetadataItem::new(kind, name, &value)));
}

/// A new packet with only what `metadata = display` keeps; `None` if nothing is left or the packet cannot be read.
///
/// [`items`] of it are exactly those items of `packet` whose kind is for display (a gain map's directory excepted, which
/// loses its entry for a motion photo's video). Doing it again changes nothing.
pub fn display(packet: &[u8]) -> Option<Vec<u8>> {
    let mut kept: Vec<Element> = properties(packet)?
        .into_iter()
        .filter(|p| matches!(p.role, Role::Display(..)))
        .map(|p| p.element)
        .collect();
    kept.iter_mut().filter(|e| table::is_directory(e)).for_each(drop_motion_photo);
    (!kept.is_empty()).then(|| write::packet(&kept))
}

/// The orientation that `tiff:Orientation` tells, 1 to 8.
pub fn orientation(packet: &[u8]) -> Option<u8> {
    let all = properties(packet)?;
    let found = all
        .iter()
        .find(|p| matches!(p.role, Role::Display(Kind::Orientation, ref n) if n == "tiff:Orientation"))?;
    found.element.text()?.trim().parse().ok().filter(|n| (1..=8).contains(n))
}

/// Whether the packet says that a gain map belongs to the picture, or that the picture is one.
pub fn has_gain_map(packet: &[u8]) -> bool {
    let is = |p: &Property| matches!(p.role, Role::Display(Kind::GainMap, _));
    properties(packet).is_some_and(|all| all.iter().any(is))
}

/// Whether the packet says that a motion photo's video follows the picture.
pub fn has_motion_photo(packet: &[u8]) -> bool {
    let is = |p: &Property| table::is_motion_photo(&p.element);
    properties(packet).is_some_and(|all| all.iter().any(is))
}

/// Removes the entries of a directory that name a motion photo's video.
fn drop_motion_photo(directory: &mut Element) {
    for node in &mut directory.children {
        let Node::Element(list) = node else { continue };
        list.children.retain(|n| match n {
            Node::Element(entry) => !table::names(entry, "MotionPhoto"),
            Node::Text(_) => true,
        });
    }
}

#[cfg(test)]
mod tests;
