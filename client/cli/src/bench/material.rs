//! What is sent: files, or pictures made at the start.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use squeezed_client::JobOptions;

use super::args::Bench;
use super::sample::{Class, Work};
use super::texture::{self, Format};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::magic;
use crate::stdio::shown;

/// From so many pixels a picture is heavy.
const HEAVY_PIXELS: usize = 1_000_000;

/// Most bytes of files that are kept in memory.
const MOST: u64 = 2 << 30;

/// Something to send again and again.
pub type Works = Vec<Arc<Work>>;

/// A made picture, and what is asked for it.
///
/// # Errors
/// When it cannot be made.
pub fn made(
    class: Class,
    format: Format,
    size: (u32, u32),
    seed: u32,
    options: &JobOptions,
) -> anyhow::Result<Arc<Work>> {
    let bytes = texture::picture(format, size.0, size.1, seed)?;
    let name = format!("{} {}x{}", format.name(), size.0, size.1);
    Ok(Arc::new(Work { name, class, bytes, options: options.clone() }))
}

/// The two small pictures: a PNG of 20 kB and a JPEG of 50 kB.
///
/// # Errors
/// When they cannot be made.
pub fn small(options: &JobOptions) -> anyhow::Result<Works> {
    Ok(vec![
        made(Class::Light, Format::Png, (134, 100), 11, options)?,
        made(Class::Light, Format::Jpeg, (576, 432), 12, options)?,
    ])
}

/// A picture of several megapixels.
///
/// # Errors
/// When it cannot be made.
pub fn big(format: Format, options: &JobOptions) -> anyhow::Result<Arc<Work>> {
    // Each takes some seconds at best, so that a run of minutes has enough of them.
    let size = match format {
        Format::Jpeg => (3264, 2448),
        Format::Png => (1600, 1200),
        Format::Webp => (2048, 1536),
    };
    made(Class::Heavy, format, size, 13, options)
}

/// The material that the command line names.
///
/// # Errors
/// When a path cannot be read, holds no image, or is too much.
pub fn of(args: &Bench) -> anyhow::Result<Works> {
    let options = |class| args.options(class).map_err(|text| Exit::Usage.because(text));
    let (light, heavy) = (options(Class::Light)?, options(Class::Heavy)?);
    if args.paths.is_empty() {
        let mix = args.mix.unwrap_or_default();
        let mut works = if mix.light > 0 { small(&light)? } else { Works::new() };
        if mix.heavy > 0 {
            works.push(big(args.heavy_format.unwrap_or(Format::Jpeg), &heavy)?);
        }
        return Ok(works);
    }
    let mut works = Works::new();
    let mut total = 0_u64;
    for path in &args.paths {
        for file in walkdir::WalkDir::new(path).follow_root_links(true).sort_by_file_name() {
            let file = file.map_err(|e| unreadable(path, &io::Error::from(e)))?;
            if file.file_type().is_dir() {
                continue;
            }
            let failed = |e: io::Error| unreadable(file.path(), &e);
            total = total.saturating_add(file.path().metadata().map_err(failed)?.len());
            if total > MOST {
                return Err(Exit::Usage.because(format!("more than {MOST} bytes of files; name fewer")));
            }
            let bytes = Bytes::from(fs::read(file.path()).map_err(failed)?);
            if magic::of(&bytes).is_none() {
                if file.depth() == 0 {
                    return Err(Exit::Unreadable.because(format!("{}: it is no image", shown(path))));
                }
                continue;
            }
            works.push(Arc::new(of_file(file.path(), bytes, args.heavy_from, (&light, &heavy))));
        }
    }
    if works.is_empty() {
        return Err(Exit::Unreadable.because("there are no images"));
    }
    Ok(works)
}

fn unreadable(path: &Path, error: &io::Error) -> anyhow::Error {
    Exit::Unreadable.because(format!("{}: {}", shown(path), Failure::read(error).message))
}

fn of_file(
    path: &Path,
    bytes: Bytes,
    heavy_from: Option<u64>,
    (light, heavy): (&JobOptions, &JobOptions),
) -> Work {
    let is_heavy = match heavy_from {
        Some(least) => bytes.len() as u64 >= least,
        None => imagesize::blob_size(&bytes).is_ok_and(|s| s.width.saturating_mul(s.height) >= HEAVY_PIXELS),
    };
    let (class, options) = if is_heavy { (Class::Heavy, heavy) } else { (Class::Light, light) };
    Work { name: shown(path), class, bytes, options: options.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_pictures_have_the_sizes_that_are_promised() {
        let works = small(&JobOptions::default()).unwrap();
        let sizes: Vec<usize> = works.iter().map(|w| w.bytes.len() / 1000).collect();
        assert!((18..=22).contains(&sizes[0]) && (45..=55).contains(&sizes[1]), "{sizes:?} kB");
    }

    #[test]
    fn files_are_classed_by_pixels_or_by_bytes() {
        let options = JobOptions::default();
        let class = |format, size, from| {
            let bytes = texture::picture(format, size, size, 1).unwrap();
            of_file(Path::new("a"), bytes, from, (&options, &options)).class
        };
        assert_eq!(class(Format::Jpeg, 64, None), Class::Light);
        assert_eq!(class(Format::Jpeg, 1000, None), Class::Heavy);
        assert_eq!(class(Format::Jpeg, 64, Some(100)), Class::Heavy);
        assert_eq!(class(Format::Jpeg, 1000, Some(100_000_000)), Class::Light);
    }
}
