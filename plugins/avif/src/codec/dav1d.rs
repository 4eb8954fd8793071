//! Decoding by dav1d, behind a safe face. Knows bitstreams and planes, no container.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use squeezed_plugin_api::Error;

use super::picture::{Color, Layout, Picture};

#[repr(C)]
struct RawPicture {
    width: u32,
    height: u32,
    layout: u32,
    depth: u32,
    full_range: u32,
    primaries: u32,
    transfer: u32,
    matrix: u32,
    chroma_position: u32,
    spatial_id: u32,
    planes: [*const c_void; 3],
    strides: [isize; 3],
}

#[repr(C)]
struct RawDecoder {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn sq_dav1d_version() -> *const c_char;
    fn sq_decoder_open(operating_point: u32, all_layers: u32, max_pixels: u32) -> *mut RawDecoder;
    fn sq_decoder_close(decoder: *mut RawDecoder);
    fn sq_decoder_decode(
        decoder: *mut RawDecoder,
        bytes: *const u8,
        length: usize,
        out: *mut RawPicture,
    ) -> c_int;
}

/// dav1d's version.
pub fn version() -> String {
    // SAFETY: dav1d gives a constant string that ends with a zero.
    unsafe { CStr::from_ptr(sq_dav1d_version()) }.to_string_lossy().into_owned()
}

/// A decoder of one coded item or track.
pub struct Decoder {
    raw: NonNull<RawDecoder>,
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: it was opened by `open` and is closed once.
        unsafe { sq_decoder_close(self.raw.as_ptr()) };
    }
}

impl Decoder {
    /// A decoder of one thread that refuses frames of more pixels than `max_pixels`. Of a layered picture it gives the
    /// highest layer of the operating point, or each with `all_layers`.
    ///
    /// # Errors
    /// `Failed` without memory.
    pub fn open(operating_point: u8, all_layers: bool, max_pixels: u64) -> Result<Self, Error> {
        let limit = u32::try_from(max_pixels).unwrap_or(u32::MAX);
        // SAFETY: takes numbers; NULL is looked for.
        let raw = unsafe { sq_decoder_open(operating_point.into(), all_layers.into(), limit) };
        NonNull::new(raw).map(|raw| Self { raw }).ok_or_else(|| Error::failed("dav1d has no memory"))
    }

    /// Decodes one temporal unit and gives its picture.
    ///
    /// # Errors
    /// `BadImage` where anything of it is missing or wrong.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Picture, Error> {
        if bytes.is_empty() {
            return Err(Error::bad_image("a coded picture is empty"));
        }
        let mut out = RawPicture {
            width: 0,
            height: 0,
            layout: 0,
            depth: 0,
            full_range: 0,
            primaries: 0,
            transfer: 0,
            matrix: 0,
            chroma_position: 0,
            spatial_id: 0,
            planes: [std::ptr::null(); 3],
            strides: [0; 3],
        };
        // SAFETY: the decoder is open and ours alone; the bytes are borrowed for the call, which copies them; `out` is
        // as the C side declares it.
        let status = unsafe { sq_decoder_decode(self.raw.as_ptr(), bytes.as_ptr(), bytes.len(), &mut out) };
        match status {
            0 => copy(&out),
            1 => Err(Error::bad_image("coded data ends before its picture")),
            3 => Err(Error::too_large(
                "a coded picture has more pixels than allowed, raise pixels to allow it",
            )),
            _ => Err(Error::bad_image("coded picture data is wrong")),
        }
    }
}

fn copy(raw: &RawPicture) -> Result<Picture, Error> {
    let odd = || Error::failed("dav1d gave a picture of an unknown kind");
    let layout = Layout::from_u32(raw.layout).ok_or_else(odd)?;
    let depth = u8::try_from(raw.depth).ok().filter(|d| matches!(d, 8 | 10 | 12)).ok_or_else(odd)?;
    let small = |n: u32| u8::try_from(n).map_err(|_| odd());
    let color = Color {
        full_range: raw.full_range != 0,
        primaries: small(raw.primaries)?,
        transfer: small(raw.transfer)?,
        matrix: small(raw.matrix)?,
        chroma_position: small(raw.chroma_position)?,
    };
    let mut planes = Vec::with_capacity(layout.planes());
    for i in 0..layout.planes() {
        let len = Picture::plane_len(layout, i, raw.width, raw.height)?;
        let (width, height) = layout.plane_size(i, raw.width, raw.height);
        let (start, stride) = (raw.planes[i], raw.strides[i]);
        if start.is_null() {
            return Err(odd());
        }
        let mut plane = Vec::new();
        plane.try_reserve_exact(len).map_err(|_| Error::too_large("no memory for a picture"))?;
        for y in 0..height as usize {
            // SAFETY: dav1d's planes have `height` rows of at least `width` samples, `stride` bytes apart, of one byte at
            // 8 bit and one aligned word above; they stay until the next call for the decoder.
            unsafe {
                let row = start.byte_offset(stride * y as isize);
                if depth == 8 {
                    let row = std::slice::from_raw_parts(row.cast::<u8>(), width as usize);
                    plane.extend(row.iter().map(|v| u16::from(*v)));
                } else {
                    plane.extend_from_slice(std::slice::from_raw_parts(row.cast::<u16>(), width as usize));
                }
            }
        }
        planes.push(plane);
    }
    Ok(Picture { width: raw.width, height: raw.height, layout, depth, color, planes })
}
