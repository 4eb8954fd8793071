//! ICC profiles. A profile is one opaque value: it is kept byte for byte under every policy.

use squeezed_plugin_api::{Kind, MetadataItem};

/// The item for a profile's uncompressed bytes.
pub fn item(profile: &[u8]) -> MetadataItem {
    MetadataItem::new(Kind::Icc, "icc", profile)
}
