//! The BMP plugin: the fewest bits and the smallest palette that hold the same pixels, in runs where they are shorter;
//! lossy by a palette.
//!
//! A job goes through `file` (taken apart), `picture` (pixels), `forms` with `rle` (the same pixels stored otherwise) and
//! `write` (put together); `optimize` leads it. Nothing here knows of sockets, threads or other formats.
//!
//! GPL-3.0-or-later, because imagequant is.
#![forbid(unsafe_code)]

mod cost;
mod file;
mod forms;
mod lossy;
mod metadata;
mod optimize;
mod picture;
mod rle;
mod write;

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Description, Error, Format, FrameSink, ImageInfo, InfoFlags, Job, Magic,
    MetadataItem, Optimizer, Plan, SampleKind,
};

use crate::file::{Coding, File};

/// The plugin.
pub struct Bmp;

squeezed_plugin_api::export_plugin!(Bmp);

impl Optimizer for Bmp {
    fn describe(&self) -> Description {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect();
        Description {
            id: "bmp".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "GPL-3.0-or-later".into(),
            codecs: "own RLE, imagequant 4.4.1".into(),
            formats: vec![Format {
                name: "bmp".into(),
                mime: "image/bmp".into(),
                extensions: names(&["bmp", "dib"]),
                // A header of less than 256 bytes: no text begins so.
                magic: vec![vec![Magic::at(0, b"BM"), Magic::at(15, &[0])]],
            }],
            capabilities: names(&["lossless", "lossy", "metadata"]),
            costs: cost::COSTS.cold(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let mut file = File::parse(input)?;
        if file.unsupported.is_none() {
            let length = match file.coding {
                Coding::Plain => file.pixels.len(),
                half => rle::length(file.pixels, half == Coding::Rle4),
            };
            // What is wrong with it is for `optimize` to tell.
            let _ = file.end_pixels(length);
            metadata::items(&file, items);
        }
        let alpha = file.has_alpha();
        Ok(ImageInfo {
            width: file.width,
            height: file.height,
            frames: 1,
            loop_count: 1,
            orientation: 1,
            color: ColorModel::Rgb,
            channels: if alpha { 4 } else { 3 },
            sample: SampleKind::U8,
            bits: 8,
            alpha: if alpha { AlphaKind::Straight } else { AlphaKind::None },
            source_quality: 0,
            flags: InfoFlags::default(),
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        optimize::check_options(job.options)?;
        Ok(cost::plan(job))
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        picture::decode(input, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::optimize(job)
    }
}

#[cfg(test)]
mod tests;
