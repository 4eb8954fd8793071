//! Canvases in fewer colours, and as few changes from one to the next as the eye forgives. Knows colours, not files.

use std::collections::HashMap;

use crate::canvas::{CLEAR, Pixel};

/// A palette and how far colours may be off.
pub struct Reduction {
    /// From every colour of the source to the nearest of those.
    nearest: HashMap<Pixel, Pixel>,
    /// The distance within which a pixel stays as it was before.
    still: u32,
}

impl Reduction {
    /// From all colours of a source to those of `palette`.
    pub fn new(palette: &[Pixel], colours: &[Pixel], still: u32) -> Self {
        let nearest = |c: &Pixel| palette.iter().copied().min_by_key(|p| distance(*c, *p)).unwrap_or(*c);
        let nearest = colours.iter().map(|c| (*c, nearest(c))).collect();
        Self { nearest, still }
    }

    /// Draws `canvas` over `shown`, the canvas before it: what is near enough stays.
    pub fn apply(&self, canvas: &[Pixel], shown: &mut [Pixel]) {
        let mut last = (CLEAR, CLEAR);
        for (pixel, shown) in canvas.iter().zip(shown) {
            if *pixel == CLEAR {
                *shown = CLEAR;
            } else if *shown == CLEAR || distance(*pixel, *shown) > self.still {
                if last.0 != *pixel {
                    last = (*pixel, self.nearest.get(pixel).copied().unwrap_or(*pixel));
                }
                *shown = last.1;
            }
        }
    }
}

/// How far two colours are apart: squares of the differences, green counting most.
pub fn distance(a: Pixel, b: Pixel) -> u32 {
    let [_, ar, ag, ab] = a.to_be_bytes();
    let [_, br, bg, bb] = b.to_be_bytes();
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    (2 * square(ar, br) + 4 * square(ag, bg) + 2 * square(ab, bb)) / 3
}

/// For each colour of a palette the indices of those within `reach`, itself first, then the nearest.
pub fn near(palette: &[Pixel], reach: u32) -> Vec<Vec<u8>> {
    const MOST: usize = 5;
    let within = |c: &Pixel| {
        let others = palette.iter().zip(0..=255u8).filter(|(p, _)| *c != CLEAR && **p != CLEAR);
        let mut found: Vec<(u32, u8)> = others.map(|(p, i)| (distance(*c, *p), i)).collect();
        found.retain(|f| f.0 <= reach);
        found.sort_unstable();
        found.into_iter().map(|f| f.1).take(MOST).collect()
    };
    palette.iter().map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_changes_stay_as_they_were() {
        let reduction = Reduction::new(&[0, 0x808080], &[1, 0x020202, 0x7f7f7f], 40);
        let mut shown = vec![CLEAR, 0x040404, 0x808080, 5];
        reduction.apply(&[1, 0x020202, 0x020202, CLEAR], &mut shown);
        assert_eq!(shown, [0, 0x040404, 0, CLEAR]);
    }

    #[test]
    fn transparent_stands_for_nothing_else() {
        let near = near(&[CLEAR, 0, 0x010101, 0xffffff], 10);
        assert_eq!(near, [vec![], vec![1, 2], vec![2, 1], vec![3]]);
    }
}
