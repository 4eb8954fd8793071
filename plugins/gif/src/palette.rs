//! Which colours stand in the global palette and which frames have one of their own. Knows sets of colours, not pixels.

use std::collections::{BTreeMap, HashSet};

use crate::canvas::{CLEAR, Pixel};
use crate::film::Shape;

/// The palettes of a file. A transparent index, where a palette has one, is its first and holds [`CLEAR`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palettes {
    /// The global one; may be empty.
    pub global: Vec<Pixel>,
    /// For each frame its own, where the global one does not serve.
    pub local: Vec<Option<Vec<Pixel>>>,
    /// A frame whose transparent index no pixel has, and that index: a file that names one goes on naming one.
    pub unused: Option<(usize, u8)>,
}

impl Palettes {
    /// Keeps a transparent index where none of the frames needs one, but one of `named` had one.
    pub fn keep_unused(&mut self, shapes: &[Shape], named: impl Iterator<Item = usize>) {
        if shapes.iter().any(|s| s.transparent) {
            return;
        }
        for frame in named {
            let palette = match self.local.get_mut(frame) {
                Some(Some(own)) => own,
                _ => &mut self.global,
            };
            let count = palette.len();
            let Ok(index) = u8::try_from(count) else { continue };
            if count == 1 << bits(count) {
                palette.push(0);
            }
            self.unused = Some((frame, index));
            return;
        }
    }
}

/// Bits that indices below `count` need; GIF's palettes have at least 2 entries.
pub fn bits(count: usize) -> u8 {
    (1..8).find(|b| count <= 1 << b).unwrap_or(8)
}

/// Shares as many palettes as one of 256 colours can.
pub fn share(shapes: &[Shape]) -> Palettes {
    let transparent = shapes.iter().any(|s| s.transparent);
    let room = 256 - usize::from(transparent);
    let mut order: Vec<usize> = (0..shapes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(shapes[*i].colours.len()));
    let mut global: HashSet<Pixel> = HashSet::new();
    let mut uses: BTreeMap<Pixel, usize> = BTreeMap::new();
    let mut shared = vec![false; shapes.len()];
    for i in order {
        let shape = &shapes[i];
        let new = shape.colours.iter().filter(|c| !global.contains(c)).count();
        if global.len() + new <= room {
            global.extend(&shape.colours);
            shape.colours.iter().for_each(|c| *uses.entry(*c).or_default() += 1);
            shared[i] = true;
        }
    }
    // What many frames use gets the low indices, so that small frames start with short codes.
    let mut colours: Vec<(Pixel, usize)> = uses.into_iter().collect();
    colours.sort_by_key(|(colour, uses)| (std::cmp::Reverse(*uses), *colour));
    let wanted = shapes.iter().zip(&shared).any(|(s, shared)| *shared && s.transparent);
    let global = wanted.then_some(CLEAR).into_iter().chain(colours.into_iter().map(|c| c.0)).collect();
    let local = shapes.iter().zip(&shared).map(|(s, shared)| (!shared).then(|| own(s))).collect();
    Palettes { global, local, unused: None }
}

/// A palette for one frame alone.
pub fn own(shape: &Shape) -> Vec<Pixel> {
    shape.transparent.then_some(CLEAR).into_iter().chain(shape.colours.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Area;
    use crate::container::Disposal;

    fn shape(colours: std::ops::Range<Pixel>, transparent: bool) -> Shape {
        let area = Area { x: 0, y: 0, width: 1, height: 1 };
        Shape { area, disposal: Disposal::Keep, colours: colours.collect(), transparent }
    }

    #[test]
    fn one_palette_serves_where_it_can() {
        let p = share(&[shape(0..100, false), shape(50..250, true)]);
        assert_eq!((p.global.len(), p.global[0]), (251, CLEAR));
        assert_eq!(p.local, [None, None]);
        // The two that both frames use come first.
        assert_eq!(p.global[1], 50);
    }

    #[test]
    fn frames_that_do_not_fit_have_their_own() {
        let p = share(&[shape(0..200, false), shape(300..400, true), shape(10..20, true)]);
        assert_eq!(p.local[1].as_ref().map(Vec::len), Some(101));
        assert!(p.local[0].is_none() && p.local[2].is_none());
    }

    #[test]
    fn bits_hold_their_count() {
        assert_eq!([1, 2, 3, 4, 5, 16, 17, 256].map(bits), [1, 1, 2, 2, 3, 4, 5, 8]);
    }
}
