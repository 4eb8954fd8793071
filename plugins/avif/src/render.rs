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
    /// What the two chroma samples add to red, green and blue.
    Weights([[i32; 2]; 3]),
}

/// Turns rows of one picture into colours.
pub struct Renderer<'a> {
    picture: &'a Picture,
    formula: Formula,
    /// Zero, and the factor that makes the range full.
    luma: (i32, i32),
    /// Zero of chroma.
    middle: i32,
    max: i32,
}

impl<'a> Renderer<'a> {
    /// A renderer of `picture`.
    pub fn new(picture: &'a Picture, meaning: Meaning) -> Self {
        let max = (1i32 << picture.depth) - 1;
        let unit = 1i32 << (picture.depth - 8);
        let widened = |range: i32| f64::from(max) / f64::from(range * unit);
        let (zero, luma, chroma) =
            if meaning.full_range { (0, 1.0, 1.0) } else { (16 * unit, widened(219), widened(224)) };
        let formula = match meaning.matrix {
            0 => Formula::Direct,
            // The planes are luma, green less half of the others, and orange less blue.
            8 => Formula::Weights(
                [[-1.0, 1.0], [1.0, 0.0], [-1.0, -1.0]].map(|w| w.map(|w| fixed(w * chroma))),
            ),
            matrix => {
                let [red, from_blue, from_red, blue] = weights(matrix, meaning.primaries);
                let by_channel = [[0.0, red], [-from_blue, -from_red], [blue, 0.0]];
                Formula::Weights(by_channel.map(|w| w.map(|w| fixed(w * chroma))))
            }
        };
        Self { picture, formula, luma: (zero, fixed(luma)), middle: 128 * unit, max }
    }

    /// Appends the first `count` pixels of row `y`, `extra` unset samples behind each. Beyond the picture's edges its
    /// last samples go on.
    pub fn row(&self, y: u32, count: u32, extra: usize, out: &mut Vec<u16>) {
        let p = self.picture;
        let y = y.min(p.height.saturating_sub(1));
        let row = |plane: usize| -> &[u16] {
            let width = p.layout.plane_size(plane, p.width, p.height).0 as usize;
            let start = (y >> p.layout.shift(plane).1) as usize * width;
            p.planes.get(plane).and_then(|s| s.get(start..start + width)).unwrap_or_default()
        };
        let (start, step) = (out.len(), p.layout.planes() + extra);
        out.resize(start + count as usize * step, 0);
        let Some(pixels) = out.get_mut(start..) else { return };
        let luma = row(0);
        let lumas = luma.iter().chain(std::iter::repeat(luma.last().unwrap_or(&0)));
        if p.layout == Layout::Grey {
            for (pixel, luma) in pixels.chunks_exact_mut(step).zip(lumas) {
                if let Some(grey) = pixel.first_mut() {
                    *grey = self.widen(*luma);
                }
            }
            return;
        }
        let (blue, red, shift) = (row(1), row(2), p.layout.shift(1).0);
        let last = blue.len().min(red.len()).saturating_sub(1);
        for (x, (pixel, luma)) in pixels.chunks_exact_mut(step).zip(lumas).enumerate() {
            let at = (x >> shift).min(last);
            let (Some(blue), Some(red), Some(pixel)) =
                (blue.get(at), red.get(at), pixel.first_chunk_mut::<3>())
            else {
                return;
            };
            *pixel = self.pixel(*luma, *blue, *red);
        }
    }

    fn widen(&self, v: u16) -> u16 {
        self.round((i32::from(v) - self.luma.0) * self.luma.1)
    }

    fn round(&self, v: i32) -> u16 {
        ((v + (1 << (SHIFT - 1))) >> SHIFT).clamp(0, self.max) as u16
    }

    /// Sums stay below 2^31: 12 bit of sample, 14 of fraction, and factors that add up to less than 5.
    fn pixel(&self, luma: u16, blue: u16, red: u16) -> [u16; 3] {
        let Formula::Weights(weights) = &self.formula else {
            return [red, luma, blue].map(|v| self.widen(v));
        };
        let y = (i32::from(luma) - self.luma.0) * self.luma.1;
        let (b, r) = (i32::from(blue) - self.middle, i32::from(red) - self.middle);
        weights.map(|[from_blue, from_red]| self.round(y + b * from_blue + r * from_red))
    }
}

fn fixed(v: f64) -> i32 {
    (v * f64::from(1u32 << SHIFT)).round() as i32
}

/// What red chroma adds to red, blue and red take from green, and blue adds to blue: from the weights of red and blue in
/// luma.
fn weights(matrix: u16, primaries: u16) -> [f64; 4] {
    let (red, blue) = match (matrix, primaries) {
        (1, _) | (12 | 13, 1 | 2) => (0.2126, 0.0722),
        (4, _) => (0.30, 0.11),
        (7, _) => (0.212, 0.087),
        (12 | 13, 11 | 12) => (0.228_97, 0.079_29),
        (9..=14, _) => (0.2627, 0.0593),
        _ => (0.299, 0.114),
    };
    let green = 1.0 - red - blue;
    [
        2.0 * (1.0 - red),
        2.0 * blue * (1.0 - blue) / green,
        2.0 * red * (1.0 - red) / green,
        2.0 * (1.0 - blue),
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
                    let of = |full, luma| {
                        one(layout, depth, meaning(matrix, full), [luma, 128 * unit, 128 * unit])
                    };
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
