//! One job: which trials run, in which order, and what is offered.

use squeezed_plugin_api::{
    Candidate, Effort, Error, ErrorCode, Job, Kind, Metadata, MetadataItem, Mode, Plan, Progressive,
};
use squeezed_plugin_common::{labels, trials};

use crate::codec::{CodecError, Coefficients, Planes, Poll};
use crate::envelope::{Envelope, untouched_primary};
use crate::file::File;
use crate::lossless::{self, Coded, Search, refused};
use crate::quality::{self, Recognized};
use crate::walk::Walk;
use crate::{inventory, lossy, stream};

/// CPU nanoseconds for a sample and for a byte of input, measured on the corpus.
fn rate(lossy: bool, effort: Effort) -> (u64, u64) {
    match (lossy, effort) {
        (false, Effort::Fast) => (6, 70),
        (false, Effort::Balanced) => (24, 230),
        (false, Effort::Best) => (26, 270),
        (true, Effort::Fast) => (20, 100),
        (true, Effort::Balanced) => (55, 130),
        (true, Effort::Best) => (55, 140),
    }
}

/// CPU nanoseconds for a pixel in 4:2:0 of which a fifth of a byte is stored.
pub fn ns_per_pixel(lossy: bool, effort: Effort) -> u32 {
    let (sample, byte) = rate(lossy, effort);
    u32::try_from(sample * 3 / 2 + byte / 5).unwrap_or(u32::MAX)
}

/// Peak bytes for a pixel in 4:4:4: coefficients, and with loss planes and mozjpeg's two copies of coefficients.
pub fn bytes_per_pixel(lossy: bool) -> u32 {
    if lossy { 22 } else { 7 }
}

/// What the job will need.
pub fn plan(job: &Job<'_>) -> Result<Plan, Error> {
    known(job)?;
    let walk = Walk::of(job.input)?;
    // What was made at the asked quality or below is not encoded again.
    let lossy = match job.options.mode {
        Mode::Quality(asked) => recognized(&walk).is_some_and(|r| !r.is_at_most(asked)),
        _ => false,
    };
    let samples = walk.frame.blocks(walk.height()).saturating_mul(64);
    let input = job.input.len() as u64;
    // A third of the channels' bytes for each sample of a subsampled picture; files and candidates on top.
    let peak = samples.saturating_mul(u64::from(bytes_per_pixel(lossy)).div_ceil(3));
    let (sample, byte) = rate(lossy, job.options.effort);
    // The search for a quality under a cap takes six encodings or more.
    let capped = if job.options.max_reduction.is_some() && lossy { 7 } else { 1 };
    let expected = samples.saturating_mul(sample).saturating_add(input.saturating_mul(byte));
    // Beside lossless writes a further thread has the bytes that it wrote; of an encoding it has planes and coefficients.
    let beside = if capped > 1 { samples.saturating_mul(6) } else { 0 };
    Ok(Plan {
        peak_bytes: peak.saturating_add(4 * input).saturating_add(3 << 20),
        bytes_per_thread: input.saturating_mul(2).saturating_add(beside).saturating_add(1 << 20),
        expected_ns: expected.saturating_mul(capped).saturating_add(100_000),
        useful_threads: if job.options.effort == Effort::Fast { 2 } else { 3 },
        // Averaging chroma is the longest, 4 ns a sample; else a row of blocks.
        stop_gap_ns: (samples * if lossy { 4 } else { 0 }).max(10_000_000),
    })
}

/// No option of this plugin's own exists.
fn known(job: &Job<'_>) -> Result<(), Error> {
    match job.options.extra.first() {
        Some((key, _)) => {
            Err(Error::new(ErrorCode::BadOption, format!("the jpeg plugin has no option `{key}`")))
        }
        None => Ok(()),
    }
}

/// The quality of a source by its first component's table.
pub fn recognized(walk: &Walk) -> Option<Recognized> {
    let first = walk.frame.components.first()?;
    let table = walk.tables.get(usize::from(first.table))?.as_ref()?;
    Some(quality::recognize(table))
}

