//! Writes one strip or tile as a baseline JPEG stream by mozjpeg. Knows pixels and a quality, not files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress, qtable};
use squeezed_plugin_api::Error;

/// Rows handed over between two looks at `stop`.
const ROWS: usize = 16;
/// Chroma is quantized by this much more than luma is: colour detail is seen less.
const CHROMA: f32 = 1.1;

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// 1 to 100.
    pub quality: u8,
    /// Chroma at half the resolution in both directions.
    pub halved: bool,
    /// Whether to choose coefficients by their cost in bits.
    pub trellis: bool,
}

/// Codes `rows` of `width` pixels of one or three samples.
///
/// # Errors
/// `Failed` where libjpeg cannot, whatever `check` says.
pub fn encode(
    rows: &[u8],
    width: u32,
    channels: usize,
    recipe: Recipe,
    check: &dyn Fn() -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let width = width as usize;
    let stride = (width * channels).max(1);
    let height = rows.len() / stride;
    let write = || -> Result<Vec<u8>, Error> {
        let failed = |e: std::io::Error| Error::failed(e.to_string());
        let space = if channels == 1 { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_RGB };
        let mut c = Compress::new(space);
        if !recipe.trellis {
            c.set_fastest_defaults();
        }
        c.set_size(width, height);
        c.set_color_space(if channels == 1 { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_YCbCr });
        // Not progressive: readers of TIFF may not know it.
        c.set_optimize_scans(false);
        c.set_optimize_coding(true);
        let quality = f32::from(recipe.quality.clamp(1, 100));
        c.set_luma_qtable(&qtable::MSSSIM_Luma.scaled(quality, quality));
        if channels == 3 {
            let chroma = if quality < 50.0 { quality / CHROMA } else { 100.0 - (100.0 - quality) * CHROMA };
            c.set_chroma_qtable(&qtable::MSSSIM_Chroma.scaled(chroma, chroma));
            let size = if recipe.halved { (2, 2) } else { (1, 1) };
            c.set_chroma_sampling_pixel_sizes(size, size);
        }
        let mut c = c.start_compress(Vec::new()).map_err(failed)?;
        for band in rows.chunks(stride * ROWS) {
            check()?;
            c.write_scanlines(band).map_err(failed)?;
        }
        c.finish().map_err(failed)
    };
    let stream = catch_unwind(AssertUnwindSafe(write)).map_err(|_| Error::failed("libjpeg failed"))??;
    Ok(without_application_segments(&stream))
}

/// TIFF's own fields say what JFIF would.
fn without_application_segments(stream: &[u8]) -> Vec<u8> {
    let mut out = stream.get(..2).unwrap_or_default().to_vec();
    let mut at = 2;
    while let Some(&[0xff, marker @ 0xe0..=0xef, high, low]) = stream.get(at..).and_then(|s| s.first_chunk())
    {
        let _ = marker;
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    out.extend_from_slice(stream.get(at..).unwrap_or_default());
    out
}
