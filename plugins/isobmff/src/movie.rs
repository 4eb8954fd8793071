//! The `moov` box of a sequence: how many pictures, for how long, and where their samples lie. Codes no sample.

use std::ops::Range;

use crate::reader::Reader;
use crate::{BoxRef, Boxes, Broken, FourCc};

/// The boxes that hold the boxes of interest.
const HOLDERS: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

/// One track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// The handler: `pict` or `vide` for pictures, `auxv` for auxiliary ones.
    pub handler: [u8; 4],
    /// The type of its first sample description: `hvc1`, `av01`.
    pub codec: [u8; 4],
    /// Width and height by that description; zeros where it is none of pictures.
    pub size: (u32, u32),
    /// The boxes in that description: `hvcC`, `av1C`, `colr`.
    pub description: Vec<u8>,
    /// How many samples it has.
    pub samples: u32,
    /// Ticks in a second.
    pub timescale: u32,
    /// How long its samples last, in ticks.
    pub media_duration: u64,
    /// How long it plays, in ticks of the movie; `None` for ever.
    pub play_duration: Option<u64>,
    /// Its edit list says that it begins again.
    pub repeats: bool,
    /// Where its chunks lie in the file.
    pub chunks: Vec<Range<u64>>,
}

/// The whole movie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Movie {
    /// Ticks in a second.
    pub timescale: u32,
    /// The tracks, in order.
    pub tracks: Vec<Track>,
}

impl Movie {
    /// Reads a `moov` box.
    ///
    /// # Errors
    /// It is broken.
    pub fn read(moov: &BoxRef<'_>) -> Result<Self, Broken> {
        let mut movie = Self::default();
        for b in Boxes::new(moov.body) {
            let b = b?;
            match &b.kind.0 {
                b"mvhd" => {
                    let (version, _, body) = b.full()?;
                    let mut r = Reader::new(body);
                    r.bytes(if version == 1 { 16 } else { 8 })?;
                    movie.timescale = r.u32()?;
                }
                b"trak" => movie.tracks.push(Track::read(&b)?),
                _ => {}
            }
        }
        Ok(movie)
    }

    /// The track that is the picture: the first that is neither auxiliary nor sound.
    pub fn picture(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| matches!(&t.handler, b"pict" | b"vide"))
    }

    /// How often the picture's track plays; 0 for ever.
    pub fn loops(&self) -> u32 {
        let Some(t) = self.picture().filter(|t| t.repeats) else { return 1 };
        let Some(play) = t.play_duration else { return 0 };
        let once = u128::from(t.media_duration) * u128::from(self.timescale);
        let whole = u128::from(play) * u128::from(t.timescale);
        u32::try_from(whole.checked_div(once).unwrap_or(1)).unwrap_or(u32::MAX).max(1)
    }
}

/// Sizes of samples: all the same, or one by one.
enum Sizes<'a> {
    Same(u32),
    Each { table: &'a [u8], bits: u8 },
}

impl Sizes<'_> {
    fn at(&self, i: usize) -> Option<u32> {
        match self {
            Sizes::Same(n) => Some(*n),
            Sizes::Each { table, bits } => match bits {
                4 => {
                    let pair = table.get(i / 2)?;
                    Some(u32::from(if i.is_multiple_of(2) { pair >> 4 } else { pair & 15 }))
                }
                8 => table.get(i).map(|b| u32::from(*b)),
                16 => {
                    table.get(i.checked_mul(2)?..)?.first_chunk().map(|b| u32::from(u16::from_be_bytes(*b)))
                }
                _ => table.get(i.checked_mul(4)?..)?.first_chunk().map(|b| u32::from_be_bytes(*b)),
            },
        }
    }
}

