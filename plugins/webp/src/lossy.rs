//! Fewer bytes at a quality: VP8 made from decoded pixels, alpha without loss. What was made at the asked quality or below
//! stays as it is, so a second run finds nothing to do.

use std::sync::OnceLock;

use squeezed_plugin_api::{Candidate, Effort, Error, Job};
use squeezed_plugin_common::{labels::Labels, trials};

use crate::animation;
use crate::codec::{self, Lossy, Picture};
use crate::container::{Bitstream, Container, Frame};
use crate::encoded::{Encoded, or_skip};
use crate::write::Kept;
use crate::{fidelity, lossless, quality};

/// What is done at an effort.
///
/// Measured at equal SSIMULACRA2 against libwebp's defaults at method 6: chroma chosen by its effect and no deblocking take
/// 4 to 6 % off for a quarter more CPU. Deblocking found by trying takes no more off from 60 on, at four times the CPU, but
/// some at low qualities. More passes and other strengths of segmentation gain nothing.
fn settings(effort: Effort, quality: u8) -> Lossy {
    let fast = effort == Effort::Fast;
    Lossy {
        quality,
        method: if fast { 3 } else { 6 },
        sharp_yuv: !fast,
        autofilter: effort == Effort::Best && quality < 50,
        filter_strength: filter_strength(quality),
        sns: 50,
        segments: 4,
        passes: 1,
    }
}

/// From 50 on blocks hardly show, and smoothing them costs detail. Below, more and more of it pays.
fn filter_strength(quality: u8) -> u8 {
    50u8.saturating_sub(quality)
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
    /// A still's colour where it was made already, by [`first`], and at which quality.
    pub first: Option<(u8, Option<Encoded>)>,
    /// The alpha of each frame as an `ALPH` payload, once it was needed.
    pub alpha: Vec<OnceLock<Option<Vec<u8>>>>,
    /// What metadata stays.
    pub kept: &'a Kept,
    /// The same for the receipt.
    pub labels: &'a Labels,
}

impl Search<'_> {
    /// Offers the smallest file at `asked`, or in capped mode at the lowest quality above that the cap allows. Answers its
    /// size.
    pub fn run(&self, asked: u8) -> Result<Option<u64>, Error> {
        if !self.container.frames.iter().any(|f| is_worth_it(f, asked)) {
            return Ok(None);
        }
        let floor = self.job.floor();
        let found = trials::search_capped_on(self.job, asked, floor, |q| {
            let (file, any) = self.file(q)?;
            Ok((file.len() as u64, (file, any)))
        })?;
        let Some((q, (file, _))) = found.filter(|(_, (_, any))| *any || floor > 0) else { return Ok(None) };
        let method = format!("vp8-q{q}");
        let candidate =
            Candidate::lossy(&file, &method, q).with_metadata(&self.labels.kept, &self.labels.dropped);
        self.job.offer(&candidate.with_rank(20))?;
        Ok(Some(file.len() as u64))
    }

    /// The file at a quality, and whether any frame of it became lossy by that.
    fn file(&self, quality: u8) -> Result<(Vec<u8>, bool), Error> {
        let how = settings(self.job.options.effort, quality);
        let frames = &self.container.frames;
        let made = match (frames.as_slice(), self.still) {
            ([_], Some(pixels)) => vec![self.encode(0, pixels, how)?],
            _ => trials::run(self.job, frames.len(), |i| {
                if !is_worth_it(&frames[i], quality) {
                    return Ok(None);
                }
                let pixels = animation::pixels(&frames[i], &|| self.job.stopped())?;
                let made = self.encode(i, &pixels, how)?;
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

    /// Frame `i` made lossy.
    fn encode(&self, i: usize, pixels: &[u32], how: Lossy) -> Result<Option<Encoded>, Error> {
        let Some(frame) = self.container.frames.get(i) else { return Ok(None) };
        let picture = Picture { width: frame.width, height: frame.height, pixels };
        let first = self.first.as_ref().filter(|(quality, _)| i == 0 && *quality == how.quality);
        let own;
        let color = match first {
            Some((_, color)) => color,
            None => {
                own = color(self.job, picture, how)?;
                &own
            }
        };
        let Some(color) = color else { return Ok(None) };
        let alpha = self.alpha(i, picture)?;
        match color.image()? {
            Bitstream::Lossy { data, header, alpha: raw } if raw.is_some() == alpha.is_some() => {
                Encoded::new(&Bitstream::Lossy { data, alpha, header }).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The alpha of frame `i`: the source's, if that has it apart, else made once for all qualities.
    fn alpha(&self, i: usize, picture: Picture<'_>) -> Result<Option<&[u8]>, Error> {
        if let Bitstream::Lossy { alpha, .. } = self.lossless_image(i)? {
            return Ok(alpha);
        }
        let Some(slot) = self.alpha.get(i) else { return Ok(None) };
        if slot.get().is_none() {
            let made = lossless::alpha(self.job, picture)?;
            let _ = slot.set(made);
        }
        Ok(slot.get().and_then(|a| a.as_deref()))
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

/// The colour of a still at the asked quality, for a [`Search`] to come; `None` where nothing may be lost.
pub fn first(
    job: &Job<'_>,
    frame: &Frame<'_>,
    pixels: &[u32],
    asked: u8,
) -> Result<Option<(u8, Option<Encoded>)>, Error> {
    if !is_worth_it(frame, asked) {
        return Ok(None);
    }
    let picture = Picture { width: frame.width, height: frame.height, pixels };
    Ok(Some((asked, color(job, picture, settings(job.options.effort, asked))?)))
}

/// A picture made lossy, its alpha raw. Its header must say that it was made at the asked quality: with one segment it
/// always does, but for the cost of a few percent; with four it nearly always does.
fn color(job: &Job<'_>, picture: Picture<'_>, how: Lossy) -> Result<Option<Encoded>, Error> {
    let (width, height) = (picture.width, picture.height);
    if width.max(height) > codec::MAX_LOSSY_SIDE {
        return Ok(None);
    }
    for how in [how, Lossy { segments: 1, ..how }] {
        job.check()?;
        let file = codec::encode_lossy(picture, how, &|| job.stopped());
        let Some(file) = or_skip(job, file)? else { return Ok(None) };
        let made = Encoded::from_file(&file)?;
        if let Bitstream::Lossy { header, .. } = made.image()?
            && quality::is_at_or_below(&header, how.quality)
        {
            let shown = codec::decode(&file, width, height, &|| job.stopped())?;
            let shows = fidelity::shows(picture.pixels, &shown, width.max(height), how.quality);
            return Ok(shows.then_some(made));
        }
    }
    Ok(None)
}

/// Whether a frame may lose anything: VP8L always, VP8 only where it was made above the asked quality.
pub fn is_worth_it(frame: &Frame<'_>, asked: u8) -> bool {
    match &frame.image {
        Bitstream::Lossless { .. } => true,
        Bitstream::Lossy { header, .. } => !quality::is_at_or_below(header, asked),
    }
}
