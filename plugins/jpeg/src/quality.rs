//! How a quality becomes quantization tables, and how a source's tables become a quality.
//!
//! The scale is libjpeg's: a base table holds at quality 50, and other qualities scale it by
//! `S(q) = 5000 / q` percent below 50 and `200 - 2 q` percent above, each value rounded and held within 1 to 255.

use std::sync::OnceLock;

use crate::codec;

/// mozjpeg's base table that encodes smallest at equal SSIMULACRA2 (measured; see `docs/formats/jpeg.md`).
const OWN: usize = 2;
/// Chroma is quantized by this percentage of what luma is: colour detail is seen less.
const CHROMA: u32 = 110;
/// An estimate from unknown tables can be off by this much; a generation of loss must not hang on it.
const DOUBT: u8 = 1;

type Table = [u16; 64];

/// Pairs of luma and chroma tables at quality 50, by mozjpeg's numbers; 0 is Annex K of ITU-T T.81.
fn bases() -> &'static [[Table; 2]] {
    static BASES: OnceLock<Vec<[Table; 2]>> = OnceLock::new();
    BASES.get_or_init(codec::base_tables)
}

fn percent(quality: u8) -> u32 {
    match u32::from(quality.clamp(1, 100)) {
        q @ 0..50 => 5000 / q,
        q => 200 - 2 * q,
    }
}

fn scaled(base: u16, percent: u32) -> u16 {
    u16::try_from((u32::from(base) * percent + 50) / 100).unwrap_or(255).clamp(1, 255)
}

/// Luma and chroma tables for a quality, in natural order.
pub fn tables(quality: u8) -> Option<[Table; 2]> {
    let [luma, chroma] = bases().get(OWN)?;
    let (of_luma, of_chroma) = (percent(quality), percent(quality) * CHROMA / 100);
    Some([luma.map(|v| scaled(v, of_luma)), chroma.map(|v| scaled(v, of_chroma))])
}

/// What a source's first quantization table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognized {
    /// Quality on the scale of this plugin.
    pub quality: u8,
    /// Whether the table is one that a known encoder writes at just this quality.
    pub exact: bool,
}

impl Recognized {
    /// Whether encoding at `asked` would add a loss to a source that has as much of it already.
    pub fn is_at_most(self, asked: u8) -> bool {
        self.quality <= asked.saturating_add(if self.exact { 0 } else { DOUBT })
    }
}

/// Recognizes a luma table.
///
/// A table that this plugin, libjpeg (Annex K) or mozjpeg (its nine base tables) writes at some quality has that quality;
/// the lowest where several write the same. Any other table `T` is compared with this plugin's base `B`:
/// `s = 100 / 64 * sum(T[k] / B[k])` is the percentage that it is of the base, and the quality is that of `S(q) = s`.
pub fn recognize(luma: &Table) -> Recognized {
    let held = luma.map(|v| v.min(255));
    let order = [OWN, 0, 3, 1, 4, 5, 6, 7, 8];
    for base in order.into_iter().filter_map(|i| bases().get(i)).map(|pair| &pair[0]) {
        let equal = |q: u8| {
            let p = percent(q);
            base.iter().zip(&held).all(|(b, v)| scaled(*b, p) == *v)
        };
        if let Some(quality) = (1..=100).find(|q| equal(*q)) {
            return Recognized { quality, exact: true };
        }
    }
    let Some([base, _]) = bases().get(OWN) else { return Recognized { quality: 100, exact: false } };
    let sum: f64 = luma.iter().zip(base).map(|(v, b)| f64::from((*v).max(1)) / f64::from((*b).max(1))).sum();
    let s = 100.0 * sum / 64.0;
    let q = if s <= 100.0 { (200.0 - s) / 2.0 } else { 5000.0 / s };
    Recognized { quality: q.round().clamp(1.0, 100.0) as u8, exact: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tables_are_recognized_at_each_quality() {
        for q in 1..=100 {
            let own = tables(q).unwrap();
            let found = recognize(&own[0]);
            // Qualities 1 and 2 have the same luma table: all 255.
            assert_eq!(found, Recognized { quality: if q == 2 { 1 } else { q }, exact: true });
            assert_eq!(tables(found.quality).unwrap()[0], own[0]);
        }
    }

    #[test]
    fn annex_k_is_recognized_at_each_quality() {
        assert_eq!(bases()[0][0][..4], [16, 11, 10, 16], "Annex K, table K.1");
        for q in 1..=100 {
            let luma = bases()[0][0].map(|v| scaled(v, percent(q)));
            let found = recognize(&luma);
            assert!(found.exact);
            assert_eq!(found.quality, q);
        }
    }

    #[test]
    fn low_qualities_with_wide_values_are_recognized() {
        // libjpeg without force_baseline.
        let wide = bases()[0][0].map(|v| v * 10);
        assert_eq!(recognize(&wide), Recognized { quality: 5, exact: true });
    }

    #[test]
    fn unknown_tables_are_estimated_near_their_like() {
        for q in [30u8, 50, 75, 85, 92, 96] {
            let mut luma = bases()[0][0].map(|v| scaled(v, percent(q)));
            luma[63] += 1;
            let found = recognize(&luma);
            assert!(!found.exact);
            assert!(found.quality.abs_diff(q) <= 3, "{q} estimated as {}", found.quality);
        }
    }

    #[test]
    fn finer_tables_never_estimate_lower() {
        let mut last = 0;
        for n in (1..=64u16).rev() {
            let mut luma = [n * 3; 64];
            luma[5] = n * 2;
            let q = recognize(&luma).quality;
            assert!(q >= last);
            last = q;
        }
    }
}
