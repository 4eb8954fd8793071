//! Compares everything of two images that is no metadata item and no look. Knows facts and hashes.

use squeezed_plugin_api::{ImageInfo, Metadata};

use crate::Defect;
use crate::digest::{Digest, Frame};

/// What `inspect` says of both, before anything is decoded.
pub(crate) fn infos(source: &ImageInfo, candidate: &ImageInfo, policy: Metadata) -> Result<(), Defect> {
    if (source.width, source.height) != (candidate.width, candidate.height) {
        return Err(Defect::Dimensions {
            frame: None,
            width: source.width,
            height: source.height,
            found_width: candidate.width,
            found_height: candidate.height,
        });
    }
    let at_least = source.flags.frames_at_least || candidate.flags.frames_at_least;
    if !at_least && source.frames != candidate.frames {
        return Err(Defect::FrameCount {
            expected: source.frames as usize,
            found: candidate.frames as usize,
        });
    }
    if source.loop_count != candidate.loop_count {
        return Err(Defect::LoopCount { expected: source.loop_count, found: candidate.loop_count });
    }
    if source.orientation != candidate.orientation {
        return Err(Defect::Orientation { expected: source.orientation, found: candidate.orientation });
    }
    if candidate.flags.signed || (policy == Metadata::All && source.flags.signed) {
        return Err(Defect::Signed);
    }
    Ok(())
}

/// Canvas, loop, and of each frame size, time, role, colour model and depth.
pub(crate) fn frames(source: &Digest, candidate: &Digest) -> Result<(), Defect> {
    if (source.width, source.height) != (candidate.width, candidate.height) {
        return Err(Defect::Dimensions {
            frame: None,
            width: source.width,
            height: source.height,
            found_width: candidate.width,
            found_height: candidate.height,
        });
    }
    if source.frames.len() != candidate.frames.len() {
        return Err(Defect::FrameCount { expected: source.frames.len(), found: candidate.frames.len() });
    }
    if source.loop_count != candidate.loop_count {
        return Err(Defect::LoopCount { expected: source.loop_count, found: candidate.loop_count });
    }
    let pairs = source.frames.iter().zip(&candidate.frames).enumerate();
    pairs.into_iter().try_for_each(|(i, (s, c))| frame(i, s, c))
}

fn frame(i: usize, source: &Frame, candidate: &Frame) -> Result<(), Defect> {
    if source.role != candidate.role {
        return Err(Defect::FrameRole(i));
    }
    if (source.width, source.height) != (candidate.width, candidate.height) {
        return Err(Defect::Dimensions {
            frame: Some(i),
            width: source.width,
            height: source.height,
            found_width: candidate.width,
            found_height: candidate.height,
        });
    }
    let (a, b) = (source.duration, candidate.duration);
    if u64::from(a.0) * u64::from(b.1) != u64::from(b.0) * u64::from(a.1) {
        return Err(Defect::Duration(i));
    }
    if source.form != candidate.form {
        return Err(Defect::ColorModel(i));
    }
    if source.alpha_used && !candidate.has_alpha {
        return Err(Defect::AlphaLost(i));
    }
    // A source that has 16 bit but uses only what 8 can hold loses nothing at 8.
    if source.deep && candidate.bits < source.bits {
        return Err(Defect::Depth { frame: i, expected: source.bits, found: candidate.bits });
    }
    Ok(())
}

/// Every sample of every frame, which have passed [`frames`].
pub(crate) fn samples(source: &Digest, candidate: &Digest) -> Result<(), Defect> {
    let differ = |(s, c): (&Frame, &Frame)| (s.deep, s.hash) != (c.deep, c.hash);
    match source.frames.iter().zip(&candidate.frames).position(differ) {
        Some(frame) => Err(Defect::PixelsDiffer(frame)),
        None => Ok(()),
    }
}
