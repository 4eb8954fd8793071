//! A decompressor over a codestream in memory.

use mozjpeg_sys as sys;

use super::errors::{CodecError, Manager, Poll, guard};

/// How the components of a file are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorSpace {
    /// One component.
    Grey,
    /// Red, green, blue as stored.
    Rgb,
    /// Luma and two chroma components.
    YCbCr,
    /// Four inks as stored.
    Cmyk,
    /// Four inks, three of them as luma and chroma.
    Ycck,
    /// Anything else.
    Other,
}

impl ColorSpace {
    pub(super) fn of(space: sys::J_COLOR_SPACE) -> Self {
        match space {
            sys::JCS_GRAYSCALE => Self::Grey,
            sys::JCS_RGB => Self::Rgb,
            sys::JCS_YCbCr => Self::YCbCr,
            sys::JCS_CMYK => Self::Cmyk,
            sys::JCS_YCCK => Self::Ycck,
            _ => Self::Other,
        }
    }
    /// Which components are chroma; none are told where it does not matter.
    pub fn chroma(self) -> &'static [bool] {
        match self {
            Self::Grey => &[false],
            Self::Rgb => &[false; 3],
            Self::YCbCr => &[false, true, true],
            Self::Cmyk => &[false; 4],
            Self::Ycck => &[false, true, true, false],
            Self::Other => &[],
        }
    }
    pub(super) fn raw(self) -> sys::J_COLOR_SPACE {
        match self {
            Self::Grey => sys::JCS_GRAYSCALE,
            Self::Rgb => sys::JCS_RGB,
            Self::YCbCr => sys::JCS_YCbCr,
            Self::Cmyk => sys::JCS_CMYK,
            Self::Ycck => sys::JCS_YCCK,
            Self::Other => sys::JCS_UNKNOWN,
        }
    }
}

/// A decompressor whose header has been read. Fields drop in order: the C object before what it points to.
pub(super) struct Reader<'a> {
    cinfo: Box<Owned>,
    _manager: Box<Manager<'a>>,
    _input: std::marker::PhantomData<&'a [u8]>,
}

struct Owned(sys::jpeg_decompress_struct);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the object was made by jpeg_create_decompress (or is all zeroes, which destroy accepts).
        unsafe { sys::jpeg_destroy_decompress(&mut self.0) };
    }
}

impl<'a> Reader<'a> {
    /// Reads the header of `input`, which must begin with SOI and end with EOI.
    pub(super) fn open(input: &'a [u8], poll: Poll<'a>) -> Result<Self, CodecError> {
        let mut manager = Manager::new(poll);
        // SAFETY: plain C data for which all zeroes is a valid value before jpeg_create_decompress.
        let mut cinfo = Box::new(Owned(unsafe { std::mem::zeroed() }));
        manager.install(&mut cinfo.0.common);
        guard(|| {
            // SAFETY: `cinfo` and `manager` are on the heap and stay there while the object lives.
            unsafe { sys::jpeg_create_decompress(&mut cinfo.0) };
            manager.watch(&mut cinfo.0.common);
            // SAFETY: `input` is borrowed for as long as the reader lives, and libjpeg only reads it.
            unsafe {
                sys::jpeg_mem_src(&mut cinfo.0, input.as_ptr(), input.len() as _);
                sys::jpeg_read_header(&mut cinfo.0, 1);
            }
            // Off: what is decoded shall depend on coefficients alone.
            cinfo.0.do_block_smoothing = 0;
            cinfo.0.dct_method = sys::JDCT_DEFAULT;
        })?;
        Ok(Self { cinfo, _manager: manager, _input: std::marker::PhantomData })
    }

    pub(super) fn info(&self) -> &sys::jpeg_decompress_struct {
        &self.cinfo.0
    }

    pub(super) fn raw(&mut self) -> &mut sys::jpeg_decompress_struct {
        &mut self.cinfo.0
    }

    pub(super) fn color(&self) -> ColorSpace {
        ColorSpace::of(self.cinfo.0.jpeg_color_space)
    }

    /// The components as the header tells them.
    pub(super) fn components(&self) -> &[sys::jpeg_component_info] {
        let count = usize::try_from(self.cinfo.0.num_components).unwrap_or(0);
        if self.cinfo.0.comp_info.is_null() {
            return &[];
        }
        // SAFETY: after jpeg_read_header `comp_info` points to `num_components` entries in the object's own pool.
        unsafe { std::slice::from_raw_parts(self.cinfo.0.comp_info, count) }
    }
}
