//! Where data lies in a file that is written anew. Knows ranges of bytes, not whose they are.

use std::collections::BTreeMap;
use std::ops::Range;

/// Pieces that follow each other: parts of an old store (one `mdat`, or `idat`) and new data.
#[derive(Debug, Default)]
pub(crate) struct Store<'e> {
    pieces: Vec<Piece<'e>>,
    /// The kept parts of the old store, sorted, and where each starts in the new one.
    old: Vec<(Range<usize>, usize)>,
    /// Where the new data of items starts.
    new: BTreeMap<u32, usize>,
    len: usize,
}

#[derive(Debug)]
enum Piece<'e> {
    Old(Range<usize>),
    New(u32, &'e [u8]),
}

impl<'e> Store<'e> {
    /// A store of these parts of the old one, which may overlap, and this new data, each with the place that it takes.
    pub fn new(mut kept: Vec<Range<usize>>, new: Vec<(usize, u32, &'e [u8])>) -> Self {
        kept.retain(|r| !r.is_empty());
        kept.sort_by_key(|r| (r.start, r.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(kept.len());
        for r in kept {
            match merged.last_mut() {
                Some(last) if r.start <= last.end => last.end = last.end.max(r.end),
                _ => merged.push(r),
            }
        }
        let old = merged.into_iter().map(|r| ((r.start, 1), Piece::Old(r)));
        let new = new.into_iter().map(|(at, id, data)| ((at, 0), Piece::New(id, data)));
        let mut sorted: Vec<_> = old.chain(new).collect();
        sorted.sort_by_key(|p| p.0);
        let mut store = Self::default();
        for (_, piece) in sorted {
            let start = store.len;
            let len = match &piece {
                Piece::Old(r) => {
                    store.old.push((r.clone(), start));
                    r.len()
                }
                Piece::New(id, data) => {
                    store.new.insert(*id, start);
                    data.len()
                }
            };
            store.len = start.saturating_add(len);
            store.pieces.push(piece);
        }
        store
    }

    /// Its length.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where a range of the old store lies in the new one, if it was kept.
    pub fn find(&self, old: &Range<usize>) -> Option<usize> {
        let i = self.old.partition_point(|(r, _)| r.start <= old.start).checked_sub(1)?;
        let (range, start) = self.old.get(i).filter(|(r, _)| old.end <= r.end)?;
        start.checked_add(old.start - range.start)
    }

    /// Where the new data of an item lies.
    pub fn find_new(&self, id: u32) -> Option<usize> {
        self.new.get(&id).copied()
    }

    /// Appends all of it.
    pub fn write(&self, old: &[u8], out: &mut Vec<u8>) {
        for p in &self.pieces {
            out.extend_from_slice(match p {
                Piece::Old(r) => old.get(r.clone()).unwrap_or_default(),
                Piece::New(_, data) => data,
            });
        }
    }
}

/// What of `0..len` none of these ranges covers.
pub(crate) fn gaps(mut used: Vec<Range<usize>>, len: usize) -> Vec<Range<usize>> {
    used.sort_by_key(|r| r.start);
    let (mut at, mut found) = (0, Vec::new());
    for r in used {
        if r.start > at {
            found.push(at..r.start.min(len));
        }
        at = at.max(r.end);
    }
    if at < len {
        found.push(at..len);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_moves_together_and_new_data_takes_the_place_of_old() {
        let old = b"0123456789";
        let s = Store::new(vec![6..8, 2..4, 3..5], vec![(5, 7, b"new")]);
        let mut out = Vec::new();
        s.write(old, &mut out);
        assert_eq!(out, b"234new67");
        assert_eq!(s.len(), out.len());
        assert_eq!(s.find(&(3..5)), Some(1));
        assert_eq!(s.find(&(6..7)), Some(6));
        assert_eq!(s.find(&(5..6)), None);
        assert_eq!(s.find_new(7), Some(3));
    }

    #[test]
    fn gaps_are_what_nobody_uses() {
        assert_eq!(gaps(vec![2..4, 3..5, 8..9], 10), [0..2, 5..8, 9..10]);
        assert_eq!(gaps(vec![0..0, 1..1], 3), [0..1, 1..3]);
        assert!(gaps(vec![0..2, 2..3], 3).is_empty());
    }
}
