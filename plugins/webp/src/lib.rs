//! The WebP plugin: lossless (VP8L), lossy (VP8), alpha, animations, and the RIFF container around them.
//!
//! `docs/formats/webp.md` says what is tried, what is kept and what counts as damage.

mod animation;
mod codec;
mod container;
mod encoded;
mod fidelity;
mod inspect;
mod lossless;
mod lossy;
mod metadata;
mod optimize;
mod quality;
mod riff;
mod vp8;
mod vp8l;
mod write;

use squeezed_plugin_api::{
    Description, Error, Format, FrameSink, ImageInfo, Job, Magic, MetadataItem, Optimizer, Plan,
    export_plugin,
};

/// The plugin.
pub struct WebP;

export_plugin!(WebP);

impl Optimizer for WebP {
    fn describe(&self) -> Description {
        Description {
            id: "webp".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "(MIT OR Apache-2.0) AND BSD-3-Clause".into(),
            codecs: format!("libwebp {}", codec::version()),
            formats: vec![Format {
                name: "webp".into(),
                mime: "image/webp".into(),
                extensions: vec!["webp".into()],
                magic: vec![vec![Magic::at(0, b"RIFF"), Magic::at(8, b"WEBP")]],
            }],
            capabilities: ["lossless", "lossy", "animation", "metadata"].map(String::from).to_vec(),
            costs: optimize::COSTS.cold(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        inspect::inspect(input, items)
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        optimize::plan(job)
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        animation::decode(input, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::optimize(job)
    }
}

#[cfg(test)]
mod tests;
