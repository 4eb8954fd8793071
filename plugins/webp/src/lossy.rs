//! Fewer bytes at a quality: VP8 made from decoded pixels, alpha without loss. What was made at the asked quality or below
//! stays as it is, so a second run finds nothing to do.

use std::cell::Cell;

use squeezed_plugin_api::{Candidate, Effort, Error, Job};
use squeezed_plugin_common::{labels::Labels, trials};

use crate::animation;
use crate::codec::{self, Lossy, Picture};
use crate::container::{Bitstream, Container, Frame, Kept};
use crate::lossless::{Encoded, or_skip};
use crate::quality;

/// What is tried, for an effort.
fn settings(effort: Effort, quality: u8) -> Vec<Lossy> {
    let base = Lossy {
        quality,
        method: 6,
        sharp_yuv: true,
        autofilter: false,
        filter_strength: 30,
        sns: 50,
        segments: 4,
        passes: 1,
    };
    match effort {
        Effort::Fast => vec![Lossy { method: 3, sharp_yuv: false, ..base }],
        Effort::Balanced => vec![base],
        Effort::Best => vec![Lossy { autofilter: true, passes: 6, ..base }],
    }
}

/// One lossy search over a file.
pub struct Search<'a> {
    /// The job.
    pub job: &'a Job<'a>,
    /// The source.
    pub container: &'a Container<'a>,
    /// A still's pixels.
    pub still: Option<&'a [u32]>,
    /// The best lossless bitstream of each frame where it is not the source's.
    pub lossless: &'a [Option<Encoded>],
    /// What metadata stays.
    pub kept: &'a Kept,
    /// The same for the receipt.
    pub labels: &'a Labels,
}

impl Search<'_> {
    /// Offers the smallest file at `asked`, or in capped mode at the lowest quality above that the cap allows.
    pub fn run(&self, asked: u8) -> Result<(), Error> {
        if !self.container.frames.iter().any(|f| is_worth_it(f, asked)) {
            return Ok(());
        }
        let lossy = Cell::new(false);
        let encode = |q| {
            let (file, any) = self.file(q)?;
            lossy.set(any);
            Ok(file)
        };
        let floor = self.job.floor();
        let found = trials::search_capped(asked, floor, encode)?;
        let Some((q, file)) = found.filter(|_| lossy.get() || floor > 0) else { return Ok(()) };
        let method = format!("vp8-q{q}");
        let candidate =
            Candidate::lossy(&file, &method, q).with_metadata(&self.labels.kept, &self.labels.dropped);
        self.job.offer(&candidate.with_rank(20))?;
        Ok(())
    }

    /// The file at a quality, and whether any frame of it became lossy by that.
    fn file(&self, quality: u8) -> Result<(Vec<u8>, bool), Error> {
        let tries = settings(self.job.options.effort, quality);
        let frames = &self.container.frames;
        let made = match (frames.as_slice(), self.still) {
            ([frame], Some(pixels)) => {
                let all = trials::run(self.job, tries.len(), |i| self.encode(frame, pixels, &tries[i..=i]))?;
                vec![smallest(all.into_iter().flatten())?]
            }
            _ => trials::run(self.job, frames.len(), |i| {
                if !is_worth_it(&frames[i], quality) {
                    return Ok(None);
                }
                let pixels = animation::pixels(&frames[i])?;
                let made = self.encode(&frames[i], &pixels, &tries)?;
                self.job.progress((500 + 500 * (i + 1) / frames.len()) as u32);
                self.if_it_gains(i, made)
            })?,
        };
        let mut images = Vec::with_capacity(frames.len());
        for (i, lossy) in made.iter().enumerate() {
            images.push(match lossy {
                Some(lossy) => lossy.image()?,
                None => self.lossless_image(i)?,
            });
        }
        let file = self.container.write(&images, self.kept);
        let file = file.ok_or_else(|| Error::failed("the file would be larger than the format allows"))?;
        Ok((file, made.iter().any(Option::is_some)))
    }

    fn encode(&self, frame: &Frame<'_>, pixels: &[u32], tries: &[Lossy]) -> Result<Option<Encoded>, Error> {
        if frame.width.max(frame.height) > codec::MAX_LOSSY_SIDE {
            return Ok(None);
        }
        let picture = Picture { width: frame.width, height: frame.height, pixels };
        let mut made = Vec::new();
        for how in tries {
            self.job.check()?;
            made.extend(or_skip(self.job, codec::encode_lossy(picture, *how, &|| self.job.stopped()))?);
        }
        smallest(made.into_iter().map(Encoded::new))
    }

    /// In an animation a frame becomes lossy only where that gains what the host asks of a whole file, so that flat frames
    /// keep their exact edges.
    fn if_it_gains(&self, i: usize, made: Option<Encoded>) -> Result<Option<Encoded>, Error> {
        let Some(made) = made else { return Ok(None) };
        let (len, before) = (made.image()?.chunk_len(), self.lossless_image(i)?.chunk_len());
        Ok((len.saturating_mul(100) <= before.saturating_mul(95)).then_some(made))
    }

    fn lossless_image(&self, i: usize) -> Result<Bitstream<'_>, Error> {
        match (self.lossless.get(i), self.container.frames.get(i)) {
            (Some(Some(encoded)), _) => encoded.image(),
            (_, Some(frame)) => Ok(frame.image.clone()),
            _ => Err(Error::failed("a frame is missing")),
        }
    }
}

/// Whether a frame may lose anything: VP8L always, VP8 only where it was made above the asked quality.
fn is_worth_it(frame: &Frame<'_>, asked: u8) -> bool {
    match &frame.image {
        Bitstream::Lossless { .. } => true,
        Bitstream::Lossy { header, .. } => !quality::is_at_or_below(header, asked),
    }
}

fn smallest(made: impl Iterator<Item = Encoded>) -> Result<Option<Encoded>, Error> {
    let mut best: Option<(u64, Encoded)> = None;
    for encoded in made {
        let len = encoded.image()?.chunk_len();
        if best.as_ref().is_none_or(|b| len < b.0) {
            best = Some((len, encoded));
        }
    }
    Ok(best.map(|b| b.1))
}
