//! The lossy way: a palette of at most 256 colours, then the lossless search over it. Decides when a palette is a loss
//! that was asked for and when the source already is one.

use std::collections::HashSet;

use squeezed_plugin_api::{Candidate, Effort, Error};
use squeezed_plugin_common::trials::search_capped;
use squeezed_quantize::{Palette, Settings};

use crate::header::{Color, Header};
use crate::optimize::Work;
use crate::picture::{Picture, plain_rows};
use crate::shrink::{Allow, shrink};

/// Offers the picture in a palette at `quality`, or in capped mode at the lowest quality above it that the cap allows.
///
/// # Errors
/// `Stopped`, or a failure of the codec.
pub fn offer(work: &Work<'_>, source: &Picture, quality: u8) -> Result<(), Error> {
    let header = source.header;
    let grey_profile = header.color.is_grey() && work.file.has(*b"iCCP");
    if header.depth == 16 || header.color == Color::Indexed || grey_profile || !work.allow().reduce {
        return Ok(());
    }
    work.job.check()?;
    let Some(pixels) = source.decode()?.to_rgba() else { return Ok(()) };
    if !more_colors_than_a_palette(&pixels) {
        return Ok(());
    }
    let encode = |quality: u8| encode(work, header, &pixels, quality);
    if work.job.options.max_reduction.is_none() {
        return match encode(quality)? {
            Some((bytes, method)) => work.propose(Candidate::lossy(&bytes, &method, quality)).map(drop),
            None => Ok(()),
        };
    }
    let mut method = String::new();
    let found = search_capped(quality, work.job.floor(), |q| {
        let (bytes, name) = encode(q)?.unwrap_or_default();
        method = name;
        Ok(bytes)
    })?;
    if let Some((used, bytes)) = found {
        let method = encode(used)?.map_or(method, |e| e.1);
        work.propose(Candidate::lossy(&bytes, &method, used))?;
    }
    Ok(())
}

/// A source of at most 256 colours is quantized already: what a palette could lose there, one has lost.
fn more_colors_than_a_palette(pixels: &[[u8; 4]]) -> bool {
    let mut seen = HashSet::with_capacity(512);
    let mut last = None;
    for pixel in pixels {
        if last == Some(*pixel) {
            continue;
        }
        last = Some(*pixel);
        if seen.insert(*pixel) && seen.len() > 256 {
            return true;
        }
    }
    false
}

/// The whole file at a quality with its method; `None` where the quality cannot be had in a palette.
fn encode(
    work: &Work<'_>,
    header: Header,
    pixels: &[[u8; 4]],
    quality: u8,
) -> Result<Option<(Vec<u8>, String)>, Error> {
    work.job.check()?;
    let settings = settings(quality, work.job.options.effort);
    let made =
        match squeezed_quantize::palette(pixels, header.width as usize, header.height as usize, &settings) {
            Ok(made) => made,
            Err(squeezed_quantize::Error::BelowFloor) => return Ok(None),
            Err(error) => return Err(Error::failed(error.to_string())),
        };
    let method = format!("palette-{}", made.colors.len());
    let picture = indexed(header, &made);
    let allow = Allow { interlace: false, ..work.allow() };
    let best = shrink(work.job, &picture, allow, &mut |_| Ok(()))?;
    Ok(work.assemble(&best).map(|bytes| (bytes, method)))
}

fn settings(quality: u8, effort: Effort) -> Settings {
    let speed = match effort {
        Effort::Fast => 6,
        Effort::Balanced => 3,
        Effort::Best => 1,
    };
    Settings { quality, floor: 0, speed, dithering: 0.5, max_colors: 256 }
}

fn indexed(header: Header, made: &Palette) -> Picture {
    let header = Header { color: Color::Indexed, depth: 8, interlaced: false, ..header };
    let palette: Vec<u8> = made.colors.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    let last = made.colors.iter().rposition(|c| c[3] != 255);
    let transparency = made.colors.iter().take(last.map_or(0, |i| i + 1)).map(|c| c[3]).collect();
    Picture { header, palette, transparency, data: plain_rows(&made.indices, header) }
}
