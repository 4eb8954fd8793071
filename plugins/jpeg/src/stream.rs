//! The codestream of a file as the codec gets it, and the checks that come before any allocation.

use std::borrow::Cow;

use squeezed_plugin_api::{Error, Limits};

use crate::walk::Walk;

/// Blocks times scans that one job may cost: 100 megapixels in 4:4:4 with 20 scans, or a small picture with many.
const MAX_BLOCK_SCANS: u64 = 120_000_000;

/// Bytes from SOI to EOI for libjpeg: those of the file where it is whole; with EOI where that is missing, and with the
/// height in the frame header where a DNL segment tells it.
pub fn codestream<'a>(input: &'a [u8], walk: &Walk) -> Cow<'a, [u8]> {
    let whole = input.get(..walk.end).unwrap_or(input);
    let patch = match &walk.dnl {
        Some((lines, at)) if walk.frame.height == 0 => Some((*lines, at.clone())),
        _ => None,
    };
    if walk.has_eoi && patch.is_none() {
        return Cow::Borrowed(whole);
    }
    let mut copy = whole.to_vec();
    if let Some((lines, at)) = patch {
        if let Some(field) = copy.get_mut(walk.frame.height_at..walk.frame.height_at + 2) {
            field.copy_from_slice(&lines.to_be_bytes());
        }
        copy.drain(at);
    }
    if !walk.has_eoi {
        copy.extend_from_slice(&[0xff, 0xd9]);
    }
    Cow::Owned(copy)
}

/// Whether a decoder that follows the limits may begin.
///
/// # Errors
/// `UnsupportedFeature`, `TooLarge` with the limit's name, `BadImage` where data is too short for what is declared.
pub fn admit(walk: &Walk, limits: &Limits) -> Result<(), Error> {
    walk.frame.check_supported()?;
    let pixels = u64::from(walk.frame.width) * u64::from(walk.height());
    if pixels > limits.pixels {
        return Err(Error::too_large(format!(
            "{pixels} pixels are more than the limit `pixels` ({})",
            limits.pixels
        )));
    }
    let blocks = walk.frame.blocks(walk.height());
    if blocks.saturating_mul(walk.scans.len() as u64) > MAX_BLOCK_SCANS.max(blocks.saturating_mul(20)) {
        return Err(Error::too_large(format!("{} scans of a picture of this size", walk.scans.len())));
    }
    // A Huffman code has at least one bit, and a block at least one code in the scans that begin it.
    let first = |s: &&crate::walk::ScanHeader| s.band.0 == 0 && s.bits.0 == 0;
    let bytes: u64 = walk.scans.iter().filter(first).map(|s| s.data.len() as u64).sum();
    if !walk.frame.arithmetic() && bytes.saturating_mul(8) < blocks {
        return Err(Error::bad_image("the picture data is too short for the size of the picture"));
    }
    sent(walk)
}

/// Checks that each component was sent, and completely where the end of the file is missing.
fn sent(walk: &Walk) -> Result<(), Error> {
    let begun = |i: usize| {
        let first =
            |s: &crate::walk::ScanHeader| s.band.0 == 0 && s.components.iter().any(|c| usize::from(*c) == i);
        walk.scans.iter().any(first)
    };
    if !(0..walk.frame.components.len()).all(begun) {
        return Err(Error::bad_image("a component of the picture is missing"));
    }
    if !walk.has_eoi && !finished(walk) {
        return Err(Error::bad_image("the file ends before the last scan"));
    }
    // Zeroes at the end of arithmetic coded data may be left out, so a decoder cannot tell that some are missing.
    if !walk.has_eoi && walk.frame.arithmetic() {
        return Err(Error::bad_image("the file ends inside arithmetic coded data"));
    }
    Ok(())
}

/// Whether a progressive file sends all bits of all coefficients.
pub fn finished(walk: &Walk) -> bool {
    if !walk.frame.progressive() {
        return true;
    }
    let mut low = vec![[16u8; 64]; walk.frame.components.len()];
    for scan in &walk.scans {
        for c in &scan.components {
            let band = usize::from(scan.band.0)..=usize::from(scan.band.1.min(63));
            if let Some(bits) = low.get_mut(usize::from(*c)).and_then(|l| l.get_mut(band)) {
                bits.fill(scan.bits.1);
            }
        }
    }
    low.iter().flatten().all(|bits| *bits == 0)
}
