//! Judges pairs of files by the independent decoders alone and tells how far they are apart and what that cost.
//!
//! Each line of standard input is `FORMAT SOURCE CANDIDATE lossless|lossy`, parted by tabs. Each line of output is the
//! verdict, the worst frame's distances, milliseconds per megapixel (both files decoded and compared) and the pair.
//! `docs/judge.md` tells how the bounds were found with it.

#[path = "../tests/common/blind.rs"]
mod blind;

use std::time::Instant;

use squeezed_judge::{Claim, Distance, Judge, Source};
use squeezed_plugin_api::{Limits, Metadata};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("verdict\tmean\tfar\talpha\tfill\tcoarse\talternative\tms/mp\tsource\tcandidate");
    for line in std::io::stdin().lines() {
        let line = line?;
        let [format, source, candidate, claim] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let (bytes, other) = (std::fs::read(source)?, std::fs::read(candidate)?);
        let limits = Limits::default();
        let input = Source {
            format,
            bytes: &bytes,
            plugin: &blind::Blind,
            policy: Metadata::All,
            limits,
            stop: &|| false,
        };
        let start = Instant::now();
        let mut judge = Judge::new(input);
        let verdict = judge.check(&Claim { bytes: &other, lossless: claim == "lossless" });
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let distances = judge.distances(&other).unwrap_or_default();
        let max = |f: fn(&Distance) -> f32| distances.iter().map(f).fold(0f32, f32::max);
        let pixels = imagesize(&bytes) * distances.len().max(1) as f64;
        println!(
            "{}\t{:.2}\t{:.3}\t{:.2}\t{:.2}\t{:.2}\t{:.2}\t{:.1}\t{source}\t{candidate}",
            verdict.map_or_else(|r| r.to_string(), |v| format!("ok {}", v.decoder)),
            max(|d| d.mean),
            max(|d| d.far),
            max(|d| d.alpha),
            max(|d| d.fill),
            max(|d| d.coarse),
            max(|d| d.alternative),
            ms / (pixels / 1e6),
        );
    }
    Ok(())
}

fn imagesize(bytes: &[u8]) -> f64 {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format();
    reader.ok().and_then(|r| r.into_dimensions().ok()).map_or(1.0, |(w, h)| f64::from(w) * f64::from(h))
}
