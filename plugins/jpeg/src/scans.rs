//! Scan scripts: which scans make a progressive file of the same coefficients smallest.
//!
//! The search writes scripts of only those scans that it wants to compare and reads their sizes off the result. Each
//! component is searched for itself, all in the same writes. Knows coefficients only as something that can be written.

use crate::codec::{CodecError, Coefficients, Scan};
use crate::walk::Walk;

/// How one component is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The smallest progressive script that the search finds; `wide` looks further.
///
/// # Errors
/// Those of [`Coefficients::write`].
pub fn search(c: &Coefficients<'_>, wide: bool) -> Result<Vec<Scan>, CodecError> {
    let dc = search_dc(c)?;
    let mut choices = search_bits(c, if wide { 3 } else { 2 })?;
    search_split(c, &mut choices, wide)?;
    Ok(script(dc, &choices))
}

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

/// Writes the DC scans and `groups`, and gives the bytes of each group with its tables and headers.
fn measure(c: &Coefficients<'_>, groups: &[Vec<Scan>]) -> Result<Vec<usize>, CodecError> {
    let mut all = dc_together(c);
    let before = all.len();
    all.extend(groups.iter().flatten().cloned());
    let ends = ends(&c.write(&all)?)?;
    let mut at = before;
    let mut sizes = Vec::with_capacity(groups.len());
    for group in groups {
        let end = at + group.len();
        let (from, to) = (ends.get(at.wrapping_sub(1)), ends.get(end.wrapping_sub(1)));
        sizes.push(to.zip(from).map_or(0, |(to, from)| to.saturating_sub(*from)));
        at = end;
    }
    Ok(sizes)
}

/// Where each scan of a codestream ends.
fn ends(stream: &[u8]) -> Result<Vec<usize>, CodecError> {
    let walk = Walk::of(stream).map_err(|e| CodecError::Refused(e.message))?;
    Ok(walk.scans.iter().map(|s| s.data.end).collect())
}

/// One DC scan for all components, one for each, or luma apart from chroma.
fn search_dc(c: &Coefficients<'_>) -> Result<Vec<Scan>, CodecError> {
    let mut ways = vec![dc_together(c)];
    if c.components() > 1 && c.interleaves() {
        ways.push(dc_apart(c));
    }
    if c.components() == 3 && c.interleaves() {
        ways.push(vec![dc(vec![0]), dc(vec![1, 2])]);
    }
    let mut best: Option<(usize, Vec<Scan>)> = None;
    for way in ways {
        let size = c.write(&way)?.len();
        if best.as_ref().is_none_or(|(b, _)| size < *b) {
            best = Some((size, way));
        }
    }
    Ok(best.map(|b| b.1).unwrap_or_default())
}

/// How many bits of each component come late. More bits are tried while fewer did not win.
fn search_bits(c: &Coefficients<'_>, most: u8) -> Result<Vec<Choice>, CodecError> {
    let mut choices: Vec<Option<Choice>> = vec![None; c.components()];
    for low in 0..=most {
        let open: Vec<u8> = indices(c)
            .filter(|i| {
                low == 0 || choices.get(usize::from(*i)).is_some_and(|c| c.is_some_and(|c| c.low + 1 == low))
            })
            .collect();
        if open.is_empty() {
            break;
        }
        let mut groups = Vec::new();
        for i in &open {
            groups.push(first_pass(*i, low, None));
            groups.push((0..low).rev().map(|bit| refinement(*i, bit)).collect());
        }
        let sizes = measure(c, &groups)?;
        for (i, pair) in open.iter().zip(sizes.as_chunks::<2>().0) {
            let [first, rest] = *pair;
            let new = Choice { low, split: None, first, all: first + rest };
            if let Some(slot) = choices.get_mut(usize::from(*i))
                && slot.is_none_or(|old| new.all < old.all)
            {
                *slot = Some(new);
            }
        }
    }
    Ok(choices.into_iter().flatten().collect())
}

/// Where to split the first pass of each component into two bands.
fn search_split(c: &Coefficients<'_>, choices: &mut [Choice], wide: bool) -> Result<(), CodecError> {
    let rounds: &[u8] = if wide { &[8, 5, 2, 12, 18, 27] } else { &[8, 5, 2, 12] };
    for (round, split) in rounds.iter().enumerate() {
        // After three rounds only those go on for which a late split won.
        let open: Vec<u8> = (0u8..)
            .zip(choices.iter())
            .filter(|(_, choice)| round < 3 || choice.split.is_some_and(|s| s >= 8))
            .map(|(i, _)| i)
            .collect();
        if open.is_empty() {
            break;
        }
        let low = |i: &u8| choices.get(usize::from(*i)).map_or(0, |c| c.low);
        let groups: Vec<Vec<Scan>> = open.iter().map(|i| first_pass(*i, low(i), Some(*split))).collect();
        let sizes = measure(c, &groups)?;
        for (i, size) in open.iter().zip(sizes) {
            if let Some(choice) = choices.get_mut(usize::from(*i))
                && size < choice.first
            {
                (choice.first, choice.split) = (size, Some(*split));
            }
        }
    }
    Ok(())
}
