//! Whether a lossy candidate still looks like its source from afar. Knows block means, not samples or files.
//!
//! Two questions for each frame. *How far* is it: the mean difference over all blocks and the share of blocks that
//! differ a lot, against bounds no honest encoder reaches. And *is it something else*: among the ways a picture gets
//! spoiled (channels swapped, inverted, turned, mirrored, another frame, filled up with one colour), is there one that
//! explains the candidate much better than the source does. The second question has no trouble with coarse encodings:
//! however coarse, they are nearer to their source than to its mirror image. `docs/judge.md` has the numbers.

use crate::blocks::Blocks;
use crate::digest::{Digest, Frame};
use crate::row::Form;

/// Largest mean difference of a frame, in levels of 8 bit: the mean over blocks of each block's worst channel.
const MEAN_BOUND: f32 = 12.0;
/// A block that differs by more than this in some channel is a far block.
const FAR: f32 = 48.0;
/// Largest share of far blocks.
const FAR_BOUND: f32 = 0.01;
/// Largest mean difference of alpha alone.
const ALPHA_BOUND: f32 = 12.0;
/// Transparency that an encoder may not round away, in a block's mean.
const ALPHA_SEEN: f32 = 24.0;
/// A sample tells two hypotheses apart if they differ there by more than this.
const TELLING: f32 = 24.0;
/// An alternative must explain the telling samples this many times better than the source.
const BETTER: f32 = 2.0;
/// And there must be this many of them.
const TELLING_MIN: usize = 4;
/// Largest mean difference of a part at the bottom that is in one colour.
const FILL_BOUND: f32 = 12.0;

/// How far a frame is from its source.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Distance {
    /// Mean over blocks of the worst channel's difference, in levels of 8 bit.
    pub mean: f32,
    /// Share of blocks with a channel that differs by more than 48 levels, and four times `coarse`.
    pub far: f32,
    /// Mean difference of alpha.
    pub alpha: f32,
    /// How many times better the best alternative explains the frame than the source does; 0 if none can be told.
    pub alternative: f32,
    /// Which alternative that is.
    pub name: &'static str,
    /// Mean difference of a one-coloured part at the bottom.
    pub fill: f32,
    /// What the candidate's coding alone explains; all bounds but that of `far` grow by it.
    pub coarse: f32,
    /// Where the difference is largest: block across, block down, channel.
    pub worst: (usize, usize, usize),
}

impl Distance {
    /// The bound that is passed and where it is worst, if one is.
    pub fn verdict(&self) -> Option<String> {
        let (x, y, channel) = self.worst;
        let place = format!("worst at block {x},{y} channel {channel}");
        if self.alternative > BETTER {
            return Some(format!("{} explains it {:.1} times better, {place}", self.name, self.alternative));
        }
        let bounds = [
            ("mean", self.mean, MEAN_BOUND + self.coarse),
            ("far", self.far, FAR_BOUND),
            ("alpha", self.alpha, ALPHA_BOUND + self.coarse),
            ("fill", self.fill, FILL_BOUND + self.coarse),
        ];
        let (name, value, bound) = bounds.into_iter().find(|(_, value, bound)| value > bound)?;
        Some(format!("{name} {value:.2} > {bound:.2}, {place}"))
    }
}

/// Whether a frame that is transparent somewhere, and not just a little, is opaque in the candidate.
pub(crate) fn lost_alpha(source: &Frame, candidate: &Frame) -> bool {
    let b = &source.blocks;
    let seen = |means: &[u16]| f32::from(means[3]) / 256.0 < 255.0 - ALPHA_SEEN;
    source.alpha_used
        && !candidate.alpha_used
        && matches!(source.form, Form::Rgba { .. })
        && b.means.chunks_exact(b.channels).any(seen)
}

/// How far frame `i` of `candidate` is from that of `source`. Both have the same frames of the same sizes and forms.
/// `coarse` is what the candidate's coding alone explains.
pub(crate) fn distance(source: &Digest, candidate: &Digest, coarse: f32, i: usize) -> Distance {
    let (s, c) = (&source.frames[i], &candidate.frames[i]);
    let mut d = gross(s, c, coarse);
    d.fill = fill(&s.blocks, &c.blocks);
    let mut consider = |name, other: Option<f32>| {
        if let Some(better) = other.filter(|b| *b > d.alternative) {
            (d.alternative, d.name) = (better, name);
        }
    };
    for (name, view) in views(s) {
        consider(name, better(&s.blocks, &c.blocks, view));
    }
    let neighbours = [i.checked_sub(1), Some(i + 1), Some(0), source.frames.len().checked_sub(1)];
    for j in neighbours.into_iter().flatten().filter(|j| *j != i) {
        let Some(other) = source.frames.get(j) else { continue };
        if (other.width, other.height, other.form) == (s.width, s.height, s.form) {
            consider("another frame", better(&s.blocks, &c.blocks, |x, y, ch| other.blocks.at(x, y, ch)));
        }
    }
    d
}

