//! The same pixels in fewer bytes: VP8L bitstreams are searched again, VP8 bitstreams stay as they are.

use squeezed_plugin_api::{Effort, Error, ErrorCode, Job, LogLevel};
use squeezed_plugin_common::trials;

use crate::animation;
use crate::codec::{self, Lossless, Picture};
use crate::container::{Bitstream, Container, Frame};

/// A WebP file that libwebp made of one picture. Only its bitstream is of use.
#[derive(Debug)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// Takes libwebp's output.
    pub fn new(file: Vec<u8>) -> Self {
        Self(file)
    }
    /// The bitstream.
    ///
    /// # Errors
    /// `Failed` where libwebp wrote what we cannot read.
    pub fn image(&self) -> Result<Bitstream<'_>, Error> {
        let c =
            Container::parse(&self.0).map_err(|e| Error::failed(format!("libwebp wrote a bad file: {e}")))?;
        let frame = c.frames.into_iter().next();
        frame.map(|f| f.image).ok_or_else(|| Error::failed("libwebp wrote no picture"))
    }
}

/// What is tried at each effort.
const FAST: &[Lossless] = &[Lossless { method: 2, effort: 40 }];
const BALANCED: &[Lossless] = &[Lossless { method: 6, effort: 75 }];
const BEST: &[Lossless] = &[Lossless { method: 6, effort: 75 }, Lossless { method: 6, effort: 100 }];

fn settings(effort: Effort) -> &'static [Lossless] {
    match effort {
        Effort::Fast => FAST,
        Effort::Balanced => BALANCED,
        Effort::Best => BEST,
    }
}

/// The smallest lossless bitstream of each frame, `None` where the source's own is that (and for lossy frames).
///
/// `still` is the picture of a still, already decoded.
pub fn search(
    job: &Job<'_>,
    c: &Container<'_>,
    still: Option<&[u32]>,
) -> Result<Vec<Option<Encoded>>, Error> {
    let tries = settings(job.options.effort);
    match (c.frames.as_slice(), still) {
        ([frame], Some(pixels)) if is_lossless(frame) => {
            let all = trials::run(job, tries.len(), |i| {
                let made = encode(job, frame, pixels, &tries[i..=i]);
                job.progress((500 * (i + 1) / tries.len()) as u32);
                made
            })?;
            Ok(vec![smallest(frame, all.into_iter().flatten())?])
        }
        (frames, _) => trials::run(job, frames.len(), |i| {
            let frame = &frames[i];
            let made = match is_lossless(frame) {
                true => encode(job, frame, &animation::pixels(frame)?, tries)?,
                false => None,
            };
            job.progress((500 * (i + 1) / frames.len()) as u32);
            Ok(made)
        }),
    }
}

fn is_lossless(frame: &Frame<'_>) -> bool {
    matches!(frame.image, Bitstream::Lossless { .. })
}

/// The smallest of `tries`, if it is smaller than the source's bitstream.
fn encode(
    job: &Job<'_>,
    frame: &Frame<'_>,
    pixels: &[u32],
    tries: &[Lossless],
) -> Result<Option<Encoded>, Error> {
    let picture = Picture { width: frame.width, height: frame.height, pixels };
    let mut made = Vec::new();
    for how in tries {
        job.check()?;
        made.extend(or_skip(job, codec::encode_lossless(picture, *how, &|| job.stopped()))?);
    }
    smallest(frame, made.into_iter().map(Encoded::new))
}

fn smallest(frame: &Frame<'_>, made: impl Iterator<Item = Encoded>) -> Result<Option<Encoded>, Error> {
    let mut best = None;
    let mut size = frame.image.chunk_len();
    for encoded in made {
        let len = encoded.image()?.chunk_len();
        if len < size {
            (best, size) = (Some(encoded), len);
        }
    }
    Ok(best)
}

/// An encoding that libwebp refuses (a picture too large or too detailed for the bitstream) is one that is not tried.
pub fn or_skip<T>(job: &Job<'_>, result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(t) => Ok(Some(t)),
        Err(e) if e.code == ErrorCode::Failed => {
            job.log(LogLevel::Warn, &e.message);
            Ok(None)
        }
        Err(e) => Err(e),
    }
}
