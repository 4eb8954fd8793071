//! Candidates that are not what they claim. Knows pictures, not jobs.

use crate::Picture;

/// One way to spoil a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// One sample is off by one.
    ChangePixel,
    /// One colour sample under a fully transparent pixel is off by one.
    ChangeHiddenPixel,
    /// The last frame is gone.
    DropFrame,
    /// Every frame shows the first.
    FlattenFrames,
    /// Width and height change places, the samples stay.
    SwapDimensions,
    /// 16 bit becomes 8.
    CutDepth,
    /// The profile is gone.
    DropIcc,
    /// The rights and all other items are gone.
    DropMeta,
    /// Frames are shown one millisecond longer.
    ChangeDuration,
    /// It plays once more.
    ChangeLoop,
    /// The orientation is another.
    ChangeOrientation,
    /// Nothing is stripped, whatever was asked.
    KeepGps,
    /// Red and blue change places.
    SwapRedBlue,
    /// Each sample becomes its complement.
    InvertCmyk,
    /// A square picture is turned by a quarter.
    TurnSquare,
    /// RGBA becomes RGB.
    LoseAlpha,
    /// The lower half becomes grey, as of a truncated file.
    HalfGrey,
    /// Everything moves to the right by a quarter.
    Shift,
}

impl Lie {
    /// All of them.
    pub const ALL: [Lie; 18] = [
        Lie::ChangePixel,
        Lie::ChangeHiddenPixel,
        Lie::DropFrame,
        Lie::FlattenFrames,
        Lie::SwapDimensions,
        Lie::CutDepth,
        Lie::DropIcc,
        Lie::DropMeta,
        Lie::ChangeDuration,
        Lie::ChangeLoop,
        Lie::ChangeOrientation,
        Lie::KeepGps,
        Lie::SwapRedBlue,
        Lie::InvertCmyk,
        Lie::TurnSquare,
        Lie::LoseAlpha,
        Lie::HalfGrey,
        Lie::Shift,
    ];

    /// Its name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Lie::ChangePixel => "change-pixel",
            Lie::ChangeHiddenPixel => "change-hidden-pixel",
            Lie::DropFrame => "drop-frame",
            Lie::FlattenFrames => "flatten-frames",
            Lie::SwapDimensions => "swap-dimensions",
            Lie::CutDepth => "cut-depth",
            Lie::DropIcc => "drop-icc",
            Lie::DropMeta => "drop-meta",
            Lie::ChangeDuration => "change-duration",
            Lie::ChangeLoop => "change-loop",
            Lie::ChangeOrientation => "change-orientation",
            Lie::KeepGps => "keep-gps",
            Lie::SwapRedBlue => "swap-red-blue",
            Lie::InvertCmyk => "invert-cmyk",
            Lie::TurnSquare => "turn-square",
            Lie::LoseAlpha => "lose-alpha",
            Lie::HalfGrey => "half-grey",
            Lie::Shift => "shift",
        }
    }

    /// The lie of this name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name)
    }

    /// Whether the candidate claims to be lossless; the others claim to look alike.
    pub fn claims_lossless(self) -> bool {
        !matches!(
            self,
            Lie::FlattenFrames
                | Lie::SwapRedBlue
                | Lie::InvertCmyk
                | Lie::TurnSquare
                | Lie::LoseAlpha
                | Lie::HalfGrey
                | Lie::Shift
        )
    }

    /// Spoils `p`; what cannot be spoiled so (no alpha to lose) stays as it is.
    pub fn spoil(self, p: &mut Picture) {
        let (wide, bytes) = (p.bits == 16, p.pixel_bytes());
        let frame = p.frame_bytes().unwrap_or(0);
        match self {
            Lie::ChangePixel => p.samples[0] ^= 1,
            Lie::ChangeHiddenPixel => {
                let sample = if wide { 2 } else { 1 };
                let hidden = |px: &&mut [u8]| px[3 * sample..].iter().all(|b| *b == 0);
                if let Some(px) = p.samples.chunks_exact_mut(bytes).find(hidden).filter(|_| p.color == "rgba")
                {
                    px[0] ^= 1;
                }
            }
            Lie::DropFrame => {
                p.frames = p.frames.saturating_sub(1).max(1);
                p.samples.truncate(frame * p.frames as usize);
            }
            Lie::FlattenFrames => {
                let first = p.samples[..frame].to_vec();
                p.samples.chunks_exact_mut(frame).for_each(|f| f.copy_from_slice(&first));
            }
            Lie::SwapDimensions => std::mem::swap(&mut p.width, &mut p.height),
            Lie::CutDepth if wide => {
                p.samples = p.samples.chunks_exact(2).map(|s| s[1]).collect();
                p.bits = 8;
            }
            Lie::DropIcc => p.icc = None,
            Lie::DropMeta => p.meta.clear(),
            Lie::ChangeDuration => p.duration_ms += 1,
            Lie::ChangeLoop => p.loop_count += 1,
            Lie::ChangeOrientation => {
                for (_, v) in p.meta.iter_mut().filter(|(n, _)| n == "orientation") {
                    *v = if v == "6" { "8".into() } else { "6".into() };
                }
            }
            Lie::SwapRedBlue if p.color.starts_with("rgb") => {
                let s = if wide { 2 } else { 1 };
                for px in p.samples.chunks_exact_mut(bytes) {
                    (0..s).for_each(|i| px.swap(i, 2 * s + i));
                }
            }
            Lie::InvertCmyk => p.samples.iter_mut().for_each(|b| *b = !*b),
            Lie::TurnSquare if p.width == p.height => {
                let side = p.width as usize;
                let old = p.samples.clone();
                for (new, old) in p.samples.chunks_exact_mut(frame).zip(old.chunks_exact(frame)) {
                    for (i, px) in new.chunks_exact_mut(bytes).enumerate() {
                        let at = ((side - 1 - i % side) * side + i / side) * bytes;
                        px.copy_from_slice(&old[at..at + bytes]);
                    }
                }
            }
            Lie::LoseAlpha if p.color == "rgba" => {
                let colour = bytes / 4 * 3;
                p.samples = p.samples.chunks_exact(bytes).flat_map(|px| px[..colour].to_vec()).collect();
                p.color = "rgb".into();
            }
            Lie::HalfGrey => {
                for f in p.samples.chunks_exact_mut(frame) {
                    f[frame / 2..].fill(128);
                }
            }
            Lie::Shift => {
                let row = p.width as usize * bytes;
                let by = p.width as usize / 4 * bytes;
                p.samples.chunks_exact_mut(row).for_each(|r| r.copy_within(..row - by, by));
            }
            _ => {}
        }
    }
}
