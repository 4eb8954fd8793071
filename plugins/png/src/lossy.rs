//! The lossy way: a palette of at most 256 colours, then the lossless search over it. Decides when a palette is a loss
//! that was asked for and when the source already is one.

use std::collections::HashSet;

use squeezed_plugin_api::{Candidate, Effort, Error, Stop};
use squeezed_plugin_common::trials;
use squeezed_quantize::{
    FAR_OFF, LIGHT_DITHERING, Palette, STRONG_DITHERING, Settings, allowed_error, targets,
};

use crate::header::{Color, Header};
use crate::optimize::Work;
use crate::picture::{Picture, plain_rows};
use crate::sample;
use crate::shrink::{Allow, shrink};

/// The pixels of a picture that may lose something in a palette; `None` for others.
///
/// # Errors
/// `BadImage` where picture data is damaged.
pub fn pixels(work: &Work<'_>, source: &Picture) -> Result<Option<Vec<[u8; 4]>>, Error> {
    let header = source.header;
    let grey_profile = header.color.is_grey() && work.file.has(*b"iCCP");
    if header.depth == 16 || header.color == Color::Indexed || grey_profile || !work.allow().reduce {
        return Ok(None);
    }
    let pixels = source.decode()?.to_rgba();
    Ok(pixels.filter(|pixels| more_colors_than_a_palette(pixels)))
}

/// The picture in a palette at `quality`; `None` where that cannot be had.
///
/// # Errors
/// `Stopped`, `BadImage`, or a failure of the codec.
pub fn draw(work: &Work<'_>, source: &Picture, quality: u8) -> Result<Option<Palette>, Error> {
    work.job.check()?;
    let Some(pixels) = pixels(work, source)? else { return Ok(None) };
    palette(work, source.header, &pixels, quality)
}

/// Offers what was drawn; gives its size.
///
/// # Errors
/// `Stopped`, or a failure of the codec.
pub fn offer(work: &Work<'_>, header: Header, drawn: &Palette, quality: u8) -> Result<Option<usize>, Error> {
    let Some((bytes, method)) = encode(work, header, drawn)? else { return Ok(None) };
    work.propose(Candidate::lossy(&bytes, &method, quality))?;
    Ok(Some(bytes.len()))
}

