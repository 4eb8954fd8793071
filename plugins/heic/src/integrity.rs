//! Whether coded data is whole. libheif passes over what libde265 warns of, and half a picture decodes as a success: here
//! the warnings are read. Gives an answer, no pixels.

use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, null_mut};

use crate::hevc::Config;

/// `de265_error`.
type Code = c_int;

const OK: Code = 0;
const WAITING_FOR_INPUT: Code = 13;
const OUT_OF_MEMORY: Code = 7;
const BUFFER_FULL: Code = 9;

/// Warnings that mean missing or invented picture data: an early end of a slice segment, blocks outside of the picture, an
/// unreadable slice or one without its parameter sets or references, a slice that does not end where its data does, and
/// pictures that contradict their parameter sets.
const DAMAGE: [Code; 15] =
    [1002, 1004, 1007, 1009, 1010, 1012, 1017, 1019, 1020, 1021, 1029, 1030, 1031, 1032, 1033];

#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}

#[link(name = "de265")]
unsafe extern "C" {
    fn de265_new_decoder() -> *mut Context;
    fn de265_free_decoder(context: *mut Context) -> Code;
    fn de265_push_NAL(
        context: *mut Context,
        data: *const c_void,
        length: c_int,
        pts: i64,
        user: *mut c_void,
    ) -> Code;
    fn de265_flush_data(context: *mut Context) -> Code;
    fn de265_decode(context: *mut Context, more: *mut c_int) -> Code;
    fn de265_get_next_picture(context: *mut Context) -> *const c_void;
    fn de265_get_warning(context: *mut Context) -> Code;
}

/// What is wrong with coded data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its parts do not fit together, or a picture is missing.
    Structure,
    /// libde265 said so, by this number.
    Coding(i32),
}

struct Decoder(NonNull<Context>);

impl Decoder {
    fn new() -> Option<Self> {
        // SAFETY: takes nothing, gives a context of its own or null.
        NonNull::new(unsafe { de265_new_decoder() }).map(Self)
    }

    fn push(&mut self, nal: &[u8]) -> Code {
        let Ok(length) = c_int::try_from(nal.len()) else { return OUT_OF_MEMORY };
        // SAFETY: the context lives as long as `self`; libde265 copies `length` bytes, all of which are in `nal`.
        unsafe { de265_push_NAL(self.0.as_ptr(), nal.as_ptr().cast(), length, 0, null_mut()) }
    }

    /// Decodes what was pushed; answers how many pictures came of it.
    fn run(&mut self) -> Result<u32, Code> {
        let context = self.0.as_ptr();
        let mut pictures = 0u32;
        // SAFETY: the context lives as long as `self`, and only this thread has it.
        unsafe { de265_flush_data(context) };
        loop {
            let mut more = 0;
            // SAFETY: as above; `more` is a place for one int.
            let code = unsafe { de265_decode(context, &mut more) };
            // SAFETY: as above. The picture is the context's and is not looked at.
            let got = unsafe { !de265_get_next_picture(context).is_null() };
            pictures += u32::from(got);
            self.warnings()?;
            match code {
                OK | WAITING_FOR_INPUT if more == 0 => return Ok(pictures),
                OK => {}
                // Pictures wait to be taken.
                WAITING_FOR_INPUT | BUFFER_FULL if got => {}
                other => return Err(other),
            }
        }
    }

    fn warnings(&mut self) -> Result<(), Code> {
        loop {
            // SAFETY: the context lives as long as `self`.
            match unsafe { de265_get_warning(self.0.as_ptr()) } {
                OK => return Ok(()),
                code if DAMAGE.contains(&code) => return Err(code),
                _ => {}
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context came from `de265_new_decoder` and is freed once.
        unsafe { de265_free_decoder(self.0.as_ptr()) };
    }
}

/// Decodes one coded picture and looks at what libde265 thinks of it.
///
/// # Errors
/// The damage that was found.
pub fn check(config: &Config, data: &[u8]) -> Result<(), Damage> {
    let nals = config.split(data).ok_or(Damage::Structure)?;
    let mut decoder = Decoder::new().ok_or(Damage::Coding(OUT_OF_MEMORY))?;
    for nal in config.sets().chain(nals) {
        let code = decoder.push(nal);
        if code != OK {
            return Err(Damage::Coding(code));
        }
    }
    match decoder.run() {
        Ok(0) => Err(Damage::Structure),
        Ok(_) => Ok(()),
        Err(code) => Err(Damage::Coding(code)),
    }
}
