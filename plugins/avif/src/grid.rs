//! Pictures that are put together from tiles of one size (ISO/IEC 23008-12, 6.6.2.3). Knows numbers, not items.

use squeezed_isobmff::Reader;

/// A grid's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Tiles down.
    pub rows: u32,
    /// Tiles across.
    pub columns: u32,
    /// Width of the whole.
    pub width: u32,
    /// Height of the whole.
    pub height: u32,
}

impl Grid {
    /// Reads the data of a grid item; `None` where it is cut or of a version that is not known.
    pub fn read(data: &[u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let (version, flags) = (r.u8().ok()?, r.u8().ok()?);
        let (rows, columns) = (u32::from(r.u8().ok()?) + 1, u32::from(r.u8().ok()?) + 1);
        let wide = flags & 1 != 0;
        let grid = Self { rows, columns, width: r.u16_or_u32(wide).ok()?, height: r.u16_or_u32(wide).ok()? };
        (version == 0 && grid.width > 0 && grid.height > 0).then_some(grid)
    }

    /// Tiles.
    pub fn count(&self) -> usize {
        (self.rows * self.columns) as usize
    }

    /// Whether tiles of this size cover the whole, and none lies outside of it.
    pub fn is_covered_by(&self, (width, height): (u32, u32)) -> bool {
        let covers = |tile: u32, count: u32, whole: u32| {
            let (all, but_one) = (u64::from(tile) * u64::from(count), u64::from(tile) * u64::from(count - 1));
            all >= u64::from(whole) && but_one < u64::from(whole)
        };
        covers(width, self.columns, self.width) && covers(height, self.rows, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_both_widths_are_read() {
        let grid = Grid { rows: 5, columns: 1, width: 1024, height: 770 };
        assert_eq!(Grid::read(&[0, 0, 4, 0, 4, 0, 3, 2]), Some(grid));
        assert_eq!(Grid::read(&[0, 1, 4, 0, 0, 0, 4, 0, 0, 0, 3, 2]), Some(grid));
        assert_eq!(Grid::read(&[0, 0, 4, 0, 4, 0, 3]), None);
        assert_eq!(Grid::read(&[0, 0, 4, 0, 0, 0, 3, 2]), None);
        assert_eq!(grid.count(), 5);
        assert!(grid.is_covered_by((1024, 154)));
        assert!(!grid.is_covered_by((1024, 153)));
        assert!(!grid.is_covered_by((1024, 193)));
        assert!(!grid.is_covered_by((1023, 154)));
    }
}
