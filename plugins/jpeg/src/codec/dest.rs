//! A destination manager that writes into a `Vec` owned by Rust, so that leaving by an error frees what was written.

use std::os::raw::c_int;

use mozjpeg_sys as sys;

const STEP: usize = 1 << 16;

/// libjpeg's destination manager with the output behind it. libjpeg gets a pointer to the first field.
#[repr(C)]
pub(super) struct Dest {
    base: sys::jpeg_destination_mgr,
    /// Zero bytes beyond `done` are room that libjpeg may write to.
    out: Vec<u8>,
    done: usize,
}

impl Dest {
    /// An empty destination on the heap, where its address stays the same.
    pub(super) fn new(expected: usize) -> Box<Self> {
        // SAFETY: plain C data for which all zeroes is a valid value.
        let mut base: sys::jpeg_destination_mgr = unsafe { std::mem::zeroed() };
        base.init_destination = Some(init);
        base.empty_output_buffer = Some(grow);
        base.term_destination = Some(finish);
        Box::new(Self { base, out: Vec::with_capacity(expected), done: 0 })
    }

    /// Hooks it into a compressor, which must not outlive it.
    pub(super) fn install(&mut self, cinfo: &mut sys::jpeg_compress_struct) {
        cinfo.dest = std::ptr::from_mut(self).cast();
    }

    /// What was written, once the compressor has finished.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.out);
        out.truncate(self.done);
        out
    }

    fn room(&mut self) {
        let step = STEP.max(self.done / 2);
        self.out.resize(self.done + step, 0);
        let free = self.out.get_mut(self.done..).unwrap_or_default();
        self.base.next_output_byte = free.as_mut_ptr();
        self.base.free_in_buffer = free.len();
    }
}

unsafe fn dest<'a>(cinfo: &mut sys::jpeg_compress_struct) -> &'a mut Dest {
    // SAFETY: `install` set it to a `Dest` that outlives the compressor, and only these callbacks use it meanwhile.
    unsafe { &mut *cinfo.dest.cast::<Dest>() }
}

unsafe extern "C-unwind" fn init(cinfo: &mut sys::jpeg_compress_struct) {
    // SAFETY: called by libjpeg with our destination.
    let dest = unsafe { dest(cinfo) };
    dest.done = 0;
    dest.room();
}

unsafe extern "C-unwind" fn grow(cinfo: &mut sys::jpeg_compress_struct) -> c_int {
    // SAFETY: as above. libjpeg calls this with the whole buffer full, whatever the two fields say.
    let dest = unsafe { dest(cinfo) };
    dest.done = dest.out.len();
    dest.room();
    1
}

unsafe extern "C-unwind" fn finish(cinfo: &mut sys::jpeg_compress_struct) {
    // SAFETY: as above.
    let dest = unsafe { dest(cinfo) };
    dest.done = dest.out.len() - dest.base.free_in_buffer;
}
