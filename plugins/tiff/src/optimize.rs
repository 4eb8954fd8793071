//! One job from input to offers: reads all pages, searches each, and puts whole files together.

use squeezed_plugin_api::{Candidate, Effort, Error, ErrorCode, Job, Metadata, MetadataItem};
use squeezed_plugin_common::labels::{self, Labels};
use squeezed_plugin_common::trials::search_capped;

use crate::codec::{Coding, ZOPFLI};
use crate::directory::File;
use crate::gaps::Gaps;
use crate::page;
use crate::raster::{Raster, compression};
use crate::render;
use crate::search::{self, Coded};
use crate::source::Source;
use crate::{c2pa, lossy, metadata, write};

/// The one option of this plugin's own.
const ZSTD: &str = "zstd";

/// Whether zstd was asked for.
///
/// # Errors
/// `BadOption`.
pub fn asked_for_zstd(job: &Job<'_>) -> Result<bool, Error> {
    let mut asked = false;
    for (key, value) in &job.options.extra {
        asked = match (key.as_str(), value.as_str()) {
            (ZSTD, "on") => true,
            (ZSTD, "off") => false,
            (ZSTD, _) => return Err(Error::new(ErrorCode::BadOption, "zstd is on or off")),
            _ => {
                return Err(Error::new(ErrorCode::BadOption, format!("the tiff plugin has no option {key}")));
            }
        };
    }
    Ok(asked)
}

/// Reads what all pictures' tags tell.
///
/// # Errors
/// `BadImage`.
pub fn rasters<'a>(file: &File<'a>) -> Result<Vec<Raster<'a>>, Error> {
    let all: Vec<_> = render::pictures(file)
        .into_iter()
        .map(|(page, _)| Raster::read(file, page))
        .collect::<Result<_, _>>()?;
    match all.first() {
        Some(first) if first.has_picture() => Ok(all),
        _ => Err(Error::bad_image("a first page without a picture")),
    }
}

/// Runs the job.
///
/// # Errors
/// As [`squeezed_plugin_api::Optimizer::optimize`].
pub fn run(job: &Job<'_>) -> Result<(), Error> {
    let zstd = asked_for_zstd(job)?;
    let file = File::parse(job.input)?;
    let rasters = rasters(&file)?;
    check_limits(job, &rasters)?;
    if let Some(what) = rasters.iter().filter(|r| r.has_picture()).find_map(|r| r.unsupported.clone()) {
        return Err(Error::unsupported(what));
    }
    if let Some(what) = file.unsupported {
        return Err(Error::unsupported(what));
    }
    let policy = job.options.metadata;
    if policy == Metadata::All && c2pa::is_signed(&file) {
        return Err(Error::unsupported("signed content credentials"));
    }
    if policy == Metadata::All && file.lost {
        return Err(Error::unsupported("a field whose values lie outside of the file"));
    }
    let gaps = Gaps::of(&file, &rasters);
    gaps.check(&file, policy)?;
    let mut items: Vec<MetadataItem> = Vec::new();
    metadata::items(&file, gaps.trailing, &mut |i| items.push(i));
    let trailing = if policy == Metadata::All { gaps.trailing } else { &[] };
    let work =
        Work { job, file: &file, rasters: &rasters, trailing, labels: labels::split(&items, policy), zstd };
    work.offer(&vec![None; rasters.len()], "container", None)?;
    work.pages()
}

fn check_limits(job: &Job<'_>, rasters: &[Raster<'_>]) -> Result<(), Error> {
    let limits = &job.options.limits;
    let over = |key: &str, n: u64, most: u64| {
        Error::too_large(format!(
            "the image has {n} {}, more than limits.{key} = {most}",
            key.replace('_', " ")
        ))
    };
    let pixels = |r: &Raster<'_>| u64::from(r.width) * u64::from(r.height);
    let frames = rasters.len() as u64;
    if frames > limits.frames {
        return Err(over("frames", frames, limits.frames));
    }
    if let Some(most) = rasters.iter().map(pixels).max().filter(|n| *n > limits.pixels) {
        return Err(over("pixels", most, limits.pixels));
    }
    let total = rasters.iter().map(pixels).fold(0, u64::saturating_add);
    if total > limits.total_pixels {
        return Err(over("total_pixels", total, limits.total_pixels));
    }
    Ok(())
}

struct Work<'w, 'a> {
    job: &'w Job<'w>,
    file: &'w File<'a>,
    rasters: &'w [Raster<'a>],
    trailing: &'a [u8],
    labels: Labels,
    zstd: bool,
}

/// What was found for one picture; `None` where its own coding is the smallest.
type Found<'a> = Vec<Option<Coded<'a>>>;

