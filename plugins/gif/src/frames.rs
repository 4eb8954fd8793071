//! Draws frames again: the same indices in fewer codes, or differences between canvases in shared palettes.

use std::borrow::Cow;

use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::canvas::{CLEAR, Pixel, indices};
use crate::colours::Lookup;
use crate::container::{Container, Control, Disposal, Frame};
use crate::film::{Film, Shape, Step, leave};
use crate::lzw::{self, Choice, Depth};
use crate::palette::{self, Palettes, bits};
use crate::write::{Written, entries, place};

/// How much each effort tries.
pub fn depth(effort: Effort) -> Depth {
    match effort {
        Effort::Fast => Depth { clears: 1, patience: 2, ahead: 0, thorough: false },
        Effort::Balanced => Depth { clears: 3, patience: 6, ahead: 4, thorough: false },
        Effort::Best => Depth { clears: 6, patience: 18, ahead: 12, thorough: true },
    }
}

/// A frame as the source has it.
pub fn as_it_is<'a>(frame: &Frame<'a>) -> Written<'a> {
    Written {
        place: [frame.x, frame.y, frame.width, frame.height],
        interlaced: frame.interlaced,
        control: frame.control,
        palette: frame.palette.map(Cow::Borrowed),
        min_code: frame.min_code,
        data: Cow::Borrowed(frame.data),
    }
}

/// Every frame with the same indices, not interlaced, in fewer codes. Nothing a reader shows can depend on it.
///
/// # Errors
/// `BadImage` for damage, `Stopped`.
pub fn recoded<'a>(job: &Job<'_>, c: &Container<'a>) -> Result<Vec<Written<'a>>, Error> {
    let depth = depth(job.options.effort);
    let made = trials::run(job, c.frames.len(), |i| {
        let Some(frame) = c.frames.get(i) else { return Ok(None) };
        let mut pixels = Vec::new();
        indices(frame, &mut pixels)?;
        let min_code = min_code(pixels.iter().copied().max().unwrap_or(0));
        let choice = Choice { pixels: &pixels, free: None, near: &[] };
        let data = lzw::encode(&choice, min_code, depth, &|| Ok(job.check()?))?;
        let shorter = frame.interlaced || data.len() < frame.data.len();
        let new = Written { interlaced: false, min_code, data: Cow::Owned(data), ..as_it_is(frame) };
        Ok(Some(if shorter { new } else { as_it_is(frame) }))
    })?;
    Ok(made.into_iter().flatten().collect())
}

fn min_code(highest: u8) -> u8 {
    bits(usize::from(highest) + 1).max(2)
}

/// Everything that the frames of a result share.
pub struct Drawing<'d> {
    /// Their shapes.
    pub shapes: &'d [Shape],
    /// Their palettes.
    pub palettes: &'d Palettes,
    /// How much is tried.
    pub depth: Depth,
    /// Whether other ways to use the palette are tried too.
    pub variants: bool,
    /// For each index of the global palette those that may stand for it; empty where nothing may be lost.
    pub near: Vec<Vec<u8>>,
}

