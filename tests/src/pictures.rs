//! Pictures made in code, and the ones in `fixtures/`.

use std::path::PathBuf;

/// An RGBA PNG of this size, written without any effort, so that it can be made smaller.
pub fn png_of(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let mut data = Vec::with_capacity((width * height * 4) as usize);
    for y in 0..height {
        for x in 0..width {
            data.extend(pixel(x, y));
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fastest);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&data).expect("pixels");
    drop(writer);
    out
}

/// A smooth picture with some noise, as a camera would see it; each seed another one.
pub fn photo(width: u32, height: u32, seed: u32) -> image::RgbImage {
    let wave = |p: f32, q: f32| (p.sin() * q.cos()).mul_add(100.0, 127.0) as u32;
    let s = seed as f32;
    image::RgbImage::from_fn(width, height, |x, y| {
        let h = (x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_add(seed).wrapping_mul(0x85EB_CA6B))
            .wrapping_mul(0x2C1B_3C6D);
        let (fx, fy) = (x as f32, y as f32);
        let planes =
            [wave(fx / 97.0 + s, fy / 61.0), wave(fx / 53.0, fy / 89.0 + s), wave(fx / 151.0 + s, fy / 43.0)];
        image::Rgb(planes.map(|v| (v + (h >> 29)).min(255) as u8))
    })
}

/// A small PNG with a compressed text chunk.
pub fn png_with_text(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 4, 4);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.add_ztxt_chunk("Comment".into(), text.into()).expect("a text chunk");
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[7; 16]).expect("pixels");
    drop(writer);
    out
}

/// A PNG that no codec makes much smaller: an opaque picture of a hash.
pub fn noise_png(width: u32, height: u32) -> Vec<u8> {
    png_of(width, height, |x, y| {
        let mut h = x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h ^= h >> 12;
        [h as u8, (h >> 8) as u8, (h >> 16) as u8, 255]
    })
}

/// The folder of fixtures of a format.
pub fn fixtures(format: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/images").join(format)
}

/// A fixture's bytes.
pub fn fixture(format: &str, name: &str) -> Vec<u8> {
    let path = fixtures(format).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
