//! Whether a file is signed. Knows one tag; the shared room knows the rest.

use squeezed_plugin_common::c2pa;

use crate::directory::File;
use crate::tag;

/// Whether a page carries content credentials.
pub fn is_signed(file: &File<'_>) -> bool {
    file.pages.iter().any(|p| p.get(tag::C2PA).is_some_and(|e| c2pa::is_manifest_store(e.value)))
}