fn gross(s: &Frame, c: &Frame, coarse: f32) -> Distance {
    let (s, c, alpha_at) = (&s.blocks, &c.blocks, matches!(s.form, Form::Rgba { .. }).then_some(3));
    let (mut sum, mut far, mut alpha) = (0f64, 0usize, 0f64);
    let (mut largest, mut at) = (0f32, (0, 0));
    let count = (s.means.len() / s.channels).max(1);
    let pairs = s.means.chunks_exact(s.channels).zip(c.means.chunks_exact(s.channels));
    for (block, (a, b)) in pairs.enumerate() {
        let mut worst = 0f32;
        for (channel, (a, b)) in a.iter().zip(b).enumerate() {
            let diff = f32::from(a.abs_diff(*b)) / 256.0;
            worst = worst.max(diff);
            if diff > largest {
                (largest, at) = (diff, (block, channel));
            }
            if alpha_at == Some(channel) {
                alpha += f64::from(diff);
            }
        }
        sum += f64::from(worst);
        far += usize::from(worst > FAR + 4.0 * coarse);
    }
    Distance {
        mean: (sum / count as f64) as f32,
        far: far as f32 / count as f32,
        alpha: (alpha / count as f64) as f32,
        coarse,
        worst: (at.0 % s.across, at.0 / s.across, at.1),
        ..Distance::default()
    }
}

type View<'a> = Box<dyn Fn(usize, usize, usize) -> f32 + 'a>;

/// The ways in which a frame gets spoiled, as the blocks that would come of it.
fn views(frame: &Frame) -> Vec<(&'static str, View<'_>)> {
    let b = &frame.blocks;
    let (right, bottom) = (b.across - 1, b.down - 1);
    let mut all: Vec<(&'static str, View<'_>)> = vec![
        ("mirrored", Box::new(move |x, y, c| b.at(right - x, y, c))),
        ("upside down", Box::new(move |x, y, c| b.at(x, bottom - y, c))),
        ("turned by 180 degrees", Box::new(move |x, y, c| b.at(right - x, bottom - y, c))),
    ];
    if frame.width == frame.height {
        all.push(("turned by 90 degrees", Box::new(move |x, y, c| b.at(y, right - x, c))));
        all.push(("turned by 270 degrees", Box::new(move |x, y, c| b.at(right - y, x, c))));
        all.push(("transposed", Box::new(move |x, y, c| b.at(y, x, c))));
        all.push(("transposed the other way", Box::new(move |x, y, c| b.at(right - y, bottom - x, c))));
    }
    match frame.form {
        Form::Rgba { .. } => {
            for (name, order) in [
                ("red and blue swapped", [2, 1, 0, 3]),
                ("red and green swapped", [1, 0, 2, 3]),
                ("green and blue swapped", [0, 2, 1, 3]),
                ("channels rotated", [1, 2, 0, 3]),
                ("channels rotated the other way", [2, 0, 1, 3]),
            ] {
                all.push((name, Box::new(move |x, y, c| b.at(x, y, order[c]))));
            }
            let inverted = move |x, y, c| if c == 3 { b.at(x, y, 3) } else { b.at(x, y, 3) - b.at(x, y, c) };
            all.push(("inverted", Box::new(inverted)));
        }
        _ => all.push(("inverted", Box::new(move |x, y, c| 255.0 - b.at(x, y, c)))),
    }
    all
}

/// How many times better `other` explains `c` than `s` does, where the two can be told apart.
fn better(s: &Blocks, c: &Blocks, other: impl Fn(usize, usize, usize) -> f32) -> Option<f32> {
    let (mut from_source, mut from_other, mut telling) = (0f64, 0f64, 0usize);
    for y in 0..s.down {
        for x in 0..s.across {
            for ch in 0..s.channels {
                let (a, o) = (s.at(x, y, ch), other(x, y, ch));
                if (a - o).abs() > TELLING {
                    let v = c.at(x, y, ch);
                    from_source += f64::from((v - a).abs());
                    from_other += f64::from((v - o).abs());
                    telling += 1;
                }
            }
        }
    }
    // Half a level of rounding for each sample, so that two near-perfect explanations do not make a ratio.
    let rounding = telling as f64 * 0.5;
    (telling >= TELLING_MIN).then(|| ((from_source + rounding) / (from_other + rounding)) as f32)
}

/// The mean difference of the part at the bottom that has one colour in the candidate; 0 where there is none.
fn fill(s: &Blocks, c: &Blocks) -> f32 {
    let stride = c.across * c.channels;
    let Some(last) = c.means.len().checked_sub(c.channels).map(|at| &c.means[at..]) else { return 0.0 };
    let same = |row: &&[u16]| {
        row.chunks_exact(c.channels).all(|m| m.iter().zip(last).all(|(a, b)| a.abs_diff(*b) <= 256))
    };
    let rows = c.means.rchunks_exact(stride).take_while(same).count();
    // A frame in one colour all over is what the other bounds are for.
    if rows * 20 < c.down || rows == c.down {
        return 0.0;
    }
    let from = c.means.len() - rows * stride;
    let diffs = s.means[from..].chunks_exact(c.channels).zip(c.means[from..].chunks_exact(c.channels));
    let worst = diffs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0));
    let sum: f64 = worst.map(|d| f64::from(d) / 256.0).sum();
    (sum / (rows * c.across) as f64) as f32
}
