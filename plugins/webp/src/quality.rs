//! At which quality a lossy bitstream was made.
//!
//! libwebp turns a quality into a compressibility `c` (the cube root of a line with a knee at 75), and `c` into a
//! quantizer index `127 * (1 - c)`, cut to a whole number. With several segments each has `c` to its own power, and the
//! powers' mean, weighted by the macroblocks in each, is 1. So the weighted mean of `ln c` over the segments is `ln c` of
//! the quality asked for, and the formula can be read backwards. Each index is taken as the coarsest `c` that it stands
//! for, so that the answer is rather too low than too high.

use crate::vp8::Header;

/// How far above the asked quality a source may be estimated and still count as made at it: what the rounding of
/// quantizers and shares can add. The test over all qualities holds it.
pub const TOLERANCE: f64 = 3.0;

/// The estimated quality, 0 to 100, on libwebp's scale.
pub fn estimate(header: &Header) -> f64 {
    let total: f64 = header.segments.iter().map(|s| s.1).sum();
    let sum: f64 = header.segments.iter().map(|(q, share)| share * coarsest(*q).ln()).sum();
    let c = if total > 0.0 { (sum / total).exp() } else { 0.0 };
    let line = c.powi(3);
    // The knee: below it two thirds of the quality, above it twice the quality less one.
    let quality = if line < 0.5 { line * 1.5 } else { (line + 1.0) / 2.0 };
    (quality * 100.0).clamp(0.0, 100.0)
}

/// Whether a bitstream counts as made at `asked` or below, so that another generation of loss would gain nothing that was
/// asked for.
pub fn is_at_or_below(header: &Header, asked: u8) -> bool {
    estimate(header) <= f64::from(asked) + TOLERANCE
}

fn coarsest(index: u8) -> f64 {
    if index == 0 {
        return 1.0;
    }
    // Index 127 stands for everything down to nothing, whose logarithm has no end.
    (1.0 - f64::from(index + 1) / 127.0).max(1e-3)
}
