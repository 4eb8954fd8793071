//! How much of a palette's error an eye sees: colour that is off over an area, more so where the picture is smooth.
//! imagequant's own measure forgives bands in gradients, which this one finds. Knows pixels only.

/// Side of the areas that are compared, in pixels. Dithering averages out within one.
const SIDE: usize = 8;

/// How far `shown` is off `source`, in steps of 8 bit samples: for each area the largest difference of channel means
/// (alpha premultiplied, alpha itself a channel), divided by 1 + half the source's standard deviation there, since
/// texture hides error; over areas the fourth-power mean, since a small bad area makes a bad picture.
pub fn error(source: &[[u8; 4]], width: usize, shown: impl Fn(usize) -> [u8; 4]) -> f64 {
    if width == 0 || source.is_empty() {
        return 0.0;
    }
    let (mut total, mut areas) = (0.0, 0.0);
    let mut row = vec![Area::default(); width.div_ceil(SIDE)];
    for (y, line) in source.chunks(width).enumerate() {
        for (x, pixel) in line.iter().enumerate() {
            row[x / SIDE].add(premultiplied(*pixel), premultiplied(shown(y * width + x)));
        }
        if y % SIDE == SIDE - 1 || (y + 1) * width >= source.len() {
            for area in &mut row {
                total += area.visible().powi(4);
                areas += 1.0;
                *area = Area::default();
            }
        }
    }
    (total / f64::max(areas, 1.0)).powf(0.25)
}

/// Sums over one area for each channel.
#[derive(Debug, Clone, Copy, Default)]
struct Area {
    pixels: u32,
    sum: [u32; 4],
    squares: [u32; 4],
    shown: [u32; 4],
}

impl Area {
    fn add(&mut self, source: [u8; 4], shown: [u8; 4]) {
        self.pixels += 1;
        for c in 0..4 {
            let v = u32::from(source[c]);
            self.sum[c] += v;
            self.squares[c] += v * v;
            self.shown[c] += u32::from(shown[c]);
        }
    }
    fn visible(&self) -> f64 {
        let n = f64::from(self.pixels.max(1));
        let channel = |c: usize| {
            let mean = f64::from(self.sum[c]) / n;
            let deviation = (f64::from(self.squares[c]) / n - mean * mean).max(0.0).sqrt();
            (mean - f64::from(self.shown[c]) / n).abs() / (1.0 + deviation / 2.0)
        };
        (0..4).map(channel).fold(0.0, f64::max)
    }
}

fn premultiplied([r, g, b, a]: [u8; 4]) -> [u8; 4] {
    let by = |v: u8| u8::try_from((u32::from(v) * u32::from(a) + 127) / 255).unwrap_or(255);
    [by(r), by(g), by(b), a]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<[u8; 4]> {
        (0..64 * 64).map(|i| [(i % 64) as u8 * 2, 40, 40, 255]).collect()
    }

    #[test]
    fn bands_are_worse_than_dithering_and_the_same_is_none() {
        let ramp = ramp();
        assert_eq!(error(&ramp, 64, |i| ramp[i]), 0.0);
        let banded = |i: usize| [ramp[i][0] / 32 * 32 + 16, 40, 40, 255];
        let dithered = |i: usize| {
            let threshold = [0, 16, 24, 8][(i % 2) + 2 * (i / 64 % 2)];
            [(ramp[i][0] + threshold) / 32 * 32, 40, 40, 255]
        };
        assert!(error(&ramp, 64, banded) > 1.5 * error(&ramp, 64, dithered));
    }

    #[test]
    fn colour_that_nobody_sees_does_not_count() {
        let clear = vec![[200, 100, 50, 0]; 100];
        assert_eq!(error(&clear, 10, |_| [0, 0, 0, 0]), 0.0);
    }
}
