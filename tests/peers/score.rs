//! `score WIDTH HEIGHT`: SSIMULACRA2 of pictures against a reference, for `make peers`. Reads raw RGBA frames of 8 bits from
//! stdin, the reference first, and prints a score for each of the others. Knows no format: the script decodes.
//!
//! Where a picture has alpha it is laid over a dark and over a light ground, and the lower score counts.

use std::io::{Read, Write, stdin, stdout};

use anyhow::{Context, Result, anyhow};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

const DARK: u8 = 26;
const LIGHT: u8 = 230;

/// The colours of a frame over a ground.
fn over(frame: &[u8], ground: u8) -> Vec<u8> {
    let mix = |value: u8, alpha: u8| {
        let sum = u32::from(value) * u32::from(alpha) + u32::from(ground) * (255 - u32::from(alpha));
        u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
    };
    frame.chunks_exact(4).flat_map(|p| [mix(p[0], p[3]), mix(p[1], p[3]), mix(p[2], p[3])]).collect()
}

/// A reference over one ground, prepared once.
struct Ground {
    shade: u8,
    reference: Ssimulacra2Reference,
}

fn score(grounds: &[Ground], frame: &[u8], width: u32, height: u32) -> Result<f64> {
    let mut lowest = f64::INFINITY;
    for ground in grounds {
        let colours = over(frame, ground.shade);
        lowest = lowest.min(ground.reference.compare(&slice(&colours, width, height)?)?);
    }
    Ok(lowest)
}

fn slice(colours: &[u8], width: u32, height: u32) -> Result<PixelSlice<'_>> {
    let stride = usize::try_from(width)?.checked_mul(3).context("too wide")?;
    PixelSlice::new(colours, width, height, stride, PixelDescriptor::RGB8_SRGB)
        .map_err(|e| anyhow!("cannot use the frame: {e:?}"))
}

fn opaque(frame: &[u8]) -> bool {
    frame.chunks_exact(4).all(|p| p[3] == u8::MAX)
}

fn main() -> Result<()> {
    let sizes = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<Vec<u32>, _>>()?;
    let &[width, height] = sizes.as_slice() else {
        anyhow::bail!("usage: score WIDTH HEIGHT < FRAMES");
    };
    let bytes = usize::try_from(width)?.checked_mul(usize::try_from(height)?).and_then(|n| n.checked_mul(4));
    let bytes = bytes.context("too large")?;
    let mut input = Vec::new();
    stdin().lock().read_to_end(&mut input)?;
    let mut frames = input.chunks_exact(bytes);
    let reference = frames.next().context("no reference on stdin")?;
    let shades = if input.chunks_exact(bytes).all(opaque) { &[DARK][..] } else { &[DARK, LIGHT] };
    let mut grounds = Vec::new();
    for &shade in shades {
        let colours = over(reference, shade);
        let reference = Ssimulacra2Reference::new(&slice(&colours, width, height)?)?;
        grounds.push(Ground { shade, reference });
    }
    let mut out = stdout().lock();
    for frame in frames {
        writeln!(out, "{:.4}", score(&grounds, frame, width, height)?)?;
    }
    Ok(())
}
