//! From luma and chroma to red, green and blue (ITU-T H.273), a row at a time. For comparing pictures: chroma is not
//! smoothed, and the rarer matrices are taken as their nearest common one. Knows samples, not files.

use crate::codec::{Layout, Picture};

/// How samples become colours: matrix, primaries and range, which a container may say against its bitstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Matrix coefficients.
    pub matrix: u16,
    /// Colour primaries.
    pub primaries: u16,
    /// Samples use all values.
    pub full_range: bool,
}

/// Fractions of a whole in products of samples.
const SHIFT: u32 = 14;

enum Formula {
    /// Planes are green, blue and red.
    Direct,
    /// Green and two differences by sums alone.
    Sums,
    /// Factors of chroma in red, green twice, and blue.
    Weights([i64; 4]),
}

/// Turns rows of one picture into colours.
pub struct Renderer<'a> {
    picture: &'a Picture,
    formula: Formula,
    /// Zero, and the factor that makes the range full, of luma and of chroma.
    luma: (i64, i64),
    chroma: (i64, i64),
    max: i64,
}

impl<'a> Renderer<'a> {
    /// A renderer of `picture`.
    pub fn new(picture: &'a Picture, meaning: Meaning) -> Self {
        let max = (1i64 << picture.depth) - 1;
        let middle = 1i64 << (picture.depth - 1);
        let one = 1i64 << SHIFT;
        let unit = 1i64 << (picture.depth - 8);
        let (luma, chroma) = if meaning.full_range {
            ((0, one), (middle, one))
        } else {
            let widened = |range: i64| (max * one + range * unit / 2) / (range * unit);
            ((16 * unit, widened(219)), (middle, widened(224)))
        };
        let formula = match meaning.matrix {
            0 => Formula::Direct,
            8 => Formula::Sums,
            matrix => Formula::Weights(weights(matrix, meaning.primaries)),
        };
        Self { picture, formula, luma, chroma, max }
    }

    /// Appends the first `count` pixels of row `y`, `extra` unset samples behind each. Beyond the picture's edges its
    /// last samples go on.
    pub fn row(&self, y: u32, count: u32, extra: usize, out: &mut Vec<u16>) {
        let p = self.picture;
        let y = y.min(p.height.saturating_sub(1));
        let row = |plane: usize| -> (&[u16], u32) {
            let (shift_x, shift_y) = p.layout.shift(plane);
            let width = p.layout.plane_size(plane, p.width, p.height).0 as usize;
            let start = (y >> shift_y) as usize * width;
            (p.planes.get(plane).and_then(|s| s.get(start..start + width)).unwrap_or_default(), shift_x)
        };
        let at = |(samples, shift): (&[u16], u32), x: u32| -> i64 {
            let x = ((x >> shift) as usize).min(samples.len().saturating_sub(1));
            samples.get(x).map_or(0, |v| i64::from(*v))
        };
        let luma = row(0);
        if p.layout == Layout::Grey {
            for x in 0..count {
                out.push(self.widen(at(luma, x), self.luma));
                out.extend(std::iter::repeat_n(0, extra));
            }
            return;
        }
        let (blue, red) = (row(1), row(2));
        for x in 0..count {
            let (l, b, r) = (at(luma, x), at(blue, x), at(red, x));
            out.extend(self.pixel(l, b, r));
            out.extend(std::iter::repeat_n(0, extra));
        }
    }

    fn widen(&self, v: i64, (zero, factor): (i64, i64)) -> u16 {
        self.clip(((v - zero) * factor + (1 << (SHIFT - 1))) >> SHIFT)
    }

    fn clip(&self, v: i64) -> u16 {
        v.clamp(0, self.max) as u16
    }

