//! One job from input to offers: what may be done with this file, in which order, and how a candidate is put together.

use squeezed_plugin_api::{
    Candidate, Effort, Error, ErrorCode, Job, Metadata, MetadataItem, Mode, Options, Verdict,
};
use squeezed_plugin_common::labels::{self, Labels};

use crate::canvas::CLEAR;
use crate::container::Container;
use crate::film::{Film, Shape, disagreement, shapes};
use crate::frames::{Drawing, as_it_is, depth, recoded, verify};
use crate::palette::{Palettes, share};
use crate::write::{Written, entries, write};
use crate::{lossy, metadata};

/// Checks what was asked for.
///
/// # Errors
/// `BadOption`.
pub fn check_options(options: &Options) -> Result<(), Error> {
    if let Some((key, _)) = options.extra.first() {
        return Err(Error::new(ErrorCode::BadOption, format!("gif knows no option {key:?}")));
    }
    if matches!(options.mode, Mode::Target(_)) {
        let text = "gif cannot search for a target score yet, ask for a quality";
        return Err(Error::new(ErrorCode::BadOption, text));
    }
    Ok(())
}

/// A job with what its candidates share.
pub struct Work<'w, 'a> {
    /// The job.
    pub job: &'w Job<'w>,
    /// The input, taken apart.
    pub c: &'w Container<'a>,
    labels: Labels,
}

/// Runs the job.
///
/// # Errors
/// As [`squeezed_plugin_api::Optimizer::optimize`].
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    check_options(job.options)?;
    let c = Container::parse(job.input)?;
    c.check_limits(&job.options.limits)?;
    let (bytes, most) = (metadata::bytes(&c), job.options.limits.metadata_bytes);
    if bytes > most {
        return Err(Error::too_large(format!(
            "{bytes} bytes of metadata are above limits.metadata_bytes ({most})"
        )));
    }
    let mut items: Vec<MetadataItem> = Vec::new();
    metadata::items(&c, &mut |i| items.push(i));
    let work = Work { job, c: &c, labels: labels::split(&items, job.options.metadata) };
    let clear = disagreement(&c).is_none();
    let shapes = if clear { shapes(job, &c, Film::new(&c))? } else { None };
    if shapes.is_none() {
        verify(job, &c)?;
    }
    work.kept_structure(&c.frames.iter().map(as_it_is).collect::<Vec<_>>(), "container")?;
    let effort = job.options.effort;
    let method = if c.frames.len() == 1 { "lzw" } else { "differences" };
    let lossless = |effort| -> Result<(), Error> {
        if let Some(shapes) = &shapes {
            work.offer(Candidate::lossless(&drawn(job, &c, shapes, effort)?, method))?;
        }
        if shapes.is_none() || effort == Effort::Best && c.frames.len() > 1 {
            work.kept_structure(&recoded(job, &c)?, "recoded")?;
        }
        Ok(())
    };
    match (job.options.quality(), &shapes) {
        (Some(quality), Some(_)) if job.options.max_reduction.is_some() => {
            // The cap is measured against the best lossless result, so that comes first.
            lossless(effort)?;
            lossy::offer(&work, quality)?;
        }
        (Some(quality), Some(_)) => {
            // A quick lossless bound is enough where fewer colours are far below it.
            lossless(Effort::Fast)?;
            let bound = job.bytes_to_beat(true);
            let size = lossy::offer(&work, quality)?;
            if size.is_none_or(|size| size > bound / 10 * 8) && effort != Effort::Fast {
                lossless(effort)?;
            }
        }
        _ => lossless(effort)?,
    }
    job.progress(1000);
    Ok(())
}

/// The whole file with every frame drawn anew.
///
/// # Errors
/// `Stopped`.
pub fn drawn(job: &Job<'_>, c: &Container<'_>, shapes: &[Shape], effort: Effort) -> Result<Vec<u8>, Error> {
    let mut palettes = share(shapes);
    palettes.keep_unused(shapes, (0..c.frames.len()).filter(|i| c.frames[*i].transparent().is_some()));
    let drawing = Drawing {
        shapes,
        palettes: &palettes,
        depth: depth(effort),
        variants: effort != Effort::Fast,
        near: Vec::new(),
    };
    let frames = drawing.draw(job, c, Film::new(c))?;
    Ok(assemble(job, c, &palettes, &frames))
}

/// The file with frames that were drawn anew. Where a transparent index is global, it is the background too: some
/// readers fill with that colour what others leave transparent.
pub fn assemble(job: &Job<'_>, c: &Container<'_>, palettes: &Palettes, frames: &[Written<'_>]) -> Vec<u8> {
    let background = if palettes.global.first() == Some(&CLEAR) { 0 } else { c.background };
    let global = if palettes.global.is_empty() { Vec::new() } else { entries(&palettes.global) };
    write(c, job.options.metadata, &global, background, frames)
}

impl Work<'_, '_> {
    /// Offers frames under the source's own palette and background.
    fn kept_structure(&self, frames: &[Written<'_>], method: &str) -> Result<(), Error> {
        let bytes = write(self.c, self.job.options.metadata, self.c.palette, self.c.background, frames);
        self.offer(Candidate::lossless(&bytes, method))?;
        Ok(())
    }

    /// Offers a candidate with the labels of this job.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn offer(&self, candidate: Candidate<'_>) -> Result<Option<Verdict>, Error> {
        let cleans = self.job.options.metadata == Metadata::Display && !self.labels.dropped.is_empty();
        if candidate.lossless && !cleans && candidate.bytes.len() as u64 >= self.job.bytes_to_beat(true) {
            return Ok(None);
        }
        Ok(Some(self.job.offer(&candidate.with_metadata(&self.labels.kept, &self.labels.dropped))?))
    }
}