impl Track {
    fn read(trak: &BoxRef<'_>) -> Result<Self, Broken> {
        let mut track = Self::default();
        let mut found = Vec::new();
        leaves(trak, 0, &mut found)?;
        let get = |kind: &[u8; 4]| found.iter().find(|b| b.kind == kind);
        if let Some(b) = get(b"tkhd") {
            let (version, _, body) = b.full()?;
            let mut r = Reader::new(body);
            r.bytes(if version == 1 { 24 } else { 16 })?;
            track.play_duration = match version {
                1 => Some(r.u64()?).filter(|d| *d != u64::MAX),
                _ => Some(r.u32()?).filter(|d| *d != u32::MAX).map(u64::from),
            };
        }
        if let Some(b) = get(b"edts") {
            let list = Boxes::new(b.body).find_map(|b| b.ok().filter(|b| b.kind == b"elst"));
            track.repeats = list.map(|b| b.full()).transpose()?.is_some_and(|(_, flags, _)| flags & 1 != 0);
        }
        let missing = |kind: &[u8; 4]| Broken::Missing(FourCc(*kind));
        let b = get(b"hdlr").ok_or_else(|| missing(b"hdlr"))?;
        let mut r = Reader::new(b.body);
        r.u64()?;
        track.handler = r.array()?;
        if let Some(b) = get(b"mdhd") {
            let (version, _, body) = b.full()?;
            let mut r = Reader::new(body);
            r.bytes(if version == 1 { 16 } else { 8 })?;
            track.timescale = r.u32()?;
            track.media_duration = if version == 1 { r.u64()? } else { u64::from(r.u32()?) };
        }
        if let Some(b) = get(b"stsd") {
            let (_, _, body) = b.full()?;
            // A count, then the first entry: its length and type, 24 bytes, width and height, 50 bytes, boxes.
            let entry = body.get(4..).unwrap_or_default();
            let mut r = Reader::new(entry);
            let length = r.u32()? as usize;
            track.codec = r.array()?;
            let mut r = Reader::new(entry.get(8..length).unwrap_or_default());
            if matches!(&track.handler, b"pict" | b"vide" | b"auxv") {
                r.bytes(24)?;
                track.size = (u32::from(r.u16()?), u32::from(r.u16()?));
                r.bytes(50)?;
                track.description = r.rest().to_vec();
            }
        }
        let sizes = match (get(b"stsz"), get(b"stz2")) {
            (Some(b), _) => {
                let mut r = Reader::new(b.full()?.2);
                let same = r.u32()?;
                track.samples = r.u32()?;
                if same != 0 { Sizes::Same(same) } else { Sizes::Each { table: r.rest(), bits: 32 } }
            }
            (None, Some(b)) => {
                let mut r = Reader::new(b.full()?.2);
                let bits = (r.u32()? & 0xff) as u8;
                track.samples = r.u32()?;
                Sizes::Each { table: r.rest(), bits }
            }
            (None, None) => return Err(missing(b"stsz")),
        };
        let runs = get(b"stsc").ok_or_else(|| missing(b"stsc"))?.full()?.2;
        let (places, wide) = match (get(b"stco"), get(b"co64")) {
            (Some(b), _) => (b.full()?.2, false),
            (None, Some(b)) => (b.full()?.2, true),
            (None, None) => return Err(missing(b"stco")),
        };
        track.place(&sizes, runs, places, wide)?;
        Ok(track)
    }

