//! What is in the cache, how much it takes, and what goes first when there is no room.
//!
//! A pure table: no file is touched here. It is rebuilt from the files at the start.

use std::collections::{BTreeMap, HashMap};

use crate::Key;

/// Files take whole blocks.
const BLOCK: u64 = 4096;
/// An entry of at most this is small: all that say `unchanged` are.
const SMALL: u64 = 16 << 10;
/// The share of the bound that small entries keep, and the large ones the rest, when both want more: one quarter. One
/// large result would otherwise push out dozens of `unchanged`, each of which saves as much work.
const SMALL_SHARE: u64 = 4;

/// Names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    /// Whose.
    pub(crate) uid: u32,
    /// Of which job.
    pub(crate) key: Key,
}

/// All entries.
#[derive(Debug)]
pub(crate) struct Index {
    bound: u64,
    clock: u64,
    slots: HashMap<Name, Slot>,
    small: Class,
    large: Class,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    used: u64,
    bytes: u64,
}

/// Entries of one class, the least recently used first.
#[derive(Debug, Default)]
struct Class {
    bytes: u64,
    order: BTreeMap<u64, Name>,
}

/// What an entry of this length takes on the disk.
pub(crate) fn charge(len: u64) -> u64 {
    len.div_ceil(BLOCK).saturating_mul(BLOCK)
}

impl Index {
    /// An empty one.
    pub(crate) fn new(bound: u64) -> Self {
        Self { bound, clock: 0, slots: HashMap::new(), small: Class::default(), large: Class::default() }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.bound);
    }

    /// Bytes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.small.bytes + self.large.bytes
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Marks an entry as used now; `false` if it is not known.
    pub(crate) fn touch(&mut self, name: &Name) -> bool {
        let Some(slot) = self.slots.get_mut(name) else { return false };
        self.clock += 1;
        let class = if slot.bytes <= SMALL { &mut self.small } else { &mut self.large };
        class.order.remove(&slot.used);
        class.order.insert(self.clock, *name);
        slot.used = self.clock;
        true
    }

    /// Adds an entry, as the one used last.
    pub(crate) fn insert(&mut self, name: Name, len: u64) {
        self.remove(&name);
        self.clock += 1;
        let slot = Slot { used: self.clock, bytes: charge(len) };
        let class = self.class(slot.bytes);
        class.bytes += slot.bytes;
        class.order.insert(slot.used, name);
        self.slots.insert(name, slot);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, name: &Name) {
        if let Some(slot) = self.slots.remove(name) {
            let class = self.class(slot.bytes);
            class.bytes -= slot.bytes;
            class.order.remove(&slot.used);
        }
    }

    /// Takes out what has to go, one at a time, for `coming` more bytes to have room.
    pub(crate) fn evict(&mut self, coming: u64) -> Option<Name> {
        if self.bytes().saturating_add(coming) <= self.bound {
            return None;
        }
        let share = self.bound / SMALL_SHARE;
        // From the small ones only if they have more than their share, or if there are no others.
        let from =
            if self.small.bytes > share || self.large.order.is_empty() { &self.small } else { &self.large };
        let first = *from.order.values().next()?;
        self.remove(&first);
        Some(first)
    }

    fn class(&mut self, bytes: u64) -> &mut Class {
        if bytes <= SMALL { &mut self.small } else { &mut self.large }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(n: u8) -> Name {
        Name { uid: 1, key: Key::from_bytes([n; 32]) }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut index = Index::new(10 * BLOCK);
        for n in 1..=4 {
            index.insert(name(n), 1);
        }
        assert!(index.touch(&name(1)));
        assert!(!index.touch(&name(9)));
        let gone = |index: &mut Index| index.evict(7 * BLOCK).map(|n| n.key.as_bytes()[0]);
        assert_eq!(gone(&mut index), Some(2));
        assert_eq!(gone(&mut index), None);
        index.insert(name(3), 1);
        assert_eq!((index.len(), index.bytes()), (3, 3 * BLOCK));
        let order: Vec<_> =
            std::iter::from_fn(|| index.evict(10 * BLOCK)).map(|n| n.key.as_bytes()[0]).collect();
        assert_eq!(order, [4, 1, 3]);
    }

    #[test]
    fn small_entries_keep_their_share_against_large_ones() {
        let mut index = Index::new(100 * BLOCK);
        for n in 0..20 {
            index.insert(name(n), 500);
        }
        for n in 100..200 {
            while index.evict(10 * BLOCK).is_some() {}
            index.insert(name(n), 10 * BLOCK);
        }
        assert!((0..20).all(|n| index.touch(&name(n))));
        assert_eq!(index.bytes(), 100 * BLOCK);
        // Beyond their share and the room that one large entry left they go.
        for n in 20..100 {
            while index.evict(BLOCK).is_some() {}
            index.insert(name(n), 500);
        }
        assert!(index.small.bytes <= 100 * BLOCK / SMALL_SHARE + 10 * BLOCK, "{}", index.small.bytes);
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_sums_are_right(
            steps in prop::collection::vec((any::<u8>(), 0_u64..60_000, 0_u8..3), 1..200)
        ) {
            let mut index = Index::new(200_000);
            let mut model: HashMap<Name, u64> = HashMap::new();
            for (n, len, what) in steps {
                match what {
                    0 => { prop_assert_eq!(index.touch(&name(n)), model.contains_key(&name(n))); }
                    1 => { index.remove(&name(n)); model.remove(&name(n)); }
                    _ => {
                        while let Some(gone) = index.evict(charge(len)) {
                            prop_assert!(model.remove(&gone).is_some());
                        }
                        index.insert(name(n), len);
                        model.insert(name(n), charge(len));
                    }
                }
                prop_assert_eq!(index.bytes(), model.values().sum::<u64>());
                prop_assert_eq!(index.len(), model.len() as u64);
                prop_assert!(index.bytes() <= 200_000);
                prop_assert_eq!(index.small.order.len() + index.large.order.len(), model.len());
            }
        }
    }
}
