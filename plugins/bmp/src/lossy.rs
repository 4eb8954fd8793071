//! The lossy way: a palette, in runs where they win. A picture of at most 256 colours has gone this way already.

use squeezed_plugin_api::{Effort, Error, Stop};
use squeezed_plugin_common::trials::search_capped;
use squeezed_quantize::{Fit, fit};

use crate::forms::{Indexed, smallest};
use crate::optimize::Work;
use crate::write::{self, Body};

/// Offers the picture in a palette at `quality`, or in capped mode at the lowest above it that the cap allows.
///
/// # Errors
/// `Stopped`, or a failure of the codec.
pub fn offer(work: &Work<'_, '_>, quality: u8) -> Result<(), Error> {
    let file = work.picture.file;
    let mut pixels = Vec::with_capacity(file.width as usize * file.height as usize);
    let mut row = vec![0; file.width as usize];
    for y in 0..file.height {
        work.row(y, &mut row)?;
        pixels.extend(row.iter().map(|p| p.rotate_left(8).to_be_bytes()));
    }
    if work.job.options.max_reduction.is_none() {
        let Some(body) = body(work, &pixels, quality)? else { return Ok(()) };
        return work.propose(&body, Some(quality));
    }
    let mut bodies: Vec<(u8, Body)> = Vec::new();
    let found = search_capped(quality, work.job.floor(), |q| {
        let Some(body) = body(work, &pixels, q)? else { return Ok(Vec::new()) };
        let bytes = write::with(file, work.job.options.metadata, &body).unwrap_or_default();
        bodies.push((q, body));
        Ok(bytes)
    })?;
    let Some((used, _)) = found else { return Ok(()) };
    let Some((_, body)) = bodies.iter().find(|b| b.0 == used) else { return Ok(()) };
    work.propose(body, Some(used))
}

fn body(work: &Work<'_, '_>, pixels: &[[u8; 4]], quality: u8) -> Result<Option<Body>, Error> {
    let file = work.picture.file;
    let speed = match work.job.options.effort {
        Effort::Fast => 6,
        Effort::Balanced => 3,
        Effort::Best => 1,
    };
    let stop = || work.job.stopped();
    let wanted = Fit { quality, speed, max_colors: 256, dithering: true, stop: &stop };
    let found = fit(pixels, file.width as usize, file.height as usize, &wanted).map_err(|e| match e {
        squeezed_quantize::Error::Stopped => Stop.into(),
        other => Error::failed(other.to_string()),
    })?;
    let Some(made) = found else { return Ok(None) };
    let palette = made.colors.iter().map(|[r, g, b, _]| u32::from_be_bytes([255, *r, *g, *b])).collect();
    smallest(work.job, &Indexed { palette, indices: made.indices }, file.width).map(Some)
}
