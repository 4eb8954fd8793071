//! The same pixels in fewer bytes: VP8L bitstreams and the alpha of lossy pictures are searched again, VP8 payloads stay
//! as they are.

use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::animation;
use crate::codec::{self, Lossless, Picture};
use crate::container::{Bitstream, Container, Frame};
use crate::encoded::{Encoded, if_smaller, or_skip};

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Enough for a bound: within a sixth of the best, in a moment.
    Bound,
    /// What this effort asks for.
    Full(Effort),
}

const BOUND: &[Lossless] = &[of(1, 40)];

/// What is tried at each effort. No setting is the best for all pictures: drawings are often smaller at lower ones.
const FAST: &[Lossless] = &[of(3, 75)];
const BALANCED: &[Lossless] = &[of(3, 40), of(4, 75), of(6, 90)];
const BEST: &[Lossless] = &[of(2, 40), of(3, 40), of(4, 75), of(5, 75), of(6, 90), of(6, 100)];

/// Up to how many pixels, all frames counted, the last of [`BEST`] is tried: it takes 10 to 30 microseconds for each.
pub const MAX_CRUNCHED: u64 = 4_000_000;

const fn of(method: u8, effort: u8) -> Lossless {
    Lossless { method, effort }
}

fn settings(depth: Depth, pixels: u64) -> &'static [Lossless] {
    let effort = match depth {
        Depth::Bound => return BOUND,
        Depth::Full(effort) => effort,
    };
    match effort {
        Effort::Fast => FAST,
        Effort::Balanced => BALANCED,
        Effort::Best if pixels > MAX_CRUNCHED => BEST.split_last().map_or(BEST, |b| b.1),
        Effort::Best => BEST,
    }
}

/// The smallest lossless bitstream of each frame, `None` where the source's own is that.
///
/// `still` is the picture of a still, already decoded.
pub fn search(
    job: &Job<'_>,
    c: &Container<'_>,
    still: Option<&[u32]>,
    depth: Depth,
) -> Result<Vec<Option<Encoded>>, Error> {
    let pixels = c.frames.iter().map(|f| u64::from(f.width) * u64::from(f.height)).sum();
    let tries = settings(depth, pixels);
    match (c.frames.as_slice(), still) {
        ([frame], Some(pixels)) if is_lossless(frame) => {
            // The last takes the longest by far, so it begins first.
            let all = trials::run(job, tries.len(), |i| {
                let at = tries.len() - 1 - i;
                let made = encode(job, frame, pixels, &tries[at..=at]);
                job.progress((500 * (i + 1) / tries.len()) as u32);
                made
            })?;
            Ok(vec![if_smaller(frame, all.into_iter().rev().flatten())?])
        }
        ([frame], Some(pixels)) => Ok(vec![encode(job, frame, pixels, tries)?]),
        (frames, _) => trials::run(job, frames.len(), |i| {
            let frame = &frames[i];
            let made = match needs_pixels(frame) {
                true => encode(job, frame, &animation::pixels(frame, &|| job.stopped())?, tries)?,
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

fn needs_pixels(frame: &Frame<'_>) -> bool {
    !matches!(frame.image, Bitstream::Lossy { alpha: None, .. })
}

/// The smallest that is smaller than the source's bitstream.
fn encode(
    job: &Job<'_>,
    frame: &Frame<'_>,
    pixels: &[u32],
    tries: &[Lossless],
) -> Result<Option<Encoded>, Error> {
    let picture = Picture { width: frame.width, height: frame.height, pixels };
    let mut made = Vec::new();
    match &frame.image {
        Bitstream::Lossy { alpha: None, .. } => {}
        Bitstream::Lossy { data, header, .. } => {
            if let Some(alpha) = alpha(job, picture)? {
                let image = Bitstream::Lossy { data, alpha: Some(&alpha), header: header.clone() };
                made.push(Encoded::new(&image)?);
            }
        }
        Bitstream::Lossless { .. } => {
            for how in tries {
                job.check()?;
                if let Some(file) = or_skip(job, codec::encode_lossless(picture, *how, &|| job.stopped()))? {
                    made.push(Encoded::from_file(&file)?);
                }
            }
        }
    }
    if_smaller(frame, made.into_iter())
}

/// The picture's alpha as an `ALPH` payload; `None` where it is opaque.
pub fn alpha(job: &Job<'_>, picture: Picture<'_>) -> Result<Option<Vec<u8>>, Error> {
    job.check()?;
    // Method 6 would search for seconds where 5 takes milliseconds, and gain two percent of the alpha.
    let method = if job.options.effort == Effort::Fast { 1 } else { 5 };
    let Some(file) = or_skip(job, codec::encode_alpha(picture, method, &|| job.stopped()))? else {
        return Ok(None);
    };
    Ok(match Encoded::from_file(&file)?.image()? {
        Bitstream::Lossy { alpha, .. } => alpha.map(<[u8]>::to_vec),
        Bitstream::Lossless { .. } => None,
    })
}
