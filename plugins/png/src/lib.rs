//! The PNG plugin: lossless by oxipng, lossy by a palette from imagequant, APNG, metadata by policy.
//!
//! A job goes through `file` (taken apart), `metadata` (what stays), `shrink` (the lossless search), `lossy` (the palette)
//! and `write` (put together); `optimize` leads it. Nothing here knows of sockets, threads or other formats.
//!
//! GPL-3.0-or-later, because imagequant is.
#![forbid(unsafe_code)]

mod animation;
mod brisk;
mod chunk;
mod cost;
mod file;
mod filter;
mod header;
mod lossy;
mod metadata;
mod optimize;
mod order;
mod picture;
mod rank;
mod relative;
mod render;
mod sample;
mod shrink;
mod text;
mod thorough;
mod write;

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Description, Error, Format, FrameSink, ImageInfo, InfoFlags, Job, Magic,
    MetadataItem, Optimizer, Plan, SampleKind,
};

use crate::file::File;
use crate::header::Color;
use crate::text::Budget;

/// The plugin.
pub struct Png;

impl Optimizer for Png {
    fn describe(&self) -> Description {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect();
        Description {
            id: "png".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "GPL-3.0-or-later".into(),
            codecs: "oxipng 10.2.1, imagequant 4.4.1, png 0.18, libdeflate".into(),
            formats: vec![Format {
                name: "png".into(),
                mime: "image/png".into(),
                extensions: names(&["png", "apng"]),
                magic: vec![vec![Magic::at(0, &chunk::SIGNATURE)]],
            }],
            capabilities: names(&["lossless", "lossy", "animation", "metadata"]),
            costs: cost::cold(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let file = File::parse(input)?;
        metadata::items(&file, &mut Budget::new(metadata::INSPECTED), items);
        let header = file.header;
        let transparent = header.color.has_alpha() || !file.transparency.is_empty();
        let grey = header.color.is_grey();
        let frames = file.animation.as_ref().map_or(1, |a| a.frames.len());
        Ok(ImageInfo {
            width: header.width,
            height: header.height,
            frames: u32::try_from(frames).unwrap_or(u32::MAX).max(1),
            loop_count: file.animation.as_ref().map_or(1, |a| a.plays),
            orientation: metadata::orientation(&file, &mut Budget::new(metadata::INSPECTED)),
            color: if grey { ColorModel::Grey } else { ColorModel::Rgb },
            channels: if grey { 1 } else { 3 } + u8::from(transparent),
            sample: if header.depth == 16 { SampleKind::U16 } else { SampleKind::U8 },
            bits: if header.color == Color::Indexed { 8 } else { header.depth },
            alpha: if transparent { AlphaKind::Straight } else { AlphaKind::None },
            source_quality: 0,
            flags: InfoFlags { signed: file.has(*b"caBX"), ..InfoFlags::default() },
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        Ok(cost::plan(job))
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        render::decode(&File::parse(input)?, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::optimize(job)
    }
}

squeezed_plugin_api::export_plugin!(Png);

#[cfg(test)]
mod tests;
