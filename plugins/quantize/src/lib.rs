//! Palettes by imagequant behind one safe face, for the plugins that make them. Knows pixels and palettes; nothing of
//! file formats, jobs and hosts. GPL-3.0-or-later, as imagequant is: that is why it stands apart.
#![deny(unsafe_code, missing_docs)]

mod fit;
#[expect(unsafe_code, reason = "imagequant's callbacks must live for ever")]
mod lend;
mod visible;

use imagequant::{Attributes, ControlFlow, RGBA};

use lend::lend;

pub use fit::{FAR_OFF, Fit, LIGHT_DITHERING, STRONG_DITHERING, allowed_error, error_of, fit, targets};

/// How a palette is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What to aim for, 0 to 100: the fewest colours that reach it are taken.
    pub quality: u8,
    /// What is not acceptable below, 0 to 100; at most `quality`.
    pub floor: u8,
    /// 1 (slow) to 10 (quick).
    pub speed: u8,
    /// 0 (none) to 1 (full error diffusion).
    pub dithering: f32,
    /// The most colours, 2 to 256.
    pub max_colors: u16,
}

/// A picture in a palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// Straight RGBA, at most 256.
    pub colors: Vec<[u8; 4]>,
    /// One index for each pixel.
    pub indices: Vec<u8>,
    /// The quality that the pixels have, 0 to 100, dithering counted.
    pub quality: u8,
}

/// Why there is no palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The floor cannot be reached with so few colours.
    #[error("the picture needs more colours than a palette has for this quality")]
    BelowFloor,
    /// The settings or dimensions make no sense, or memory is short.
    #[error("the palette could not be made: {0}")]
    Failed(&'static str),
    /// The question whether to stop was answered with yes.
    #[error("stopped")]
    Stopped,
}

/// Finds a palette for a picture of straight RGBA in sRGB, or any other colour space with a like gamma, and draws the
/// picture in it. The same input and settings give the same palette: nothing is random and no thread is started.
///
/// # Errors
/// [`Error::BelowFloor`] where 256 colours are not enough.
pub fn palette(
    pixels: &[[u8; 4]],
    width: usize,
    height: usize,
    settings: &Settings,
) -> Result<Palette, Error> {
    palette_unless(pixels, width, height, settings, &|| false)
}

/// The same, ended early once `stop` answers `true`. It is asked from the calling thread, some twenty times: between the
/// rounds of the search for colours and between bands of rows. What it answers before changes nothing.
///
/// # Errors
/// [`Error::Stopped`], and those of [`palette`].
pub fn palette_unless(
    pixels: &[[u8; 4]],
    width: usize,
    height: usize,
    settings: &Settings,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Palette, Error> {
    if width.checked_mul(height) != Some(pixels.len()) || pixels.is_empty() {
        return Err(Error::Failed("the pixels do not fill the dimensions"));
    }
    lend(stop, |stop| {
        let asking = || {
            let stop = stop.clone();
            move |_| if stop.stops() { ControlFlow::Break } else { ControlFlow::Continue }
        };
        let mut attributes = Attributes::new();
        attributes.set_speed(settings.speed.into()).map_err(failed)?;
        attributes.set_max_colors(settings.max_colors.into()).map_err(failed)?;
        attributes.set_quality(settings.floor, settings.quality).map_err(failed)?;
        attributes.set_progress_callback(asking());
        let rgba: Vec<RGBA> = pixels.iter().map(|[r, g, b, a]| RGBA::new(*r, *g, *b, *a)).collect();
        let mut image = attributes.new_image(rgba, width, height, 0.0).map_err(failed)?;
        let mut result = attributes.quantize(&mut image).map_err(failed)?;
        result.set_dithering_level(settings.dithering).map_err(failed)?;
        result.set_progress_callback(asking());
        let (colors, indices) = result.remapped(&mut image).map_err(failed)?;
        let quality = result.remapping_quality().or(result.quantization_quality()).unwrap_or(0);
        Ok(Palette { colors: colors.iter().map(|c| [c.r, c.g, c.b, c.a]).collect(), indices, quality })
    })
}

fn failed(error: imagequant::Error) -> Error {
    match error {
        imagequant::Error::QualityTooLow => Error::BelowFloor,
        imagequant::Error::ValueOutOfRange => Error::Failed("a value is out of range"),
        imagequant::Error::Aborted => Error::Stopped,
        imagequant::Error::OutOfMemory => Error::Failed("no memory"),
        _ => Error::Failed("imagequant refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Settings = Settings { quality: 80, floor: 0, speed: 4, dithering: 0.5, max_colors: 256 };

    fn gradient() -> Vec<[u8; 4]> {
        (0..64 * 64).map(|i| [(i % 64) as u8 * 4, (i / 64) as u8 * 4, 90, 255]).collect()
    }

    #[test]
    fn draws_every_pixel_in_the_palette_the_same_each_time() {
        let one = palette(&gradient(), 64, 64, &USUAL).unwrap();
        assert_eq!(one.indices.len(), 64 * 64);
        assert!(one.colors.len() <= 256 && one.indices.iter().all(|i| usize::from(*i) < one.colors.len()));
        assert_eq!(palette(&gradient(), 64, 64, &USUAL).unwrap(), one);
    }

    #[test]
    fn lower_quality_takes_fewer_colors() {
        let high = palette(&gradient(), 64, 64, &Settings { quality: 95, ..USUAL }).unwrap();
        let low = palette(&gradient(), 64, 64, &Settings { quality: 30, ..USUAL }).unwrap();
        assert!(low.colors.len() < high.colors.len());
    }

    #[test]
    fn transparency_stays() {
        let mut pixels = gradient();
        pixels[0] = [1, 2, 3, 0];
        let made = palette(&pixels, 64, 64, &USUAL).unwrap();
        assert_eq!(made.colors[usize::from(made.indices[0])][3], 0);
    }

    #[test]
    fn a_stop_ends_it_at_any_question_and_a_no_changes_nothing() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let asked = AtomicU32::new(0);
        let count = || {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        };
        let made = palette_unless(&gradient(), 64, 64, &USUAL, &count).unwrap();
        assert_eq!(palette(&gradient(), 64, 64, &USUAL).unwrap(), made);
        let all = asked.into_inner();
        assert!(all >= 5, "{all}");
        for n in 0..all {
            let left = AtomicU32::new(n);
            let stop =
                || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err();
            assert_eq!(palette_unless(&gradient(), 64, 64, &USUAL, &stop), Err(Error::Stopped), "{n}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let mut seed = 1_u32;
        let noise: Vec<[u8; 4]> = (0..64 * 64)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [r, g, b, _] = seed.to_be_bytes();
                [r, g, b, 255]
            })
            .collect();
        let strict = Settings { quality: 100, floor: 95, ..USUAL };
        assert_eq!(palette(&noise, 64, 64, &strict), Err(Error::BelowFloor));
        assert!(matches!(palette(&noise, 64, 63, &USUAL), Err(Error::Failed(_))));
    }
}
