//! PNG and APNG files made here, judged without any help of a plugin.

mod common;

use common::{check, scene};
use png::{BitDepth, BlendOp, ColorType, DisposeOp};

/// Which pixel stands at (x, y) of a spoiled picture.
type Lie<'a> = &'a dyn Fn(usize, usize) -> [u8; 3];

fn encode(size: (u32, u32), color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    encode_with(size, color, depth, data, |_| ())
}

fn encode_with(
    (width, height): (u32, u32),
    color: ColorType,
    depth: BitDepth,
    data: &[u8],
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    set(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    out
}

fn rgb8(size: (u32, u32), data: &[u8]) -> Vec<u8> {
    encode(size, ColorType::Rgb, BitDepth::Eight, data)
}

fn rgba8(size: (u32, u32), data: &[u8]) -> Vec<u8> {
    encode(size, ColorType::Rgba, BitDepth::Eight, data)
}

#[test]
fn equal_pixels_in_every_representation_are_equal() {
    // One row: black, white, white, black.
    let bits = encode((4, 1), ColorType::Grayscale, BitDepth::One, &[0b0110_0000]);
    let files = [
        encode((4, 1), ColorType::Grayscale, BitDepth::Two, &[0b0011_1100]),
        encode((4, 1), ColorType::Grayscale, BitDepth::Eight, &[0, 255, 255, 0]),
        encode((4, 1), ColorType::Grayscale, BitDepth::Sixteen, &[0, 0, 255, 255, 255, 255, 0, 0]),
        encode((4, 1), ColorType::GrayscaleAlpha, BitDepth::Eight, &[0, 255, 255, 255, 255, 255, 0, 255]),
        rgb8((4, 1), &[0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]),
        rgba8((4, 1), &[0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 255]),
        encode_with((4, 1), ColorType::Indexed, BitDepth::Four, &[0x01, 0x10], |e| {
            e.set_palette(vec![0, 0, 0, 255, 255, 255]);
        }),
    ];
    for (i, file) in files.iter().enumerate() {
        assert_eq!(check("png", &bits, file, true), Ok("png"), "file {i}");
        assert_eq!(check("png", file, &bits, true), Ok("png"), "file {i} as the source");
    }
    let other = encode((4, 1), ColorType::Grayscale, BitDepth::One, &[0b0111_0000]);
    for file in &files {
        assert_eq!(check("png", file, &other, true), Err("pixels-differ (frame 0)".into()));
    }
}

#[test]
fn colour_under_transparent_pixels_counts() {
    let plain = rgba8((2, 1), &[10, 20, 30, 0, 40, 50, 60, 255]);
    let hidden = rgba8((2, 1), &[11, 20, 30, 0, 40, 50, 60, 255]);
    let keyed = encode_with((2, 1), ColorType::Rgb, BitDepth::Eight, &[10, 20, 30, 40, 50, 60], |e| {
        e.set_trns(vec![0, 10, 0, 20, 0, 30]);
    });
    let palette = encode_with((2, 1), ColorType::Indexed, BitDepth::Eight, &[0, 1], |e| {
        e.set_palette(vec![10, 20, 30, 40, 50, 60]);
        e.set_trns(vec![0]);
    });
    assert_eq!(check("png", &plain, &keyed, true), Ok("png"));
    assert_eq!(check("png", &plain, &palette, true), Ok("png"));
    assert_eq!(check("png", &plain, &hidden, true), Err("pixels-differ (frame 0)".into()));
    assert_eq!(check("png", &plain, &hidden, false), Ok("png"));
    let opaque = rgb8((2, 1), &[10, 20, 30, 40, 50, 60]);
    assert_eq!(check("png", &plain, &opaque, true), Err("alpha-lost (frame 0)".into()));
    assert_eq!(check("png", &plain, &opaque, false), Err("alpha-lost (frame 0)".into()));
}

#[test]
fn sixteen_bit_stay_where_they_are_used() {
    let wide = |low: u8| [9, low, 8, 8, 7, 7];
    let pixel = |data: &[u8]| encode((1, 1), ColorType::Rgb, BitDepth::Sixteen, data);
    let narrow = rgb8((1, 1), &[9, 8, 7]);
    assert_eq!(check("png", &pixel(&wide(9)), &narrow, true), Ok("png"), "nothing is lost");
    let lost = Err("depth 8 < 16 (frame 0)".into());
    assert_eq!(check("png", &pixel(&wide(10)), &narrow, true), lost);
    assert_eq!(check("png", &pixel(&wide(10)), &narrow, false), lost);
    let lowest = check("png", &pixel(&wide(10)), &pixel(&wide(11)), true);
    assert_eq!(lowest, Err("pixels-differ (frame 0)".into()));
}

#[test]
fn one_changed_pixel_among_many_is_found() {
    let data = scene(200, 100);
    let source = rgb8((200, 100), &data);
    for at in [0, 29_999, 59_999] {
        let mut changed = data.clone();
        changed[at] ^= 1;
        let candidate = rgb8((200, 100), &changed);
        assert_eq!(check("png", &source, &candidate, true), Err("pixels-differ (frame 0)".into()));
        assert_eq!(check("png", &source, &candidate, false), Ok("png"));
    }
}

#[test]
fn a_profile_must_stay() {
    let chunk = |profile: Option<&[u8]>| {
        let mut file = rgb8((1, 1), &[1, 2, 3]);
        if let Some(profile) = profile {
            let mut info = png::Info::with_size(1, 1);
            info.color_type = ColorType::Rgb;
            info.bit_depth = BitDepth::Eight;
            info.icc_profile = Some(profile.to_vec().into());
            file.clear();
            let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
            writer.write_image_data(&[1, 2, 3]).unwrap();
        }
        file
    };
    let with = chunk(Some(b"profile"));
    assert_eq!(check("png", &with, &with, true), Ok("png"));
    assert_eq!(check("png", &with, &chunk(Some(b"another")), true), Err("metadata-lost (icc icc)".into()));
    assert_eq!(check("png", &with, &chunk(None), true), Err("metadata-lost (icc icc)".into()));
    assert_eq!(check("png", &chunk(None), &with, true), Err("metadata-invented (icc icc)".into()));
}

#[test]
fn what_a_palette_loses_is_no_defect_and_a_spoiled_picture_is() {
    let size = (128, 128);
    let data = scene(128, 128);
    let source = rgb8(size, &data);
    let changed = |f: &dyn Fn(usize, usize) -> [u8; 3]| {
        let data: Vec<u8> = (0..128 * 128).flat_map(|i| f(i % 128, i / 128)).collect();
        rgb8(size, &data)
    };
    let at = |x: usize, y: usize| -> [u8; 3] { *data[(y * 128 + x) * 3..].first_chunk().unwrap() };
    for step in [4, 16, 32] {
        let coarse = changed(&|x, y| at(x, y).map(|v| v / step * step + step / 2));
        assert_eq!(check("png", &source, &coarse, false), Ok("png"), "steps of {step}");
    }
    let lies: [(&str, Lie<'_>); 8] = [
        ("red and blue", &|x, y| [at(x, y)[2], at(x, y)[1], at(x, y)[0]]),
        ("inverted", &|x, y| at(x, y).map(|v| 255 - v)),
        ("turned by 90", &|x, y| at(y, 127 - x)),
        ("turned by 270", &|x, y| at(127 - y, x)),
        ("turned by 180", &|x, y| at(127 - x, 127 - y)),
        ("mirrored", &|x, y| at(127 - x, y)),
        ("upside down", &|x, y| at(x, 127 - y)),
        ("", &|x, y| if y < 64 { at(x, y) } else { [128; 3] }),
    ];
    for (name, lie) in lies {
        let text = check("png", &source, &changed(lie), false).unwrap_err();
        assert!(text.starts_with("looks-different (frame 0 ") && text.contains(name), "{name}: {text}");
    }
}

#[test]
fn a_transparent_corner_may_not_become_opaque() {
    let mut pixels: Vec<u8> =
        scene(128, 128).as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    let opaque = rgba8((128, 128), &pixels);
    for y in 0..6 {
        pixels[y * 512..y * 512 + 24].as_chunks_mut::<4>().0.iter_mut().for_each(|px| px[3] = 0);
    }
    let source = rgba8((128, 128), &pixels);
    assert_eq!(check("png", &source, &opaque, false), Err("alpha-lost (frame 0)".into()));
    pixels.iter_mut().skip(3).step_by(4).for_each(|a| *a = (*a).max(10));
    assert_eq!(check("png", &source, &rgba8((128, 128), &pixels), false), Ok("png"));
}

#[test]
fn cut_files_cannot_be_decoded() {
    let source = rgb8((64, 64), &scene(64, 64));
    let cut = check("png", &source, &source[..source.len() / 2], true).unwrap_err();
    assert!(cut.starts_with("undecodable (png: "), "{cut}");
}

/// One frame of an animation.
struct Cut {
    area: (u32, u32, u32, u32),
    pixel: [u8; 4],
    blend: BlendOp,
    dispose: DisposeOp,
}

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const CLEAR: [u8; 4] = [0; 4];

/// Frames of one colour each on a canvas of 4x4; plays twice.
fn apng(cuts: &[Cut], delay: (u16, u16), plays: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 4, 4);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_animated(cuts.len() as u32, plays).unwrap();
    encoder.set_frame_delay(delay.0, delay.1).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for cut in cuts {
        let (x, y, width, height) = cut.area;
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(width, height).unwrap();
        writer.set_frame_position(x, y).unwrap();
        writer.set_blend_op(cut.blend).unwrap();
        writer.set_dispose_op(cut.dispose).unwrap();
        writer.write_image_data(&cut.pixel.repeat((width * height) as usize)).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn cut(area: (u32, u32, u32, u32), pixel: [u8; 4], dispose: DisposeOp) -> Cut {
    Cut { area, pixel, blend: BlendOp::Source, dispose }
}

#[test]
fn animations_are_compared_by_their_canvases() {
    const ALL: (u32, u32, u32, u32) = (0, 0, 4, 4);
    let small = (1, 1, 2, 2);
    // Red; a blue square; red again: by restoring, or by drawing the square over.
    let restore = [
        cut(ALL, RED, DisposeOp::None),
        cut(small, BLUE, DisposeOp::Previous),
        Cut { blend: BlendOp::Over, ..cut((0, 0, 1, 1), CLEAR, DisposeOp::None) },
    ];
    let draw =
        [cut(ALL, RED, DisposeOp::None), cut(small, BLUE, DisposeOp::None), cut(small, RED, DisposeOp::None)];
    let source = apng(&restore, (1, 10), 2);
    assert_eq!(check("png", &source, &apng(&draw, (100, 1000), 2), true), Ok("png"));
    assert_eq!(check("png", &source, &apng(&draw, (1, 11), 2), true), Err("duration (frame 0)".into()));
    assert_eq!(check("png", &source, &apng(&draw, (1, 10), 0), true), Err("loop-count 0 != 2".into()));
    assert_eq!(check("png", &source, &apng(&draw[..2], (1, 10), 2), true), Err("frame-count 2 != 3".into()));
    let cleared = [
        cut(ALL, RED, DisposeOp::None),
        cut(small, BLUE, DisposeOp::Background),
        Cut { blend: BlendOp::Over, ..cut((0, 0, 1, 1), CLEAR, DisposeOp::None) },
    ];
    let lost = check("png", &source, &apng(&cleared, (1, 10), 2), true);
    assert_eq!(lost, Err("pixels-differ (frame 2)".into()));
}
