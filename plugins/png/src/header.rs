//! IHDR: sizes and the five colour types. Knows how large picture data must be; nothing of other chunks.

use squeezed_plugin_api::Error;

use crate::chunk::be32;

/// The colour types of PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Grey.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Indices into PLTE.
    Indexed,
    /// Grey and alpha.
    GreyAlpha,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Color {
    fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Color::Grey,
            2 => Color::Rgb,
            3 => Color::Indexed,
            4 => Color::GreyAlpha,
            6 => Color::Rgba,
            _ => return None,
        })
    }
    fn code(self) -> u8 {
        match self {
            Color::Grey => 0,
            Color::Rgb => 2,
            Color::Indexed => 3,
            Color::GreyAlpha => 4,
            Color::Rgba => 6,
        }
    }
    /// Samples of one pixel as stored.
    pub fn samples(self) -> u8 {
        match self {
            Color::Grey | Color::Indexed => 1,
            Color::GreyAlpha => 2,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }
    /// Whether it is grey.
    pub fn is_grey(self) -> bool {
        matches!(self, Color::Grey | Color::GreyAlpha)
    }
    /// Whether each pixel has an alpha sample of its own.
    pub fn has_alpha(self) -> bool {
        matches!(self, Color::GreyAlpha | Color::Rgba)
    }
}

/// What IHDR says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    pub depth: u8,
    /// Colour type.
    pub color: Color,
    /// Whether rows come in Adam7 order.
    pub interlaced: bool,
}

impl Header {
    /// Reads the data of IHDR.
    ///
    /// # Errors
    /// `BadImage` where a field has a value that PNG does not know.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let bad = |what: &str| Err(Error::bad_image(format!("IHDR has {what}")));
        let Some(data) = data.first_chunk::<13>().filter(|d| d.len() == data.len()) else {
            return bad("a wrong length");
        };
        let (width, height) = (be32(&data[..4]), be32(&data[4..8]));
        if width == 0 || height == 0 || width > 0x7fff_ffff || height > 0x7fff_ffff {
            return bad("impossible dimensions");
        }
        let Some(color) = Color::from_code(data[9]) else { return bad("an unknown colour type") };
        let depth = data[8];
        let known = match color {
            Color::Grey => matches!(depth, 1 | 2 | 4 | 8 | 16),
            Color::Indexed => matches!(depth, 1 | 2 | 4 | 8),
            Color::Rgb | Color::GreyAlpha | Color::Rgba => matches!(depth, 8 | 16),
        };
        if !known {
            return bad("a bit depth that its colour type does not have");
        }
        if data[10] != 0 || data[11] != 0 || data[12] > 1 {
            return bad("an unknown compression, filter or interlace method");
        }
        Ok(Self { width, height, depth, color, interlaced: data[12] == 1 })
    }

    /// The data of IHDR.
    pub fn to_bytes(self) -> [u8; 13] {
        let mut out = [0; 13];
        out[..4].copy_from_slice(&self.width.to_be_bytes());
        out[4..8].copy_from_slice(&self.height.to_be_bytes());
        out[8] = self.depth;
        out[9] = self.color.code();
        out[12] = self.interlaced.into();
        out
    }

    /// Pixels.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Bits of one pixel as stored.
    pub fn pixel_bits(&self) -> u32 {
        u32::from(self.depth) * u32::from(self.color.samples())
    }

    /// Bytes of the picture data once inflated: filter bytes and rows of all passes.
    pub fn raw_size(&self) -> u64 {
        self.passes().into_iter().map(|(row, rows)| row.saturating_mul(rows)).fold(0, u64::saturating_add)
    }

    /// Bytes of a row, its filter byte included, and number of rows: of each pass, or of the one pass there is.
    pub fn passes(&self) -> Vec<(u64, u64)> {
        let row = |w: u64| (w * u64::from(self.pixel_bits())).div_ceil(8) + 1;
        let (w, h) = (u64::from(self.width), u64::from(self.height));
        if !self.interlaced {
            return vec![(row(w), h)];
        }
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            .into_iter()
            .map(|(x, y, dx, dy)| (w.saturating_sub(x).div_ceil(dx), h.saturating_sub(y).div_ceil(dy)))
            .filter(|(w, h)| *w > 0 && *h > 0)
            .map(|(w, h)| (row(w), h))
            .collect()
    }

    /// Whether `compressed` bytes of zlib data can hold the picture at all: deflate shrinks at most 1032 times, so
    /// nothing large is ever allocated for a few bytes of data.
    pub fn plausible(&self, compressed: usize) -> bool {
        self.raw_size() <= (compressed as u64).saturating_mul(1032).saturating_add(1032)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(width: u32, height: u32, interlaced: bool) -> Header {
        Header { width, height, depth: 8, color: Color::Grey, interlaced }
    }

    #[test]
    fn counts_interlaced_rows() {
        assert_eq!(header(8, 8, false).raw_size(), 72);
        assert_eq!(header(8, 8, true).raw_size(), 64 + 1 + 1 + 1 + 2 + 2 + 4 + 4);
        assert_eq!(header(1, 1, true).raw_size(), 2);
    }

    #[test]
    fn goes_there_and_back() {
        let h = Header { width: 3, height: 70_000, depth: 16, color: Color::Rgba, interlaced: true };
        assert_eq!(Header::parse(&h.to_bytes()).unwrap(), h);
        let mut bytes = h.to_bytes();
        bytes[8] = 3;
        assert!(Header::parse(&bytes).is_err());
    }

    #[test]
    fn tiny_data_is_not_plausible_for_a_huge_picture() {
        assert!(!header(60_000, 60_000, false).plausible(64));
        assert!(header(60_000, 1, false).plausible(64));
    }
}
