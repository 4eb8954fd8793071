//! Fewer bytes at a quality: the coded pictures of the primary item made again, alpha beside them. What was coded at the
//! asked quality or below stays as it is, so a second run finds nothing to do.

use std::collections::BTreeMap;

use squeezed_isobmff::{Edit, File, Item, Meta};
use squeezed_plugin_api::{Candidate, Error, Job};
use squeezed_plugin_common::labels::Labels;
use squeezed_plugin_common::trials;

use crate::codec::Picture;
use crate::quality;
use crate::recode::{Plan, Recoded};
use crate::render::Meaning;
use crate::still::{self, Shape};

/// Alpha is a mask more often than a picture: below this quality its edges show.
const ALPHA_QUALITY: u8 = 90;

/// The speed of a search under a cap, and how many qualities further than it says are tried.
const QUICK: u8 = 7;
const MORE: u8 = 6;

/// One lossy search over a file.
pub struct Search<'s, 'a> {
    /// The job.
    pub job: &'s Job<'s>,
    /// The source.
    pub file: &'s File<'a>,
    /// Its metadata policy as an edit.
    pub edit: &'s Edit,
    /// The same for the receipt.
    pub labels: &'s Labels,
}

/// Items that were coded finer than asked, those of alpha marked, and where they are described.
type Finer<'m, 'a> = (&'m Meta<'a>, Vec<(&'m Item<'a>, bool)>);

/// A coded picture that may be made again.
struct Part<'m, 'a> {
    item: &'m Item<'a>,
    data: Vec<u8>,
    picture: Picture,
    meaning: Meaning,
    is_alpha: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    /// Offers the file at `asked`, or in capped mode at the lowest quality above that the cap allows.
    ///
    /// # Errors
    /// `UnsupportedFeature` for what is only copied here, and those of decoder, encoder and host.
    pub fn run(&self, asked: u8) -> Result<(), Error> {
        let Some((meta, items)) = self.candidates(asked)? else { return Ok(()) };
        let mut parts = Vec::with_capacity(items.len());
        for (item, is_alpha) in items {
            self.job.check()?;
            let data = self.file.data(item)?.into_owned();
            let picture = still::decode(self.file, meta, item, &self.job.options.limits)?;
            let meaning = still::meaning(meta, item, &picture);
            parts.push(Part { item, data, picture, meaning, is_alpha });
        }
        let Some(first) = parts.iter().find(|p| !p.is_alpha).or(parts.first()) else { return Ok(()) };
        let plan = Plan::choose(self.job, &first.picture, quality::cq(asked))?;
        let Some((q, file)) = self.lowest(meta, &parts, plan, asked)? else { return Ok(()) };
        let method = format!("av1-q{q}");
        let candidate =
            Candidate::lossy(&file, &method, q).with_metadata(&self.labels.kept, &self.labels.dropped);
        self.job.offer(&candidate.with_rank(20))?;
        Ok(())
    }

    /// The file at `asked`, or at the lowest quality above that the cap allows. Slow encodings come out smaller than quick
    /// ones, so a quick search tells where to begin.
    fn lowest(
        &self,
        meta: &Meta<'a>,
        parts: &[Part<'_, 'a>],
        plan: Plan,
        asked: u8,
    ) -> Result<Option<(u8, Vec<u8>)>, Error> {
        let floor = self.job.floor();
        let reaches = |file: &Vec<u8>| file.len() as u64 >= floor;
        let first = self.file_at(meta, parts, plan, asked)?;
        if reaches(&first) {
            return Ok(Some((asked, first)));
        }
        let quick = Plan { speed: plan.speed.max(QUICK), ..plan };
        let found = trials::search_capped(asked, floor, |q| self.file_at(meta, parts, quick, q))?;
        let Some((from, _)) = found else { return Ok(None) };
        for q in from..=from.saturating_add(MORE).min(100) {
            let file = self.file_at(meta, parts, plan, q)?;
            if reaches(&file) {
                return Ok(Some((q, file)));
            }
        }
        Ok(None)
    }

