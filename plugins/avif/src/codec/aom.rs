//! Encoding by libaom, behind a safe face. Knows planes and bitstreams, no container.

use std::ffi::{CStr, c_char, c_int};

use squeezed_plugin_api::Error;

use super::picture::Picture;
use super::{Content, How};

#[repr(C)]
struct RawEncode {
    width: u32,
    height: u32,
    layout: u32,
    depth: u32,
    full_range: u32,
    primaries: u32,
    transfer: u32,
    matrix: u32,
    chroma_position: u32,
    cq: u32,
    speed: u32,
    lossless: u32,
    tune: u32,
    screen: u32,
    planes: [*const u16; 3],
}

unsafe extern "C" {
    fn sq_aom_version() -> *const c_char;
    fn sq_aom_has_iq() -> c_int;
    fn sq_encode(
        how: *const RawEncode,
        out: *mut *mut u8,
        length: *mut usize,
        text: *mut c_char,
        text_size: usize,
    ) -> c_int;
    fn sq_encoded_free(out: *mut u8);
}

/// Name, version and tuning, for people.
pub fn version() -> String {
    // SAFETY: libaom gives a constant string that ends with a zero; the other takes and touches nothing.
    let (version, iq) = unsafe { (CStr::from_ptr(sq_aom_version()), sq_aom_has_iq() != 0) };
    let version = version.to_string_lossy();
    let number = version.trim_start_matches('v').split('-').next().unwrap_or_default();
    format!("libaom {number} tune={}", if iq { "iq" } else { "ssim" })
}

/// Encodes a picture as one temporal unit. Cannot be interrupted.
///
/// # Errors
/// `Failed` where libaom refuses.
pub fn encode(picture: &Picture, how: How) -> Result<Vec<u8>, Error> {
    if !picture.is_whole() {
        return Err(Error::failed("a picture has another number of samples than its size says"));
    }
    let plane = |i: usize| picture.planes.get(i).map_or(std::ptr::null(), |p| p.as_ptr());
    let raw = RawEncode {
        width: picture.width,
        height: picture.height,
        layout: picture.layout as u32,
        depth: picture.depth.into(),
        full_range: picture.color.full_range.into(),
        primaries: picture.color.primaries.into(),
        transfer: picture.color.transfer.into(),
        matrix: picture.color.matrix.into(),
        chroma_position: picture.color.chroma_position.into(),
        cq: how.cq.into(),
        speed: how.speed.into(),
        lossless: how.lossless.into(),
        tune: how.tuned.into(),
        screen: (how.content == Content::Screen).into(),
        planes: [plane(0), plane(1), plane(2)],
    };
    let (mut out, mut length) = (std::ptr::null_mut(), 0);
    let mut text = [0 as c_char; 256];
    // SAFETY: the planes are as long as size and layout say, which was checked, and outlive the call; the text's size is
    // told; `out` and `length` are set in any case.
    let status = unsafe { sq_encode(&raw, &mut out, &mut length, text.as_mut_ptr(), text.len()) };
    if status != 0 || out.is_null() {
        // SAFETY: the C side ends the text with a zero within its size; it began as zeros.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        return Err(Error::failed(text.to_string_lossy().into_owned()));
    }
    // SAFETY: success means `length` bytes at `out`, which are ours to free once.
    unsafe {
        let bytes = std::slice::from_raw_parts(out, length).to_vec();
        sq_encoded_free(out);
        Ok(bytes)
    }
}
