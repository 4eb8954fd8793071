//! What a quality means in HEVC's quantization parameters, and at which quality a source was made.

/// Points of the scale: quality and quantization parameter; straight lines between them.
const SCALE: [(f64, f64); 4] = [(1.0, 50.0), (50.0, 33.0), (80.0, 25.0), (100.0, 8.0)];

/// The quantization parameter of a quality.
pub fn qp(quality: u8) -> i32 {
    let q = f64::from(quality.clamp(1, 100));
    let line = SCALE.windows(2).find(|w| q <= w[1].0).unwrap_or(&SCALE[2..]);
    let ((q0, p0), (q1, p1)) = (line[0], line[1]);
    (p0 + (p1 - p0) * (q - q0) / (q1 - q0)).round() as i32
}

/// The highest quality that has this quantization parameter or a coarser one; at least 1.
pub fn of_qp(mean: f64) -> u8 {
    (1..=100u8).rev().find(|q| f64::from(qp(*q)) >= mean - 0.01).unwrap_or(1)
}

/// Whether something that was coded with this parameter counts as made at `quality` or below.
pub fn is_at_or_below(mean: f64, quality: u8) -> bool {
    mean > f64::from(qp(quality)) - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_falls_and_is_read_backwards() {
        assert_eq!((qp(1), qp(80), qp(100)), (50, 25, 8));
        for q in 1..=99u8 {
            assert!(qp(q) >= qp(q + 1));
        }
        for q in 1..=100u8 {
            let mean = f64::from(qp(q));
            assert!(is_at_or_below(mean, q));
            assert!(of_qp(mean) >= q && qp(of_qp(mean)) == qp(q));
            assert!(!is_at_or_below(mean - 1.0, q));
        }
    }
}
