//! One job from input to offers: what may be done with this file, which searches run, and how a candidate is put
//! together. Knows no codec by itself.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use squeezed_plugin_api::{Candidate, Effort, Error, Job, Metadata, MetadataItem, Verdict};
use squeezed_plugin_common::labels::{self, Labels};
use squeezed_plugin_common::trials;

use crate::chunk::{OVERHEAD, push};
use crate::file::File;
use crate::header::Color;
use crate::metadata::{self, Kept};
use crate::picture::Picture;
use crate::shrink::{Allow, quick, shrink};
use crate::text::Budget;
use crate::write::{Parts, write};
use crate::{lossy, relative, text};

/// A job with everything that its candidates share.
pub struct Work<'a> {
    /// The job.
    pub job: &'a Job<'a>,
    /// The input, taken apart.
    pub file: &'a File<'a>,
    chunks: Vec<Kept<'a>>,
    labels: Labels,
    background: Option<[u16; 3]>,
    significant: Option<[u8; 4]>,
}

/// Runs the job.
///
/// # Errors
/// As [`squeezed_plugin_api::Optimizer::optimize`].
pub fn optimize(job: &Job<'_>) -> Result<(), Error> {
    if let Some((key, _)) = job.options.extra.first() {
        return Err(Error::new(
            squeezed_plugin_api::ErrorCode::BadOption,
            format!("png knows no option {key}"),
        ));
    }
    let file = File::parse(job.input)?;
    file.check_limits(&job.options.limits)?;
    text::check_limit(file.ancillary.iter().map(|(_, c)| c), job.options.limits.metadata_bytes)?;
    if let Some(feature) = &file.unsupported {
        return Err(Error::unsupported(feature.clone()));
    }
    let all = job.options.metadata == Metadata::All;
    if all && file.has(*b"caBX") {
        return Err(Error::unsupported("signed content credentials"));
    }
    let work = Work::new(job, &file)?;
    let source = work.readable(Picture::of_file(&file))?;
    if file.animation.is_some() {
        return work.animation(source);
    }
    work.offer(&source, "container")?;
    let effort = job.options.effort;
    let Some(quality) = job.options.quality() else { return work.still(&source, effort).map(drop) };
    if job.options.max_reduction.is_some() {
        // The cap is measured against the best lossless result, so that comes first.
        work.still(&source, effort)?;
        return lossy::offer_capped(&work, &source, quality);
    }
    // A quick lossless bound is enough where the palette is far below it: the full search gains an eighth at most. It is
    // offered as soon as it is there, in case that time runs out.
    let (bound, drawn) = trials::both(
        job,
        || {
            let bound = quick(job, &source, work.allow())?;
            work.offer(&bound, "oxipng")?;
            Ok(bound.cost())
        },
        || lossy::draw(&work, &source, quality),
    )?;
    job.progress(300);
    let lossy = match drawn {
        Some(drawn) => lossy::offer(&work, source.header, &drawn, quality)?,
        None => None,
    };
    job.progress(600);
    if lossy.is_none_or(|bytes| bytes > bound / 10 * 7) {
        work.still(&source, effort)?;
    }
    Ok(())
}

impl<'a> Work<'a> {
    fn new(job: &'a Job<'a>, file: &'a File<'a>) -> Result<Self, Error> {
        let policy = job.options.metadata;
        let chunks = metadata::kept(file, policy, job.options.limits.metadata_bytes)?;
        let mut items: Vec<MetadataItem> = Vec::new();
        metadata::items(file, &mut Budget::new(metadata::INSPECTED), &mut |i| items.push(i));
        let one = |name| file.chunks(name).next().map(|c| c.data);
        Ok(Self {
            job,
            file,
            chunks,
            labels: labels::split(&items, policy),
            background: one(*b"bKGD").and_then(|d| relative::background(file.header, file.palette, d)),
            significant: one(*b"sBIT").and_then(|d| relative::significant(file.header, d)),
        })
    }

    /// Whether a palette needs room for a background colour that the picture may lack.
    pub fn has_background(&self) -> bool {
        self.background.is_some() && self.chunks.iter().any(|c| c.name == *b"bKGD")
    }

    /// What the search may change without making another chunk untrue.
    pub fn allow(&self) -> Allow {
        let count = |name| self.chunks.iter().filter(|c| c.name == name).count();
        let unread = |name, read: bool| count(name) > usize::from(read);
        let fixed = count(*b"hIST") > 0
            || unread(*b"bKGD", self.background.is_some())
            || unread(*b"sBIT", self.significant.is_some())
            || !self.suggested().is_empty()
            || self.file.odd_transparency;
        // A profile belongs to grey or to colour, and grey under another gamma or primaries is shown by other rules.
        let gamma =
            self.file.chunks(*b"gAMA").all(|c| (45_000..=46_000).contains(&crate::chunk::be32(c.data)));
        let grey = !self.file.has(*b"iCCP") && !self.file.has(*b"cICP") && gamma;
        Allow { reduce: !fixed, grey, interlace: !self.file.odd_transparency, pictures: 1 }
    }

