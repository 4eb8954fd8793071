//! A palette for a quality: the fewest colours whose error an eye forgives. Knows qualities and pixels, not formats.

use crate::{Error, Palette, Settings, palette_unless, visible};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Fit<'a> {
    /// 1 to 100.
    pub quality: u8,
    /// 1 (slow) to 10 (quick).
    pub speed: u8,
    /// The most colours, 2 to 256.
    pub max_colors: u16,
    /// Whether errors may be spread over neighbours: better edges of bands, but still areas become noise.
    pub dithering: bool,
    /// Whether to give up; asked as [`palette_unless`] does.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// Dithering costs bytes. This much hides the edges of bands that are narrow enough to be allowed.
pub const LIGHT_DITHERING: f32 = 0.25;
/// Where all colours leave bands wider than that.
pub const STRONG_DITHERING: f32 = 0.5;
/// Where all colours are not enough, up to this many times the allowed error is still a palette's usual best.
pub const FAR_OFF: f64 = 6.0;

/// The visible error that a quality allows, in steps of 8 bit samples: 0.6 at quality 80, twice that each 15 below.
pub fn allowed_error(quality: u8) -> f64 {
    0.6 * ((80.0 - f64::from(quality)) / 15.0).exp2()
}

/// What imagequant is told to aim for, in turn: half the way to 100 is left each time.
pub fn targets(quality: u8) -> impl Iterator<Item = u8> {
    let left = 100_u8.saturating_sub(quality);
    [left, left / 2, left / 4, left / 8, 0].into_iter().map(|left| 100 - left)
}

/// The visible error of a picture that was drawn in a palette, in steps of 8 bit samples.
pub fn error_of(made: &Palette, pixels: &[[u8; 4]], width: usize) -> f64 {
    let shown = |i: usize| {
        made.indices.get(i).and_then(|c| made.colors.get(usize::from(*c))).copied().unwrap_or_default()
    };
    visible::error(pixels, width, shown)
}

/// The palette with the fewest colours whose visible error is within what `quality` allows; the best with more
/// dithering where none is, `None` where even that is far off.
///
/// # Errors
/// Those of [`palette_unless`].
pub fn fit(
    pixels: &[[u8; 4]],
    width: usize,
    height: usize,
    wanted: &Fit<'_>,
) -> Result<Option<Palette>, Error> {
    let allowed = allowed_error(wanted.quality);
    let make = |quality, dithering: f32| -> Result<(Palette, f64), Error> {
        let dithering = if wanted.dithering { dithering } else { 0.0 };
        let settings =
            Settings { quality, floor: 0, speed: wanted.speed, dithering, max_colors: wanted.max_colors };
        let made = palette_unless(pixels, width, height, &settings, wanted.stop)?;
        let error = error_of(&made, pixels, width);
        Ok((made, error))
    };
    for target in targets(wanted.quality) {
        let (made, error) = make(target, LIGHT_DITHERING)?;
        if error <= allowed {
            return Ok(Some(made));
        }
        if made.colors.len() >= usize::from(wanted.max_colors) {
            break;
        }
    }
    let (made, error) = make(100, STRONG_DITHERING)?;
    Ok((error <= allowed * FAR_OFF).then_some(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_quality_takes_more_colours_and_a_stop_ends_it() {
        let pixels: Vec<[u8; 4]> =
            (0..64 * 64).map(|i| [(i % 64) as u8 * 4, (i / 64) as u8 * 4, 90, 255]).collect();
        let at = |quality, stop: &(dyn Fn() -> bool + Sync)| {
            fit(&pixels, 64, 64, &Fit { quality, speed: 4, max_colors: 256, dithering: true, stop })
        };
        let colours = |quality| at(quality, &|| false).unwrap().unwrap().colors.len();
        assert!(colours(20) < colours(90));
        assert_eq!(at(90, &|| true), Err(Error::Stopped));
    }
}
