//! Scan scripts: which scans make a progressive file of the same coefficients smallest.
//!
//! The search writes scripts of only those scans that it wants to compare and reads their sizes off the result. Each
//! component is searched for itself, all in the same writes; writes that do not depend on each other run side by side.
//! Knows coefficients only as something that can be written.

use squeezed_plugin_api::{Error, Job};
use squeezed_plugin_common::trials;

use crate::codec::{Coefficients, Scan};
use crate::lossless::refused;
use crate::walk::Walk;

/// How one component is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Choice {
    /// Bits that come in refinement scans.
    low: u8,
    /// Last coefficient of the first of two bands.
    split: Option<u8>,
    /// Size of the first pass, and of everything.
    first: usize,
    all: usize,
}

const LAST: u8 = 63;

/// A sequential script: nothing where one scan carries all components, else a scan for each.
pub fn sequential(c: &Coefficients<'_>) -> Vec<Scan> {
    if c.interleaves() {
        return Vec::new();
    }
    indices(c).map(|i| Scan { components: vec![i], band: (0, LAST), bits: (0, 0) }).collect()
}

/// A fixed progressive script: two bands, luma (or each component, where there is none) in three steps of bits.
pub fn fixed(c: &Coefficients<'_>) -> Vec<Scan> {
    let choice = |i: u8| Choice { low: if i == 0 { 2 } else { 0 }, split: Some(8), first: 0, all: 0 };
    let choices: Vec<Choice> = indices(c).map(choice).collect();
    script(dc_together(c), &choices)
}

/// The smallest progressive scripts that the search finds, the usual one first; `wide` looks further for one more. Each is
/// greedy, so neither always wins.
///
/// # Errors
/// Those of [`Coefficients::write`].
pub fn search(job: &Job<'_>, c: &Coefficients<'_>, wide: bool) -> Result<Vec<Vec<Scan>>, Error> {
    let mut sizes = Sizes::new(job, c);
    let dc = sizes.start()?;
    let mut choices = sizes.bits(2)?;
    let mut scripts = Vec::new();
    for (most, rounds) in ROUNDS.iter().take(if wide { 2 } else { 1 }) {
        if *most > 2 {
            choices = sizes.bits(*most)?;
        }
        let mut split = choices.clone();
        sizes.split(&mut split, rounds)?;
        scripts.push(script(dc.clone(), &split));
    }
    scripts.dedup();
    Ok(scripts)
}

/// How many bits may come late, and where a first pass may be split, in the usual search and in the wide one.
const ROUNDS: [(u8, &[u8]); 2] = [(2, &[8, 5, 2, 12]), (3, &[8, 5, 2, 12, 18, 27])];

fn indices(c: &Coefficients<'_>) -> std::ops::Range<u8> {
    0..u8::try_from(c.components()).unwrap_or(0)
}

fn dc(components: Vec<u8>) -> Scan {
    Scan { components, band: (0, 0), bits: (0, 0) }
}

fn dc_apart(c: &Coefficients<'_>) -> Vec<Scan> {
    indices(c).map(|i| dc(vec![i])).collect()
}

fn dc_together(c: &Coefficients<'_>) -> Vec<Scan> {
    if c.interleaves() { vec![dc(indices(c).collect())] } else { dc_apart(c) }
}

fn first_pass(i: u8, low: u8, split: Option<u8>) -> Vec<Scan> {
    let band = |from, to| Scan { components: vec![i], band: (from, to), bits: (0, low) };
    match split {
        Some(s) => vec![band(1, s), band(s + 1, LAST)],
        None => vec![band(1, LAST)],
    }
}

fn refinement(i: u8, to: u8) -> Scan {
    Scan { components: vec![i], band: (1, LAST), bits: (to + 1, to) }
}

/// DC, then the first passes, then refinements from the highest bit down, so that a picture sharpens evenly.
fn script(dc: Vec<Scan>, choices: &[Choice]) -> Vec<Scan> {
    let mut all = dc;
    for (i, choice) in (0u8..).zip(choices) {
        all.extend(first_pass(i, choice.low, choice.split));
    }
    let most = choices.iter().map(|c| c.low).max().unwrap_or(0);
    for bit in (0..most).rev() {
        for (i, _) in (0u8..).zip(choices).filter(|(_, c)| c.low > bit) {
            all.push(refinement(i, bit));
        }
    }
    all
}

/// Where each scan of a codestream ends.
fn ends(stream: &[u8]) -> Result<Vec<usize>, Error> {
    let walk = Walk::of(stream).map_err(|e| Error::unsupported(e.message))?;
    Ok(walk.scans.iter().map(|s| s.data.end).collect())
}

/// The ways to send DC: one scan for all components, one for each, or luma apart from chroma.
fn dc_ways(c: &Coefficients<'_>) -> Vec<Vec<Scan>> {
    let mut ways = vec![dc_together(c)];
    if c.components() > 1 && c.interleaves() {
        ways.push(dc_apart(c));
    }
    if c.components() == 3 && c.interleaves() {
        ways.push(vec![dc(vec![0]), dc(vec![1, 2])]);
    }
    ways
}

/// What scans cost, with their tables and headers. A scan's size does not depend on the others of its script, so each is
/// written once, in whichever script comes first.
struct Sizes<'a> {
    job: &'a Job<'a>,
    c: &'a Coefficients<'a>,
    known: Vec<(Scan, usize)>,
}

