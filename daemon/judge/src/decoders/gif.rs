//! GIF by the `gif` crate; canvases rendered here as browsers do: transparent to begin with, the background unused.

use std::io::Cursor;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DisposalMethod, Frame, MemoryLimit, Repeat};
use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits};

use super::{Aside, DecodeError, check_frames};
use crate::canvas::{Area, Canvas, Dispose};
use crate::digest::layout;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let most = NonZeroU64::new(limits.pixels.saturating_mul(4));
    options.set_memory_limit(most.map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(DecodeError::text)?;
    let (width, height) = (decoder.width(), decoder.height());
    check_frames(width.into(), height.into(), 1, limits)?;
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(DecodeError::text("the canvas is more than the limit pixels"));
    }
    let mut canvas = Canvas::<u8>::new(width.into(), height.into());
    let global = decoder.global_palette().map_or(0, <[u8]>::len);
    let mut coarse: f32 = 0.0;
    let mut begun = false;
    while let Some(frame) = decoder.read_next_frame().map_err(DecodeError::text)? {
        let frame = frame.clone();
        if !begun {
            begun = true;
            // What repeats stands before the first frame, where a file says it.
            let loop_count = match decoder.repeat() {
                Repeat::Infinite => 0,
                Repeat::Finite(n) => u32::from(n) + 1,
            };
            sink.image(&ImageHeader { width: width.into(), height: height.into(), loop_count })?;
        }
        let colours = frame.palette.as_ref().map_or(global, Vec::len) / 3;
        coarse = coarse.max(96.0 / colours.max(1) as f32);
        sink.frame(&FrameHeader {
            role: FrameRole::Picture,
            width: width.into(),
            height: height.into(),
            duration: (frame.delay.into(), 100),
            layout: layout(ColorModel::Rgb, 4, 8, AlphaKind::Straight),
        })?;
        draw(&frame, width, height, &mut canvas);
        canvas.send(sink)?;
        canvas.dispose();
    }
    Ok(Aside { coarse, ..Aside::default() })
}

/// Draws what of a frame lies on the canvas.
fn draw(frame: &Frame<'_>, width: u16, height: u16, canvas: &mut Canvas<u8>) {
    let area = Area {
        x: frame.left.into(),
        y: frame.top.into(),
        width: frame.width.min(width.saturating_sub(frame.left)).into(),
        height: frame.height.min(height.saturating_sub(frame.top)).into(),
    };
    let dispose = match frame.dispose {
        DisposalMethod::Any | DisposalMethod::Keep => Dispose::Keep,
        DisposalMethod::Background => Dispose::Clear,
        DisposalMethod::Previous => Dispose::Restore,
    };
    if !canvas.holds(area) {
        return;
    }
    let rows = frame.buffer.as_chunks::<4>().0.chunks(frame.width.max(1).into()).take(area.height);
    let pixels: Vec<[u8; 4]> = rows.flat_map(|row| &row[..area.width.min(row.len())]).copied().collect();
    canvas.draw(area, &pixels, true, dispose);
}

/// The number of colours that a file can have tells how coarse it is.
pub(super) fn aside(bytes: &[u8]) -> Aside {
    let packed = bytes.get(10).copied().unwrap_or(0);
    let colours = if packed & 0x80 == 0 { 256 } else { 2u16 << (packed & 7) };
    Aside { coarse: 96.0 / f32::from(colours), ..Aside::default() }
}
