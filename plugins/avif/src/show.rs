//! Sends decoded pictures to a sink, as rows of colours with their alpha. Knows planes and sinks, not files.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, FrameSink, PixelLayout, SampleKind,
};

use crate::codec::Layout;
use crate::render::Renderer;
use crate::still::Sheet;

/// Sends one frame. Alpha of another size is stretched, of another depth scaled.
///
/// # Errors
/// `Stopped` where the sink wants no more.
pub fn send(
    sink: &mut dyn FrameSink,
    role: FrameRole,
    duration: (u32, u32),
    colour: &Sheet,
    alpha: Option<(&Sheet, bool)>,
) -> Result<(), Error> {
    let Some(first) = colour.tiles.first() else { return Err(Error::failed("a frame has no picture")) };
    let grey = first.layout == Layout::Grey;
    let (channels, bits) = (if grey { 1 } else { 3 }, first.depth);
    let layout = PixelLayout {
        sample: if bits > 8 { SampleKind::U16 } else { SampleKind::U8 },
        color: if grey { ColorModel::Grey } else { ColorModel::Rgb },
        channels: channels + u8::from(alpha.is_some()),
        bits,
        alpha: match alpha {
            None => AlphaKind::None,
            Some((_, false)) => AlphaKind::Straight,
            Some((_, true)) => AlphaKind::Premultiplied,
        },
    };
    sink.frame(&FrameHeader { role, width: colour.width, height: colour.height, duration, layout })?;
    let colours: Vec<_> = colour.tiles.iter().map(|t| Renderer::new(t, colour.meaning)).collect();
    let alphas: Vec<_> = alpha.iter().flat_map(|(s, _)| &s.tiles).map(alpha_renderer).collect();
    let (mut row, mut opacity, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let step = usize::from(layout.channels);
    for y in 0..colour.height {
        row.clear();
        across(colour, &colours, y, usize::from(alpha.is_some()), &mut row);
        if let Some((sheet, _)) = alpha {
            opacity.clear();
            let at = stretched(y, colour.height, sheet.height);
            across(sheet, &alphas, at, 0, &mut opacity);
            let (from, to) = (max_of(sheet), (1u32 << bits) - 1);
            for (x, pixel) in row.chunks_exact_mut(step).enumerate() {
                let at = stretched(x as u32, colour.width, sheet.width) as usize;
                let value = u32::from(opacity.get(at * alpha_step(sheet)).copied().unwrap_or(0));
                if let Some(last) = pixel.last_mut() {
                    *last = ((value * to + from / 2) / from) as u16;
                }
            }
        }
        bytes.clear();
        if bits > 8 {
            bytes.extend(row.iter().flat_map(|v| v.to_ne_bytes()));
        } else {
            bytes.extend(row.iter().map(|v| *v as u8));
        }
        sink.rows(1, bytes.len(), &bytes)?;
    }
    Ok(())
}

fn alpha_renderer(tile: &crate::codec::Picture) -> Renderer<'_> {
    let meaning = crate::render::Meaning { matrix: 0, primaries: 2, full_range: tile.color.full_range };
    Renderer::new(tile, meaning)
}

/// Samples from one pixel of an alpha picture to the next: it may have chroma that means nothing.
fn alpha_step(sheet: &Sheet) -> usize {
    sheet.tiles.first().map_or(1, |t| t.layout.planes())
}

fn max_of(sheet: &Sheet) -> u32 {
    sheet.tiles.first().map_or(1, |t| (1u32 << t.depth) - 1)
}

fn stretched(at: u32, of: u32, to: u32) -> u32 {
    (u64::from(at) * u64::from(to) / u64::from(of.max(1))) as u32
}

/// Appends a row of a whole sheet.
fn across(sheet: &Sheet, renderers: &[Renderer<'_>], y: u32, extra: usize, out: &mut Vec<u16>) {
    let Some(first) = sheet.tiles.first() else { return };
    let (down, within) = (y / first.height.max(1), y % first.height.max(1));
    let mut left = sheet.width;
    for column in 0..sheet.columns {
        let Some(renderer) = renderers.get((down * sheet.columns + column) as usize) else { break };
        let count = first.width.min(left);
        renderer.row(within, count, extra, out);
        left -= count;
    }
}
