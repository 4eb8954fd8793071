//! Encoding planes with mozjpeg's trellis quantization.

use std::os::raw::{c_int, c_uint};

use mozjpeg_sys as sys;

use super::errors::{CodecError, Poll};
use super::planes::Planes;
use super::transcode::{Writer, plain};

/// How to encode.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Quantization tables in natural order.
    pub tables: Vec<[u16; 64]>,
    /// Which table each component uses.
    pub table_of: Vec<u8>,
    /// Whether to choose coefficients by their cost in bits.
    pub trellis: bool,
    /// mozjpeg's two lambdas, the weight of bits against error (its defaults are 14.75 and 16.5).
    pub lambdas: (f32, f32),
}

/// Encodes planes as a sequential codestream without header segments.
///
/// # Errors
/// `Refused` where libjpeg cannot write it, `Stopped`.
pub fn encode(picture: &Planes, recipe: &Recipe, poll: Poll<'_>) -> Result<Vec<u8>, CodecError> {
    let count = picture.planes.len();
    if count == 0 || count > 4 || recipe.table_of.len() != count {
        return Err(CodecError::Refused("this number of components cannot be encoded".into()));
    }
    let mut writer = Writer::open(1 << 16, poll)?;
    writer.call(|c| {
        c.image_width = picture.width;
        c.image_height = picture.height;
        c.input_components = count as c_int;
        c.in_color_space = picture.color.raw();
        // SAFETY: the object is initialized and its basic fields are set.
        unsafe {
            sys::jpeg_set_defaults(c);
            sys::jpeg_set_colorspace(c, picture.color.raw());
        }
        plain(c);
        c.raw_data_in = 1;
        c.dct_method = sys::JDCT_DEFAULT;
        // SAFETY: as above; the parameters exist in mozjpeg.
        unsafe {
            sys::jpeg_c_set_bool_param(c, sys::JBOOLEAN_TRELLIS_QUANT, c_int::from(recipe.trellis));
            sys::jpeg_c_set_bool_param(c, sys::JBOOLEAN_TRELLIS_QUANT_DC, c_int::from(recipe.trellis));
            sys::jpeg_c_set_float_param(c, sys::JFLOAT_LAMBDA_LOG_SCALE1, recipe.lambdas.0);
            sys::jpeg_c_set_float_param(c, sys::JFLOAT_LAMBDA_LOG_SCALE2, recipe.lambdas.1);
        }
        for (slot, table) in recipe.tables.iter().enumerate().take(4) {
            let values: [c_uint; 64] = table.map(c_uint::from);
            // SAFETY: `values` has the 64 entries that are read; slot is below NUM_QUANT_TBLS.
            unsafe { sys::jpeg_add_quant_table(c, slot as c_int, values.as_ptr(), 100, 0) };
        }
        // SAFETY: jpeg_set_colorspace allocated MAX_COMPONENTS entries and set num_components to `count`.
        let components = unsafe { std::slice::from_raw_parts_mut(c.comp_info, count) };
        for ((to, from), table) in components.iter_mut().zip(&picture.planes).zip(&recipe.table_of) {
            to.component_id = c_int::from(from.id);
            to.h_samp_factor = c_int::from(from.h);
            to.v_samp_factor = c_int::from(from.v);
            to.quant_tbl_no = c_int::from(*table);
        }
        // SAFETY: all parameters are set.
        unsafe { sys::jpeg_start_compress(c, 1) };
    })?;
    let max_v = picture.planes.iter().map(|p| usize::from(p.v)).max().unwrap_or(1);
    let mcu_rows = (picture.height as usize).div_ceil(8 * max_v);
    for mcu_row in 0..mcu_rows {
        let mut rows: Vec<Vec<sys::JSAMPROW>> = Vec::with_capacity(count);
        for p in &picture.planes {
            let lines = usize::from(p.v) * 8;
            let start = mcu_row * lines * p.stride;
            let part = p.samples.get(start..start + lines * p.stride).unwrap_or_default();
            rows.push(part.chunks_exact(p.stride).map(<[u8]>::as_ptr).collect());
            if part.is_empty() {
                return Err(CodecError::Refused("a plane is too short".into()));
            }
        }
        let arrays: Vec<sys::JSAMPARRAY> = rows.iter().map(|r| r.as_ptr()).collect();
        // SAFETY: for each component there are v * 8 row pointers, each to `stride` samples, a whole row of MCUs.
        writer.call(|c| unsafe { sys::jpeg_write_raw_data(c, arrays.as_ptr(), (8 * max_v) as u32) })?;
    }
    writer.finish()
}

/// mozjpeg's pairs of base tables for luma and chroma, in natural order, at quality 50.
pub fn base_tables() -> Vec<[[u16; 64]; 2]> {
    let never = || false;
    let read = || -> Result<Vec<[[u16; 64]; 2]>, CodecError> {
        let mut writer = Writer::open(0, &never)?;
        writer.call(|c| {
            c.input_components = 3;
            c.in_color_space = sys::JCS_YCbCr;
            let mut all = Vec::new();
            for index in 0..9 {
                // SAFETY: the object is initialized; both slots are filled by jpeg_set_linear_quality.
                unsafe {
                    sys::jpeg_set_defaults(c);
                    sys::jpeg_c_set_int_param(c, sys::JINT_BASE_QUANT_TBL_IDX, index);
                    sys::jpeg_set_linear_quality(c, 100, 0);
                }
                let mut pair = [[0u16; 64]; 2];
                for (to, from) in pair.iter_mut().zip(c.quant_tbl_ptrs) {
                    // SAFETY: a slot points to a table in the object's pool or is null.
                    if let Some(table) = unsafe { from.as_ref() } {
                        *to = table.quantval;
                    }
                }
                all.push(pair);
            }
            all
        })
    };
    read().unwrap_or_default()
}
