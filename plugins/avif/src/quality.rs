//! What a quality means in AV1's quantizers, and at which quality a picture was coded.

use crate::av1;

/// Points of libaom's quantizer step, 0 to 63, over qualities of 1 to 100, with straight lines between them.
///
/// Found so that SSIMULACRA2 of photographs lies near the number: see `docs/formats/avif.md`.
const POINTS: [(u8, f64); 6] = [(1, 58.0), (30, 48.0), (50, 37.0), (80, 24.0), (90, 14.0), (100, 2.0)];

/// libaom's `cq_level` for a quality.
pub fn cq(quality: u8) -> u8 {
    let q = quality.clamp(1, 100);
    let pair = POINTS.windows(2).find(|p| q <= p[1].0);
    let Some([(q0, c0), (q1, c1)]) = pair else { return 2 };
    let part = f64::from(q - q0) / f64::from(q1 - q0);
    (c0 + (c1 - c0) * part).round() as u8
}

/// The quantizer index that a `cq_level` becomes in a frame header: `quantizer_to_qindex` of AV1 encoders.
pub fn index(cq: u8) -> u8 {
    match cq {
        0..=61 => cq * 4,
        62 => 249,
        _ => 255,
    }
}

/// The quality at which libaom would have used this quantizer index: the highest whose index is at least as coarse.
pub fn estimate(base_q: u8) -> u8 {
    (1..=100u8).rev().find(|q| index(cq(*q)) >= base_q).unwrap_or(1)
}

/// Whether a coded picture counts as made at `asked` or below. A picture that refers to others, or whose header cannot be
/// read, counts as that: nothing is known to be gained.
pub fn is_at_or_below(unit: &[u8], asked: u8) -> bool {
    let Some((_, frame)) = av1::headers(unit) else { return true };
    frame.base_q >= index(cq(asked))
}
