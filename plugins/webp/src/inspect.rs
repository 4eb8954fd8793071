//! What headers and structure tell. Decodes nothing.

use squeezed_plugin_api::{AlphaKind, ColorModel, Error, ImageInfo, InfoFlags, MetadataItem, SampleKind};

use crate::container::{Bitstream, Container};
use crate::{metadata, quality};

/// Facts and items of a file.
pub fn inspect(input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
    let c = Container::parse(input)?;
    metadata::items(&c, items);
    Ok(info(&c))
}

fn info(c: &Container<'_>) -> ImageInfo {
    // An animation's canvas begins transparent, whatever its frames are.
    let alpha = c.has_alpha() || c.is_animated();
    ImageInfo {
        width: c.width,
        height: c.height,
        frames: u32::try_from(c.frames.len()).unwrap_or(u32::MAX),
        loop_count: c.animation.map_or(1, |a| u32::from(a.loops)),
        orientation: metadata::orientation(c),
        color: ColorModel::Rgb,
        channels: if alpha { 4 } else { 3 },
        sample: SampleKind::U8,
        bits: 8,
        alpha: if alpha { AlphaKind::Straight } else { AlphaKind::None },
        source_quality: source_quality(c),
        flags: InfoFlags {
            signed: metadata::is_signed(c),
            gain_map: metadata::has_gain_map(c),
            ..InfoFlags::default()
        },
    }
}

/// The highest quality among the lossy frames; 0 without one.
fn source_quality(c: &Container<'_>) -> u8 {
    let lossy = c.frames.iter().filter_map(|f| match &f.image {
        Bitstream::Lossy { header, .. } => Some(quality::estimate(header).round().clamp(1.0, 100.0) as u8),
        Bitstream::Lossless { .. } => None,
    });
    lossy.max().unwrap_or(0)
}
