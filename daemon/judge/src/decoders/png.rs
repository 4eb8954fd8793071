//! PNG and APNG by the `png` crate; animations rendered here.

use std::io::Cursor;

use png::{BitDepth, BlendOp, ColorType, DisposeOp, FrameControl, Reader, Transformations};
use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, Limits};

use super::{Aside, DecodeError, check_frames};
use crate::canvas::{ApngSample, Area, Canvas, Dispose};
use crate::digest::layout;

type Input<'a> = Reader<Cursor<&'a [u8]>>;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Aside, DecodeError> {
    let mut reader = open(bytes, limits, sink)?;
    if reader.info().animation_control.is_some() {
        match reader.output_color_type().1 {
            BitDepth::Sixteen => animation::<u16>(&mut reader, sink)?,
            _ => animation::<u8>(&mut reader, sink)?,
        }
    } else {
        let header = still(&reader, FrameRole::Picture);
        sink.frame(&header)?;
        if reader.info().interlaced {
            let data = whole(&mut reader)?;
            send(&header, &data, sink)?;
        } else {
            let mut native = Vec::new();
            while let Some(row) = reader.next_row().map_err(DecodeError::text)? {
                send_rows(&header, row.data(), &mut native, sink)?;
            }
        }
    }
    reader.finish().map_err(DecodeError::text)?;
    // The number of colours is known even where a profile breaks the limit.
    Ok(Aside { coarse: coarse(reader.info()), ..aside(bytes, limits) })
}

/// Reads up to the picture data and tells the canvas.
fn open<'a>(bytes: &'a [u8], limits: &Limits, sink: &mut dyn FrameSink) -> Result<Input<'a>, DecodeError> {
    // Row buffers of all frames count into one budget, of which the profile (read apart) must get none.
    let mut decoder =
        png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: usize::MAX / 2 });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let head = decoder.read_header_info().map_err(DecodeError::text)?;
    let (width, height) = (head.width, head.height);
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(DecodeError::Text(format!(
            "{width}x{height} is more than the limit pixels = {}",
            limits.pixels
        )));
    }
    let reader = decoder.read_info().map_err(DecodeError::text)?;
    let loop_count = reader.info().animation_control.map_or(1, |a| a.num_plays);
    let frames = reader.info().animation_control.map_or(1, |a| a.num_frames);
    check_frames(width, height, u64::from(frames), limits)?;
    sink.image(&ImageHeader { width, height, loop_count })?;
    Ok(reader)
}

/// What the chunks before the picture tell: an ICC profile, unless it is broken or larger than the limit, and the number
/// of colours.
pub(super) fn aside(bytes: &[u8], limits: &Limits) -> Aside {
    let read = || {
        let budget = usize::try_from(limits.metadata_bytes).unwrap_or(usize::MAX / 2);
        // A row of the picture is reserved before the profile can be asked for.
        let row = png::Decoder::new(Cursor::new(bytes)).read_header_info().ok()?.width as usize * 8;
        let limits = png::Limits { bytes: budget.saturating_add(row) };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
        decoder.set_ignore_text_chunk(true);
        let reader = decoder.read_info().ok()?;
        let icc = reader.info().icc_profile.as_ref().map(|p| p.to_vec());
        Some(Aside { icc, meaning: "", coarse: coarse(reader.info()) })
    };
    read().unwrap_or_default()
}

/// The fewer colours a file can have, the farther they may lie from those of its source.
fn coarse(info: &png::Info<'_>) -> f32 {
    let colours = match (info.color_type, info.bit_depth) {
        (ColorType::Indexed, _) => info.palette.as_ref().map_or(0, |p| p.len() / 3),
        (ColorType::Grayscale, depth) if (depth as u8) < 8 => 1 << depth as u8,
        _ => return 0.0,
    };
    96.0 / colours.max(1) as f32
}

fn still(reader: &Input<'_>, role: FrameRole) -> FrameHeader {
    let info = reader.info();
    let (color, depth) = reader.output_color_type();
    let bits = if depth == BitDepth::Sixteen { 16 } else { 8 };
    let (model, channels, alpha) = match color {
        ColorType::Grayscale => (ColorModel::Grey, 1, AlphaKind::None),
        ColorType::GrayscaleAlpha => (ColorModel::Grey, 2, AlphaKind::Straight),
        ColorType::Rgb | ColorType::Indexed => (ColorModel::Rgb, 3, AlphaKind::None),
        ColorType::Rgba => (ColorModel::Rgb, 4, AlphaKind::Straight),
    };
    let layout = layout(model, channels, bits, alpha);
    FrameHeader { role, width: info.width, height: info.height, duration: (0, 1), layout }
}

