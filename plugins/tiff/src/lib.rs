//! The TIFF plugin: every page, strip and tile coded again without loss, or as JPEG where a loss was asked for; metadata by
//! policy.
//!
//! A job goes through `directory` (taken apart), `raster` (what a page's samples are), `metadata` (what stays), `search`
//! (the lossless search) or `lossy`, `page` and `write` (put together); `optimize` leads it. Codecs are in `codec`. Nothing
//! here knows of sockets, threads or other formats.
#![forbid(unsafe_code)]

mod c2pa;
mod camera;
mod codec;
mod cost;
mod directory;
mod gaps;
mod lossy;
mod metadata;
mod optimize;
mod order;
mod page;
mod raster;
mod render;
mod samples;
mod search;
mod source;
mod tag;
mod write;

use squeezed_plugin_api::{
    Description, Error, Format, FrameSink, ImageInfo, InfoFlags, Job, Magic, MetadataItem, Optimizer, Plan,
};

use crate::directory::File;
use crate::gaps::Gaps;
use crate::source::Source;

/// The plugin.
pub struct Tiff;

impl Optimizer for Tiff {
    fn describe(&self) -> Description {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect();
        let magic = |bytes: &[u8]| vec![Magic::at(0, bytes)];
        Description {
            id: "tiff".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "MIT OR Apache-2.0".into(),
            codecs: "libdeflate, zopfli 0.8.4, weezl 0.1.12, zstd 1.5.7, fax 0.2.7, hayro-ccitt 0.5, mozjpeg 4.1, zune-jpeg 0.5".into(),
            formats: vec![Format {
                name: "tiff".into(),
                mime: "image/tiff".into(),
                extensions: names(&["tif", "tiff"]),
                magic: vec![magic(b"II*\0"), magic(b"MM\0*"), magic(b"II+\0"), magic(b"MM\0+")],
            }],
            capabilities: names(&["lossless", "lossy", "metadata"]),
            costs: cost::cold(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let file = File::parse(input)?;
        camera::refuse(&file)?;
        let rasters = optimize::rasters(&file)?;
        let (Some(first), Some(page)) = (rasters.first(), file.pages.first()) else {
            return Err(Error::bad_image("no page"));
        };
        metadata::items(&file, Gaps::of(&file, &rasters).trailing, items);
        let layout = samples::layout(first);
        let quality = lossy::source_quality(&Source::new(first, input));
        Ok(ImageInfo {
            width: first.width,
            height: first.height,
            frames: u32::try_from(file.pages.len()).unwrap_or(u32::MAX),
            loop_count: 1,
            orientation: metadata::orientation(&file, page),
            color: layout.color,
            channels: layout.channels,
            sample: layout.sample,
            bits: layout.bits,
            alpha: layout.alpha,
            source_quality: quality.unwrap_or(0),
            flags: InfoFlags { signed: c2pa::is_signed(&file), ..InfoFlags::default() },
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        cost::plan(job)
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        render::decode(&File::parse(input)?, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::run(job)
    }
}

squeezed_plugin_api::export_plugin!(Tiff);

#[cfg(test)]
mod tests;
