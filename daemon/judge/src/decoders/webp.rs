//! WebP: the container is walked and animations are rendered here, each coded picture is decoded by `image-webp`.
//!
//! Canvases follow libwebp's `WebPAnimDecoder`, to the bit and under transparent pixels too, since encoders take
//! their pictures from it: a frame may be cut and blended in any other way that gives the same canvases.

use std::io::Cursor;

use image_webp::WebPDecoder;
use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits};

use super::{Aside, DecodeError, check_frames};
use crate::canvas::Area;
use crate::digest::layout;
use crate::webp_canvas::{Canvas, Drawn};

/// Chunks of a container: (name, payload).
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<(&'a [u8; 4], &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        let Some(payload) = rest.get(..size) else {
            self.0 = &[];
            return Some(Err(DecodeError::Text("a chunk is cut off".into())));
        };
        self.0 = rest.get(size + (size & 1)..).unwrap_or(&[]);
        Some(Ok((name, payload)))
    }
}

/// The parts of one coded picture.
#[derive(Default, Clone, Copy)]
struct Coded<'a> {
    alpha: Option<&'a [u8]>,
    lossy: Option<&'a [u8]>,
    lossless: Option<&'a [u8]>,
}

impl<'a> Coded<'a> {
    fn take(&mut self, name: &[u8; 4], payload: &'a [u8]) {
        match name {
            b"ALPH" if self.lossy.is_none() => _ = self.alpha.get_or_insert(payload),
            b"VP8 " => _ = self.lossy.get_or_insert(payload),
            b"VP8L" => _ = self.lossless.get_or_insert(payload),
            _ => {}
        }
    }

    /// Decodes to RGB or RGBA; gives (pixels, channels). `size` is what the container says, where it does.
    fn decode(
        &self,
        size: Option<(u32, u32)>,
        limits: &Limits,
        sized: &mut dyn FnMut(u32, u32) -> Result<(), DecodeError>,
    ) -> Result<(Vec<u8>, usize), DecodeError> {
        let file = match (self.lossy, self.lossless) {
            (Some(lossy), _) => match (self.alpha, size) {
                (Some(alpha), Some(size)) => with_alpha(size, alpha, lossy),
                _ => riff(&[(b"VP8 ", lossy)]),
            },
            (None, Some(lossless)) => riff(&[(b"VP8L", lossless)]),
            (None, None) => return Err(DecodeError::text("no picture data")),
        };
        let mut decoder = WebPDecoder::new(Cursor::new(file.as_slice())).map_err(DecodeError::text)?;
        let (width, height) = decoder.dimensions();
        if size.is_some_and(|s| s != (width, height)) {
            return Err(DecodeError::text("the picture has another size than its container says"));
        }
        if u64::from(width) * u64::from(height) > limits.pixels {
            return Err(DecodeError::Text(format!(
                "{width}x{height} is more than the limit pixels = {}",
                limits.pixels
            )));
        }
        sized(width, height)?;
        let channels = if decoder.has_alpha() { 4 } else { 3 };
        let len = decoder.output_buffer_size().ok_or_else(|| DecodeError::text("too large"))?;
        let mut pixels = vec![0; len];
        decoder.read_image(&mut pixels).map_err(DecodeError::text)?;
        Ok((pixels, channels))
    }
}

/// A file around these chunks.
fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    for (name, payload) in chunks {
        out.extend(*name);
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(*payload);
        out.resize(out.len() + (payload.len() & 1), 0);
    }
    let size = (out.len() - 8) as u32;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    out
}

