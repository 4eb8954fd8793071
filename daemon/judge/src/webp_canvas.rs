//! Renders the canvases of an animated WebP as libwebp's `WebPAnimDecoder` does. Knows pixels, not files.
//!
//! What the format leaves open and libwebp settled: the background is always transparent, a frame that covers
//! everything or follows an empty canvas is drawn without blending (so colours under its transparent pixels stay),
//! and blending is done on straight alpha in 8-bit integers.

use crate::canvas::Area;

/// How a frame is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub area: Area,
    pub has_alpha: bool,
    /// Blend with what is there, else replace it.
    pub blend: bool,
    /// Clear the area before the next frame.
    pub clear: bool,
}

/// The canvas and what the next frame is drawn on.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    last: Option<(Drawn, bool)>,
}

impl Canvas {
    /// A transparent canvas.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, pixels: vec![0; width * height * 4], last: None }
    }

    fn is_full(&self, a: Area) -> bool {
        (a.width, a.height) == (self.width, self.height)
    }

    /// Draws a frame of RGB or RGBA whose area lies inside; gives the canvas.
    pub fn draw(&mut self, frame: Drawn, pixels: &[u8], channels: usize) -> &[u8] {
        let key = match self.last {
            None => true,
            Some(_) if self.is_full(frame.area) && (!frame.has_alpha || !frame.blend) => true,
            Some((last, was_key)) => last.clear && (self.is_full(last.area) || was_key),
        };
        let cleared = self.last.map(|(last, _)| last).filter(|last| last.clear).map(|last| last.area);
        if key {
            self.pixels.fill(0);
        } else if let Some(area) = cleared {
            for y in area.y..area.y + area.height {
                let start = (y * self.width + area.x) * 4;
                self.pixels[start..start + area.width * 4].fill(0);
            }
        }
        let a = frame.area;
        for (dy, row) in pixels.chunks_exact(a.width * channels).enumerate().take(a.height) {
            let y = a.y + dy;
            let start = (y * self.width + a.x) * 4;
            let out = self.pixels[start..start + a.width * 4].as_chunks_mut::<4>().0;
            for (dx, (to, px)) in out.iter_mut().zip(row.chunks_exact(channels)).enumerate() {
                let px = [px[0], px[1], px[2], px.get(3).copied().unwrap_or(255)];
                // Where the last frame was cleared nothing lies below, and libwebp does not blend.
                let bare = cleared.is_some_and(|c| {
                    (c.x..c.x + c.width).contains(&(a.x + dx)) && (c.y..c.y + c.height).contains(&y)
                });
                *to = if key || bare || !frame.blend { px } else { blend(px, *to) };
            }
        }
        self.last = Some((frame, key));
        &self.pixels
    }
}

/// Straight alpha, 8-bit integers, truncated as libwebp does it.
fn blend(over: [u8; 4], under: [u8; 4]) -> [u8; 4] {
    let a = u32::from(over[3]);
    if a == 0 {
        return under;
    }
    if a == 255 {
        return over;
    }
    let b = (u32::from(under[3]) * (256 - a)) >> 8;
    let alpha = a + b;
    let scale = (1 << 24) / alpha;
    let mix = |o: u8, u: u8| (((u32::from(o) * a + u32::from(u) * b) * scale) >> 24) as u8;
    [mix(over[0], under[0]), mix(over[1], under[1]), mix(over[2], under[2]), alpha as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(x: usize, width: usize, blend: bool, clear: bool) -> Drawn {
        Drawn { area: Area { x, y: 0, width, height: 1 }, has_alpha: true, blend, clear }
    }

    #[test]
    fn hidden_colours_stay_where_nothing_lies_below() {
        let mut c = Canvas::new(2, 1);
        assert_eq!(
            c.draw(drawn(0, 2, true, false), &[9, 9, 9, 0, 1, 2, 3, 255], 4),
            [9, 9, 9, 0, 1, 2, 3, 255]
        );
        assert_eq!(c.draw(drawn(1, 1, true, true), &[7, 7, 7, 0], 4), [9, 9, 9, 0, 1, 2, 3, 255]);
        assert_eq!(c.draw(drawn(0, 2, true, false), &[4, 4, 4, 0, 5, 5, 5, 0], 4), [9, 9, 9, 0, 5, 5, 5, 0]);
    }

    #[test]
    fn opaque_over_anything_is_opaque() {
        assert_eq!(blend([1, 2, 3, 255], [9, 9, 9, 9]), [1, 2, 3, 255]);
        assert_eq!(blend([200, 0, 0, 128], [0, 0, 200, 255])[3], 255);
    }
}
