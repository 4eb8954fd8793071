//! Decoding for the host: stills as they are, animations as rendered canvases. Knows APNG's disposal and blending.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};

use crate::animation::{Dispose, Frame};
use crate::file::File;
use crate::header::Header;
use crate::picture::{Picture, Pixels};

/// Decodes every frame of a file into `sink`.
///
/// # Errors
/// `BadImage` where picture data is missing or wrong.
pub fn decode(file: &File<'_>, sink: &mut dyn FrameSink) -> Result<(), Error> {
    let Header { width, height, .. } = file.header;
    let plays = file.animation.as_ref().map_or(1, |a| a.plays);
    sink.image(&ImageHeader { width, height, loop_count: plays })?;
    let default = Picture::of_file(file).decode()?;
    let Some(animation) = &file.animation else {
        return send(file.header, &default, (0, 1), sink);
    };
    let mut canvas = Canvas::new(file.header, &default);
    for frame in &animation.frames {
        let pixels =
            if frame.data.is_empty() { default.clone() } else { Picture::of_frame(file, frame).decode()? };
        let before = (frame.dispose() == Dispose::Previous).then(|| canvas.samples.clone());
        canvas.draw(frame, &pixels);
        send(file.header, &canvas.pixels(), frame.delay(), sink)?;
        match (frame.dispose(), before) {
            (Dispose::Background, _) => canvas.clear(frame),
            (Dispose::Previous, Some(before)) => canvas.samples = before,
            _ => {}
        }
    }
    Ok(())
}

fn send(
    header: Header,
    pixels: &Pixels,
    duration: (u32, u32),
    sink: &mut dyn FrameSink,
) -> Result<(), Error> {
    let layout = PixelLayout {
        sample: if pixels.wide { SampleKind::U16 } else { SampleKind::U8 },
        color: if pixels.channels < 3 { ColorModel::Grey } else { ColorModel::Rgb },
        channels: pixels.channels,
        bits: if pixels.wide { 16 } else { 8 },
        alpha: if pixels.channels.is_multiple_of(2) { AlphaKind::Straight } else { AlphaKind::None },
    };
    let (width, height) = (header.width, header.height);
    sink.frame(&FrameHeader { role: FrameRole::Picture, width, height, duration, layout })?;
    let stride = layout.pixel_bytes().saturating_mul(width as usize);
    for row in pixels.samples.chunks_exact(stride) {
        if pixels.wide {
            let native: Vec<u8> =
                row.as_chunks::<2>().0.iter().flat_map(|b| u16::from_be_bytes(*b).to_ne_bytes()).collect();
            sink.rows(1, stride, &native)?;
        } else {
            sink.rows(1, stride, row)?;
        }
    }
    Ok(())
}

/// The canvas of an animation: always with alpha, transparent black at first.
struct Canvas {
    width: usize,
    channels: u8,
    wide: bool,
    samples: Vec<u8>,
}

impl Canvas {
    fn new(header: Header, like: &Pixels) -> Self {
        let channels = if like.channels < 3 { 2 } else { 4 };
        let size = usize::from(channels) * if like.wide { 2 } else { 1 };
        let (width, height) = (header.width as usize, header.height as usize);
        Self {
            width,
            channels,
            wide: like.wide,
            samples: vec![0; width.saturating_mul(height).saturating_mul(size)],
        }
    }
    fn pixels(&self) -> Pixels {
        Pixels { channels: self.channels, wide: self.wide, samples: self.samples.clone() }
    }
    fn pixel_bytes(&self) -> usize {
        usize::from(self.channels) * if self.wide { 2 } else { 1 }
    }
    /// The part of row `y` of the frame's area.
    fn row(&mut self, frame: &Frame<'_>, y: usize) -> &mut [u8] {
        let size = self.pixel_bytes();
        let ((x, top), (width, _)) = (frame.offset(), frame.size());
        let start = ((top as usize + y) * self.width + x as usize) * size;
        &mut self.samples[start..start + width as usize * size]
    }
    fn clear(&mut self, frame: &Frame<'_>) {
        for y in 0..frame.size().1 as usize {
            self.row(frame, y).fill(0);
        }
    }
    fn draw(&mut self, frame: &Frame<'_>, pixels: &Pixels) {
        let size = self.pixel_bytes();
        let sample = if self.wide { 2 } else { 1 };
        let opaque = pixels.channels % 2 == 1;
        let from = usize::from(pixels.channels) * sample;
        let (wide, over) = (self.wide, frame.over());
        for (y, row) in pixels.samples.chunks_exact(frame.size().0 as usize * from).enumerate() {
            for (target, source) in self.row(frame, y).chunks_exact_mut(size).zip(row.chunks_exact(from)) {
                if opaque {
                    target[..from].copy_from_slice(source);
                    target[from..].fill(0xff);
                } else if over {
                    blend(target, source, wide);
                } else {
                    target.copy_from_slice(source);
                }
            }
        }
    }
}

/// `source` over `target` as the PNG specification's alpha processing has it, in whole numbers.
fn blend(target: &mut [u8], source: &[u8], wide: bool) {
    let top: u64 = if wide { 65535 } else { 255 };
    let step = if wide { 2 } else { 1 };
    let read = |p: &[u8], i: usize| match p.get(i * step..(i + 1) * step) {
        Some([high, low]) => u64::from(u16::from_be_bytes([*high, *low])),
        Some([value]) => u64::from(*value),
        _ => 0,
    };
    let last = target.len() / step - 1;
    let (front, back) = (read(source, last), read(target, last));
    if front == 0 {
        return;
    }
    if front == top || back == 0 {
        target.copy_from_slice(source);
        return;
    }
    // All alphas are multiplied by `top`.
    let (u, v) = (front * top, (top - front) * back);
    let alpha = u + v;
    let colors: Vec<u64> = (0..last).map(|i| read(source, i) * u + read(target, i) * v).collect();
    for (i, color) in colors.iter().enumerate() {
        let bytes = ((color + alpha / 2) / alpha).min(top).to_be_bytes();
        target[i * step..(i + 1) * step].copy_from_slice(&bytes[8 - step..]);
    }
    let bytes = ((alpha + top / 2) / top).min(top).to_be_bytes();
    target[last * step..].copy_from_slice(&bytes[8 - step..]);
}
