//! Sets of colours and the way from a colour to its index. Knows colours, not frames.

use crate::canvas::Pixel;

/// A set of colours that is filled and emptied often.
pub struct Colours {
    bits: Vec<u64>,
    list: Vec<Pixel>,
}

impl Colours {
    /// An empty set; opaque colours only.
    pub fn new() -> Self {
        Self { bits: vec![0; 1 << 18], list: Vec::new() }
    }
    /// Adds a colour.
    pub fn insert(&mut self, colour: Pixel) {
        let (word, bit) = ((colour >> 6) as usize, colour & 63);
        if let Some(word) = self.bits.get_mut(word)
            && *word >> bit & 1 == 0
        {
            *word |= 1 << bit;
            self.list.push(colour);
        }
    }
    /// Whether a colour is in it.
    pub fn contains(&self, colour: Pixel) -> bool {
        self.bits.get((colour >> 6) as usize).is_some_and(|word| word >> (colour & 63) & 1 == 1)
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
    /// All in order, leaving none.
    pub fn take(&mut self) -> Vec<Pixel> {
        for colour in &self.list {
            if let Some(word) = self.bits.get_mut((colour >> 6) as usize) {
                *word = 0;
            }
        }
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable();
        list
    }
}

/// From a colour to its index in a palette.
pub struct Lookup {
    slots: Vec<(Pixel, u8)>,
}

const FREE: Pixel = u32::MAX;

impl Lookup {
    /// For a palette; of equal colours the first counts.
    pub fn new(palette: &[Pixel]) -> Self {
        let mut slots = vec![(FREE, 0); 1024];
        for (index, colour) in (0..=255u8).zip(palette) {
            let mut at = hash(*colour);
            while slots[at].0 != FREE && slots[at].0 != *colour {
                at = (at + 1) % slots.len();
            }
            if slots[at].0 == FREE {
                slots[at] = (*colour, index);
            }
        }
        Self { slots }
    }
    /// The index of a colour.
    pub fn find(&self, colour: Pixel) -> Option<u8> {
        let mut at = hash(colour);
        loop {
            match self.slots[at] {
                (found, index) if found == colour => return Some(index),
                (FREE, _) => return None,
                _ => at = (at + 1) % self.slots.len(),
            }
        }
    }
}

fn hash(colour: Pixel) -> usize {
    (colour.wrapping_mul(0x9e37_79b1) >> 22) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::CLEAR;

    #[test]
    fn sets_and_lookups_find_what_was_put_in() {
        let mut set = Colours::new();
        for c in [5, 0xff_ffff, 5, 70] {
            set.insert(c);
        }
        assert!(set.contains(70) && !set.contains(71) && set.len() == 3);
        assert_eq!(set.take(), [5, 70, 0xff_ffff]);
        assert!(!set.contains(70) && set.len() == 0);
        let palette: Vec<Pixel> = std::iter::once(CLEAR).chain((0..255).map(|i| i * 4096)).collect();
        let lookup = Lookup::new(&palette);
        assert!(palette.iter().zip(0..=255u8).all(|(c, i)| lookup.find(*c) == Some(i)));
        assert_eq!(lookup.find(3), None);
    }
}