    /// The coded pictures that are finer than asked, alpha marked; `None` where there is nothing to do.
    fn candidates(&self, asked: u8) -> Result<Option<Finer<'s, 'a>>, Error> {
        if let Some(sequence) = crate::sequence::Sequence::find(self.file)? {
            let finer = |unit: &[u8]| !quality::is_at_or_below(unit, asked);
            let any = sequence.samples().any(|range| self.file.input.get(range).is_some_and(finer));
            return if any { Err(Error::unsupported("sequences")) } else { Ok(None) };
        }
        let (meta, primary) = self.file.primary()?;
        let mut parts: Vec<_> = meta.coded(primary.id)?.into_iter().map(|item| (item, false)).collect();
        for master in std::iter::once(primary.id).chain(parts.iter().map(|p| p.0.id)).collect::<Vec<_>>() {
            for alpha in meta.alpha(master).map(|a| meta.coded(a.0.id)).transpose()?.unwrap_or_default() {
                if !parts.iter().any(|known| known.0.id == alpha.id) {
                    parts.push((alpha, true));
                }
            }
        }
        let mut finer = Vec::with_capacity(parts.len());
        for (item, is_alpha) in parts {
            if item.kind != b"av01" {
                return Err(Error::unsupported(format!("pictures of type {}", item.kind)));
            }
            let asked = if is_alpha { asked.max(ALPHA_QUALITY) } else { asked };
            if !quality::is_at_or_below(&self.file.data(item)?, asked) {
                finer.push((item, is_alpha));
            }
        }
        if finer.is_empty() {
            return Ok(None);
        }
        match still::shape(self.file, meta, primary)? {
            Shape::Coded | Shape::Grid(_) => Ok(Some((meta, finer))),
            Shape::Derived(kind) if kind == "iden" => Ok(Some((meta, finer))),
            Shape::Layered => Err(Error::unsupported("layered pictures")),
            Shape::Derived(kind) => Err(Error::unsupported(format!("pictures derived by {kind}"))),
        }
    }

    /// The file with its pictures at a quality.
    fn file_at(&self, meta: &Meta<'a>, parts: &[Part<'_, 'a>], plan: Plan, q: u8) -> Result<Vec<u8>, Error> {
        let made = trials::run(self.job, parts.len(), |i| {
            let Some(part) = parts.get(i) else { return Ok(None) };
            let q = if part.is_alpha { q.max(ALPHA_QUALITY) } else { q };
            let depth = if part.is_alpha { part.picture.depth } else { plan.depth.max(part.picture.depth) };
            let plan = Plan { depth, ..plan };
            let made =
                Recoded::make(&part.picture, part.meaning, &part.data, plan, quality::cq(q), !part.is_alpha)?;
            self.job.progress((100 + 850 * (i + 1) / parts.len()) as u32);
            Ok(made)
        })?;
        let mut edit = self.edit.clone();
        let mut properties = BTreeMap::new();
        for (part, made) in parts.iter().zip(made) {
            let Some(made) = made else { continue };
            // Alpha that does not gain stays as exact as it is. Tiles stay alike.
            if part.is_alpha && made.data.len() * 100 > part.data.len() * 95 {
                continue;
            }
            for association in &part.item.properties {
                let Some(b) = meta.properties.get(association.index) else { continue };
                let new = match &b.kind.0 {
                    b"av1C" => &made.configuration,
                    b"pixi" => &made.bits,
                    _ => continue,
                };
                properties.insert((part.item.id, association.index), new.clone());
            }
            edit.data.insert(part.item.id, made.data);
        }
        self.deepen_wholes(meta, plan, &mut properties);
        edit.properties.extend(properties);
        Ok(self.file.rewrite(&edit)?)
    }

    /// The `pixi` of what coded pictures are put together to, where they became deeper.
    fn deepen_wholes(&self, meta: &Meta<'a>, plan: Plan, properties: &mut BTreeMap<(u32, usize), Vec<u8>>) {
        let Ok((_, primary)) = self.file.primary() else { return };
        if primary.kind == b"av01" {
            return;
        }
        for association in &primary.properties {
            let Some(b) = meta.properties.get(association.index).filter(|b| b.kind == b"pixi") else {
                continue;
            };
            let mut whole = b.whole.to_vec();
            // Length, type, version and flags, the number of channels, then their bits.
            for bits in whole.iter_mut().skip(13) {
                *bits = (*bits).max(plan.depth);
            }
            properties.insert((primary.id, association.index), whole);
        }
    }
}
