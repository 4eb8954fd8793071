//! Lossy encoding: from planes as they are stored, so that nothing is lost to colour conversion.

use squeezed_plugin_api::{Effort, Error, Job};

use crate::chroma;
use crate::codec::{self, Coefficients, ColorSpace, Planes, Poll, Recipe};
use crate::frame::Frame;
use crate::lossless::{self, Coded, Search, refused};
use crate::quality;

/// mozjpeg's lambdas: a little above its defaults of 14.75 and 16.5 is smaller at equal score.
const LAMBDAS: (f32, f32) = (15.25, 17.0);

/// Why a source cannot be encoded at a lower quality.
pub fn obstacle(frame: &Frame, color: ColorSpace) -> Option<&'static str> {
    let tables =
        |f: &Frame| f.components.iter().any(|c| Some(c.table) != f.components.first().map(|c| c.table));
    match color {
        ColorSpace::Other => Some("components of unknown meaning"),
        // XYB and the like: the components are not what RGB tables are made for.
        ColorSpace::Rgb if tables(frame) || frame.max_sampling() != (1, 1) => {
            Some("components that are not plain rgb")
        }
        _ => None,
    }
}

/// A codestream at one quality, not yet in its smallest scan order.
///
/// # Errors
/// `Stopped`, `UnsupportedFeature` where libjpeg cannot write it.
pub fn quantize(picture: &Planes, quality: u8, effort: Effort, poll: Poll<'_>) -> Result<Vec<u8>, Error> {
    let tables = quality::tables(quality).ok_or_else(|| Error::failed("no quantization tables"))?;
    let table_of: Vec<u8> = picture.color.chroma().iter().map(|chroma| u8::from(*chroma)).collect();
    let used = if table_of.contains(&1) { 2 } else { 1 };
    let recipe = Recipe {
        tables: tables.into_iter().take(used).collect(),
        table_of,
        trellis: effort != Effort::Fast,
        lambdas: LAMBDAS,
    };
    codec::encode(picture, &recipe, poll).map_err(refused)
}

/// Codes what [`quantize`] made in the smallest allowed scan order, which makes it a fixed point of the lossless search.
///
/// # Errors
/// `Stopped`, `UnsupportedFeature` where libjpeg cannot write it.
pub fn code(job: &Job<'_>, stream: &[u8], color: ColorSpace, poll: Poll<'_>) -> Result<Coded, Error> {
    let coefficients = Coefficients::read(stream, Some(color), poll).map_err(refused)?;
    lossless::smallest(job, &coefficients, job.options.progressive, Search::of(job.options.effort))
}

/// The planes of a codestream, chroma reduced where that serves.
///
/// # Errors
/// `BadImage`, `Stopped`.
pub fn planes(stream: &[u8], quality: u8, poll: Poll<'_>) -> Result<Planes, Error> {
    let picture = codec::planes(stream, poll).map_err(refused)?;
    Ok(chroma::reduce(picture, quality))
}
