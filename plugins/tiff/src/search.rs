//! The lossless search for one page: which coding, told from a part, then the whole page by the best. Knows rows and
//! codecs, not files.

use std::borrow::Cow;

use squeezed_plugin_api::{Effort, Error, Job};
use squeezed_plugin_common::trials;

use crate::codec::{self, Coding, ZOPFLI};
use crate::directory::Header;
use crate::raster::{Raster, SampleFormat, compression};
use crate::source::Source;
use crate::write;

/// A strip of ours is at most this long before compression: what is longer gains nothing, and readers hold it whole.
const STRIP: u64 = 1 << 20;
/// A scanned page is coded in one strip: group 4 gains by it and takes little time.
const BILEVEL_STRIP: u64 = 8 << 20;
/// Fax decoders count rows in 16 bits.
const MAX_ROWS: u32 = 65_520;
/// A page up to this size is ranked by all of it.
const WHOLE: u64 = 2 << 20;
/// Larger ones by so many parts of about so many bytes.
const PARTS: u32 = 8;
const PART: u64 = 256 << 10;
/// Small pages may gain by codings that need no tables.
const SMALL: u64 = 64 << 10;
/// Rows up to this size are worth zopfli.
const ZOPFLI_WHOLE: u64 = 2 << 20;
/// Deflate's level for ranking.
const RANKING: u8 = 5;

/// A page coded anew.
#[derive(Debug, Clone)]
pub struct Coded<'a> {
    /// How.
    pub coding: Coding,
    /// Rows of each strip; 0 for tiles.
    pub rows_per_strip: u32,
    /// Strips or tiles in order.
    pub chunks: Vec<Cow<'a, [u8]>>,
    /// Chroma subsampling, where the page becomes YCbCr in JPEG.
    pub subsampling: Option<(u32, u32)>,
}

impl Coded<'_> {
    /// Bytes that the page takes because of its coding.
    pub fn cost(&self, header: Header) -> usize {
        let fields = usize::from(self.coding.predictor != 1) + usize::from(self.subsampling.is_some());
        let chunks: usize = self.chunks.iter().map(|c| c.len()).sum();
        chunks + write::overhead(header, self.chunks.len(), fields)
    }
}

/// One strip or tile to be made.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// A tile of the source by its number.
    Tile(usize),
    /// Rows of a plane.
    Rows { plane: usize, first: u32, count: u32 },
}

/// Rows of each strip of ours, and the strips or tiles in order.
pub fn units(raster: &Raster<'_>, most: u64, multiple: u32) -> (u32, Vec<Unit>) {
    if raster.tile.is_some() {
        return (0, (0..raster.chunks.len()).map(Unit::Tile).collect());
    }
    let plane = raster.bytes_of(raster.width, raster.height).max(1);
    let strips = u32::try_from(plane.div_ceil(most)).unwrap_or(u32::MAX).clamp(1, raster.height);
    let step = multiple.max(raster.subsampling.1).max(1);
    let rows = raster.height.div_ceil(strips).next_multiple_of(step).min(raster.height).min(MAX_ROWS);
    let mut all = Vec::new();
    for plane in 0..raster.planes() {
        let mut first = 0;
        while first < raster.height {
            all.push(Unit::Rows { plane, first, count: rows.min(raster.height - first) });
            first += rows;
        }
    }
    (rows, all)
}

/// The packed rows of a unit and their width.
///
/// # Errors
/// As the codec says.
pub fn packed<'a>(source: &mut Source<'a>, unit: Unit) -> Result<(u32, Cow<'a, [u8]>), Error> {
    match unit {
        Unit::Tile(index) => Ok((source.raster.chunk_shape(index).0, source.chunk(index)?)),
        Unit::Rows { plane, first, count } => {
            Ok((source.raster.width, source.rows(plane, first, count)?.into()))
        }
    }
}

/// Codes a page in the best way found; `None` where nothing here beats `bound` bytes. Every sample has been read then.
///
/// # Errors
/// `BadImage` where data is damaged, `Stopped`.
pub fn search<'a>(
    job: &Job<'_>,
    source: &mut Source<'a>,
    effort: Effort,
    zstd: bool,
    header: Header,
) -> Result<Option<Coded<'a>>, Error> {
    let raster = source.raster;
    let most = if raster.is_bilevel() { BILEVEL_STRIP } else { STRIP };
    let (rows_per_strip, all) = units(raster, most, 1);
    let finalists = rank(job, source, &all, effort, zstd)?;
    let mut coded: Vec<Coded<'a>> = finalists
        .iter()
        .map(|coding| Coded {
            coding: *coding,
            rows_per_strip,
            chunks: Vec::with_capacity(all.len()),
            subsampling: None,
        })
        .collect();
    let threads = job.max_threads().max(1) as usize;
    for batch in all.chunks(threads) {
        job.check()?;
        let parts: Vec<_> = batch.iter().map(|u| packed(source, *u)).collect::<Result<_, _>>()?;
        let made = trials::run(job, parts.len() * coded.len(), |i| {
            let (width, rows) = &parts[i % parts.len()];
            codec::encode(raster, rows, *width, finalists[i / parts.len()])
        })?;
        for (i, chunk) in made.into_iter().enumerate() {
            if let (Some(to), Some(chunk)) = (coded.get_mut(i / parts.len()), chunk) {
                to.chunks.push(chunk.into());
            }
        }
    }
    coded.retain(|c| c.chunks.len() == all.len());
    Ok(coded.into_iter().min_by_key(|c| c.cost(header)))
}

