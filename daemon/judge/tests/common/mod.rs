//! What the tests with real formats share: a judge without help, and a picture to judge.

mod blind;

pub use blind::Blind;
use squeezed_judge::{Claim, Judge, Source};
use squeezed_plugin_api::{Limits, Metadata};

/// A judge of candidates for this file that relies on independent decoders alone.
pub fn check(format: &str, source: &[u8], candidate: &[u8], lossless: bool) -> Result<&'static str, String> {
    let source = Source {
        format,
        bytes: source,
        plugin: &Blind,
        policy: Metadata::All,
        limits: Limits::default(),
        stop: &|| false,
    };
    let verdict = Judge::new(source).check(&Claim { bytes: candidate, lossless });
    verdict.map(|v| v.decoder).map_err(|r| r.to_string())
}

/// RGB samples that no turn, swap or inversion leaves alike: a bright corner, gradients and some texture.
pub fn scene(width: usize, height: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let texture = ((x * 7 + y * 13) % 11) as i32 - 5;
            let corner = x < width / 3 && y < height / 4;
            let rgb = if corner {
                [250, 210, 120]
            } else {
                [(x * 200 / width) as i32, 30 + (y * 120 / height) as i32, 90 - (x * 60 / width) as i32]
            };
            out.extend(rgb.map(|v| (v + texture).clamp(0, 255) as u8));
        }
    }
    out
}
