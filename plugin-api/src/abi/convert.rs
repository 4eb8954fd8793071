//! Between the safe types and the structs of the ABI. Refuses what it does not know.

use super::types::*;
use crate::{
    AlphaKind, ColorModel, Effort, Error, ErrorCode, ImageInfo, InfoFlags, Limits, Metadata, MetadataItem,
    Mode, Options, Progressive, SampleKind,
};

pub(super) fn raw_item(item: &MetadataItem) -> SqzItem {
    SqzItem {
        struct_size: size_of::<SqzItem>() as u32,
        kind: item.kind as u32,
        name: SqzBytes::new(item.name.as_bytes()),
        length: item.length,
        hash: item.hash,
    }
}

pub(super) fn raw_info(i: &ImageInfo) -> SqzImageInfo {
    let flags = [
        (i.flags.signed, SQZ_INFO_SIGNED),
        (i.flags.gain_map, SQZ_INFO_GAIN_MAP),
        (i.flags.motion_photo, SQZ_INFO_MOTION_PHOTO),
        (i.flags.damaged, SQZ_INFO_DAMAGED),
        (i.flags.frames_at_least, SQZ_INFO_FRAMES_AT_LEAST),
    ];
    SqzImageInfo {
        struct_size: size_of::<SqzImageInfo>() as u32,
        width: i.width,
        height: i.height,
        frames: i.frames,
        loop_count: i.loop_count,
        orientation: u32::from(i.orientation),
        color: i.color as u32,
        channels: u32::from(i.channels),
        sample: i.sample as u32,
        bits: u32::from(i.bits),
        alpha: i.alpha as u32,
        source_quality: u32::from(i.source_quality),
        flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum(),
        reserved: 0,
    }
}

pub(super) fn safe_info(r: &SqzImageInfo) -> Option<ImageInfo> {
    Some(ImageInfo {
        width: r.width,
        height: r.height,
        frames: r.frames,
        loop_count: r.loop_count,
        orientation: u8::try_from(r.orientation).ok()?,
        color: ColorModel::from_u32(r.color)?,
        channels: u8::try_from(r.channels).ok()?,
        sample: SampleKind::from_u32(r.sample)?,
        bits: u8::try_from(r.bits).ok()?,
        alpha: AlphaKind::from_u32(r.alpha)?,
        source_quality: u8::try_from(r.source_quality).ok()?,
        flags: InfoFlags {
            signed: r.flags & SQZ_INFO_SIGNED != 0,
            gain_map: r.flags & SQZ_INFO_GAIN_MAP != 0,
            motion_photo: r.flags & SQZ_INFO_MOTION_PHOTO != 0,
            damaged: r.flags & SQZ_INFO_DAMAGED != 0,
            frames_at_least: r.flags & SQZ_INFO_FRAMES_AT_LEAST != 0,
        },
    })
}

impl SqzImageInfo {
    /// The C form of `info`.
    pub fn from_info(info: &ImageInfo) -> Self {
        raw_info(info)
    }
    /// The safe form; `None` where a value is unknown.
    pub fn to_info(&self) -> Option<ImageInfo> {
        safe_info(self)
    }
}

/// Most options of one plugin alone; more are refused rather than dropped.
const MAX_EXTRA: usize = 64;

/// # Safety
/// The lists must be valid for the call.
pub(super) unsafe fn safe_options(r: &SqzOptions) -> Result<Options, Error> {
    let bad = |what: &str| Error::new(ErrorCode::BadOption, format!("unknown {what}"));
    let quality = u8::try_from(r.quality).ok().filter(|q| (1..=100).contains(q));
    if r.extra.count as usize > MAX_EXTRA {
        return Err(bad(&format!("options: {} keys, but at most {MAX_EXTRA} are read", r.extra.count)));
    }
    // SAFETY: the caller vouches for the lists.
    let extra = unsafe {
        r.extra
            .read::<SqzPair>(MAX_EXTRA)
            .into_iter()
            .map(|p| (p.key.as_text().into_owned(), p.value.as_text().into_owned()))
            .collect()
    };
    Ok(Options {
        mode: match r.mode {
            SQZ_MODE_LOSSLESS => Mode::Lossless,
            SQZ_MODE_QUALITY => Mode::Quality(quality.ok_or_else(|| bad("quality"))?),
            SQZ_MODE_TARGET if r.target.is_finite() => Mode::Target(r.target as f32),
            _ => return Err(bad("mode")),
        },
        metadata: match r.metadata {
            0 => Metadata::All,
            1 => Metadata::Display,
            _ => return Err(bad("metadata policy")),
        },
        effort: match r.effort {
            0 => Effort::Fast,
            1 => Effort::Balanced,
            2 => Effort::Best,
            _ => return Err(bad("effort")),
        },
        progressive: match r.progressive {
            0 => Progressive::Auto,
            1 => Progressive::On,
            2 => Progressive::Off,
            _ => return Err(bad("progressive")),
        },
        // Negative is none; what is no number is refused, since reading it as none could lose more than was asked.
        max_reduction: match r.max_reduction {
            m if m < 0.0 => None,
            m if m <= 100.0 => Some(m),
            _ => return Err(bad("max_reduction")),
        },
        limits: Limits {
            pixels: r.max_pixels,
            frames: r.max_frames,
            total_pixels: r.max_total_pixels,
            metadata_bytes: r.max_metadata_bytes,
        },
        extra,
    })
}
