//! The tracks of a sequence: which samples they have, where those lie and how long each is shown (ISO/IEC 14496-12, 8).
//! Knows boxes, decodes nothing.

use std::ops::Range;

use squeezed_isobmff::{BoxRef, Boxes, Broken, Reader};

/// One track of pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its number.
    pub id: u32,
    /// `pict`, `vide` for pictures, `auxv` for what belongs to others.
    pub handler: [u8; 4],
    /// Tracks that it is auxiliary to.
    pub auxiliary_to: Vec<u32>,
    /// The URN that says what an auxiliary track is for.
    pub purpose: Vec<u8>,
    /// Tracks whose colour was multiplied by it.
    pub premultiplied_by: Vec<u32>,
    /// Units of a second in durations.
    pub timescale: u32,
    /// Width and height of its samples.
    pub size: (u32, u32),
    /// Where the bytes of each sample are in the file, and how long it is shown.
    pub samples: Vec<(Range<usize>, u32)>,
}

/// The most samples that are looked at.
const MAX_SAMPLES: u32 = 1 << 20;

/// The picture tracks of a `moov` box that are coded by AV1.
///
/// # Errors
/// A box is cut, or samples lie outside of the file.
pub fn tracks(movie: &BoxRef<'_>, file_len: usize) -> Result<Vec<Track>, Broken> {
    let mut all = Vec::new();
    for trak in children(movie.body, b"trak")? {
        if let Some(track) = track(&trak, file_len)? {
            all.push(track);
        }
    }
    Ok(all)
}

fn children<'a>(body: &'a [u8], kind: &[u8; 4]) -> Result<Vec<BoxRef<'a>>, Broken> {
    Boxes::new(body).filter(|b| b.as_ref().map_or(true, |b| b.kind == kind)).collect()
}

fn child<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Result<Option<BoxRef<'a>>, Broken> {
    let Some((first, rest)) = path.split_first() else { return Ok(None) };
    let Some(found) = children(body, first)?.into_iter().next() else { return Ok(None) };
    if rest.is_empty() { Ok(Some(found)) } else { child(found.body, rest) }
}

fn track(trak: &BoxRef<'_>, file_len: usize) -> Result<Option<Track>, Broken> {
    let Some(header) = child(trak.body, &[b"tkhd"])? else { return Ok(None) };
    let (version, _, body) = header.full()?;
    let mut r = Reader::new(body);
    let long = version == 1;
    let number = |r: &mut Reader<'_>| if long { r.u64() } else { r.u32().map(u64::from) };
    number(&mut r)?;
    number(&mut r)?;
    let id = r.u32()?;

    let Some(media) = child(trak.body, &[b"mdia"])? else { return Ok(None) };
    let Some(handler) = child(media.body, &[b"hdlr"])? else { return Ok(None) };
    let mut h = Reader::new(handler.body);
    h.u64()?;
    let handler: [u8; 4] = h.array()?;
    let Some(table) = child(media.body, &[b"minf", b"stbl"])? else { return Ok(None) };
    let Some(entry) = child(table.body, &[b"stsd"])? else { return Ok(None) };
    let entries = entry.full()?.2.get(4..).ok_or(Broken::Short)?;
    let Some(entry) = children(entries, b"av01")?.into_iter().next() else { return Ok(None) };
    let mut e = Reader::new(entry.body);
    e.bytes(24)?;
    let size = (u32::from(e.u16()?), u32::from(e.u16()?));
    e.bytes(50)?;
    let purpose = match child(e.rest(), &[b"auxi"])? {
        Some(b) => Reader::new(b.full()?.2).text().to_vec(),
        None => Vec::new(),
    };
    Ok(Some(Track {
        id,
        handler,
        auxiliary_to: references(trak, b"auxl")?,
        purpose,
        premultiplied_by: references(trak, b"prem")?,
        timescale: timescale(&media)?,
        size,
        samples: samples(&table, file_len)?,
    }))
}

