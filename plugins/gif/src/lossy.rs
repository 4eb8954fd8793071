//! The lossy way: one palette of fewer colours for all frames, small changes left out, and strings of the encoder that
//! take a near colour for the right one. A file of so few colours has gone this way already.

use squeezed_plugin_api::{Candidate, Effort, Error, Stop};
use squeezed_plugin_common::trials::search_capped;
use squeezed_quantize::{Fit, fit};

use crate::canvas::{CLEAR, Pixel};
use crate::colours::Colours;
use crate::container::Container;
use crate::film::{Film, shapes};
use crate::frames::{Drawing, depth};
use crate::optimize::{Work, assemble, drawn};
use crate::palette::share;
use crate::reduce::{Reduction, near};

/// The most colours at a quality. A source with no more, all frames together, is at or below it already.
pub fn most_colours(quality: u8) -> u16 {
    (u16::from(quality) * 12 / 5).clamp(16, 240)
}

/// How far a pixel may be off, as a squared distance: for strings of the encoder and from frame to frame.
fn reach(quality: u8) -> u32 {
    let steps = u32::from(100 - quality.min(100)) * 3 / 5;
    steps * steps
}

/// About how many pixels the palette is made for.
const SAMPLE: usize = 600_000;

/// Offers the animation at `quality`, or in capped mode at the lowest above it that the cap allows. Gives the size of what
/// was offered.
///
/// # Errors
/// `Stopped`, or a failure of the codec.
pub fn offer(work: &Work<'_, '_>, quality: u8) -> Result<Option<u64>, Error> {
    let job = work.job;
    let colours = colours(work)?;
    let offer = |(bytes, count): &(Vec<u8>, usize), quality| -> Result<Option<u64>, Error> {
        let method = format!("quantized-{count}");
        work.offer(Candidate::lossy(bytes, &method, quality))?;
        Ok(Some(bytes.len() as u64))
    };
    if job.options.max_reduction.is_none() {
        return match reduced(work, &colours, quality)? {
            Some(made) => offer(&made, quality),
            None => Ok(None),
        };
    }
    let mut all: Vec<(u8, (Vec<u8>, usize))> = Vec::new();
    let found = search_capped(quality, job.floor(), |q| {
        let Some(made) = reduced(work, &colours, q)? else { return Ok(Vec::new()) };
        let bytes = made.0.clone();
        all.push((q, made));
        Ok(bytes)
    })?;
    let made = found.and_then(|(used, _)| all.iter().find(|m| m.0 == used));
    made.map_or(Ok(None), |(used, made)| offer(made, *used))
}

/// Every colour that is seen.
fn colours(work: &Work<'_, '_>) -> Result<Vec<Pixel>, Error> {
    let mut film = Film::new(work.c);
    let mut set = Colours::new();
    while let Some(canvas) = film.next()? {
        work.job.check()?;
        let mut last = CLEAR;
        for pixel in canvas {
            if *pixel != last && *pixel != CLEAR {
                set.insert(*pixel);
            }
            last = *pixel;
        }
    }
    Ok(set.take())
}

/// The file at a quality, and its colours; `None` where it is there already or cannot be had.
fn reduced(work: &Work<'_, '_>, colours: &[Pixel], quality: u8) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let (job, c) = (work.job, work.c);
    let most = most_colours(quality);
    if colours.len() <= usize::from(most) {
        return Ok(None);
    }
    let Some(palette) = palette(work, quality, most)? else { return Ok(None) };
    let count = palette.len();
    let reach = reach(quality);
    let reduction = Reduction::new(&palette, colours, reach);
    let Some(some) = shapes(job, c, Film::reduced(c, &reduction))? else { return Ok(None) };
    let palettes = share(&some);
    let near = near(&palettes.global, reach);
    let depth = depth(Effort::Fast);
    let drawing = Drawing { shapes: &some, palettes: &palettes, depth, variants: false, near };
    let first = assemble(job, c, &palettes, &drawing.draw(job, c, Film::reduced(c, &reduction))?);
    // What a second run would make of it, so that it finds nothing left to do.
    let made = Container::parse(&first).map_err(|e| Error::failed(e.message))?;
    let Some(some) = shapes(job, &made, Film::new(&made))? else { return Ok(None) };
    Ok(Some((drawn(job, &made, &some, job.options.effort)?, count)))
}

/// A palette for the whole animation, from some canvases of it one below the other.
fn palette(work: &Work<'_, '_>, quality: u8, most: u16) -> Result<Option<Vec<Pixel>>, Error> {
    let (job, c) = (work.job, work.c);
    let (width, height) = (usize::from(c.width), usize::from(c.height));
    // Bands of eight rows, as many as the sample holds, spread over all canvases.
    let bands = height.div_ceil(8) * c.frames.len();
    let step = (width * 8 * bands).div_ceil(SAMPLE).max(1);
    let mut pixels: Vec<[u8; 4]> = Vec::new();
    let mut film = Film::new(c);
    let mut band = 0usize;
    while let Some(canvas) = film.next()? {
        job.check()?;
        for rows in canvas.chunks(width * 8) {
            if band.is_multiple_of(step) {
                let rgba = |p: &Pixel| if *p == CLEAR { [0; 4] } else { (p << 8 | 0xff).to_be_bytes() };
                pixels.extend(rows.iter().map(rgba));
            }
            band += 1;
        }
    }
    let speed = match job.options.effort {
        Effort::Fast => 6,
        Effort::Balanced => 3,
        Effort::Best => 1,
    };
    let stop = || job.stopped();
    // Noise of dithering would be new in each frame.
    let wanted = Fit { quality, speed, max_colors: most, dithering: false, stop: &stop };
    let found = fit(&pixels, width, pixels.len() / width, &wanted).map_err(|e| match e {
        squeezed_quantize::Error::Stopped => Stop.into(),
        other => Error::failed(other.to_string()),
    })?;
    let opaque = |c: &[u8; 4]| (c[3] >= 128).then(|| u32::from_be_bytes([0, c[0], c[1], c[2]]));
    let mut palette: Vec<Pixel> = found.iter().flat_map(|p| &p.colors).filter_map(opaque).collect();
    palette.sort_unstable();
    palette.dedup();
    Ok((!palette.is_empty()).then_some(palette))
}