    /// The picture of a truecolour file's suggested palette, where the policy keeps it.
    fn suggested(&self) -> &'a [u8] {
        let keep = self.job.options.metadata == Metadata::All && self.file.header.color != Color::Indexed;
        if keep { self.file.palette } else { &[] }
    }

    fn trailing(&self) -> &'a [u8] {
        if self.job.options.metadata == Metadata::All { self.file.trailing } else { &[] }
    }

    /// The source with data that every decoder reads alike: indices inside the palette, no bytes behind the last row.
    fn readable(&self, source: Picture) -> Result<Picture, Error> {
        let sparse =
            source.header.color == Color::Indexed && source.palette.len() / 3 < 1 << source.header.depth;
        if sparse {
            let colors = source.palette.len() / 3;
            if source.decode_indices()?.iter().any(|i| usize::from(*i) >= colors) {
                return Err(Error::unsupported("indices outside the palette"));
            }
        }
        source.tidy()
    }

    /// The lossless search for a still.
    fn still(&self, source: &Picture, effort: Effort) -> Result<Picture, Error> {
        let allow = self.allow();
        let mut fits = true;
        let best = shrink(self.job, source, allow, effort, &mut |p| {
            fits &= self.offer(p, "oxipng")?;
            Ok(())
        })?;
        if fits {
            return Ok(best);
        }
        // bKGD or sBIT cannot be written for the smaller format: search again in the source's own.
        let allow = Allow { reduce: false, ..allow };
        shrink(self.job, source, allow, effort, &mut |p| self.offer(p, "oxipng").map(drop))
    }

    fn animation(&self, source: Picture) -> Result<(), Error> {
        let Some(animation) = &self.file.animation else { return Ok(()) };
        let effort = self.job.options.effort;
        let own: Vec<_> = animation.frames.iter().filter(|f| !f.data.is_empty()).collect();
        let mut frames = Vec::with_capacity(own.len());
        for frame in &own {
            frames.push(Picture::of_frame(self.file, frame).tidy()?.data);
        }
        self.offer_animation(&source, &frames, "container")?;
        let allow = Allow { pictures: animation.frames.len().max(1), ..Allow::NOTHING };
        // The default picture, then the frames with data of their own.
        let done = AtomicUsize::new(0);
        let made = trials::run(self.job, own.len() + 1, |i| {
            let frame = i.checked_sub(1).and_then(|i| own.get(i).zip(frames.get(i)));
            let one = frame.map(|(frame, data)| Picture {
                header: frame.header(self.file.header),
                data: data.clone(),
                ..source.clone()
            });
            let made = shrink(self.job, one.as_ref().unwrap_or(&source), allow, effort, &mut |_| Ok(()))?;
            let done = (done.fetch_add(1, Ordering::Relaxed) + 1) * 1000 / (own.len() + 1);
            self.job.progress(u32::try_from(done).unwrap_or(1000));
            Ok(Some(made))
        })?;
        let mut made = made.into_iter().flatten();
        let picture = made.next().unwrap_or(source);
        let frames: Vec<_> = made.map(|frame| frame.data).collect();
        self.offer_animation(&picture, &frames, "oxipng")
    }

    fn offer_animation(&self, picture: &Picture, frames: &[Vec<u8>], method: &str) -> Result<(), Error> {
        let Some(animation) = &self.file.animation else { return Ok(()) };
        let bytes = write(&Parts {
            picture,
            suggested: self.suggested(),
            chunks: &self.chunks,
            animation: Some((animation, frames)),
            trailing: self.trailing(),
        });
        self.propose(Candidate::lossless(&bytes, method))?;
        Ok(())
    }

    /// Offers a lossless candidate. `false` where a chunk cannot be written for its format.
    pub fn offer(&self, picture: &Picture, method: &str) -> Result<bool, Error> {
        match self.assemble(picture) {
            Some(bytes) => self.propose(Candidate::lossless(&bytes, method)).map(|_| true),
            None => Ok(false),
        }
    }

    /// Offers a candidate with the labels of this job.
    pub fn propose(&self, candidate: Candidate<'_>) -> Result<Verdict, Error> {
        Ok(self.job.offer(&candidate.with_metadata(&self.labels.kept, &self.labels.dropped))?)
    }

    /// The whole file with this picture; `None` where bKGD or sBIT cannot be written for its format.
    pub fn assemble(&self, picture: &Picture) -> Option<Vec<u8>> {
        let mut picture = Cow::Borrowed(picture);
        let mut chunks = self.chunks.clone();
        let same =
            picture.header.color == self.file.header.color && picture.header.depth == self.file.header.depth;
        for chunk in &mut chunks {
            let data = match (&chunk.name, self.background, self.significant) {
                (b"bKGD", Some(color), _) if !same || picture.palette != self.file.palette => {
                    relative::background_for(color, picture.to_mut())?
                }
                (b"sBIT", _, Some(bits)) if !same => relative::significant_for(bits, picture.header)?,
                _ => continue,
            };
            let mut bytes = Vec::with_capacity(data.len() + OVERHEAD);
            push(&mut bytes, chunk.name, &[&data]);
            chunk.bytes = Cow::Owned(bytes);
        }
        Some(write(&Parts {
            picture: &picture,
            suggested: self.suggested(),
            chunks: &chunks,
            animation: None,
            trailing: self.trailing(),
        }))
    }
}
