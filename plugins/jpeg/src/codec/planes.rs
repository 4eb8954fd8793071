//! Decoding to planes: each component in its own resolution, without any colour conversion or upsampling.

use mozjpeg_sys as sys;

use super::errors::{CodecError, Poll, guard};
use super::reader::{ColorSpace, Reader};

/// One component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    /// Component id of the file.
    pub id: u8,
    /// Horizontal sampling factor.
    pub h: u8,
    /// Vertical sampling factor.
    pub v: u8,
    /// Samples of a row that belong to the picture.
    pub width: usize,
    /// Rows that belong to the picture.
    pub height: usize,
    /// Samples of a row; a multiple of eight, as many as a row of MCUs has.
    pub stride: usize,
    /// `stride` times the rows of all MCUs.
    pub samples: Vec<u8>,
}

impl Plane {
    /// Fills what lies beyond the picture with its last column and row: cheap to code and never seen.
    pub fn pad(&mut self) {
        let (width, stride) = (self.width, self.stride);
        if width == 0 || stride == 0 {
            return;
        }
        for row in self.samples.chunks_exact_mut(stride).take(self.height) {
            if let Some((picture, rest)) = row.split_at_mut_checked(width) {
                rest.fill(picture.last().copied().unwrap_or_default());
            }
        }
        let end = self.height.saturating_mul(stride);
        if let Some((picture, rest)) = self.samples.split_at_mut_checked(end)
            && let Some(last) = picture.rchunks_exact(stride).next()
        {
            rest.chunks_exact_mut(stride).for_each(|row| row.copy_from_slice(last));
        }
    }
}

/// All components of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// What the components mean.
    pub color: ColorSpace,
    /// The components in frame order.
    pub planes: Vec<Plane>,
}

/// Decodes a codestream to planes.
///
/// # Errors
/// `Damaged` at the first sign of missing or wrong data.
pub fn planes(input: &[u8], poll: Poll<'_>) -> Result<Planes, CodecError> {
    let mut reader = Reader::open(input, poll)?;
    let color = reader.color();
    {
        let c = reader.raw();
        c.raw_data_out = 1;
        c.out_color_space = c.jpeg_color_space;
    }
    // SAFETY: the header has been read; without suspension the call always succeeds or leaves.
    guard(|| unsafe { sys::jpeg_start_decompress(reader.raw()) })?;
    let info = reader.info();
    let (width, height) = (info.image_width, info.image_height);
    let max_h = usize::try_from(info.max_h_samp_factor).unwrap_or(1).max(1);
    let max_v = usize::try_from(info.max_v_samp_factor).unwrap_or(1).max(1);
    let mcus = (width as usize).div_ceil(8 * max_h);
    let mcu_rows = (height as usize).div_ceil(8 * max_v);
    let mut planes: Vec<Plane> = reader
        .components()
        .iter()
        .map(|c| {
            let h = u8::try_from(c.h_samp_factor).unwrap_or(1);
            let v = u8::try_from(c.v_samp_factor).unwrap_or(1);
            let stride = mcus * usize::from(h) * 8;
            Plane {
                id: u8::try_from(c.component_id).unwrap_or(0),
                h,
                v,
                width: (width as usize * usize::from(h)).div_ceil(max_h),
                height: (height as usize * usize::from(v)).div_ceil(max_v),
                stride,
                samples: vec![0; stride * mcu_rows * usize::from(v) * 8],
            }
        })
        .collect();
    for mcu_row in 0..mcu_rows {
        let mut rows: Vec<Vec<sys::JSAMPROW_MUT>> = planes
            .iter_mut()
            .map(|p| {
                let lines = usize::from(p.v) * 8;
                let start = mcu_row * lines * p.stride;
                let part = p.samples.get_mut(start..start + lines * p.stride).unwrap_or_default();
                part.chunks_exact_mut(p.stride).map(<[u8]>::as_mut_ptr).collect()
            })
            .collect();
        let mut arrays: Vec<sys::JSAMPARRAY_MUT> = rows.iter_mut().map(Vec::as_mut_ptr).collect();
        let lines = (8 * max_v) as u32;
        // SAFETY: for each component there are v * 8 row pointers, each to `stride` samples, which is what libjpeg
        // writes for one row of MCUs.
        let n = guard(|| unsafe { sys::jpeg_read_raw_data(reader.raw(), arrays.as_mut_ptr(), lines) })?;
        if n == 0 {
            return Err(CodecError::Damaged("rows are missing".into()));
        }
    }
    // SAFETY: all rows were read.
    guard(|| unsafe { sys::jpeg_finish_decompress(reader.raw()) })?;
    planes.iter_mut().for_each(Plane::pad);
    Ok(Planes { width, height, color, planes })
}
