//! Whole jobs against a test host.

use squeezed_plugin_api::{Mode, Options, testing};

use super::*;

#[test]
fn a_picture_gets_smaller_and_keeps_its_pixels() {
    let input = noise_free(64, 64);
    let host = testing::run(&Png, &input, &Options::default()).unwrap();
    let winner = host.winner().unwrap();
    assert!(winner.bytes.len() < input.len());
    let before = picture::Picture::of_still(&input).unwrap().decode().unwrap().to_rgba();
    assert_eq!(picture::Picture::of_still(&winner.bytes).unwrap().decode().unwrap().to_rgba(), before);
}

#[test]
fn a_gradient_gets_a_palette() {
    let input = noise_free(200, 200);
    let options = Options { mode: Mode::Quality(80), ..Options::default() };
    let host = testing::run(&Png, &input, &options).unwrap();
    assert!(host.offers().iter().any(|o| !o.lossless && o.method.starts_with("palette-")));
}

/// An RGB picture with many colours.
fn noise_free(width: u32, height: u32) -> Vec<u8> {
    let header = header::Header { width, height, depth: 8, color: Color::Rgb, interlaced: false };
    let rows: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, (x * y / 64) as u8]))
        .collect();
    let data = picture::plain_rows(&rows, header);
    picture::Picture { header, palette: Vec::new(), transparency: Vec::new(), data }.to_still()
}
