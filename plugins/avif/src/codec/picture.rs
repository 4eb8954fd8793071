//! A decoded picture in the form that AV1 codes: planes of luma and chroma. Knows numbers, no files.

use squeezed_plugin_api::Error;

/// Which planes there are and how large chroma is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Layout {
    /// 4:0:0, luma alone.
    Grey = 0,
    /// 4:2:0.
    Half = 1,
    /// 4:2:2.
    HalfWide = 2,
    /// 4:4:4.
    Full = 3,
}

impl Layout {
    /// The layout with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        [Self::Grey, Self::Half, Self::HalfWide, Self::Full].into_iter().find(|l| *l as u32 == n)
    }
    /// Planes.
    pub fn planes(self) -> usize {
        if self == Self::Grey { 1 } else { 3 }
    }
    /// By which powers of two a plane is smaller than the picture, across and down.
    pub fn shift(self, plane: usize) -> (u32, u32) {
        match self {
            Self::Half if plane > 0 => (1, 1),
            Self::HalfWide if plane > 0 => (1, 0),
            _ => (0, 0),
        }
    }
    /// Width and height of a plane of a picture of this size.
    pub fn plane_size(self, plane: usize, width: u32, height: u32) -> (u32, u32) {
        let (x, y) = self.shift(plane);
        (width.div_ceil(1 << x), height.div_ceil(1 << y))
    }
}

/// What the samples mean: the fields of a sequence header, by their numbers in H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Color {
    /// Samples use all values.
    pub full_range: bool,
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics.
    pub transfer: u8,
    /// Matrix coefficients.
    pub matrix: u8,
    /// Where chroma samples lie.
    pub chroma_position: u8,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Planes.
    pub layout: Layout,
    /// Bits of a sample: 8, 10 or 12.
    pub depth: u8,
    /// What the samples mean.
    pub color: Color,
    /// Samples of each plane, row by row without padding; as many as `layout` has.
    pub planes: Vec<Vec<u16>>,
}

impl Picture {
    /// Samples of a plane of this size.
    ///
    /// # Errors
    /// `TooLarge` where no memory could hold them.
    pub fn plane_len(layout: Layout, plane: usize, width: u32, height: u32) -> Result<usize, Error> {
        let (w, h) = layout.plane_size(plane, width, height);
        let len = usize::try_from(u64::from(w) * u64::from(h)).ok().filter(|n| *n <= isize::MAX as usize / 2);
        len.ok_or_else(|| Error::too_large("a picture is too large for this machine"))
    }

    /// Whether the planes are as long as the size says.
    pub fn is_whole(&self) -> bool {
        self.planes.len() == self.layout.planes()
            && self.planes.iter().enumerate().all(|(i, plane)| {
                Self::plane_len(self.layout, i, self.width, self.height).is_ok_and(|len| len == plane.len())
            })
    }

    /// The same picture with more bits a sample. Values are scaled as their range demands; `coloured` says that the
    /// planes are colours themselves, so that none of them has its zero in the middle.
    pub fn deepened(&self, depth: u8, full_range: bool, coloured: bool) -> Self {
        let more = depth.saturating_sub(self.depth);
        let (from, to) = ((1u32 << self.depth) - 1, (1u32 << depth) - 1);
        let planes = self.planes.iter().enumerate().map(|(i, plane)| {
            if !full_range {
                return plane.iter().map(|v| v << more).collect();
            }
            // Chroma's zero is the middle, which is one above half of the largest.
            let zero = if i == 0 || coloured { (0, 0) } else { (1 << (self.depth - 1), 1 << (depth - 1)) };
            let scaled = |v: &u16| {
                let off = i64::from(*v) - i64::from(zero.0);
                let wide = off * i64::from(to) * 2;
                let rounded = (wide + i64::from(from) * off.signum()) / (i64::from(from) * 2);
                (rounded + i64::from(zero.1)).clamp(0, i64::from(to)) as u16
            };
            plane.iter().map(scaled).collect()
        });
        let planes = planes.collect();
        Self { width: self.width, height: self.height, layout: self.layout, depth, color: self.color, planes }
    }
}
