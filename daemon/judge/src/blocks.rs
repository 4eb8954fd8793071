//! Coarse pictures: the mean of each channel over blocks of at most 8x8 pixels. Knows bytes and a grid.

/// Pixels along the side of a block, at most.
pub(crate) const SIDE: usize = 8;

/// Block means of one frame, in 1/256 of a level of 8 bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    pub across: usize,
    pub down: usize,
    pub channels: usize,
    /// Row by row, block by block, channels interleaved.
    pub means: Vec<u16>,
}

impl Blocks {
    /// The mean of one channel of one block, in levels of 8 bit.
    pub fn at(&self, x: usize, y: usize, channel: usize) -> f32 {
        f32::from(self.means[(y * self.across + x) * self.channels + channel]) / 256.0
    }
}

/// Collects [`Blocks`] from rows. The grid is as even as it can be, so that it looks the same when mirrored.
pub(crate) struct BlocksBuilder {
    blocks: Blocks,
    width: usize,
    height: usize,
    premultiply: bool,
    /// Sums over the rows of the current row of blocks.
    sums: Vec<u64>,
    /// Rows taken, in all and of the current row of blocks.
    y: usize,
    rows: usize,
}

impl BlocksBuilder {
    pub fn new(width: u32, height: u32, channels: usize, premultiply: bool) -> Self {
        let (width, height) = (width as usize, height as usize);
        let (across, down) = (width.div_ceil(SIDE), height.div_ceil(SIDE));
        let blocks = Blocks { across, down, channels, means: Vec::new() };
        Self { blocks, width, height, premultiply, sums: vec![0; across * channels], y: 0, rows: 0 }
    }

    /// Takes the next row of interleaved channels.
    pub fn row(&mut self, row: &[u8]) {
        let (across, channels) = (self.blocks.across, self.blocks.channels);
        for (i, sums) in self.sums.chunks_exact_mut(channels).enumerate() {
            let pixels = edge(i, self.width, across) * channels..edge(i + 1, self.width, across) * channels;
            let Some(pixels) = row.get(pixels) else { continue };
            if let (true, Ok(sums)) = (self.premultiply, <&mut [u64; 4]>::try_from(&mut *sums)) {
                add_premultiplied(sums, pixels);
            } else {
                for px in pixels.chunks_exact(channels) {
                    sums.iter_mut().zip(px).for_each(|(s, v)| *s += u64::from(*v) * 255);
                }
            }
        }
        self.y += 1;
        self.rows += 1;
        if self.y == edge(self.blocks.means.len() / (across * channels) + 1, self.height, self.blocks.down) {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let (across, channels) = (self.blocks.across, self.blocks.channels);
        for (i, sums) in self.sums.chunks_exact_mut(channels).enumerate() {
            let width = edge(i + 1, self.width, across) - edge(i, self.width, across);
            let count = (width * self.rows * 255) as u64;
            self.blocks.means.extend(sums.iter().map(|s| ((*s * 256 + count / 2) / count) as u16));
            sums.fill(0);
        }
        self.rows = 0;
    }

    /// The blocks of all rows taken; rows that never came are missing.
    pub fn finish(self) -> Blocks {
        self.blocks
    }
}

/// Where block `i` of `count` begins among `len` pixels.
fn edge(i: usize, len: usize, count: usize) -> usize {
    i * len / count
}

fn add_premultiplied(sums: &mut [u64; 4], pixels: &[u8]) {
    let mut part = [0u32; 4];
    for [r, g, b, a] in pixels.as_chunks::<4>().0 {
        let a = u32::from(*a);
        part[0] += u32::from(*r) * a;
        part[1] += u32::from(*g) * a;
        part[2] += u32::from(*b) * a;
        part[3] += 255 * a;
    }
    sums.iter_mut().zip(part).for_each(|(s, p)| *s += u64::from(p));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(width: u32, height: u32, premultiply: bool, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Blocks {
        let mut b = BlocksBuilder::new(width, height, 4, premultiply);
        for y in 0..height {
            b.row(&(0..width).flat_map(|x| pixel(x, y)).collect::<Vec<u8>>());
        }
        b.finish()
    }

    #[test]
    fn every_pixel_counts_once() {
        for (w, h) in [(1, 1), (7, 9), (8, 8), (17, 3), (64, 65)] {
            let b = blocks(w, h, true, |_, _| [200, 100, 50, 255]);
            assert_eq!(b.means.len(), b.across * b.down * 4);
            assert!(b.means.chunks(4).all(|m| m == [200 * 256, 100 * 256, 50 * 256, 255 * 256]), "{w}x{h}");
        }
    }

    #[test]
    fn hidden_colour_does_not_count() {
        let hidden = blocks(8, 8, true, |x, _| [200, 100, 50, if x < 4 { 255 } else { 0 }]);
        let black = blocks(8, 8, true, |x, _| if x < 4 { [200, 100, 50, 255] } else { [0; 4] });
        assert_eq!(hidden, black);
        assert_eq!(hidden.at(0, 0, 0), 100.0);
        assert_eq!(hidden.at(0, 0, 3), 127.5);
    }
}