/// Runs a job.
pub fn run(job: &Job<'_>) -> Result<(), Error> {
    known(job)?;
    let file = File::parse(job.input)?;
    stream::admit(&file.walk, &job.options.limits)?;
    let mut items: Vec<MetadataItem> = Vec::new();
    inventory::items(&file, &mut |item| items.push(item));
    let names = labels::split(&items, job.options.metadata);
    let stream = stream::codestream(job.input, &file.walk);
    let poll = || job.stopped();
    // Reading all coefficients also tells whether the picture is whole, before anything is offered.
    let coefficients = Coefficients::read(&stream, None, &poll);
    if let Err(error @ (CodecError::Damaged(_) | CodecError::Stopped)) = coefficients {
        return Err(refused(error));
    }
    if let Some(error) = file.broken_index.as_ref().filter(|e| e.code == ErrorCode::BadImage) {
        return Err(error.clone());
    }
    let envelope = Envelope::new(&file, job.options.metadata)?;
    let offers = Offers { job, envelope: &envelope, kept: &names.kept, dropped: &names.dropped };
    let coefficients = match coefficients.map_err(refused) {
        Err(error) => return offers.only_strip(&file, error),
        Ok(read) => read,
    };
    job.progress(100);
    if !stream::finished(&file.walk) {
        // Decoders smooth a picture whose last bits are missing; written anew they would not.
        return offers.only_strip(&file, Error::unsupported("progressive picture without its last scans"));
    }
    let order = job.options.progressive;
    let strip = job.options.metadata == Metadata::Display && envelope.drops;
    if strip && (order == Progressive::Auto || (order == Progressive::On) == file.walk.frame.progressive()) {
        offers.lossless(&untouched_primary(&file)?, "strip", 2)?;
    }
    let search = Search::of(job.options.effort);
    let asked = job.options.quality().filter(|q| recognized(&file.walk).is_some_and(|r| !r.is_at_most(*q)));
    let asked = asked.filter(|_| lossy::obstacle(&file.walk.frame, coefficients.color()).is_none());
    let Some(asked) = asked else {
        let coded = match lossless::code(job, &coefficients, order, search) {
            Err(e) if e.code == ErrorCode::UnsupportedFeature => return offers.only_strip(&file, e),
            other => other?,
        };
        offers.transcodes(&coded)?;
        job.progress(1000);
        return Ok(());
    };
    // With a loss to come, a quick bound is enough unless the loss gains little. It is offered as soon as it is there, in
    // case that time runs out. A cap is measured against it, so there nothing can be encoded beside it.
    let capped = job.options.max_reduction.is_some();
    let (bound, quantized) = trials::both(
        job,
        || match lossless::code(job, &coefficients, order, Search::Fixed) {
            Err(e) if e.code == ErrorCode::UnsupportedFeature => Ok(Err(e)),
            coded => offers.transcodes(&coded?).map(Ok),
        },
        || {
            let picture = lossy::planes(&stream, asked, &poll)?;
            let first = (!capped).then(|| lossy::quantize(&picture, asked, job.options.effort, &poll));
            Ok((first, picture))
        },
    )?;
    let bound = match bound {
        Err(e) => return offers.only_strip(&file, e),
        Ok(bound) => bound,
    };
    job.progress(250);
    let won = offers.lossy(quantized, asked, recognized(&file.walk), &poll)?;
    job.progress(800);
    let clear = won.is_some_and(|bytes| bytes <= bound / 5 * 4) && !capped;
    if !clear && search != Search::Fixed {
        offers.transcodes(&lossless::code(job, &coefficients, order, search)?)?;
    }
    Ok(())
}

/// What all offers of a job have in common.
struct Offers<'a> {
    job: &'a Job<'a>,
    envelope: &'a Envelope<'a>,
    kept: &'a [(Kind, String)],
    dropped: &'a [(Kind, String)],
}

impl Offers<'_> {
    fn lossless(&self, stream: &[u8], method: &str, rank: u32) -> Result<u64, Error> {
        let bytes = self.envelope.assemble(stream)?;
        let candidate =
            Candidate::lossless(&bytes, method).with_metadata(self.kept, self.dropped).with_rank(rank);
        self.job.offer(&candidate)?;
        self.job.check()?;
        Ok(bytes.len() as u64)
    }

    /// Offers them all; gives the size of the smallest.
    fn transcodes(&self, coded: &[Coded]) -> Result<u64, Error> {
        coded.iter().try_fold(u64::MAX, |least, c| {
            let bytes = match c.progressive {
                false => self.lossless(&c.stream, "transcode-sequential", 0),
                true => self.lossless(&c.stream, "transcode-progressive", 1),
            };
            bytes.map(|bytes| least.min(bytes))
        })
    }

    /// Where the picture itself cannot be written anew: without metadata if that was asked for, else the reason.
    fn only_strip(&self, file: &File<'_>, reason: Error) -> Result<(), Error> {
        if self.job.options.metadata != Metadata::Display || !self.envelope.drops {
            return Err(reason);
        }
        self.lossless(&untouched_primary(file)?, "strip", 2).map(|_| ())
    }

    /// Encodes, where that has not been done, and offers; gives the size of the offer.
    fn lossy(
        &self,
        (first, picture): (Option<Result<Vec<u8>, Error>>, Planes),
        asked: u8,
        source: Option<Recognized>,
        poll: Poll<'_>,
    ) -> Result<Option<u64>, Error> {
        let color = picture.color;
        let finish = |stream: Vec<u8>| {
            let coded = lossy::code(self.job, &stream, color, poll)?;
            self.job.check()?;
            self.envelope.assemble(&coded.stream)
        };
        let found = match first {
            Some(first) => {
                drop(picture);
                Some((asked, finish(first?)?))
            }
            None => trials::search_capped_on(self.job, asked, self.job.floor(), |quality| {
                let bytes = finish(lossy::quantize(&picture, quality, self.job.options.effort, poll)?)?;
                Ok((bytes.len() as u64, bytes))
            })?,
        };
        // A capped search can end above the source's own quality: a loss for nothing.
        let Some((quality, bytes)) = found.filter(|(q, _)| source.is_none_or(|s| s.quality > *q)) else {
            return Ok(None);
        };
        let method = format!("mozjpeg-q{quality}");
        let candidate = Candidate::lossy(&bytes, &method, quality).with_metadata(self.kept, self.dropped);
        self.job.offer(&candidate)?;
        self.job.check()?;
        Ok(Some(bytes.len() as u64))
    }
}
