//! Tells camera raw files, which begin like TIFF and must not be touched, from pictures.

use squeezed_plugin_api::Error;

use crate::directory::{Directory, File};
use crate::raster::photometric;
use crate::render;
use crate::tag;

/// Compressions that only raw files have: Sony, Nikon, Samsung, Kodak, Pentax.
const RAW_COMPRESSIONS: [u64; 8] = [32_767, 32_769, 32_770, 32_867, 34_713, 34_892, 65_000, 65_535];

/// Refuses camera raw.
///
/// # Errors
/// `UnsupportedFeature`, naming the kind.
pub fn refuse(file: &File<'_>) -> Result<(), Error> {
    match kind(file) {
        Some(kind) => Err(Error::unsupported(format!("camera raw ({kind}) is not a picture in TIFF"))),
        None => Ok(()),
    }
}

fn kind(file: &File<'_>) -> Option<&'static str> {
    if file.input.get(8..10) == Some(b"CR") && !file.header.big {
        return Some("cr2");
    }
    if matches!(file.input.get(8..12), Some(b"IIII" | b"MMMM")) {
        return Some("phase one");
    }
    let order = file.header.order;
    let is_raw = |page: &Directory<'_>| {
        let number = |tag| page.number(tag, order).unwrap_or(0);
        matches!(number(tag::PHOTOMETRIC), photometric::CFA | photometric::LINEAR_RAW)
            || RAW_COMPRESSIONS.contains(&number(tag::COMPRESSION))
    };
    let pictures = render::pictures(file);
    if pictures.iter().any(|(p, _)| p.get(tag::DNG_VERSION).is_some()) {
        return Some("dng");
    }
    if pictures.iter().any(|(p, _)| p.get(tag::SONY_PRIVATE).is_some()) {
        return Some("arw");
    }
    if !pictures.iter().any(|(p, _)| is_raw(p)) {
        return None;
    }
    let make = file.pages.first().and_then(|p| p.get(tag::MAKE)).map_or(&[][..], |e| e.value);
    Some(match make {
        [b'N', b'I', b'K', ..] => "nef",
        [b'S', b'O', b'N', ..] => "arw",
        [b'P', b'E', b'N', ..] => "pef",
        [b'S', b'A', b'M', ..] => "srw",
        _ => "sensor data",
    })
}