/// Decodes the next frame; rows are as wide as the canvas where the file is interlaced, else as the frame.
fn whole(reader: &mut Input<'_>) -> Result<Vec<u8>, DecodeError> {
    let len = reader.output_buffer_size().ok_or_else(|| DecodeError::text("too large"))?;
    let mut data = vec![0; len];
    reader.next_frame(&mut data).map_err(DecodeError::text)?;
    Ok(data)
}

fn send(header: &FrameHeader, data: &[u8], sink: &mut dyn FrameSink) -> Result<(), DecodeError> {
    let stride = header.width as usize * header.layout.pixel_bytes();
    let mut native = Vec::new();
    data.chunks_exact(stride).try_for_each(|row| send_rows(header, row, &mut native, sink))
}

/// One row, 16-bit samples from big-endian to this machine's order.
fn send_rows(
    header: &FrameHeader,
    row: &[u8],
    native: &mut Vec<u8>,
    sink: &mut dyn FrameSink,
) -> Result<(), DecodeError> {
    if header.layout.bits < 16 {
        return Ok(sink.rows(1, row.len(), row)?);
    }
    native.clear();
    native.extend(row.as_chunks::<2>().0.iter().flat_map(|v| u16::from_be_bytes(*v).to_ne_bytes()));
    Ok(sink.rows(1, native.len(), native)?)
}

fn animation<S: ApngSample>(reader: &mut Input<'_>, sink: &mut dyn FrameSink) -> Result<(), DecodeError> {
    let (width, height) = (reader.info().width, reader.info().height);
    let mut canvas = Canvas::<S>::new(width, height);
    let mut left = reader.info().animation_control.map_or(0, |a| a.num_frames);
    if reader.info().frame_control.is_none() {
        // A picture beside the animation, for viewers that know none.
        let header = still(reader, FrameRole::Page);
        sink.frame(&header)?;
        let data = whole(reader)?;
        send(&header, &data, sink)?;
    } else {
        left = left.saturating_sub(1);
        let control = reader.info().frame_control;
        render(reader, control, &mut canvas, sink)?;
    }
    while left > 0 {
        left -= 1;
        let control = Some(*reader.next_frame_info().map_err(DecodeError::text)?);
        render(reader, control, &mut canvas, sink)?;
    }
    Ok(())
}

fn render<S: ApngSample>(
    reader: &mut Input<'_>,
    control: Option<FrameControl>,
    canvas: &mut Canvas<S>,
    sink: &mut dyn FrameSink,
) -> Result<(), DecodeError> {
    let control = control.ok_or_else(|| DecodeError::text("a frame without control"))?;
    let area = Area {
        x: control.x_offset as usize,
        y: control.y_offset as usize,
        width: control.width as usize,
        height: control.height as usize,
    };
    if !canvas.holds(area) {
        return Err(DecodeError::text("a frame lies outside of the canvas"));
    }
    let layout = layout(ColorModel::Rgb, 4, S::BITS, AlphaKind::Straight);
    let den = if control.delay_den == 0 { 100 } else { control.delay_den };
    sink.frame(&FrameHeader {
        role: FrameRole::Picture,
        width: reader.info().width,
        height: reader.info().height,
        duration: (u32::from(control.delay_num), u32::from(den)),
        layout,
    })?;
    let header = still(reader, FrameRole::Picture);
    let data = whole(reader)?;
    let bytes = header.layout.pixel_bytes();
    let stride = if reader.info().interlaced { header.width as usize } else { area.width } * bytes;
    let rows = data.chunks(stride.max(1)).take(area.height).map(|row| &row[..area.width * bytes]);
    let mut pixels = Vec::new();
    for row in rows {
        pixels.extend(row.chunks_exact(bytes).map(|px| S::rgba(px, header.layout.channels)));
    }
    let dispose = match control.dispose_op {
        DisposeOp::None => Dispose::Keep,
        DisposeOp::Background => Dispose::Clear,
        DisposeOp::Previous => Dispose::Restore,
    };
    canvas.draw(area, &pixels, control.blend_op == BlendOp::Over, dispose);
    canvas.send(sink)?;
    canvas.dispose();
    Ok(())
}
