//! Coefficients: read once, written again with other entropy coding. No sample changes.

use std::os::raw::c_int;

use mozjpeg_sys as sys;

use super::dest::Dest;
use super::errors::{CodecError, Manager, Poll, guard};
use super::reader::{ColorSpace, Reader};

/// One scan of a script: which components, which coefficients, which bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Indices of components in frame order, at most four.
    pub components: Vec<u8>,
    /// First and last coefficient in zigzag order.
    pub band: (u8, u8),
    /// Bit position before and after this scan; (0, 0) sends all bits at once.
    pub bits: (u8, u8),
}

impl Scan {
    /// As libjpeg wants it.
    fn raw(&self) -> sys::jpeg_scan_info {
        let mut index: [c_int; 4] = [0; 4];
        for (to, from) in index.iter_mut().zip(&self.components) {
            *to = c_int::from(*from);
        }
        sys::jpeg_scan_info {
            comps_in_scan: self.components.len().min(4) as c_int,
            component_index: index,
            Ss: c_int::from(self.band.0),
            Se: c_int::from(self.band.1),
            Ah: c_int::from(self.bits.0),
            Al: c_int::from(self.bits.1),
        }
    }
}

/// A compressor on the heap. Fields drop in order: the C object before what it points to.
pub(super) struct Writer<'a> {
    cinfo: Box<Owned>,
    dest: Box<Dest>,
    _manager: Box<Manager<'a>>,
}

struct Owned(sys::jpeg_compress_struct);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the object was made by jpeg_create_compress (or is all zeroes, which destroy accepts).
        unsafe { sys::jpeg_destroy_compress(&mut self.0) };
    }
}

impl<'a> Writer<'a> {
    pub(super) fn open(expected: usize, poll: Poll<'a>) -> Result<Self, CodecError> {
        let mut manager = Manager::new(poll);
        let mut dest = Dest::new(expected);
        // SAFETY: plain C data for which all zeroes is a valid value before jpeg_create_compress.
        let mut cinfo = Box::new(Owned(unsafe { std::mem::zeroed() }));
        manager.install(&mut cinfo.0.common);
        refuse(guard(|| {
            // SAFETY: all three are on the heap and stay there while the object lives.
            unsafe { sys::jpeg_create_compress(&mut cinfo.0) };
            manager.watch(&mut cinfo.0.common);
            dest.install(&mut cinfo.0);
        }))?;
        Ok(Self { cinfo, dest, _manager: manager })
    }

    /// Calls libjpeg. Whatever a compressor complains of is not the input's fault.
    pub(super) fn call<T>(
        &mut self,
        f: impl FnOnce(&mut sys::jpeg_compress_struct) -> T,
    ) -> Result<T, CodecError> {
        refuse(guard(|| f(&mut self.cinfo.0)))
    }

    /// Ends the file and gives its bytes.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, CodecError> {
        // SAFETY: the compressor was started; libjpeg checks its state and all data was written.
        self.call(|c| unsafe { sys::jpeg_finish_compress(c) })?;
        drop(self.cinfo);
        Ok(self.dest.take())
    }
}

fn refuse<T>(result: Result<T, CodecError>) -> Result<T, CodecError> {
    result.map_err(|e| match e {
        CodecError::Damaged(text) => CodecError::Refused(text),
        other => other,
    })
}

/// What every codestream of ours has in common: no header segments of libjpeg's own (the container brings those of the
/// source), optimal Huffman tables, no restart markers.
pub(super) fn plain(c: &mut sys::jpeg_compress_struct) {
    c.write_JFIF_header = 0;
    c.write_Adobe_marker = 0;
    c.optimize_coding = 1;
    c.arith_code = 0;
    c.restart_interval = 0;
    c.restart_in_rows = 0;
    c.scan_info = std::ptr::null();
    c.num_scans = 0;
    // SAFETY: the object is initialized; the parameter exists in mozjpeg.
    unsafe { sys::jpeg_c_set_bool_param(c, sys::JBOOLEAN_OPTIMIZE_SCANS, 0) };
}

/// The quantized coefficients of a file.
pub struct Coefficients<'a> {
    reader: Reader<'a>,
    arrays: *mut *mut sys::jvirt_barray_control,
    poll: Poll<'a>,
    expected: usize,
    color: ColorSpace,
}

