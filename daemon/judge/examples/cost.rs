//! What judging costs: CPU milliseconds per megapixel of decoding a source and a candidate and comparing them.
//!
//! Arguments are files; each is judged against itself again and again for half a second, and the mean is told.

#[path = "../tests/common/blind.rs"]
mod blind;

use squeezed_judge::{Claim, Judge, Source};
use squeezed_plugin_api::{Limits, Metadata};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("format\tmegapixels\tlossless ms/MP\tlossy ms/MP\tfile");
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path)?;
        let format = match bytes.first() {
            Some(0x89) => "png",
            Some(0xff) => "jpeg",
            _ => "webp",
        };
        let reader = image::ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format()?;
        let (width, height) = reader.into_dimensions()?;
        let pixels = f64::from(width) * f64::from(height) / 1e6;
        let time = |lossless| {
            let (start, mut runs) = (cpu_ms(), 0.0);
            while cpu_ms() - start < 500.0 {
                let (policy, limits) = (Metadata::All, Limits::default());
                let source =
                    Source { format, bytes: &bytes, plugin: &blind::Blind, policy, limits, stop: &|| false };
                if Judge::new(source).check(&Claim { bytes: &bytes, lossless }).is_err() {
                    return f64::NAN;
                }
                runs += 1.0;
            }
            (cpu_ms() - start) / runs / pixels
        };
        println!("{format}\t{pixels:.2}\t{:.1}\t{:.1}\t{path}", time(true), time(false));
    }
    Ok(())
}

/// CPU time of this thread, so that a busy machine does not count (Linux: its first field is nanoseconds).
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).map_or(f64::NAN, |ns| ns / 1e6)
}