/// Offers the picture at the lowest quality, `asked` or above, that the cap allows.
///
/// # Errors
/// `Stopped`, or a failure of the codec.
pub fn offer_capped(work: &Work<'_>, source: &Picture, asked: u8) -> Result<(), Error> {
    let Some(pixels) = pixels(work, source)? else { return Ok(()) };
    // A quality that cannot be had in a palette is too small for any cap.
    let found = trials::search_capped_on(work.job, asked, work.job.floor(), |quality| {
        let drawn = palette(work, source.header, &pixels, quality)?;
        let made = drawn.map(|drawn| encode(work, source.header, &drawn)).transpose()?.flatten();
        Ok((made.as_ref().map_or(0, |(bytes, _)| bytes.len() as u64), made))
    })?;
    if let Some((used, Some((bytes, method)))) = found {
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

/// The whole file with its method; `None` where a chunk cannot be written for it.
fn encode(work: &Work<'_>, header: Header, made: &Palette) -> Result<Option<(Vec<u8>, String)>, Error> {
    let method = format!("palette-{}", made.colors.len());
    let picture = indexed(header, made);
    let allow = Allow { interlace: false, ..work.allow() };
    let effort = work.job.options.effort;
    let best = shrink(work.job, &picture, allow, effort, &mut |_| Ok(()))?;
    let mut bytes = work.assemble(&best);
    if bytes.is_none() {
        // No room for the background's colour at the reduced depth; at eight bits there is.
        let best = shrink(work.job, &picture, Allow { reduce: false, ..allow }, effort, &mut |_| Ok(()))?;
        bytes = work.assemble(&best);
    }
    Ok(bytes.map(|bytes| (bytes, method)))
}

/// The palette with the fewest colours whose visible error is within what `quality` allows. Where no palette is, the
/// best with more dithering; `None` where even that is far off.
fn palette(
    work: &Work<'_>,
    header: Header,
    pixels: &[[u8; 4]],
    quality: u8,
) -> Result<Option<Palette>, Error> {
    let (width, height) = (header.width as usize, header.height as usize);
    let allowed = allowed_error(quality);
    let mut targets: Vec<u8> = targets(quality).collect();
    if let Some(bands) = sample::places(height, SAMPLE / width.max(1)) {
        // Which target it will be is told from a part; the whole is then judged by itself.
        let bands = bands.filter_map(|rows| pixels.get(rows.start * width..rows.end * width));
        let part: Vec<[u8; 4]> = bands.flatten().copied().collect();
        let first = search(work, &part, width, allowed, &targets)?.map_or(targets.len(), |found| found.0);
        targets.drain(..first);
    }
    if let Some((_, made)) = search(work, pixels, width, allowed, &targets)? {
        return Ok(Some(made));
    }
    work.job.check()?;
    let (made, error) = make(work, pixels, width, 100, STRONG_DITHERING)?;
    Ok((error <= allowed * FAR_OFF).then_some(made))
}

/// Pixels above which targets are tried over bands first, and about how many those have.
const SAMPLE: usize = 200_000;

/// The first target whose palette is within the allowed error, by its place, with the palette.
fn search(
    work: &Work<'_>,
    pixels: &[[u8; 4]],
    width: usize,
    allowed: f64,
    targets: &[u8],
) -> Result<Option<(usize, Palette)>, Error> {
    // For few pixels the next target is tried beside one that may do already. For many, bands have told which will do.
    let ahead = if pixels.len() > 2 * SAMPLE { 1 } else { trials::threads(work.job).min(2) };
    let mut at = 0;
    for some in targets.chunks(ahead) {
        // What fails ahead counts only where the search comes to it.
        let made = |i: usize| {
            let made = some.get(i).map(|target| make(work, pixels, width, *target, LIGHT_DITHERING));
            Ok::<_, Error>(made)
        };
        for made in trials::run(work.job, some.len(), made)?.into_iter().flatten() {
            let (made, error) = made?;
            if error <= allowed {
                return Ok(Some((at, made)));
            }
            if made.colors.len() >= usize::from(max_colors(work)) {
                return Ok(None);
            }
            at += 1;
        }
    }
    Ok(None)
}

/// A palette and its visible error.
fn make(
    work: &Work<'_>,
    pixels: &[[u8; 4]],
    width: usize,
    quality: u8,
    dithering: f32,
) -> Result<(Palette, f64), Error> {
    let (speed, max_colors) = (speed(work.job.options.effort), max_colors(work));
    let settings = Settings { quality, floor: 0, speed, dithering, max_colors };
    let height = pixels.len() / width.max(1);
    let stop = || work.job.stopped();
    let made = squeezed_quantize::palette_unless(pixels, width, height, &settings, &stop);
    let made = made.map_err(|e| match e {
        squeezed_quantize::Error::Stopped => Stop.into(),
        other => Error::failed(other.to_string()),
    })?;
    let error = squeezed_quantize::error_of(&made, pixels, width);
    Ok((made, error))
}

fn max_colors(work: &Work<'_>) -> u16 {
    if work.has_background() { 255 } else { 256 }
}

fn speed(effort: Effort) -> u8 {
    match effort {
        Effort::Fast => 6,
        Effort::Balanced => 3,
        Effort::Best => 1,
    }
}

fn indexed(header: Header, made: &Palette) -> Picture {
    let header = Header { color: Color::Indexed, depth: 8, interlaced: false, ..header };
    let palette: Vec<u8> = made.colors.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    let last = made.colors.iter().rposition(|c| c[3] != 255);
    let transparency = made.colors.iter().take(last.map_or(0, |i| i + 1)).map(|c| c[3]).collect();
    Picture { header, palette, transparency, data: plain_rows(&made.indices, header) }
}
