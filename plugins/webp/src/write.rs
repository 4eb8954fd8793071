//! Writes a parsed file again, with other bitstreams or less metadata.

use crate::container::{Bitstream, Container, Part, flag};
use crate::riff;

/// What a rewritten file holds beside its pictures.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The EXIF block, if any stays.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet, if any stays.
    pub xmp: Option<Vec<u8>>,
    /// Whether unknown chunks and trailing data stay.
    pub unknown: bool,
}

impl Container<'_> {
    /// The file again with these bitstreams, one for each frame, and this metadata. `None` beyond 4 GiB.
    ///
    /// `VP8X` stays only where something needs it. A feature flag is never set that was not set before, except that
    /// alpha is announced where a still becomes lossy: some decoders ignore what is not announced, and would no longer.
    pub fn write(&self, images: &[Bitstream<'_>], kept: &Kept) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let mut present = 0;
        let mut chunks = Vec::new();
        let mut unknown = false;
        for part in &self.parts {
            match part {
                Part::Frame(i) => self.write_frame(&mut chunks, *i, images.get(*i)?, kept.unknown)?,
                Part::Icc(profile) => {
                    present |= flag::ICC;
                    riff::write(&mut chunks, *b"ICCP", profile)?;
                }
                Part::Exif(_) => {
                    if let Some(block) = &kept.exif {
                        present |= flag::EXIF;
                        riff::write(&mut chunks, *b"EXIF", block)?;
                    }
                }
                Part::Xmp(_) => {
                    if let Some(packet) = &kept.xmp {
                        present |= flag::XMP;
                        riff::write(&mut chunks, *b"XMP ", packet)?;
                    }
                }
                Part::Unknown(chunk) => {
                    if kept.unknown {
                        unknown = true;
                        riff::write(&mut chunks, chunk.id, chunk.data)?;
                    }
                }
            }
        }
        if let Some(flags) = self.new_flags(images, present, unknown) {
            let mut data = vec![flags, 0, 0, 0];
            data.extend_from_slice(&(self.width - 1).to_le_bytes()[..3]);
            data.extend_from_slice(&(self.height - 1).to_le_bytes()[..3]);
            riff::write(&mut body, *b"VP8X", &data)?;
        }
        // Decoders want the profile before the animation, and both before any frame: a profile that stood first stays so.
        if let Some(a) = self.animation {
            let profile_end = match self.parts.first() {
                Some(Part::Icc(profile)) => 8 + profile.len() + profile.len() % 2,
                _ => 0,
            };
            let (before, after) = chunks.split_at_checked(profile_end)?;
            body.extend_from_slice(before);
            let [l0, l1] = a.loops.to_le_bytes();
            let [b, g, r, alpha] = a.background;
            riff::write(&mut body, *b"ANIM", &[b, g, r, alpha, l0, l1])?;
            body.extend_from_slice(after);
        } else {
            body.append(&mut chunks);
        }
        riff::file(&body, if kept.unknown { self.trailing } else { &[] })
    }

    /// The flags of the new `VP8X`; `None` where none is needed.
    fn new_flags(&self, images: &[Bitstream<'_>], present: u8, unknown: bool) -> Option<u8> {
        let alpha = images.iter().any(Bitstream::has_alpha);
        let separate_alpha = images.iter().any(|i| matches!(i, Bitstream::Lossy { alpha: Some(_), .. }));
        let Some(old) = self.flags else { return separate_alpha.then_some(flag::ALPHA) };
        let hidden_alpha = alpha && old & flag::ALPHA == 0;
        if self.is_animated() || separate_alpha || present != 0 || unknown || hidden_alpha {
            return Some(old & (present | flag::ANIMATION | flag::ALPHA));
        }
        None
    }

    fn write_frame(&self, out: &mut Vec<u8>, i: usize, image: &Bitstream<'_>, unknown: bool) -> Option<()> {
        if !self.is_animated() {
            return image.write(out);
        }
        let f = self.frames.get(i)?;
        let mut data = Vec::new();
        for n in [f.x / 2, f.y / 2, f.width - 1, f.height - 1, f.duration] {
            data.extend_from_slice(&n.to_le_bytes()[..3]);
        }
        data.push(u8::from(f.replaces) << 1 | u8::from(f.clears));
        image.write(&mut data)?;
        if unknown {
            for chunk in &f.extra {
                riff::write(&mut data, chunk.id, chunk.data)?;
            }
        }
        riff::write(out, *b"ANMF", &data)
    }
}