    fn pixel(&self, luma: i64, blue: i64, red: i64) -> [u16; 3] {
        if let Formula::Direct = self.formula {
            return [red, luma, blue].map(|v| self.widen(v, self.luma));
        }
        let y = (luma - self.luma.0) * self.luma.1;
        let (b, r) = ((blue - self.chroma.0) * self.chroma.1, (red - self.chroma.0) * self.chroma.1);
        let round = |v: i64| self.clip((v + (1 << (SHIFT - 1))) >> SHIFT);
        match &self.formula {
            // The planes are luma, green less half of the others, and orange less blue.
            Formula::Sums => [y - b + r, y + b, y - b - r].map(round),
            Formula::Weights(w) => {
                let by = |v: i64, w: i64| (v * w) >> SHIFT;
                [y + by(r, w[0]), y - by(b, w[1]) - by(r, w[2]), y + by(b, w[3])].map(round)
            }
            Formula::Direct => [0; 3],
        }
    }
}

/// From the weights of red and blue in luma.
fn weights(matrix: u16, primaries: u16) -> [i64; 4] {
    let (red, blue) = match (matrix, primaries) {
        (1, _) | (12 | 13, 1 | 2) => (0.2126, 0.0722),
        (4, _) => (0.30, 0.11),
        (7, _) => (0.212, 0.087),
        (12 | 13, 11 | 12) => (0.228_97, 0.079_29),
        (9..=14, _) => (0.2627, 0.0593),
        _ => (0.299, 0.114),
    };
    let green = 1.0 - red - blue;
    let fixed = |v: f64| (v * f64::from(1u32 << SHIFT)).round() as i64;
    [
        fixed(2.0 * (1.0 - red)),
        fixed(2.0 * blue * (1.0 - blue) / green),
        fixed(2.0 * red * (1.0 - red) / green),
        fixed(2.0 * (1.0 - blue)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Color;

    fn one(layout: Layout, depth: u8, meaning: Meaning, samples: [u16; 3]) -> Vec<u16> {
        let planes = samples[..layout.planes()].iter().map(|s| vec![*s]).collect();
        let picture = Picture { width: 1, height: 1, layout, depth, color: Color::default(), planes };
        let mut out = Vec::new();
        Renderer::new(&picture, meaning).row(0, 1, 0, &mut out);
        out
    }

    fn meaning(matrix: u16, full_range: bool) -> Meaning {
        Meaning { matrix, primaries: 1, full_range }
    }

    #[test]
    fn black_and_white_are_that_in_every_depth_and_range() {
        for depth in [8u8, 10, 12] {
            let unit = 1u16 << (depth - 8);
            let max = (256 * unit) - 1;
            for matrix in [1, 2, 5, 6, 8, 9, 12] {
                for layout in [Layout::Full, Layout::Half, Layout::HalfWide] {
                    let of = |full, luma| one(layout, depth, meaning(matrix, full), [luma, 128 * unit, 128 * unit]);
                    assert_eq!(of(true, max), [max; 3]);
                    assert_eq!(of(true, 0), [0; 3]);
                    assert_eq!(of(false, 235 * unit), [max; 3], "{depth} {matrix}");
                    assert_eq!(of(false, 16 * unit), [0; 3]);
                }
            }
            assert_eq!(one(Layout::Grey, depth, meaning(6, false), [235 * unit, 0, 0]), [max]);
        }
    }

    #[test]
    fn colours_come_out_right() {
        // Red by BT.601 in full range.
        let red = one(Layout::Full, 8, meaning(6, true), [76, 85, 255]);
        assert!(red[0] >= 253 && red[1] <= 2 && red[2] <= 2, "{red:?}");
        assert_eq!(one(Layout::Full, 8, meaning(0, true), [10, 20, 30]), [30, 10, 20]);
        // Green by sums: luma is half of it, and so is the first difference.
        let green = one(Layout::Full, 8, meaning(8, true), [127, 255, 128]);
        assert!(green[1] >= 253 && green[0] <= 2 && green[2] <= 2, "{green:?}");
    }
}
