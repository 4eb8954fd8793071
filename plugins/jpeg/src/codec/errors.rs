//! The error manager: turns what libjpeg says into [`CodecError`] and leaves the C code by unwinding.

use std::any::Any;
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys as sys;

/// Answers whether the job should stop, on any thread of it.
pub type Poll<'a> = &'a (dyn Fn() -> bool + Sync);

/// Why libjpeg did not finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Picture data is missing or wrong.
    #[error("{0}")]
    Damaged(String),
    /// libjpeg cannot do what was asked for; the input may be sound.
    #[error("{0}")]
    Refused(String),
    /// The host asked to stop.
    #[error("stopped by the host")]
    Stopped,
}

/// libjpeg's error manager with what is ours behind it. libjpeg gets a pointer to the first field.
#[repr(C)]
pub(super) struct Manager<'a> {
    base: sys::jpeg_error_mgr,
    progress: sys::jpeg_progress_mgr,
    poll: Poll<'a>,
}

impl<'a> Manager<'a> {
    /// A manager on the heap, where its address stays the same.
    pub(super) fn new(poll: Poll<'a>) -> Box<Self> {
        // SAFETY: both structs are plain C data for which all zeroes is a valid value (null function pointers are
        // `None`); `jpeg_std_error` fills the first one.
        let (mut base, mut progress): (sys::jpeg_error_mgr, sys::jpeg_progress_mgr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        // SAFETY: `base` is valid for writes and lives through the call.
        unsafe { sys::jpeg_std_error(&mut base) };
        base.error_exit = Some(error_exit);
        base.emit_message = Some(emit_message);
        base.output_message = Some(output_message);
        progress.progress_monitor = Some(progress_monitor);
        Box::new(Self { base, progress, poll })
    }

    /// Hooks this manager into a codec object. The manager must outlive it.
    pub(super) fn install(&mut self, common: &mut sys::jpeg_common_struct) {
        common.err = &mut self.base;
    }

    /// Lets the object poll for a stop. Apart from [`Self::install`], since creating an object clears the field.
    pub(super) fn watch(&mut self, common: &mut sys::jpeg_common_struct) {
        common.progress = &mut self.progress;
        common.client_data = std::ptr::from_mut(self).cast();
    }
}

/// Runs code that calls libjpeg and gives the error with which it left.
pub(super) fn guard<T>(f: impl FnOnce() -> T) -> Result<T, CodecError> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload: Box<dyn Any + Send>| {
        match payload.downcast::<CodecError>() {
            Ok(error) => *error,
            Err(other) => resume_unwind(other),
        }
    })
}

/// `resume_unwind` and not `panic!`: no panic hook runs, nothing is logged.
fn leave(error: CodecError) -> ! {
    resume_unwind(Box::new(error))
}

/// libjpeg writes at most this much (`JMSG_LENGTH_MAX`).
const MESSAGE_BYTES: usize = 200;
type Declared = unsafe extern "C-unwind" fn(&mut sys::jpeg_common_struct, &[u8; 80]);
type Format = unsafe extern "C-unwind" fn(*mut sys::jpeg_common_struct, *mut u8);

fn message(common: &mut sys::jpeg_common_struct) -> String {
    let mut buffer = [0u8; MESSAGE_BYTES];
    // SAFETY: `err` was set by `install` and outlives the object.
    let format = unsafe { (*common.err).format_message };
    if let Some(format) = format {
        // SAFETY: the C signature is (pointer, char pointer); the binding declares a shorter buffer than the 200 bytes
        // that libjpeg asks for, so the true one is given.
        unsafe { std::mem::transmute::<Declared, Format>(format)(common, buffer.as_mut_ptr()) };
    }
    let end = buffer.iter().position(|b| *b == 0).unwrap_or(buffer.len());
    let text = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default());
    // House style: a lower-case fragment, but abbreviations as they are.
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(a), Some(b)) if b.is_lowercase() => a.to_lowercase().chain([b]).chain(chars).collect(),
        _ => text.into_owned(),
    }
}

fn code(common: &sys::jpeg_common_struct) -> c_int {
    // SAFETY: as in `message`.
    unsafe { (*common.err).msg_code }
}

/// What libjpeg cannot do though the file may be sound.
fn is_refusal(code: c_int) -> bool {
    use sys::*;
    let code = code as J_MESSAGE_CODE;
    [
        JERR_MISMATCHED_QUANT_TABLE,
        JERR_CONVERSION_NOTIMPL,
        JERR_SOF_UNSUPPORTED,
        JERR_BAD_PRECISION,
        JERR_CCIR601_NOTIMPL,
        JERR_FRACT_SAMPLE_NOTIMPL,
        JERR_OUT_OF_MEMORY,
        JERR_COMPONENT_COUNT,
    ]
    .contains(&code)
}

/// Warnings after which all picture data is still there: stray bytes between markers, odd scan parameters of a sequential
/// file, unknown JFIF versions and Adobe transforms. Any other means that some is missing or invented: a premature end, a
/// bad Huffman or arithmetic code, a lost restart marker, scans that contradict each other.
fn is_harmless(code: c_int) -> bool {
    use sys::*;
    [JWRN_ADOBE_XFORM, JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_NOT_SEQUENTIAL]
        .contains(&(code as J_MESSAGE_CODE))
}

unsafe extern "C-unwind" fn error_exit(common: &mut sys::jpeg_common_struct) {
    let text = message(common);
    leave(if is_refusal(code(common)) { CodecError::Refused(text) } else { CodecError::Damaged(text) })
}

/// Leaves at the first sign of damage: nothing that is decoded after it would be used.
unsafe extern "C-unwind" fn emit_message(common: &mut sys::jpeg_common_struct, level: c_int) {
    if level < 0 && !is_harmless(code(common)) {
        let text = message(common);
        leave(CodecError::Damaged(text));
    }
}

unsafe extern "C-unwind" fn output_message(_: &mut sys::jpeg_common_struct) {}

unsafe extern "C-unwind" fn progress_monitor(common: &mut sys::jpeg_common_struct) {
    // SAFETY: `watch` set it to a manager that outlives the object; it is only read here.
    let manager = unsafe { common.client_data.cast::<Manager<'_>>().as_ref() };
    if manager.is_some_and(|m| (m.poll)()) {
        leave(CodecError::Stopped);
    }
}
