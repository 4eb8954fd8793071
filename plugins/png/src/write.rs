//! Puts a file together from its parts, every chunk in the place that PNG demands. Decides nothing.

use crate::animation::Animation;
use crate::chunk::{SIGNATURE, push};
use crate::file::Place;
use crate::metadata::Kept;
use crate::picture::Picture;

/// Everything a file is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The picture of IDAT.
    pub picture: &'a Picture,
    /// A suggested palette of a truecolour picture; empty where there is none.
    pub suggested: &'a [u8],
    /// Ancillary chunks in order.
    pub chunks: &'a [Kept<'a>],
    /// The animation and, for each frame with data of its own, its zlib stream.
    pub animation: Option<(&'a Animation<'a>, &'a [Vec<u8>])>,
    /// Bytes after IEND.
    pub trailing: &'a [u8],
}

/// Chunks that must follow the palette.
fn follows_palette(name: [u8; 4]) -> bool {
    matches!(&name, b"bKGD" | b"hIST")
}

/// Writes the file.
pub fn write(parts: &Parts<'_>) -> Vec<u8> {
    let chunks: usize = parts.chunks.iter().map(|c| c.bytes.len()).sum();
    let frames: usize = parts.animation.map_or(0, |(_, data)| data.iter().map(|d| d.len() + 80).sum());
    let mut out = Vec::with_capacity(parts.picture.cost() + chunks + frames + parts.trailing.len() + 1024);
    out.extend_from_slice(&SIGNATURE);
    push(&mut out, *b"IHDR", &[&parts.picture.header.to_bytes()]);
    let put = |out: &mut Vec<u8>, wanted: &dyn Fn(&Kept<'_>) -> bool| {
        parts.chunks.iter().filter(|c| wanted(c)).for_each(|c| out.extend_from_slice(&c.bytes));
    };
    put(&mut out, &|c| c.place == Place::BeforePalette && !follows_palette(c.name));
    if !parts.suggested.is_empty() {
        push(&mut out, *b"PLTE", &[parts.suggested]);
    }
    parts.picture.push_palette(&mut out);
    put(&mut out, &|c| c.place == Place::BeforePalette && follows_palette(c.name));
    put(&mut out, &|c| c.place == Place::BeforeData);
    let mut sequence = 0_u32;
    let mut next = move || {
        let this = sequence.to_be_bytes();
        sequence = sequence.wrapping_add(1);
        this
    };
    let frames = parts.animation.map_or(&[][..], |(a, _)| &a.frames);
    let hidden = parts.animation.is_some_and(|(a, _)| !a.starts_with_data());
    if let Some(first) = frames.first().filter(|_| !hidden) {
        push(&mut out, *b"fcTL", &[&next(), first.control]);
    }
    push(&mut out, *b"IDAT", &[&parts.picture.data]);
    let own = frames.iter().skip(usize::from(!hidden));
    for (frame, data) in own.zip(parts.animation.map_or(&[][..], |(_, data)| data)) {
        push(&mut out, *b"fcTL", &[&next(), frame.control]);
        push(&mut out, *b"fdAT", &[&next(), data]);
    }
    put(&mut out, &|c| c.place == Place::AfterData);
    push(&mut out, *b"IEND", &[]);
    out.extend_from_slice(parts.trailing);
    out
}