fn timescale(media: &BoxRef<'_>) -> Result<u32, Broken> {
    let Some(header) = child(media.body, &[b"mdhd"])? else { return Ok(1) };
    let (version, _, body) = header.full()?;
    let mut r = Reader::new(body);
    r.bytes(if version == 1 { 16 } else { 8 })?;
    r.u32()
}

fn references(trak: &BoxRef<'_>, kind: &[u8; 4]) -> Result<Vec<u32>, Broken> {
    let Some(b) = child(trak.body, &[b"tref", kind])? else { return Ok(Vec::new()) };
    Ok(b.body.as_chunks::<4>().0.iter().map(|n| u32::from_be_bytes(*n)).collect())
}

fn samples(table: &BoxRef<'_>, file_len: usize) -> Result<Vec<(Range<usize>, u32)>, Broken> {
    let sizes = sizes(table)?;
    let durations = durations(table, sizes.len())?;
    let chunks = chunks(table)?;
    let mut runs = runs(table)?.into_iter().peekable();
    let mut count = 0;
    let mut all = Vec::with_capacity(sizes.len());
    let mut sizes = sizes.iter().zip(durations);
    'chunks: for (i, offset) in chunks.iter().enumerate() {
        while let Some((_, n)) = runs.next_if(|r| u64::from(r.0) <= i as u64 + 1) {
            count = n;
        }
        let mut at = *offset;
        for _ in 0..count {
            let Some((size, duration)) = sizes.next() else { break 'chunks };
            let end = at.checked_add(u64::from(*size)).ok_or(Broken::Truncated)?;
            let range = usize::try_from(at).ok().zip(usize::try_from(end).ok());
            let (start, stop) = range.filter(|r| r.1 <= file_len).ok_or(Broken::Truncated)?;
            all.push((start..stop, duration));
            at = end;
        }
    }
    if sizes.next().is_some() {
        return Err(Broken::Meta("a track has samples without a place"));
    }
    Ok(all)
}

fn sizes(table: &BoxRef<'_>) -> Result<Vec<u32>, Broken> {
    let Some(b) = child(table.body, &[b"stsz"])? else { return Ok(Vec::new()) };
    let mut r = Reader::new(b.full()?.2);
    let (same, count) = (r.u32()?, r.u32()?);
    if count > MAX_SAMPLES {
        return Err(Broken::Meta("a track has too many samples"));
    }
    (0..count).map(|_| if same > 0 { Ok(same) } else { r.u32() }).collect()
}

fn durations(table: &BoxRef<'_>, count: usize) -> Result<Vec<u32>, Broken> {
    let mut all = Vec::with_capacity(count);
    if let Some(b) = child(table.body, &[b"stts"])? {
        let mut r = Reader::new(b.full()?.2);
        for _ in 0..r.u32()? {
            let (run, duration) = (r.u32()? as usize, r.u32()?);
            let left = count - all.len();
            all.extend(std::iter::repeat_n(duration, run.min(left)));
        }
    }
    all.resize(count, 0);
    Ok(all)
}

fn chunks(table: &BoxRef<'_>) -> Result<Vec<u64>, Broken> {
    let short = child(table.body, &[b"stco"])?;
    let (b, long) = match short {
        Some(b) => (b, false),
        None => match child(table.body, &[b"co64"])? {
            Some(b) => (b, true),
            None => return Ok(Vec::new()),
        },
    };
    let mut r = Reader::new(b.full()?.2);
    let mut all = Vec::new();
    for _ in 0..r.u32()? {
        all.push(if long { r.u64()? } else { u64::from(r.u32()?) });
    }
    Ok(all)
}

/// From which chunk on how many samples are in each, chunks counted from 1.
fn runs(table: &BoxRef<'_>) -> Result<Vec<(u32, u32)>, Broken> {
    let Some(b) = child(table.body, &[b"stsc"])? else { return Ok(Vec::new()) };
    let mut r = Reader::new(b.full()?.2);
    let mut all = Vec::new();
    for _ in 0..r.u32()? {
        let (first, count) = (r.u32()?, r.u32()?);
        r.u32()?;
        all.push((first, count));
    }
    Ok(all)
}
