//! What the judge needs beside its inputs, for the host's admission: bytes and time. Knows sizes, not pictures.

use std::time::Duration;

use squeezed_plugin_api::ImageInfo;

/// Peak bytes of judging candidates of a source like this: what decoders hold at once, one file at a time, and the
/// block means of both files.
pub fn peak_bytes(format: &str, info: &ImageInfo) -> u64 {
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    let sample = info.sample.bytes() as u64;
    let frames = u64::from(info.frames.max(1));
    let per_pixel = match format {
        // The picture, and coefficients of 16 bit where it is progressive.
        "jpeg" => u64::from(info.channels.max(1)) * 3,
        // A canvas, a frame, and what a frame covered.
        "png" if frames > 1 => 4 * sample * 3,
        // One row, or the whole picture where it is interlaced.
        "png" => u64::from(info.channels.max(3) + 1) * sample,
        // A canvas, a frame of RGBA and its planes.
        "webp" => {
            if frames > 1 {
                10
            } else {
                6
            }
        }
        // A strip, which may be the whole picture, packed and spread.
        "tiff" => u64::from(info.channels.max(1)) * sample * 2 + 1,
        // Unknown: a plugin may hold the picture and a canvas.
        _ => u64::from(info.channels.max(4)) * sample * 2,
    };
    // Blocks are of 8x8 pixels, but at least one in each direction.
    let blocks = u64::from(info.width.div_ceil(8)) * u64::from(info.height.div_ceil(8));
    let means = blocks * u64::from(info.channels.max(4)) * 4;
    pixels.saturating_mul(per_pixel).saturating_add(means.saturating_mul(frames)).saturating_add(1 << 20)
}

/// CPU time that judging one candidate takes, about: both files are decoded and compared (docs/judge.md, Costs). A host
/// stops a plugin that long before a deadline.
pub fn expected_time(format: &str, info: &ImageInfo) -> Duration {
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    let samples = pixels.saturating_mul(u64::from(info.frames.max(1)));
    let ns_per_pixel = match format {
        "jpeg" | "png" => 25,
        "webp" => 40,
        _ => 60,
    };
    Duration::from_millis(1) + Duration::from_nanos(samples.saturating_mul(ns_per_pixel))
}