impl<'w> Work<'w, 'w> {
    fn pages(&self) -> Result<(), Error> {
        let job = self.job;
        let (quality, capped) = (job.options.quality(), job.options.max_reduction.is_some());
        let mut lossless: Found<'w> = Vec::new();
        let mut lossy: Found<'w> = Vec::new();
        for (i, raster) in self.rasters.iter().enumerate() {
            job.check()?;
            let mut source = Source::new(raster, job.input);
            let asked = quality.filter(|q| lossy::fits(&source, *q));
            let effort = if asked.is_some() && !capped { Effort::Fast } else { job.options.effort };
            let mut best = self.lossless(&mut source, effort)?;
            if let Some(q) = asked.filter(|_| !capped) {
                let bound = self.cost(raster, best.as_ref());
                let made = lossy::encode(job, &mut source, q)?;
                let size = made.cost(self.file.header);
                if size > bound / 5 * 4 && effort != job.options.effort {
                    best = self.lossless(&mut source, job.options.effort)?;
                }
                let worth = size <= self.cost(raster, best.as_ref()) / 20 * 19;
                lossy.push(worth.then_some(made));
            } else {
                lossy.push(None);
            }
            lossless.push(best);
            job.progress(u32::try_from((i + 1) * 900 / self.rasters.len()).unwrap_or(900));
        }
        let best: Vec<Option<&Coded<'_>>> = lossless.iter().map(Option::as_ref).collect();
        if best.iter().any(Option::is_some) {
            self.offer(&best, &method(&best), None)?;
        }
        let Some(quality) = quality else { return Ok(()) };
        if capped {
            return self.capped(&best, quality);
        }
        if lossy.iter().any(Option::is_some) {
            let mixed: Vec<_> = lossy.iter().zip(&best).map(|(l, b)| l.as_ref().or(*b)).collect();
            self.offer(&mixed, &format!("jpeg-q{quality}"), Some(quality))?;
        }
        Ok(())
    }

    /// The lowest quality at or above the asked one that stays above the floor.
    fn capped(&self, lossless: &[Option<&Coded<'_>>], quality: u8) -> Result<(), Error> {
        let job = self.job;
        let sources = || self.rasters.iter().map(|r| Source::new(r, job.input));
        if !sources().any(|s| lossy::fits(&s, quality)) {
            return Ok(());
        }
        let found = search_capped(quality, job.floor(), |q| {
            let mut made: Found<'_> = Vec::new();
            for ((mut source, raster), best) in sources().zip(self.rasters).zip(lossless) {
                job.check()?;
                let coded =
                    if lossy::fits(&source, q) { Some(lossy::encode(job, &mut source, q)?) } else { None };
                let bound = self.cost(raster, *best) / 20 * 19;
                made.push(coded.filter(|c| c.cost(self.file.header) <= bound));
            }
            let mixed: Vec<_> = made.iter().zip(lossless).map(|(l, b)| l.as_ref().or(*b)).collect();
            self.assemble(&mixed)
        })?;
        let Some((used, bytes)) = found else { return Ok(()) };
        self.propose(&bytes, &format!("jpeg-q{used}"), Some(used))
    }

    /// The best lossless coding of a picture; `None` where its own is as small.
    fn lossless(&self, source: &mut Source<'w>, effort: Effort) -> Result<Option<Coded<'w>>, Error> {
        let raster = source.raster;
        if !raster.has_picture() {
            return Ok(None);
        }
        if matches!(raster.compression, compression::JPEG | compression::WEBP) {
            search::verify(self.job, source)?;
            return Ok(None);
        }
        let zstd = self.zstd || raster.compression == compression::ZSTD;
        let found = search::search(self.job, source, effort, zstd, self.file.header)?;
        let own = self.cost(raster, None);
        Ok(found.filter(|f| f.cost(self.file.header) < own))
    }

    /// Bytes that a picture takes because of its coding: of a new one, or of its own.
    fn cost(&self, raster: &Raster<'_>, coded: Option<&Coded<'_>>) -> usize {
        let header = self.file.header;
        coded.map_or_else(
            || {
                let fields = usize::from(raster.predictor != 1) + usize::from(raster.reversed);
                let chunks: usize = raster.chunks.iter().map(std::ops::Range::len).sum();
                chunks + write::overhead(header, raster.chunks.len(), fields)
            },
            |c| c.cost(header),
        )
    }

    fn assemble(&self, coded: &[Option<&Coded<'_>>]) -> Result<Vec<u8>, Error> {
        let pages = page::build(self.file, self.rasters, coded, self.job.options.metadata)?;
        write::file(self.file.header, &pages, self.trailing)
    }

    fn offer(&self, coded: &[Option<&Coded<'_>>], method: &str, quality: Option<u8>) -> Result<(), Error> {
        let bytes = self.assemble(coded)?;
        self.propose(&bytes, method, quality)
    }

    fn propose(&self, bytes: &[u8], method: &str, quality: Option<u8>) -> Result<(), Error> {
        let candidate = match quality {
            None => Candidate::lossless(bytes, method),
            Some(quality) => Candidate::lossy(bytes, method, quality),
        };
        self.job.offer(&candidate.with_metadata(&self.labels.kept, &self.labels.dropped))?;
        Ok(())
    }
}

/// One word for how pages are coded.
fn method(coded: &[Option<&Coded<'_>>]) -> String {
    let mut names: Vec<String> = coded.iter().flatten().map(|c| name(c.coding)).collect();
    names.dedup();
    match names.as_slice() {
        [one] => one.clone(),
        _ => "mixed".into(),
    }
}

fn name(coding: Coding) -> String {
    let base = match coding.compression {
        compression::NONE => "stored",
        compression::PACK_BITS => "packbits",
        compression::LZW => "lzw",
        compression::G4 => "ccitt-g4",
        compression::ZSTD => "zstd",
        _ if coding.level >= ZOPFLI => "zopfli",
        _ => "deflate",
    };
    match coding.predictor {
        1 => base.into(),
        n => format!("{base}-predictor-{n}"),
    }
}
