//! From bitstreams to the canvases that a viewer sees. Everything here is decoded by libwebp and laid over each other as
//! the format says; a canvas begins transparent, whatever background the file suggests, as browsers do it.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};

use crate::codec;
use crate::container::{Container, Frame};

/// The pixels of one frame. `stop` is asked now and then.
///
/// # Errors
/// `BadImage` where anything of it is missing or wrong, `Stopped`.
pub fn pixels(frame: &Frame<'_>, stop: &dyn Fn() -> bool) -> Result<Vec<u32>, Error> {
    let mut chunks = Vec::new();
    frame.image.write(&mut chunks).ok_or_else(|| Error::bad_image("a frame is too long"))?;
    codec::decode(&chunks, frame.width, frame.height, stop)
}

/// Decodes a file, animations as rendered canvases.
pub fn decode(input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
    let c = Container::parse(input)?;
    let loop_count = c.animation.map_or(1, |a| u32::from(a.loops));
    sink.image(&ImageHeader { width: c.width, height: c.height, loop_count })?;
    let header = |duration| FrameHeader {
        role: FrameRole::Picture,
        width: c.width,
        height: c.height,
        duration,
        layout: PixelLayout {
            sample: SampleKind::U8,
            color: ColorModel::Rgb,
            channels: 4,
            bits: 8,
            alpha: AlphaKind::Straight,
        },
    };
    if !c.is_animated() {
        let frame = c.frames.first().ok_or_else(|| Error::bad_image("the file holds no picture"))?;
        sink.frame(&header((0, 1)))?;
        return send(sink, &pixels(frame, &|| false)?, c.width);
    }
    let size = usize::try_from(u64::from(c.width) * u64::from(c.height));
    let mut canvas =
        vec![0u32; size.map_err(|_| Error::too_large("the canvas is too large for this machine"))?];
    let mut before: Option<&Frame<'_>> = None;
    for frame in &c.frames {
        if let Some(b) = before.filter(|b| b.clears) {
            rows(&mut canvas, c.width, b).for_each(|row| row.fill(0));
        }
        sink.frame(&header((frame.duration, 1000)))?;
        lay(&mut canvas, c.width, frame, &pixels(frame, &|| false)?);
        send(sink, &canvas, c.width)?;
        before = Some(frame);
    }
    Ok(())
}

/// The rows of a frame's rectangle on the canvas.
fn rows<'c>(canvas: &'c mut [u32], width: u32, frame: &Frame<'_>) -> impl Iterator<Item = &'c mut [u32]> {
    let (x, w) = (frame.x as usize, frame.width as usize);
    canvas
        .chunks_exact_mut(width as usize)
        .skip(frame.y as usize)
        .take(frame.height as usize)
        .filter_map(move |row| row.get_mut(x..x + w))
}

fn lay(canvas: &mut [u32], width: u32, frame: &Frame<'_>, pixels: &[u32]) {
    let source = pixels.chunks_exact(frame.width as usize);
    for (under, over) in rows(canvas, width, frame).zip(source) {
        if frame.replaces {
            under.copy_from_slice(over);
        } else {
            under.iter_mut().zip(over).for_each(|(u, o)| *u = blend(*u, *o));
        }
    }
}

/// `over` laid over `under`, neither premultiplied.
fn blend(under: u32, over: u32) -> u32 {
    let alpha = |p: u32| p >> 24;
    match alpha(over) {
        0 => return under,
        255 => return over,
        _ => {}
    }
    let (a, b) = (alpha(over) * 255, alpha(under) * (255 - alpha(over)));
    let total = a + b;
    let channel = |shift: u32| {
        let (o, u) = (over >> shift & 255, under >> shift & 255);
        ((o * a + u * b + total / 2) / total) << shift
    };
    ((total + 127) / 255) << 24 | channel(16) | channel(8) | channel(0)
}

/// Sends words as rows of red, green, blue, alpha.
fn send(sink: &mut dyn FrameSink, pixels: &[u32], width: u32) -> Result<(), Error> {
    const ROWS: usize = 16;
    let stride = width as usize * 4;
    let mut bytes = Vec::with_capacity(stride * ROWS);
    for some in pixels.chunks(width as usize * ROWS) {
        bytes.clear();
        bytes.extend(some.iter().flat_map(|p| p.rotate_left(8).to_be_bytes()));
        sink.rows((some.len() / width as usize) as u32, stride, &bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blending_keeps_what_it_must() {
        assert_eq!(blend(0x8011_2233, 0x00ff_ffff), 0x8011_2233);
        assert_eq!(blend(0x8011_2233, 0xff44_5566), 0xff44_5566);
        assert_eq!(blend(0x0000_0000, 0x8044_5566), 0x8044_5566);
        assert_eq!(blend(0xff00_0000, 0x80ff_ffff), 0xff80_8080);
    }
}
