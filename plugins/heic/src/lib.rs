//! The HEIC plugin: stills, grids and sequences coded as HEVC, and the container around them.
//!
//! `docs/formats/heic.md` says what is tried, what is kept and what counts as damage.

mod bits;
mod codec;
mod decode;
mod hevc;
mod inspect;
mod integrity;
mod lossy;
mod optimize;
mod quality;
mod sink;

use squeezed_plugin_api::{
    Description, Error, Format, FrameSink, ImageInfo, Job, Magic, MetadataItem, Optimizer, Plan,
    export_plugin,
};

/// The plugin.
pub struct Heic;

export_plugin!(Heic);

/// Brands that are HEVC by themselves.
const BRANDS: [&[u8; 4]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];

/// Brands of any codec: with them a file is HEIC where one of [`BRANDS`] is among the first that it is compatible with.
const GENERIC: [&[u8; 4]; 3] = [b"mif1", b"mif2", b"msf1"];

/// How many compatible brands are looked at.
const SLOTS: u32 = 8;

fn magic() -> Vec<Vec<Magic>> {
    let ftyp = || Magic::at(4, b"ftyp");
    let mut sets: Vec<Vec<Magic>> = BRANDS.iter().map(|b| vec![ftyp(), Magic::at(8, *b)]).collect();
    for generic in GENERIC {
        for brand in BRANDS {
            for slot in 0..SLOTS {
                sets.push(vec![ftyp(), Magic::at(8, generic), Magic::at(16 + 4 * slot, brand)]);
            }
        }
    }
    sets
}

impl Optimizer for Heic {
    fn describe(&self) -> Description {
        Description {
            id: "heic".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "GPL-3.0-or-later".into(),
            codecs: codec::versions(),
            formats: vec![Format {
                name: "heic".into(),
                mime: "image/heic".into(),
                extensions: ["heic", "heif", "hif", "heics", "heifs"].map(String::from).to_vec(),
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

#[cfg(test)]
mod tests;