// SAFETY: behind a shared reference nothing but `write` calls libjpeg, with a compressor of its own each time, its own
// error manager and its own memory. Of the decompressor it reads parameters and coefficients. The one thing that libjpeg
// could write to in the arrays is rows that nobody has defined, and `read` has defined all; they lie in memory as a whole
// (jmemnobs has no backing store). `Poll` is `Sync`.
unsafe impl Sync for Coefficients<'_> {}

impl<'a> Coefficients<'a> {
    /// Reads all coefficients of a codestream. `color` is what its components mean where its own markers do not tell.
    ///
    /// # Errors
    /// `Damaged` at the first sign of missing or wrong data.
    pub fn read(input: &'a [u8], color: Option<ColorSpace>, poll: Poll<'a>) -> Result<Self, CodecError> {
        let mut reader = Reader::open(input, poll)?;
        // SAFETY: the header has been read.
        let arrays = guard(|| unsafe { sys::jpeg_read_coefficients(reader.raw()) })?;
        if arrays.is_null() {
            return Err(CodecError::Damaged("no coefficients".into()));
        }
        define(&mut reader, arrays)?;
        let color = color.unwrap_or(reader.color());
        Ok(Self { reader, arrays, poll, expected: input.len(), color })
    }

    /// Number of components.
    pub fn components(&self) -> usize {
        self.reader.components().len()
    }

    /// What the components mean.
    pub fn color(&self) -> ColorSpace {
        self.color
    }

    /// Whether one scan can carry all components: at most four of them and ten blocks.
    pub fn interleaves(&self) -> bool {
        let blocks: c_int = self.reader.components().iter().map(|c| c.h_samp_factor * c.v_samp_factor).sum();
        self.components() == 1 || (self.components() <= 4 && blocks <= 10)
    }

    /// Writes the coefficients as a codestream with this script; an empty one is a single sequential scan.
    ///
    /// # Errors
    /// `Refused` where libjpeg cannot write it, `Stopped`.
    pub fn write(&self, script: &[Scan]) -> Result<Vec<u8>, CodecError> {
        let mut writer = Writer::open(self.expected, self.poll)?;
        let scans: Vec<_> = script.iter().map(Scan::raw).collect();
        let source = self.reader.info();
        let (arrays, color, count) = (self.arrays, self.color, self.components());
        writer.call(|c| {
            // SAFETY: `source` has its coefficients, and the arrays live in its pools as long as `self`; a compressor
            // only reads them. `scans` outlives the call to `finish` below.
            unsafe {
                sys::jpeg_copy_critical_parameters(source, c);
                plain(c);
                // Huffman tables go by what the components mean, not by what a stream without markers looks like.
                let components = std::slice::from_raw_parts_mut(c.comp_info, color.chroma().len().min(count));
                for (to, chroma) in components.iter_mut().zip(color.chroma()) {
                    let table = c_int::from(*chroma);
                    (to.dc_tbl_no, to.ac_tbl_no) = (table, table);
                }
                if !scans.is_empty() {
                    c.scan_info = scans.as_ptr();
                    c.num_scans = scans.len() as c_int;
                }
                sys::jpeg_write_coefficients(c, arrays);
            }
        })?;
        writer.finish()
    }
}

/// Makes every row of the arrays one that was written to, as zeroes where no scan had it. Reading such a row would zero it
/// each time, on any thread.
fn define(reader: &mut Reader<'_>, arrays: *mut *mut sys::jvirt_barray_control) -> Result<(), CodecError> {
    let shapes: Vec<(u32, u32)> = reader
        .components()
        .iter()
        .map(|c| (c.height_in_blocks, u32::try_from(c.v_samp_factor).unwrap_or(1).max(1)))
        .collect();
    let raw = reader.raw();
    // SAFETY: `mem` is the object's memory manager from its creation on.
    let access = unsafe { raw.common.mem.as_ref() }.and_then(|mem| mem.access_virt_barray);
    let access = access.ok_or_else(|| CodecError::Refused("no access to coefficients".into()))?;
    for (i, (height, step)) in shapes.into_iter().enumerate() {
        for row in (0..height).step_by(step as usize) {
            // SAFETY: there is an array for each component, as high as its blocks rounded up to the sampling factor, which
            // is also how many rows may be asked for at once.
            guard(|| unsafe { access(&mut raw.common, *arrays.add(i), row, step, 1) })?;
        }
    }
    Ok(())
}
