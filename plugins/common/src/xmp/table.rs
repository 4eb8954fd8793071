//! The one table of which XMP properties are for what.

use squeezed_plugin_api::Kind;

use super::read::{Element, Node};

/// What a property is for.
pub(super) enum Role {
    /// Kept by `metadata = display`, reported by this name.
    Display(Kind, String),
    /// Dropped by it, reported together with others of this name.
    Other(Kind, &'static str),
}

const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
pub(super) const CONTAINER: &str = "http://ns.google.com/photos/1.0/container/";
const ITEM: &str = "http://ns.google.com/photos/1.0/container/item/";
const CAMERA: &str = "http://ns.google.com/photos/1.0/camera/";
const GPANO: &str = "http://ns.google.com/photos/1.0/panorama/";

/// Namespace, the prefix it is usually known by.
pub(super) const PREFIXES: [(&str, &str); 16] = [
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://ns.adobe.com/xap/1.0/rights/", "xmpRights"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://creativecommons.org/ns#", "cc"),
    ("http://ns.useplus.org/ldf/xmp/1.0/", "plus"),
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    (EXIF, "exif"),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", "hdrgm"),
    (CONTAINER, "Container"),
    (ITEM, "Item"),
    ("http://ns.apple.com/HDRGainMap/1.0/", "HDRGainMap"),
    ("http://ns.apple.com/pixeldatainfo/1.0/", "apdi"),
    (GPANO, "GPano"),
    (CAMERA, "GCamera"),
    (super::read::RDF, "rdf"),
];

/// Prefix, property (`*` for every one of the namespace), kind.
const DISPLAY: [(&str, &str, Kind); 17] = [
    ("dc", "rights", Kind::Rights),
    ("dc", "creator", Kind::Rights),
    ("xmpRights", "*", Kind::Rights),
    ("photoshop", "Credit", Kind::Rights),
    ("photoshop", "Copyright", Kind::Rights),
    ("photoshop", "CopyrightFlag", Kind::Rights),
    ("cc", "*", Kind::Rights),
    ("plus", "*", Kind::Rights),
    ("tiff", "Copyright", Kind::Rights),
    ("tiff", "Artist", Kind::Rights),
    ("exif", "DateTimeOriginal", Kind::CaptureTime),
    ("photoshop", "DateCreated", Kind::CaptureTime),
    ("xmp", "CreateDate", Kind::CaptureTime),
    ("tiff", "Orientation", Kind::Orientation),
    ("hdrgm", "*", Kind::GainMap),
    ("HDRGainMap", "*", Kind::GainMap),
    ("apdi", "AuxiliaryImageType", Kind::GainMap),
];

/// How a viewer of panoramas places the picture on its sphere. When and from how many pictures it was made is not that.
const GPANO_PLACING: [&str; 16] = [
    "UsePanoramaViewer",
    "ProjectionType",
    "PoseHeadingDegrees",
    "PosePitchDegrees",
    "PoseRollDegrees",
    "InitialViewHeadingDegrees",
    "InitialViewPitchDegrees",
    "InitialViewRollDegrees",
    "InitialHorizontalFOVDegrees",
    "InitialVerticalFOVDegrees",
    "CroppedAreaImageWidthPixels",
    "CroppedAreaImageHeightPixels",
    "FullPanoWidthPixels",
    "FullPanoHeightPixels",
    "CroppedAreaLeftPixels",
    "CroppedAreaTopPixels",
];

/// What `property` is for.
pub(super) fn role(property: &Element) -> Role {
    let prefix = PREFIXES.iter().find(|p| p.0 == property.space).map_or("", |p| p.1);
    let display = |kind| Role::Display(kind, format!("{prefix}:{}", property.name));
    if let Some(d) = DISPLAY.iter().find(|d| d.0 == prefix && (d.1 == "*" || d.1 == property.name)) {
        return display(d.2);
    }
    // Of all kinds, orientation is the one that says how to turn what was stored for the eye.
    if property.space == GPANO && GPANO_PLACING.contains(&property.name.as_str()) {
        return display(Kind::Orientation);
    }
    if is_directory(property) && contains(property, "GainMap") {
        return display(Kind::GainMap);
    }
    if is_motion_photo(property) {
        return Role::Other(Kind::MotionPhoto, "xmp-motion-photo");
    }
    if property.space == EXIF && property.name.starts_with("GPS") {
        return Role::Other(Kind::Gps, "xmp-gps");
    }
    Role::Other(Kind::Xmp, "xmp")
}

/// Whether a property is the list of the pictures and films in the file.
pub(super) fn is_directory(property: &Element) -> bool {
    property.space == CONTAINER && property.name == "Directory"
}

/// Whether a property says that the file holds a motion photo's video.
pub(super) fn is_motion_photo(property: &Element) -> bool {
    let flag = matches!(property.name.as_str(), "MotionPhoto" | "MicroVideo") && property.space == CAMERA;
    (flag && property.text().is_some_and(|t| t.trim() == "1"))
        || (is_directory(property) && contains(property, "MotionPhoto"))
}

/// Whether an entry of a directory, or anything in it, has this `Item:Semantic`.
pub(super) fn names(entry: &Element, semantic: &str) -> bool {
    let is = |space: &str, name: &str| space == ITEM && name == "Semantic";
    entry.attributes.iter().any(|a| is(&a.space, &a.name) && a.value == semantic)
        || (is(&entry.space, &entry.name) && entry.text().is_some_and(|t| t == semantic))
        || contains(entry, semantic)
}

fn contains(element: &Element, semantic: &str) -> bool {
    element.children.iter().any(|n| matches!(n, Node::Element(e) if names(e, semantic)))
}
