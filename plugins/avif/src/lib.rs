//! The AVIF plugin: stills, grids, alpha and sequences of AV1 pictures, and the container around them.
//!
//! `docs/formats/avif.md` says what is tried, what is kept and what counts as damage.

mod av1;
mod codec;
mod decode;
mod grid;
mod inspect;
mod lossy;
mod optimize;
mod quality;
mod recode;
mod render;
mod sequence;
mod show;
mod still;
mod track;

use squeezed_plugin_api::{
    Description, Error, Format, FrameSink, ImageInfo, Job, Magic, MetadataItem, Optimizer, Plan,
    export_plugin,
};

/// The plugin.
pub struct Avif;

export_plugin!(Avif);

impl Optimizer for Avif {
    fn describe(&self) -> Description {
        Description {
            id: "avif".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "(MIT OR Apache-2.0) AND BSD-2-Clause".into(),
            codecs: codec::versions(),
            formats: vec![Format {
                name: "avif".into(),
                mime: "image/avif".into(),
                extensions: vec!["avif".into(), "avifs".into()],
                magic: magic(),
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
        decode::decode(input, sink)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        optimize::optimize(job)
    }
}

/// Files that say first that they are AVIF, and those that first name a structure without a codec and AVIF after that.
fn magic() -> Vec<Vec<Magic>> {
    let ftyp = || Magic::at(4, b"ftyp");
    let mut all: Vec<_> = [b"avif", b"avis"].map(|brand| vec![ftyp(), Magic::at(8, brand)]).into();
    for major in [b"mif1", b"msf1", b"miaf"] {
        for brand in [b"avif", b"avis"] {
            all.extend((0..8).map(|i| vec![ftyp(), Magic::at(8, major), Magic::at(16 + 4 * i, brand)]));
        }
    }
    all
}

#[cfg(test)]
mod tests;