impl<'a> Sizes<'a> {
    fn new(job: &'a Job<'a>, c: &'a Coefficients<'a>) -> Self {
        Self { job, c, known: Vec::new() }
    }

    /// The smallest DC scans; measures what every search needs first.
    fn start(&mut self) -> Result<Vec<Scan>, Error> {
        let ways = dc_ways(self.c);
        let scripts = [0, 1].map(|low| self.with_dc(indices(self.c).flat_map(|i| late(i, low))));
        let streams = self.write(scripts.iter().chain(&ways))?;
        let (measured, tried) = streams.split_at(scripts.len());
        for (script, stream) in scripts.iter().zip(measured) {
            self.learn(script, stream)?;
        }
        let smallest = ways.into_iter().zip(tried).min_by_key(|(_, stream)| stream.len());
        Ok(smallest.map(|(way, _)| way).unwrap_or_default())
    }

    /// How many bits of each component come late, at most `most`. More bits are tried while fewer did not win.
    fn bits(&mut self, most: u8) -> Result<Vec<Choice>, Error> {
        let mut choices: Vec<Choice> = vec![Choice::default(); self.c.components()];
        for low in 0..=most {
            let open: Vec<u8> = (0u8..)
                .zip(&choices)
                .filter(|(_, choice)| low == 0 || choice.low + 1 == low)
                .map(|(i, _)| i)
                .collect();
            self.measure(vec![open.iter().flat_map(|i| late(*i, low)).collect()])?;
            for i in open {
                let first = self.of(&first_pass(i, low, None));
                let rest: usize = (0..low).map(|bit| self.of(&[refinement(i, bit)])).sum();
                let new = Choice { low, split: None, first, all: first + rest };
                if let Some(old) = choices.get_mut(usize::from(i))
                    && (low == 0 || new.all < old.all)
                {
                    *old = new;
                }
            }
        }
        Ok(choices)
    }

    /// Where to split the first pass of each component into two bands.
    fn split(&mut self, choices: &mut [Choice], rounds: &[u8]) -> Result<(), Error> {
        // After three rounds only those go on for which a late split won.
        let (early, late) = rounds.split_at_checked(3).unwrap_or((rounds, &[]));
        for rounds in [early, late] {
            let late = rounds != early;
            let open: Vec<(u8, u8)> = (0u8..)
                .zip(choices.iter())
                .filter(|(_, choice)| !late || choice.split.is_some_and(|s| s >= 8))
                .map(|(i, choice)| (i, choice.low))
                .collect();
            let scans = |split: u8| open.iter().flat_map(move |(i, low)| first_pass(*i, *low, Some(split)));
            self.measure(rounds.iter().map(|split| scans(*split).collect()).collect())?;
            for split in rounds {
                for (i, low) in &open {
                    let size = self.of(&first_pass(*i, *low, Some(*split)));
                    if let Some(choice) = choices.get_mut(usize::from(*i))
                        && size < choice.first
                    {
                        (choice.first, choice.split) = (size, Some(*split));
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes those scripts that have a scan of unknown size.
    fn measure(&mut self, scripts: Vec<Vec<Scan>>) -> Result<(), Error> {
        let known = |scan: &Scan| self.known.iter().any(|(k, _)| k == scan);
        let unknown = scripts.into_iter().filter(|s| !s.iter().all(known));
        let scripts: Vec<Vec<Scan>> = unknown.map(|s| self.with_dc(s)).collect();
        let streams = self.write(scripts.iter())?;
        scripts.iter().zip(&streams).try_for_each(|(script, stream)| self.learn(script, stream))
    }

    fn with_dc(&self, scans: impl IntoIterator<Item = Scan>) -> Vec<Scan> {
        dc_together(self.c).into_iter().chain(scans).collect()
    }

    fn write<'s>(&self, scripts: impl Iterator<Item = &'s Vec<Scan>>) -> Result<Vec<Vec<u8>>, Error> {
        write(self.job, self.c, &scripts.map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn learn(&mut self, script: &[Scan], stream: &[u8]) -> Result<(), Error> {
        let ends = ends(stream)?;
        let sizes = ends.windows(2).map(|w| w.last().zip(w.first()).map_or(0, |(to, from)| to - from));
        // The first scan's size would have the frame header in it, and is not asked for.
        self.known.extend(script.iter().skip(1).cloned().zip(sizes));
        Ok(())
    }

    fn of(&self, scans: &[Scan]) -> usize {
        let size = |scan| self.known.iter().find(|(k, _)| k == scan).map_or(0, |k| k.1);
        scans.iter().map(size).sum()
    }
}

/// What choosing `low` late bits adds to what fewer bits have measured.
fn late(i: u8, low: u8) -> Vec<Scan> {
    let mut scans = first_pass(i, low, None);
    scans.extend(low.checked_sub(1).map(|bit| refinement(i, bit)));
    scans
}

/// Writes the coefficients once for each script.
///
/// # Errors
/// Those of [`Coefficients::write`].
pub fn write(job: &Job<'_>, c: &Coefficients<'_>, scripts: &[&[Scan]]) -> Result<Vec<Vec<u8>>, Error> {
    let write = |i: usize| scripts.get(i).map(|s| c.write(s)).transpose().map_err(refused);
    Ok(trials::run(job, scripts.len(), write)?.into_iter().flatten().collect())
}
