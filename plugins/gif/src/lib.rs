//! The GIF plugin: frames as differences between canvases, shared palettes, an LZW search; lossy by fewer colours.
//!
//! A job goes through `container` (taken apart), `canvas` and `film` (what is to be seen, what each frame must draw),
//! `palette`, `frames` with `lzw` (drawn again) and `write` (put together); `optimize` leads it. Nothing here knows of
//! sockets, threads or other formats.
//!
//! GPL-3.0-or-later, because imagequant is.
#![forbid(unsafe_code)]

mod canvas;
mod colours;
mod container;
mod cost;
mod film;
mod frames;
mod lossy;
mod lzw;
mod metadata;
mod optimize;
mod palette;
mod reduce;
mod write;

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Description, Error, Format, FrameSink, ImageInfo, InfoFlags, Job, Magic,
    MetadataItem, Optimizer, Plan, SampleKind,
};

use crate::container::Container;

/// The plugin.
pub struct Gif;

squeezed_plugin_api::export_plugin!(Gif);

impl Optimizer for Gif {
    fn describe(&self) -> Description {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect();
        Description {
            id: "gif".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "GPL-3.0-or-later".into(),
            codecs: "own LZW, imagequant 4.4.1".into(),
            formats: vec![Format {
                name: "gif".into(),
                mime: "image/gif".into(),
                extensions: names(&["gif"]),
                magic: vec![vec![Magic::at(0, b"GIF87a")], vec![Magic::at(0, b"GIF89a")]],
            }],
            capabilities: names(&["lossless", "lossy", "animation", "metadata"]),
            costs: cost::COSTS.cold(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let c = Container::parse(input)?;
        metadata::items(&c, items);
        Ok(ImageInfo {
            width: c.width.into(),
            height: c.height.into(),
            frames: u32::try_from(c.frames.len()).unwrap_or(u32::MAX),
            loop_count: metadata::loop_count(&c),
            orientation: 1,
            color: ColorModel::Rgb,
            // A canvas begins transparent, whatever its frames are.
            channels: 4,
            sample: SampleKind::U8,
            bits: 8,
            alpha: AlphaKind::Straight,
            source_quality: 0,
            flags: InfoFlags { signed: metadata::is_signed(&c), ..InfoFlags::default() },
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        optimize::check_options(job.options)?;
        Ok(cost::plan(job))
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        canvas::decode(input, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::optimize(job)
    }
}

#[cfg(test)]
mod tests;
