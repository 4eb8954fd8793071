//! One coded picture made again with loss: decoded planes in, the new data of its item and the boxes that describe it out.
//! Knows planes, bitstreams and the two boxes, not files.

use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::av1::obu::{self, kind};
use crate::av1::{self, Sequence};
use crate::codec::{self, Content, How, Layout, Picture};
use crate::quality;
use crate::render::Meaning;

/// How the pictures of one file are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What they show.
    pub content: Content,
    /// Bits of a coded sample.
    pub depth: u8,
    /// libaom's speed.
    pub speed: u8,
}

impl Plan {
    /// How to code pictures like this one. Two quick encodings tell drawings and text from photographs.
    ///
    /// Photographs of 8 bit are coded in 10, which is 1 to 4 % smaller at the same look; drawings are larger that way.
    ///
    /// # Errors
    /// `Failed` where the encoder refuses.
    pub fn choose(job: &Job<'_>, picture: &Picture, cq: u8) -> Result<Self, Error> {
        let effort = job.options.effort;
        let content = content(job, picture, cq)?;
        let depth = if picture.depth == 8 && content == Content::Photo { 10 } else { picture.depth };
        let speed = match (effort, content) {
            (Effort::Fast, Content::Photo) => 6,
            (Effort::Fast, Content::Screen) => 7,
            (Effort::Balanced, Content::Photo) => 4,
            (Effort::Balanced, Content::Screen) => 5,
            (Effort::Best, Content::Photo) => 2,
            (Effort::Best, Content::Screen) => 3,
        };
        Ok(Self { content, depth, speed })
    }
}

/// A drawing that is coded as such is not larger than one that is coded as a photograph, even by the quickest search.
/// Photographs come out two to three times as large.
fn content(job: &Job<'_>, picture: &Picture, cq: u8) -> Result<Content, Error> {
    let kinds = [Content::Photo, Content::Screen];
    let sizes = trials::run(job, kinds.len(), |i| {
        let Some(content) = kinds.get(i).copied() else { return Ok(None) };
        let how = How { cq, speed: 9, content, tuned: true, lossless: false };
        codec::encode(picture, how).map(|coded| Some(coded.len() as u64))
    })?;
    Ok(match sizes.as_slice() {
        [Some(photo), Some(screen)] if screen.saturating_mul(10) <= photo.saturating_mul(11) => {
            Content::Screen
        }
        _ => Content::Photo,
    })
}

/// A picture coded again.
pub struct Recoded {
    /// The data of its item.
    pub data: Vec<u8>,
    /// The box `av1C`.
    pub configuration: Vec<u8>,
    /// The box `pixi`.
    pub bits: Vec<u8>,
}

impl Recoded {
    /// Codes `picture` at `cq`, with what the source says beside pixels (light levels and the like) copied. `None` where the
    /// encoder took another quantizer, which rav1e may.
    ///
    /// # Errors
    /// `Failed` where the encoder refuses.
    pub fn make(
        picture: &Picture,
        meaning: Meaning,
        source: &[u8],
        plan: Plan,
        cq: u8,
        tuned: bool,
    ) -> Result<Option<Self>, Error> {
        let how = How { cq, speed: plan.speed, content: plan.content, tuned, lossless: false };
        let coded = if plan.depth > picture.depth {
            let deeper = picture.deepened(plan.depth, meaning.full_range, meaning.matrix == 0);
            codec::encode(&deeper, how)?
        } else {
            codec::encode(picture, how)?
        };
        let odd = || Error::failed("the encoder wrote something that cannot be read");
        let (sequence, frame) = av1::headers(&coded).ok_or_else(odd)?;
        // A second run must find it as coarse as it was asked for.
        if frame.base_q < quality::index(cq) || sequence.depth != plan.depth.max(picture.depth) {
            return Ok(None);
        }
        let data = assemble(&coded, source).ok_or_else(odd)?;
        Ok(Some(Self {
            data,
            configuration: configuration(&sequence),
            bits: bits(&sequence, picture.layout),
        }))
    }
}

/// The units of `coded` that mean something in a container, and the source's metadata units behind the sequence header.
fn assemble(coded: &[u8], source: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(coded.len());
    for obu in obu::split(coded)? {
        if matches!(obu.kind, kind::DELIMITER | kind::PADDING) {
            continue;
        }
        data.extend_from_slice(obu.whole);
        if obu.kind == kind::SEQUENCE {
            for told in obu::split(source).unwrap_or_default() {
                if told.kind == kind::METADATA && told.has_size {
                    data.extend_from_slice(told.whole);
                }
            }
        }
    }
    Some(data)
}

/// The box `av1C` (AV1 in ISOBMFF, 2.3).
fn configuration(s: &Sequence) -> Vec<u8> {
    let flag = |on: bool, bit: u32| u8::from(on) << bit;
    let mut out = Vec::with_capacity(12);
    out.extend_from_slice(&12u32.to_be_bytes());
    out.extend_from_slice(b"av1C");
    out.push(0x81);
    out.push(s.profile << 5 | s.level & 31);
    let depth = flag(s.depth > 8, 6) | flag(s.depth == 12, 5);
    let chroma =
        flag(s.mono, 4) | flag(s.subsampling.0, 3) | flag(s.subsampling.1, 2) | s.chroma_position & 3;
    out.push(flag(s.tier, 7) | depth | chroma);
    out.push(0);
    out
}

/// The box `pixi`.
fn bits(s: &Sequence, layout: Layout) -> Vec<u8> {
    let channels = layout.planes();
    let mut out = Vec::with_capacity(16);
    out.extend_from_slice(&(13 + channels as u32).to_be_bytes());
    out.extend_from_slice(b"pixi\0\0\0\0");
    out.push(channels as u8);
    out.extend(std::iter::repeat_n(s.depth, channels));
    out
}