impl Drawing<'_> {
    /// Draws every frame as a difference.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn draw<'a>(
        &self,
        job: &Job<'_>,
        c: &Container<'a>,
        mut film: Film<'_, '_>,
    ) -> Result<Vec<Written<'a>>, Error> {
        let width = usize::from(c.width);
        let mut base = vec![CLEAR; width * usize::from(c.height)];
        let mut out = Vec::with_capacity(c.frames.len());
        for (i, shape) in self.shapes.iter().enumerate() {
            job.check()?;
            let Some(canvas) = film.next()? else { break };
            let local = self.palettes.local.get(i).and_then(Option::as_ref);
            let step = Step { base: &base, canvas };
            out.push(self.frame(job, c, i, shape, local, &step)?);
            leave(&mut base, canvas, width, shape);
            job.progress((1000 * (i + 1) / c.frames.len()) as u32);
        }
        Ok(out)
    }

    fn frame<'a>(
        &self,
        job: &Job<'_>,
        c: &Container<'a>,
        number: usize,
        shape: &Shape,
        local: Option<&Vec<Pixel>>,
        step: &Step<'_>,
    ) -> Result<Written<'a>, Error> {
        let width = usize::from(c.width);
        let frame = c.frames.get(number).ok_or_else(|| Error::failed("a frame is not there"))?;
        let palette = local.unwrap_or(&self.palettes.global);
        let mut ways = vec![Way::new(palette, shape, step, width, true, local.is_some())];
        if self.variants {
            let full = ways.first().map_or(8, |w| w.min_code);
            let plain = Way::new(palette, shape, step, width, false, local.is_some());
            if plain.min_code < full || ways.first().is_some_and(|w| w.free.iter().any(|f| *f)) {
                ways.push(plain);
            }
            let own = palette::own(shape);
            let marked = self.palettes.unused.is_some_and(|u| u.0 == number);
            if local.is_none()
                && !marked
                && self.near.is_empty()
                && min_code((own.len() - 1).min(255) as u8) < full
            {
                ways.push(Way::new(&own, shape, step, width, true, true));
            }
        }
        let coded = trials::run(job, ways.len(), |i| match ways.get(i) {
            Some(way) => way.encode(&self.near, self.depth, &|| Ok(job.check()?)).map(Some),
            None => Ok(None),
        })?;
        let size = |(way, data): &(&Way, Vec<u8>)| data.len() + way.palette.as_ref().map_or(0, Vec::len);
        let best = ways.iter().zip(coded).filter_map(|(w, d)| Some((w, d?))).min_by_key(size);
        let (way, data) = best.ok_or_else(|| Error::failed("a frame was not drawn"))?;
        Ok(Written {
            place: place(shape.area),
            interlaced: false,
            control: control(c, frame, shape, self.palettes.unused.filter(|u| u.0 == number).map(|u| u.1)),
            palette: way.palette.clone().map(Cow::Owned),
            min_code: way.min_code,
            data: Cow::Owned(data),
        })
    }
}

/// The control extension of a frame; `None` where it would say nothing. `unused` is a transparent index that no pixel has.
fn control(c: &Container<'_>, frame: &Frame<'_>, shape: &Shape, unused: Option<u8>) -> Option<Control> {
    let disposal = match shape.disposal {
        Disposal::Keep => 0,
        Disposal::Clear => 2,
        Disposal::Restore => 3,
    };
    let input = frame.control.map_or(0, |c| c.packed & 2);
    let packed = disposal << 2 | input | u8::from(shape.transparent || unused.is_some());
    let says = packed != 0 || frame.delay() != 0 || frame.control.is_some() && c.frames.len() > 1;
    says.then_some(Control { packed, delay: frame.delay(), index: unused.unwrap_or(0) })
}

/// One way to write a frame in a palette.
struct Way {
    /// Written with the frame; `None` for the global one.
    palette: Option<Vec<u8>>,
    pixels: Vec<u8>,
    free: Vec<bool>,
    min_code: u8,
}

impl Way {
    /// `coloured`: pixels that need not be drawn have their colour's index, where there is one, as the other choice.
    fn new(
        palette: &[Pixel],
        shape: &Shape,
        step: &Step<'_>,
        width: usize,
        coloured: bool,
        local: bool,
    ) -> Self {
        let lookup = Lookup::new(palette);
        let mut pixels = Vec::with_capacity(shape.area.pixels());
        let mut free = Vec::with_capacity(shape.area.pixels());
        let mut last = (CLEAR, 0, true);
        let mut highest = 0;
        for row in shape.area.rows(width) {
            for (base, canvas) in step.base[row.clone()].iter().zip(&step.canvas[row]) {
                let same = base == canvas;
                if (last.0, last.2) != (*canvas, same) {
                    let found = lookup.find(*canvas).filter(|_| coloured || !same || !shape.transparent);
                    last = (*canvas, found.unwrap_or(0), same);
                }
                let is_free = same && shape.transparent && *canvas != CLEAR && last.1 != 0;
                highest = highest.max(last.1);
                pixels.push(last.1);
                free.push(is_free);
            }
        }
        let palette = local.then(|| entries(palette));
        Self { palette, pixels, free, min_code: min_code(highest) }
    }

    fn encode(
        &self,
        near: &[Vec<u8>],
        depth: Depth,
        check: &dyn Fn() -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let free = self.free.iter().any(|f| *f).then_some((&self.free[..], 0));
        lzw::encode(&Choice { pixels: &self.pixels, free, near }, self.min_code, depth, check)
    }
}

/// Decodes everything and keeps nothing: finds damage.
///
/// # Errors
/// `BadImage` for damage, `Stopped`.
pub fn verify(job: &Job<'_>, c: &Container<'_>) -> Result<(), Error> {
    let mut pixels = Vec::new();
    for frame in &c.frames {
        job.check()?;
        indices(frame, &mut pixels)?;
    }
    Ok(())
}