    /// Where the chunks begin, by `stco`; where they end, by `stsc` and `stsz`.
    fn place(&mut self, sizes: &Sizes<'_>, runs: &[u8], places: &[u8], wide: bool) -> Result<(), Broken> {
        let mut runs = Reader::new(runs);
        let mut left = runs.u32()?;
        let mut next = |left: &mut u32| -> Result<Option<(u32, u32)>, Broken> {
            if *left == 0 {
                return Ok(None);
            }
            *left -= 1;
            let run = (runs.u32()?, runs.u32()?);
            runs.u32()?;
            Ok(Some(run))
        };
        let mut places = Reader::new(places);
        let (mut each, mut then, mut sample) = (0u32, next(&mut left)?, 0usize);
        for chunk in 1..=places.u32()? {
            let start = if wide { places.u64()? } else { u64::from(places.u32()?) };
            while let Some((_, count)) = then.filter(|(first, _)| *first <= chunk) {
                each = count;
                then = next(&mut left)?;
            }
            let samples = (self.samples as usize).saturating_sub(sample).min(each as usize);
            let bytes = match sizes {
                Sizes::Same(n) => u64::from(*n).checked_mul(samples as u64),
                Sizes::Each { .. } => (0..samples).try_fold(0u64, |sum, i| {
                    sizes.at(sample.checked_add(i)?).and_then(|n| sum.checked_add(u64::from(n)))
                }),
            };
            let end = bytes.and_then(|b| start.checked_add(b)).ok_or(Broken::Short)?;
            sample = sample.saturating_add(samples);
            self.chunks.push(start..end);
        }
        if sample < self.samples as usize {
            return Err(Broken::Meta("a track has fewer chunks than its samples need"));
        }
        Ok(())
    }
}

/// All boxes in a tree of holders.
fn leaves<'a>(holder: &BoxRef<'a>, depth: usize, found: &mut Vec<BoxRef<'a>>) -> Result<(), Broken> {
    for b in Boxes::new(holder.body) {
        let b = b?;
        if HOLDERS.iter().any(|h| b.kind == *h) && depth < HOLDERS.len() {
            leaves(&b, depth + 1, found)?;
        } else {
            found.push(b);
        }
    }
    Ok(())
}

/// A `moov` box with every place of a chunk replaced; without what only tells where `lean`. `None` where a place has no
/// replacement.
pub(crate) fn relocated(
    moov: &BoxRef<'_>,
    lean: bool,
    place: &dyn Fn(u64) -> Option<u64>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(moov.whole.len());
    relocate(moov, 0, lean, place, &mut out)?;
    Some(out)
}

fn relocate(
    b: &BoxRef<'_>,
    depth: usize,
    lean: bool,
    place: &dyn Fn(u64) -> Option<u64>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let holder = HOLDERS.iter().any(|h| b.kind == *h) && depth < HOLDERS.len() + 1;
    if !holder && !matches!(&b.kind.0, b"stco" | b"co64") {
        out.extend_from_slice(b.whole);
        return Some(());
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&b.kind.0);
    if holder {
        for child in Boxes::new(b.body) {
            let child = child.ok()?;
            let tells = matches!(&child.kind.0, b"udta" | b"meta" | b"uuid");
            if matches!(&child.kind.0, b"free" | b"skip") || (lean && tells) {
                continue;
            }
            relocate(&child, depth + 1, lean, place, out)?;
        }
    } else {
        let mut r = Reader::new(b.body);
        let (head, count) = (r.u32().ok()?, r.u32().ok()?);
        out.extend_from_slice(&head.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            if b.kind == b"co64" {
                out.extend_from_slice(&place(r.u64().ok()?)?.to_be_bytes());
            } else {
                let new = place(u64::from(r.u32().ok()?))?;
                out.extend_from_slice(&u32::try_from(new).ok()?.to_be_bytes());
            }
        }
    }
    let size = u32::try_from(out.len() - start).ok()?;
    out.get_mut(start..start + 4)?.copy_from_slice(&size.to_be_bytes());
    Some(())
}

/// Whether a `moov` box has metadata with places of its own, which are not rewritten here.
pub(crate) fn has_places(moov: &BoxRef<'_>) -> bool {
    let mut found = Vec::new();
    if leaves(moov, 0, &mut found).is_err() {
        return true;
    }
    let tells = |b: &BoxRef<'_>| b.body.windows(4).any(|w| w == b"iloc");
    found
        .iter()
        .any(|b| matches!(&b.kind.0, b"meta" | b"udta") && tells(b) || matches!(&b.kind.0, b"saio" | b"mvex"))
}
