//! Rendered canvases, by the rules that browsers share: a transparent canvas to begin with, the background colour unused,
//! frames clipped to the canvas. Knows indices, palettes and disposal, not how anything is coded.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};

use crate::container::{Container, Disposal, Frame};
use crate::lzw;
use crate::metadata;

/// A pixel: `0x00RRGGBB`, or [`CLEAR`].
pub type Pixel = u32;

/// A transparent pixel.
pub const CLEAR: Pixel = 1 << 24;

/// The most pixels of a canvas, whatever the limits say.
const MOST: u64 = 1 << 30;

/// A rectangle inside the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Area {
    /// Pixels.
    pub fn pixels(self) -> usize {
        self.width * self.height
    }
    /// The smallest area that holds both; an empty one counts for nothing.
    pub fn with(self, other: Area) -> Area {
        if self.pixels() == 0 {
            return other;
        }
        if other.pixels() == 0 {
            return self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Area { x, y, width: right - x, height: bottom - y }
    }
    /// The rows of the area in a canvas of this width, as ranges.
    pub fn rows(self, width: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        (self.y..self.y + self.height).map(move |y| y * width + self.x..y * width + self.x + self.width)
    }
}

/// The colour of each index, [`CLEAR`] for the transparent one; `None` for those that no palette has.
pub fn colours(palette: &[u8], transparent: Option<u8>) -> [Option<Pixel>; 256] {
    let mut all = [None; 256];
    for (slot, [r, g, b]) in all.iter_mut().zip(palette.as_chunks::<3>().0) {
        *slot = Some(u32::from_be_bytes([0, *r, *g, *b]));
    }
    if let Some(index) = transparent {
        all[usize::from(index)] = Some(CLEAR);
    }
    all
}

/// Decodes a frame's indices, rows from top to bottom.
///
/// # Errors
/// `BadImage` where pixels are missing or a code means nothing.
pub fn indices(frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    lzw::decode(frame.data, frame.min_code, frame.pixels(), out)?;
    if frame.interlaced {
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let mut rows = vec![0; out.len()];
        let order =
            [(0, 8), (4, 8), (2, 4), (1, 2)].into_iter().flat_map(|(y, step)| (y..height).step_by(step));
        for (y, row) in order.zip(out.chunks_exact(width)) {
            rows[y * width..(y + 1) * width].copy_from_slice(row);
        }
        *out = rows;
    }
    Ok(())
}

/// The canvas while frames are drawn one after the other.
pub struct Canvas {
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
    /// Its pixels.
    pub pixels: Vec<Pixel>,
    before: Vec<Pixel>,
}

impl Canvas {
    /// A transparent canvas.
    pub fn new(c: &Container<'_>) -> Self {
        let (width, height) = (usize::from(c.width), usize::from(c.height));
        Self { width, height, pixels: vec![CLEAR; width * height], before: Vec::new() }
    }

    /// The part of a frame that is on the canvas.
    pub fn area(&self, frame: &Frame<'_>) -> Area {
        let (x, y) = (usize::from(frame.x).min(self.width), usize::from(frame.y).min(self.height));
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        Area { x, y, width: width.min(self.width - x), height: height.min(self.height - y) }
    }

    /// Draws a frame. Whether all indices that are on the canvas have a colour.
    pub fn draw(&mut self, frame: &Frame<'_>, indices: &[u8], colours: &[Option<Pixel>; 256]) -> bool {
        let area = self.area(frame);
        self.before.clear();
        if frame.disposal() == Some(Disposal::Restore) {
            area.rows(self.width).for_each(|row| self.before.extend_from_slice(&self.pixels[row]));
        }
        let mut known = true;
        for (row, from) in area.rows(self.width).zip(indices.chunks_exact(frame.width.into())) {
            for (to, index) in self.pixels[row].iter_mut().zip(from) {
                match colours[usize::from(*index)] {
                    Some(CLEAR) => {}
                    Some(colour) => *to = colour,
                    None => (*to, known) = (0, false),
                }
            }
        }
        known
    }

    /// Does what the frame's disposal asks for.
    pub fn dispose(&mut self, frame: &Frame<'_>) {
        let area = self.area(frame);
        match frame.disposal() {
            Some(Disposal::Clear) => area.rows(self.width).for_each(|row| self.pixels[row].fill(CLEAR)),
            Some(Disposal::Restore) if area.width > 0 => {
                for (row, before) in area.rows(self.width).zip(self.before.chunks_exact(area.width)) {
                    self.pixels[row].copy_from_slice(before);
                }
            }
            _ => {}
        }
    }
}

/// Decodes a file as rendered canvases.
///
/// # Errors
/// `BadImage` where picture data is missing or wrong.
pub fn decode(input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
    let c = Container::parse(input)?;
    let (width, height) = (u32::from(c.width), u32::from(c.height));
    sink.image(&ImageHeader { width, height, loop_count: metadata::loop_count(&c) })?;
    if u64::from(width) * u64::from(height) > MOST {
        return Err(Error::too_large("a canvas of more pixels than this plugin reads"));
    }
    let layout = PixelLayout {
        sample: SampleKind::U8,
        color: ColorModel::Rgb,
        channels: 4,
        bits: 8,
        alpha: AlphaKind::Straight,
    };
    let mut canvas = Canvas::new(&c);
    let (mut drawn, mut bytes) = (Vec::new(), Vec::new());
    for frame in &c.frames {
        let duration = (u32::from(frame.delay()), 100);
        sink.frame(&FrameHeader { role: FrameRole::Picture, width, height, duration, layout })?;
        indices(frame, &mut drawn)?;
        canvas.draw(frame, &drawn, &colours(c.palette_of(frame), frame.transparent()));
        let stride = canvas.width * 4;
        for rows in canvas.pixels.chunks(canvas.width * 16) {
            bytes.clear();
            bytes.extend(
                rows.iter().flat_map(|p| if *p == CLEAR { [0; 4] } else { (p << 8 | 0xff).to_be_bytes() }),
            );
            sink.rows((rows.len() / canvas.width) as u32, stride, &bytes)?;
        }
        canvas.dispose(frame);
    }
    Ok(())
}
