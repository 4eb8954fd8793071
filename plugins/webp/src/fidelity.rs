//! Whether VP8 could show a picture at all: its chroma is halved, so noise of colours or a small drawing of coloured
//! pixels may come out as something else. Knows pixels, not files.

/// A picture up to this many pixels a side is seen pixel by pixel.
const SMALL_SIDE: u32 = 128;

/// How far a small or a larger picture may be from its source on average, in levels of 8 bit. Photographs at quality 80
/// are off by 1 to 4; noise of colours by 40 to 60.
const MEAN: (u64, u64) = (5, 10);

/// Of a small picture at most this share of samples, one in so many, may be off by more than [`FAR`].
const FAR_SHARE: u64 = 100;
const FAR: u64 = 60;

/// Whether `made` still shows `source`, both ARGB of the same size. What is transparent does not count. Below quality 50
/// coarseness was asked for and the bounds widen.
pub fn shows(source: &[u32], made: &[u32], longest_side: u32, quality: u8) -> bool {
    let (mut sum, mut far, mut samples) = (0u64, 0u64, 0u64);
    for (a, b) in source.iter().zip(made) {
        let alpha = u64::from(a >> 24);
        for shift in [16, 8, 0] {
            let off = u64::from((a >> shift & 0xff).abs_diff(b >> shift & 0xff)) * alpha / 255;
            sum += off;
            far += u64::from(off > FAR);
            samples += 1;
        }
    }
    let small = longest_side <= SMALL_SIDE;
    let wider = u64::from(50u8.saturating_sub(quality)) / 2;
    let mean = if small { MEAN.0 } else { MEAN.1 } + wider;
    let scattered = small && quality >= 50 && far * FAR_SHARE > samples;
    sum <= mean * samples && !scattered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_that_became_grey_is_seen_and_a_soft_picture_is_not() {
        let noise: Vec<u32> = (0..4096u32).map(|i| 0xff00_0000 | i.wrapping_mul(0x9E37_79B9) >> 8).collect();
        let grey = vec![0xff80_8080; 4096];
        assert!(!shows(&noise, &grey, 64, 80));
        let soft: Vec<u32> = (0..4096u32).map(|i| 0xff80_8080 | (i & 3)).collect();
        assert!(shows(&soft, &grey, 64, 80));
        assert!(shows(&soft, &soft, 64, 100));
    }

    #[test]
    fn what_is_transparent_does_not_count() {
        assert!(shows(&vec![0x00ff_00ff; 100], &vec![0; 100], 10, 80));
        assert!(!shows(&vec![0xffff_00ff; 100], &vec![0xff00_0000; 100], 10, 80));
    }
}
