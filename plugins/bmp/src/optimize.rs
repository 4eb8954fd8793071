//! One job from input to offers: what may be done with this file, and in which order.

use squeezed_plugin_api::{Candidate, Error, ErrorCode, Job, Metadata, MetadataItem, Mode, Options, Verdict};
use squeezed_plugin_common::labels::{self, Labels};

use crate::file::File;
use crate::forms::{Collector, Indexed, index, smallest, truecolour};
use crate::picture::{Picture, runs};
use crate::{lossy, metadata, write};

/// Checks what was asked for.
///
/// # Errors
/// `BadOption`.
pub fn check_options(options: &Options) -> Result<(), Error> {
    if let Some((key, _)) = options.extra.first() {
        return Err(Error::new(ErrorCode::BadOption, format!("bmp knows no option {key:?}")));
    }
    if matches!(options.mode, Mode::Target(_)) {
        let text = "bmp cannot search for a target score yet, ask for a quality";
        return Err(Error::new(ErrorCode::BadOption, text));
    }
    Ok(())
}

/// A job with what its candidates share.
pub struct Work<'w, 'a> {
    /// The job.
    pub job: &'w Job<'w>,
    /// The source's pixels.
    pub picture: &'w Picture<'w, 'a>,
    labels: Labels,
}

/// Runs the job.
///
/// # Errors
/// As [`squeezed_plugin_api::Optimizer::optimize`].
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    check_options(job.options)?;
    let mut file = File::parse(job.input)?;
    file.check_limits(&job.options.limits)?;
    let runs = runs(&mut file)?;
    let picture = Picture::new(&file, runs);
    let policy = job.options.metadata;
    let mut items: Vec<MetadataItem> = Vec::new();
    metadata::items(&file, &mut |i| items.push(i));
    let work = Work { job, picture: &picture, labels: labels::split(&items, policy) };
    if let Some(bytes) = write::as_it_is(&file, policy) {
        work.offer(Candidate::lossless(&bytes, "container"))?;
    }
    if let Some(why) = picture.fixed {
        return if why == "alpha" { Ok(()) } else { Err(Error::unsupported(why)) };
    }
    if policy == Metadata::All && !file.suggested().is_empty() {
        // A palette cannot be two things at once.
        return Ok(());
    }
    let found = if file.is_exact() { work.lossless()? } else { None };
    job.progress(300);
    let (Some(quality), None) = (job.options.quality(), found) else { return Ok(()) };
    lossy::offer(&work, quality)?;
    job.progress(1000);
    Ok(())
}

impl Work<'_, '_> {
    /// Row `y` of the source, opaque.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn row(&self, y: u32, row: &mut [u32]) -> Result<(), Error> {
        if y.is_multiple_of(64) {
            self.job.check()?;
        }
        self.picture.row(y, row);
        row.iter_mut().for_each(|p| *p |= 0xff00_0000);
        Ok(())
    }

    /// Offers the smallest form with the same pixels. Gives the number of colours where a palette holds them.
    fn lossless(&self) -> Result<Option<usize>, Error> {
        let file = self.picture.file;
        let (width, height) = (file.width, file.height);
        if let Some(palette) = self.colours()? {
            let indices = index(&palette, width, height, &mut |y, row| self.row(y, row))?;
            let count = palette.len();
            let body = smallest(self.job, &Indexed { palette, indices }, width)?;
            self.propose(&body, None)?;
            return Ok(Some(count));
        }
        if file.bits > 24 {
            let body = truecolour(width, height, &mut |y, row| self.row(y, row))?;
            self.propose(&body, None)?;
        }
        Ok(None)
    }

    /// The colours of the source, where a palette holds them. Those of its own palette stay in their order.
    fn colours(&self) -> Result<Option<Vec<u32>>, Error> {
        let file = self.picture.file;
        let mut all = Collector::new(self.picture.palette());
        let mut row = vec![0; file.width as usize];
        for y in 0..file.height {
            self.row(y, &mut row)?;
            if !all.row(&row) {
                return Ok(None);
            }
        }
        Ok(all.finish())
    }

    /// Offers pixels in another form, lossy at a quality.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn propose(&self, body: &write::Body, quality: Option<u8>) -> Result<(), Error> {
        let Some(bytes) = write::with(self.picture.file, self.job.options.metadata, body) else {
            return Ok(());
        };
        if let Some(quality) = quality {
            let method = format!("quantized-{}", body.palette.len());
            self.offer(Candidate::lossy(&bytes, &method, quality))?;
            return Ok(());
        }
        let method = match (body.bits, body.compression) {
            (24, _) => "truecolour-24",
            (_, 1) => "rle8",
            (_, 2) => "rle4",
            (1, _) => "palette-1bit",
            (4, _) => "palette-4bit",
            _ => "palette-8bit",
        };
        self.offer(Candidate::lossless(&bytes, method)).map(drop)
    }

    fn offer(&self, candidate: Candidate<'_>) -> Result<Verdict, Error> {
        let cleans = self.job.options.metadata == Metadata::Display && !self.labels.dropped.is_empty();
        if candidate.lossless && !cleans && candidate.bytes.len() as u64 >= self.job.bytes_to_beat(true) {
            return Ok(Verdict::NotSmaller);
        }
        Ok(self.job.offer(&candidate.with_metadata(&self.labels.kept, &self.labels.dropped))?)
    }
}
