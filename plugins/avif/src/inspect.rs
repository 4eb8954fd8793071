//! What headers and structure tell. Decodes nothing.

use squeezed_isobmff::{File, Item, Meta, facts, inventory};
use squeezed_plugin_api::{AlphaKind, ColorModel, Error, ImageInfo, InfoFlags, MetadataItem, SampleKind};

use crate::sequence::Sequence;
use crate::{av1, decode, quality};

/// Facts and items of a file.
///
/// # Errors
/// `BadImage` where its structure is broken.
pub fn inspect(input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
    let file = File::parse(input)?;
    let mut info = match Sequence::find(&file)? {
        Some(sequence) => of_sequence(&file, &sequence),
        None => of_still(&file)?,
    };
    inventory::items(&file, items)?;
    info.flags = InfoFlags {
        signed: inventory::is_signed(&file),
        gain_map: file.meta.as_ref().is_some_and(Meta::has_gain_map),
        motion_photo: inventory::has_motion_photo(&file),
        ..InfoFlags::default()
    };
    Ok(info)
}

fn of_still(file: &File<'_>) -> Result<ImageInfo, Error> {
    let (meta, primary) = file.primary()?;
    let (width, height) = decode::canvas(meta, primary)?;
    let coded = meta.coded(primary.id)?;
    let form = coded.first().map(|item| facts::picture(meta, item)).unwrap_or_default();
    let alpha = match meta.alpha(primary.id) {
        None => AlphaKind::None,
        Some((_, false)) => AlphaKind::Straight,
        Some((_, true)) => AlphaKind::Premultiplied,
    };
    let source_quality = coded.iter().map(|item| estimated(file, item)).max().unwrap_or(0);
    let orientation = facts::picture(meta, primary).orientation;
    Ok(ImageInfo { source_quality, orientation, ..info(width, height, form.channels, form.bits, alpha) })
}

fn of_sequence(file: &File<'_>, sequence: &Sequence) -> ImageInfo {
    let (width, height) = sequence.colour.size;
    let first = sequence.colour.samples.first().and_then(|s| file.input.get(s.0.clone()));
    let header = first.and_then(av1::sequence).unwrap_or_default();
    let alpha = match &sequence.alpha {
        None => AlphaKind::None,
        Some((_, false)) => AlphaKind::Straight,
        Some((_, true)) => AlphaKind::Premultiplied,
    };
    let channels = if header.mono { 1 } else { 3 };
    ImageInfo {
        frames: u32::try_from(sequence.colour.samples.len()).unwrap_or(u32::MAX),
        loop_count: sequence.loop_count,
        source_quality: first.map_or(0, quality_of),
        ..info(width, height, channels, header.depth, alpha)
    }
}

fn info(width: u32, height: u32, channels: u8, bits: u8, alpha: AlphaKind) -> ImageInfo {
    let grey = channels == 1;
    ImageInfo {
        width,
        height,
        frames: 1,
        loop_count: 1,
        orientation: 1,
        color: if grey { ColorModel::Grey } else { ColorModel::Rgb },
        channels: (if grey { 1 } else { 3 }) + u8::from(alpha != AlphaKind::None),
        sample: if bits > 8 { SampleKind::U16 } else { SampleKind::U8 },
        bits: if bits == 0 { 8 } else { bits },
        alpha,
        source_quality: 0,
        flags: InfoFlags::default(),
    }
}

fn estimated(file: &File<'_>, item: &Item<'_>) -> u8 {
    file.data(item).map_or(0, |data| quality_of(&data))
}

/// 0 where it is lossless or cannot be told.
fn quality_of(unit: &[u8]) -> u8 {
    match av1::headers(unit) {
        Some((_, frame)) if !frame.is_lossless() => quality::estimate(frame.base_q),
        _ => 0,
    }
}
