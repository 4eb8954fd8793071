//! How the samples of a page are laid out and coded. Knows numbers and geometry, no codec; `read` takes them from tags.

mod read;

use std::ops::Range;

use crate::order::Order;

/// Compressions by number.
pub mod compression {
    pub const NONE: u64 = 1;
    pub const RLE: u64 = 2;
    pub const G3: u64 = 3;
    pub const G4: u64 = 4;
    pub const LZW: u64 = 5;
    pub const OLD_JPEG: u64 = 6;
    pub const JPEG: u64 = 7;
    pub const DEFLATE: u64 = 8;
    pub const RLE_WORD: u64 = 32771;
    pub const PACK_BITS: u64 = 32773;
    pub const OLD_DEFLATE: u64 = 32946;
    pub const LZMA: u64 = 34925;
    pub const ZSTD: u64 = 50000;
    pub const WEBP: u64 = 50001;
}

/// Photometric interpretations by number.
pub mod photometric {
    pub const WHITE_IS_ZERO: u64 = 0;
    pub const BLACK_IS_ZERO: u64 = 1;
    pub const RGB: u64 = 2;
    pub const PALETTE: u64 = 3;
    pub const MASK: u64 = 4;
    pub const CMYK: u64 = 5;
    pub const YCBCR: u64 = 6;
    pub const CIE_LAB: u64 = 8;
    pub const ICC_LAB: u64 = 9;
    pub const ITU_LAB: u64 = 10;
    pub const CFA: u64 = 32803;
    pub const LINEAR_RAW: u64 = 34892;
}

/// What a sample's bits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    Unsigned,
    Signed,
    Float,
    /// Pairs of whole numbers or of floats.
    Complex,
}

/// A directory among the pages that has fields of a description only.
const NO_PICTURE: &str = "a directory without a picture";
/// GDAL leaves out strips and tiles in which there is nothing.
const SPARSE: &str = "sparse strips or tiles";

/// One page's samples.
#[derive(Debug, Clone)]
pub struct Raster<'a> {
    pub order: Order,
    pub width: u32,
    pub height: u32,
    /// Samples of a pixel.
    pub samples: u16,
    /// Bits of a sample.
    pub bits: u16,
    pub format: SampleFormat,
    pub photometric: u64,
    pub compression: u64,
    pub predictor: u64,
    /// Bits of coded bytes run from the lowest to the highest.
    pub reversed: bool,
    /// Each sample of a pixel has strips or tiles of its own.
    pub planar: bool,
    /// Width and height of a tile.
    pub tile: Option<(u32, u32)>,
    pub rows_per_strip: u32,
    /// Where each strip or tile stands in the file.
    pub chunks: Vec<Range<usize>>,
    /// What each sample beyond those of the colour is.
    pub extra: Vec<u64>,
    /// Chroma subsampling of YCbCr, across and down.
    pub subsampling: (u32, u32),
    pub jpeg_tables: Option<&'a [u8]>,
    pub t4_options: u64,
    /// All red, then all green, then all blue.
    pub palette: Vec<u16>,
    /// Colour is described by fields that JPEG's fixed conversion would make untrue.
    pub calibrated: bool,
    /// Something of it that cannot be decoded.
    pub unsupported: Option<String>,
}

impl Raster<'_> {
    /// Whether there are samples at all.
    pub fn has_picture(&self) -> bool {
        self.unsupported.as_deref() != Some(NO_PICTURE)
    }

    /// Whether chroma is stored in units of several pixels (and not by JPEG itself).
    pub fn is_subsampled(&self) -> bool {
        self.photometric == photometric::YCBCR
            && self.subsampling != (1, 1)
            && self.compression != compression::JPEG
    }

    /// Samples of a pixel in one strip or tile.
    pub fn samples_together(&self) -> u16 {
        if self.planar { 1 } else { self.samples }
    }

    /// Planes that have strips or tiles of their own.
    pub fn planes(&self) -> usize {
        if self.planar { usize::from(self.samples) } else { 1 }
    }

    /// Strips or tiles across and down one plane.
    pub fn grid(&self) -> (u32, u32) {
        match self.tile {
            Some((w, h)) => (self.width.div_ceil(w), self.height.div_ceil(h)),
            None => (1, self.height.div_ceil(self.rows_per_strip.max(1))),
        }
    }

    /// Strips or tiles in all.
    pub fn chunk_count(&self) -> u64 {
        let (across, down) = self.grid();
        (u64::from(across) * u64::from(down)).saturating_mul(self.planes() as u64)
    }

    /// Width and rows of a strip or tile; of tiles with what lies over the edge.
    pub fn chunk_shape(&self, index: usize) -> (u32, u32) {
        if let Some(tile) = self.tile {
            return tile;
        }
        let down = self.grid().1.max(1);
        let row = u32::try_from(index as u64 % u64::from(down)).unwrap_or(0) * self.rows_per_strip;
        (self.width, self.rows_per_strip.min(self.height.saturating_sub(row)))
    }

    /// Bytes of a row of so many pixels, as packed in a strip or tile.
    pub fn row_bytes(&self, width: u32) -> u64 {
        (u64::from(width) * u64::from(self.bits) * u64::from(self.samples_together())).div_ceil(8)
    }

    /// Bytes of so many rows of a width.
    pub fn bytes_of(&self, width: u32, rows: u32) -> u64 {
        if self.is_subsampled() {
            let (h, v) = self.subsampling;
            let units = u64::from(width.div_ceil(h)) * u64::from(rows.div_ceil(v));
            return units.saturating_mul(u64::from(h * v + 2));
        }
        self.row_bytes(width).saturating_mul(u64::from(rows))
    }

    /// Bytes of a strip or tile before compression.
    pub fn chunk_bytes(&self, index: usize) -> Option<u64> {
        let (width, rows) = self.chunk_shape(index);
        Some(self.bytes_of(width, rows)).filter(|n| *n > 0)
    }

    /// Bytes that a stored strip or tile must have; sparse ones may have none.
    fn least(&self, index: usize) -> u64 {
        if self.unsupported.as_deref() == Some(SPARSE) { 0 } else { self.chunk_bytes(index).unwrap_or(0) }
    }

    /// Bytes of all samples.
    pub fn raw_bytes(&self) -> u64 {
        let (across, down) = self.grid();
        match self.tile {
            Some((w, h)) => {
                self.bytes_of(w, h).saturating_mul(u64::from(across)).saturating_mul(u64::from(down))
            }
            None => self.bytes_of(self.width, self.height),
        }
        .saturating_mul(self.planes() as u64)
    }

    /// Whether a sample is 0 or 1 and stands for white or black.
    pub fn is_bilevel(&self) -> bool {
        self.bits == 1
            && self.samples_together() == 1
            && matches!(
                self.photometric,
                photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO | photometric::MASK
            )
    }
}
