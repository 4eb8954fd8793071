//! Pictures made in code, always the same, for a load without files. They have what photographs have: large shapes, fine
//! detail, some noise. Encoders without C, so that this program links no codec.

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult};

/// What a made picture is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JPEG of quality 92.
    Jpeg,
    /// PNG.
    Png,
    /// Lossless WebP.
    Webp,
}

impl Format {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
        }
    }
}

/// A picture of this size in RGB.
///
/// # Errors
/// When the encoder refuses, which these sizes give it no reason for.
pub fn picture(format: Format, width: u32, height: u32, seed: u32) -> ImageResult<Bytes> {
    let pixels = pixels(width, height, seed);
    let mut file = Vec::new();
    let color = ExtendedColorType::Rgb8;
    match format {
        Format::Jpeg => {
            JpegEncoder::new_with_quality(&mut file, 92).write_image(&pixels, width, height, color)?
        }
        Format::Png => PngEncoder::new(&mut file).write_image(&pixels, width, height, color)?,
        Format::Webp => WebPEncoder::new_lossless(&mut file).write_image(&pixels, width, height, color)?,
    }
    Ok(file.into())
}

/// Random values on a grid, with straight lines between them.
struct Octave {
    cell: u32,
    stride: usize,
    grid: Vec<f32>,
}

impl Octave {
    fn new(width: u32, height: u32, cell: u32, weight: f32, state: &mut u32) -> Self {
        let (columns, rows) = ((width / cell + 2) as usize, (height / cell + 2) as usize);
        let grid = (0..columns * rows).map(|_| (random(state) - 0.5) * weight).collect();
        Self { cell, stride: columns, grid }
    }

    fn add_row(&self, y: u32, row: &mut [f32]) {
        let (top, down) = ((y / self.cell) as usize * self.stride, (y % self.cell) as f32 / self.cell as f32);
        let at = |i: usize| self.grid.get(i).copied().unwrap_or_default();
        let lattice = |column: usize| {
            let i = top + column;
            at(i) + (at(i + self.stride) - at(i)) * down
        };
        for (column, pixels) in row.chunks_mut(self.cell as usize).enumerate() {
            let (left, right) = (lattice(column), lattice(column + 1));
            let step = (right - left) / self.cell as f32;
            for (x, value) in pixels.iter_mut().enumerate() {
                *value += left + step * x as f32;
            }
        }
    }
}

fn pixels(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    // Cell in pixels, weight: shapes weigh most, grain least.
    let mut octaves = |list: &[(u32, f32)]| -> Vec<Octave> {
        list.iter().map(|(cell, weight)| Octave::new(width, height, *cell, *weight, &mut state)).collect()
    };
    let light = octaves(&[(256, 150.0), (96, 90.0), (32, 50.0), (12, 30.0), (5, 18.0), (2, 9.0), (1, 5.0)]);
    let tints = [octaves(&[(192, 60.0), (24, 16.0)]), octaves(&[(192, 60.0), (24, 16.0)])];
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let mut rows = [vec![0.0_f32; width as usize], vec![0.0; width as usize], vec![0.0; width as usize]];
    for y in 0..height {
        let [luma, red, blue] = &mut rows;
        luma.fill(125.0);
        red.fill(0.0);
        blue.fill(0.0);
        light.iter().for_each(|o| o.add_row(y, luma));
        tints[0].iter().for_each(|o| o.add_row(y, red));
        tints[1].iter().for_each(|o| o.add_row(y, blue));
        for ((luma, red), blue) in luma.iter().zip(&*red).zip(&*blue) {
            let rgb = [luma + red, luma - red * 0.4 - blue * 0.3, luma + blue];
            pixels.extend(rgb.map(|v| v.clamp(0.0, 255.0) as u8));
        }
    }
    pixels
}

/// From 0 to 1.
fn random(state: &mut u32) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    (*state >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_the_same_and_never_alike() {
        assert_eq!(pixels(70, 50, 1), pixels(70, 50, 1));
        assert_ne!(pixels(70, 50, 1), pixels(70, 50, 2));
        assert_eq!(pixels(70, 50, 1).len(), 70 * 50 * 3);
    }

    #[test]
    fn each_format_is_what_it_says() {
        for format in [Format::Jpeg, Format::Png, Format::Webp] {
            let file = picture(format, 70, 50, 1).unwrap();
            let size = imagesize::blob_size(&file).unwrap();
            assert_eq!((size.width, size.height), (70, 50), "{format:?}");
            assert!(crate::magic::of(&file).is_some(), "{format:?}");
        }
    }
}
