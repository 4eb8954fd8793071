//! Full decoding to rows of samples.

use mozjpeg_sys as sys;

use super::errors::{CodecError, Poll, guard};
use super::reader::Reader;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Samples of a pixel: 1 grey, 3 RGB, 4 inks as stored; else of unknown meaning.
    pub channels: u8,
    /// Whether four channels are inks and three are RGB.
    pub known: bool,
}

/// Decodes a codestream; `begin` is called once, then `row` for each row from the top. Either may answer `false` to stop.
///
/// # Errors
/// `Damaged` at the first sign of missing or wrong data: rows already given are then worth nothing.
pub fn rows(
    input: &[u8],
    poll: Poll<'_>,
    begin: &mut dyn FnMut(&Rows) -> bool,
    row: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), CodecError> {
    let mut reader = Reader::open(input, poll)?;
    // SAFETY: the header has been read; without suspension the call always succeeds or leaves.
    guard(|| unsafe { sys::jpeg_start_decompress(reader.raw()) })?;
    let info = reader.info();
    let shape = Rows {
        width: info.output_width,
        height: info.output_height,
        channels: u8::try_from(info.output_components).unwrap_or(u8::MAX),
        known: matches!(info.out_color_space, sys::JCS_GRAYSCALE | sys::JCS_RGB | sys::JCS_CMYK),
    };
    if !begin(&shape) {
        return Err(CodecError::Stopped);
    }
    let mut line = vec![0u8; (shape.width as usize).saturating_mul(usize::from(shape.channels))];
    for _ in 0..shape.height {
        let mut pointer: sys::JSAMPROW_MUT = line.as_mut_ptr();
        // SAFETY: `line` holds output_width * output_components samples, and one row is asked for.
        let n = guard(|| unsafe { sys::jpeg_read_scanlines(reader.raw(), &mut pointer, 1) })?;
        if n != 1 {
            return Err(CodecError::Damaged("rows are missing".into()));
        }
        if !row(&line) {
            return Err(CodecError::Stopped);
        }
    }
    // SAFETY: all rows were read. Reads on to the end of the image and so sees damage behind the last row.
    guard(|| unsafe { sys::jpeg_finish_decompress(reader.raw()) })?;
    Ok(())
}