fn with_alpha(size: (u32, u32), alpha: &[u8], lossy: &[u8]) -> Vec<u8> {
    let mut head = vec![0x10, 0, 0, 0];
    for side in [size.0, size.1] {
        head.extend(&side.wrapping_sub(1).to_le_bytes()[..3]);
    }
    riff(&[(b"VP8X", &head), (b"ALPH", alpha), (b"VP8 ", lossy)])
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let &[a, b, c] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    let body = match bytes.first_chunk::<12>() {
        Some([b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P']) => {
            let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let end = size.checked_add(8).filter(|e| (12..=bytes.len()).contains(e));
            &bytes[12..end.ok_or_else(|| DecodeError::text("the file is cut off"))?]
        }
        _ => return Err(DecodeError::text("no RIFF header")),
    };
    let (mut coded, mut head, mut icc, mut anim) = (Coded::default(), None, None, None);
    let mut frames = Vec::new();
    for chunk in Chunks(body) {
        let (name, payload) = chunk?;
        match name {
            b"VP8X" => _ = head.get_or_insert(payload),
            b"ICCP" => _ = icc.get_or_insert(payload),
            b"ANIM" => _ = anim.get_or_insert(payload),
            b"ANMF" => frames.push(payload),
            _ => coded.take(name, payload),
        }
    }
    let size = match head {
        Some(h) => Some(number(h, 4).zip(number(h, 7)).ok_or_else(|| DecodeError::text("VP8X is cut off"))?),
        None => None,
    };
    let size = size.map(|(w, h)| (w + 1, h + 1));
    let animated = head.is_some_and(|h| h.first().is_some_and(|f| f & 2 != 0));
    match (size, anim) {
        (Some(size), Some(anim)) if animated => animation(size, anim, &frames, limits, sink)?,
        _ => still(size, coded, limits, sink)?,
    }
    Ok(Aside { icc: icc.map(<[u8]>::to_vec), ..Aside::default() })
}

fn still(
    size: Option<(u32, u32)>,
    coded: Coded<'_>,
    limits: &Limits,
    sink: &mut dyn FrameSink,
) -> Result<(), DecodeError> {
    let mut canvas = (0, 0);
    let (pixels, channels) = coded.decode(size, limits, &mut |width, height| {
        canvas = (width, height);
        Ok(sink.image(&ImageHeader { width, height, loop_count: 1 })?)
    })?;
    let alpha = if channels == 4 { AlphaKind::Straight } else { AlphaKind::None };
    let (width, height) = canvas;
    let layout = layout(ColorModel::Rgb, channels as u8, 8, alpha);
    sink.frame(&FrameHeader { role: FrameRole::Picture, width, height, duration: (0, 1), layout })?;
    let stride = width as usize * channels;
    pixels.chunks(stride * 64).try_for_each(|rows| sink.rows((rows.len() / stride) as u32, stride, rows))?;
    Ok(())
}

fn animation(
    (width, height): (u32, u32),
    anim: &[u8],
    frames: &[&[u8]],
    limits: &Limits,
    sink: &mut dyn FrameSink,
) -> Result<(), DecodeError> {
    let Some(&[low, high]) = anim.get(4..).and_then(|a| a.first_chunk()) else {
        return Err(DecodeError::text("ANIM is cut off"));
    };
    let loop_count = u32::from(u16::from_le_bytes([low, high]));
    check_frames(width, height, frames.len() as u64, limits)?;
    sink.image(&ImageHeader { width, height, loop_count })?;
    let mut canvas = Canvas::new(width, height);
    let layout = layout(ColorModel::Rgb, 4, 8, AlphaKind::Straight);
    for frame in frames {
        let (head, data) = frame.split_at_checked(16).ok_or_else(|| DecodeError::text("ANMF is cut off"))?;
        let n = |at| number(head, at).unwrap_or(0);
        let size = (n(6) + 1, n(9) + 1);
        let area = Area {
            x: n(0) as usize * 2,
            y: n(3) as usize * 2,
            width: size.0 as usize,
            height: size.1 as usize,
        };
        if area.x + area.width > width as usize || area.y + area.height > height as usize {
            return Err(DecodeError::text("a frame lies outside of the canvas"));
        }
        sink.frame(&FrameHeader {
            role: FrameRole::Picture,
            width,
            height,
            duration: (n(12), 1000),
            layout,
        })?;
        let mut coded = Coded::default();
        for chunk in Chunks(data) {
            let (name, payload) = chunk?;
            coded.take(name, payload);
        }
        let (pixels, channels) = coded.decode(Some(size), limits, &mut |_, _| Ok(()))?;
        let drawn =
            Drawn { area, has_alpha: channels == 4, blend: head[15] & 2 == 0, clear: head[15] & 1 != 0 };
        let stride = width as usize * 4;
        for rows in canvas.draw(drawn, &pixels, channels).chunks(stride * 64) {
            sink.rows((rows.len() / stride) as u32, stride, rows)?;
        }
    }
    Ok(())
}
