//! Renders the canvases of an APNG: where frames are drawn, how they blend and what is left of them
//! (<https://www.w3.org/TR/png-3/#fcTL-chunk>). Knows pixels, not files.

use squeezed_plugin_api::{FrameSink, Stop};

/// A rectangle of a canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// What happens to a frame's area before the next is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dispose {
    Keep,
    Clear,
    Restore,
}

/// A sample of 8 or 16 bit.
pub(crate) trait ApngSample: Copy + Default + PartialEq + 'static {
    const BITS: u8;
    /// Reads a pixel as the decoder gives it: big-endian, 1 to 4 channels.
    fn rgba(px: &[u8], channels: u8) -> [Self; 4];
    /// Draws `over` on `under`.
    fn blend(over: [Self; 4], under: [Self; 4]) -> [Self; 4];
    /// Appends in native order.
    fn append(self, out: &mut Vec<u8>);
}

macro_rules! sample {
    ($t:ty, $bits:literal) => {
        impl ApngSample for $t {
            const BITS: u8 = $bits;
            fn rgba(px: &[u8], channels: u8) -> [Self; 4] {
                let s = |i: usize| {
                    let at = &px[i * size_of::<$t>()..];
                    at.first_chunk().map_or(0, |b| <$t>::from_be_bytes(*b))
                };
                match channels {
                    1 => [s(0), s(0), s(0), <$t>::MAX],
                    2 => [s(0), s(0), s(0), s(1)],
                    3 => [s(0), s(1), s(2), <$t>::MAX],
                    _ => [s(0), s(1), s(2), s(3)],
                }
            }
            fn blend(over: [Self; 4], under: [Self; 4]) -> [Self; 4] {
                let max = u64::from(<$t>::MAX);
                let (a, b) = (u64::from(over[3]), u64::from(under[3]));
                if a == 0 {
                    return under;
                }
                if a == max || b == 0 {
                    return over;
                }
                let (a, b) = (a * max, (max - a) * b);
                let mix = |o: $t, u: $t| ((u64::from(o) * a + u64::from(u) * b) / (a + b)) as $t;
                [
                    mix(over[0], under[0]),
                    mix(over[1], under[1]),
                    mix(over[2], under[2]),
                    ((a + b) / max) as $t,
                ]
            }
            fn append(self, out: &mut Vec<u8>) {
                out.extend(self.to_ne_bytes());
            }
        }
    };
}

sample!(u8, 8);
sample!(u16, 16);

/// The canvas between two frames.
pub(crate) struct Canvas<S> {
    width: usize,
    height: usize,
    pixels: Vec<[S; 4]>,
    /// What the last frame covered, for [`Dispose::Restore`].
    covered: Vec<[S; 4]>,
    last: Option<(Area, Dispose)>,
    first: bool,
}

impl<S: ApngSample> Canvas<S> {
    /// A transparent canvas.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let pixels = vec![[S::default(); 4]; width * height];
        Self { width, height, pixels, covered: Vec::new(), last: None, first: true }
    }

    /// Whether an area lies inside.
    pub fn holds(&self, a: Area) -> bool {
        let end = |from: usize, len: usize| from.checked_add(len);
        a.width > 0
            && a.height > 0
            && end(a.x, a.width).is_some_and(|e| e <= self.width)
            && end(a.y, a.height).is_some_and(|e| e <= self.height)
    }

    /// Draws a frame; `area` must lie inside.
    pub fn draw(&mut self, area: Area, frame: &[[S; 4]], blend: bool, dispose: Dispose) {
        // There is nothing to restore before the first frame but a transparent canvas.
        let dispose = if self.first && dispose == Dispose::Restore { Dispose::Clear } else { dispose };
        self.first = false;
        self.covered.clear();
        for (y, from) in frame.chunks_exact(area.width).enumerate() {
            let row = self.row(area, y);
            if dispose == Dispose::Restore {
                self.covered.extend_from_slice(&self.pixels[row.clone()]);
            }
            for (to, px) in self.pixels[row].iter_mut().zip(from) {
                *to = if blend { S::blend(*px, *to) } else { *px };
            }
        }
        self.last = Some((area, dispose));
    }

    /// Prepares for the next frame.
    pub fn dispose(&mut self) {
        let Some((area, dispose)) = self.last.take() else { return };
        for y in 0..area.height {
            let row = self.row(area, y);
            match dispose {
                Dispose::Keep => {}
                Dispose::Clear => self.pixels[row].fill([S::default(); 4]),
                Dispose::Restore => {
                    let saved = &self.covered[y * area.width..(y + 1) * area.width];
                    self.pixels[row].copy_from_slice(saved);
                }
            }
        }
    }

    fn row(&self, area: Area, y: usize) -> std::ops::Range<usize> {
        let start = (area.y + y) * self.width + area.x;
        start..start + area.width
    }

    /// Sends every row.
    pub fn send(&self, sink: &mut dyn FrameSink) -> Result<(), Stop> {
        let mut row = Vec::new();
        for pixels in self.pixels.chunks_exact(self.width) {
            row.clear();
            pixels.iter().flatten().for_each(|s| s.append(&mut row));
            sink.rows(1, row.len(), &row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: [u8; 4] = [0; 4];
    const RED: [u8; 4] = [255, 0, 0, 255];
    const GLASS: [u8; 4] = [0, 0, 255, 128];

    fn area(x: usize, width: usize) -> Area {
        Area { x, y: 0, width, height: 1 }
    }

    #[test]
    fn disposal_follows_the_standard() {
        let mut c = Canvas::<u8>::new(2, 1);
        c.draw(area(0, 2), &[RED; 2], false, Dispose::Keep);
        c.dispose();
        c.draw(area(0, 1), &[GLASS], true, Dispose::Restore);
        assert_eq!(c.pixels, [[127, 0, 128, 255], RED]);
        c.dispose();
        assert_eq!(c.pixels, [RED; 2]);
        c.draw(area(1, 1), &[GLASS], false, Dispose::Clear);
        assert_eq!(c.pixels, [RED, GLASS]);
        c.dispose();
        assert_eq!(c.pixels, [RED, CLEAR]);
    }

    #[test]
    fn the_first_frame_cannot_restore() {
        let mut c = Canvas::<u8>::new(2, 1);
        c.draw(area(0, 2), &[RED; 2], false, Dispose::Restore);
        c.dispose();
        assert_eq!(c.pixels, [CLEAR; 2]);
    }

    #[test]
    fn areas_outside_are_refused() {
        let c = Canvas::<u8>::new(2, 1);
        assert!(c.holds(area(1, 1)));
        for (x, width) in [(1, 2), (2, 1), (0, 0), (usize::MAX, 1)] {
            assert!(!c.holds(area(x, width)));
        }
    }
}