/// Reads every sample of a page that stays as it is.
///
/// # Errors
/// `BadImage` where data is damaged, `Stopped`.
pub fn verify(job: &Job<'_>, source: &Source<'_>) -> Result<(), Error> {
    for index in 0..source.raster.chunks.len() {
        job.check()?;
        source.chunk(index)?;
    }
    Ok(())
}

/// The codings worth the whole page, at the level that the effort asks for.
fn rank(
    job: &Job<'_>,
    source: &mut Source<'_>,
    all: &[Unit],
    effort: Effort,
    zstd: bool,
) -> Result<Vec<Coding>, Error> {
    let raster = source.raster;
    let sample = sample(raster, all);
    let parts: Vec<_> = sample
        .into_iter()
        .map(|u| {
            job.check()?;
            packed(source, u)
        })
        .collect::<Result<_, Error>>()?;
    let codings = codings(raster, zstd);
    let sizes = trials::run(job, codings.len(), |i| {
        let mut size = 0;
        for (width, rows) in &parts {
            job.check()?;
            match codec::encode(raster, rows, *width, codings[i])? {
                Some(coded) => size += coded.len(),
                None => return Ok(None),
            }
        }
        Ok(Some(size))
    })?;
    let mut ranked: Vec<(usize, Coding)> =
        sizes.into_iter().zip(codings).filter_map(|(size, coding)| Some((size?, coding))).collect();
    ranked.sort_by_key(|r| r.0);
    let near = ranked.first().map_or(0, |r| r.0 + r.0 / 50);
    let most = if effort == Effort::Fast { 1 } else { 2 };
    let raw = raster.raw_bytes();
    let mut finalists = Vec::new();
    for (_, coding) in ranked.into_iter().filter(|r| r.0 <= near).take(most) {
        finalists.push(Coding { level: level(coding, effort), ..coding });
        if coding.compression == compression::DEFLATE && effort == Effort::Best && raw <= ZOPFLI_WHOLE {
            finalists.push(Coding { level: ZOPFLI, ..coding });
        }
    }
    Ok(finalists)
}

fn level(coding: Coding, effort: Effort) -> u8 {
    match (coding.compression, effort) {
        (compression::ZSTD, Effort::Fast) => 9,
        (compression::ZSTD, _) => 19,
        (_, Effort::Fast) => 7,
        _ => 12,
    }
}

/// What stands for the page: all of it, or parts from the first row to the last.
fn sample(raster: &Raster<'_>, all: &[Unit]) -> Vec<Unit> {
    if raster.raw_bytes() <= WHOLE {
        return all.to_vec();
    }
    let spread = |count: usize| (0..PARTS as usize).map(move |i| i * (count - 1) / (PARTS as usize - 1));
    if raster.tile.is_some() {
        let mut numbers: Vec<usize> = spread(all.len().max(1)).collect();
        numbers.dedup();
        return numbers.into_iter().map(Unit::Tile).collect();
    }
    let row = (raster.bytes_of(raster.width, raster.height) / u64::from(raster.height)).max(1);
    let step = raster.subsampling.1;
    let count =
        u32::try_from(PART / row).unwrap_or(u32::MAX).max(8).next_multiple_of(step).min(raster.height);
    let plane = raster.planes() / 2;
    let last = (raster.height - count) / step;
    spread(last as usize + 1).map(|i| Unit::Rows { plane, first: i as u32 * step, count }).collect()
}

/// Codings that fit a page's samples and that mainstream readers open.
fn codings(raster: &Raster<'_>, zstd: bool) -> Vec<Coding> {
    let coding = |compression, predictor, level| Coding { compression, predictor, level };
    let predictors: &[u64] = match (raster.format, raster.bits) {
        _ if raster.is_subsampled() => &[1],
        (SampleFormat::Unsigned | SampleFormat::Signed, 8 | 16 | 32) => &[1, 2],
        // Differences of floats as if they were whole numbers win where few values differ.
        (SampleFormat::Float, 16 | 32) => &[1, 2, 3],
        (SampleFormat::Float, 24 | 64) => &[1, 3],
        _ => &[1],
    };
    let mut all = Vec::new();
    if raster.is_bilevel() {
        all.push(coding(compression::G4, 1, 0));
    }
    let small = raster.raw_bytes() <= SMALL;
    for predictor in predictors {
        all.push(coding(compression::DEFLATE, *predictor, RANKING));
        if small {
            all.push(coding(compression::LZW, *predictor, 0));
        }
        if zstd {
            all.push(coding(compression::ZSTD, *predictor, RANKING));
        }
    }
    if small {
        all.push(coding(compression::PACK_BITS, 1, 0));
        all.push(coding(compression::NONE, 1, 0));
    }
    all
}
