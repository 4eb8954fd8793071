//! JPEG files made by mozjpeg, judged by another decoder without any help of a plugin.

mod common;

use common::{check, scene};
use mozjpeg::{ColorSpace, Compress};
use squeezed_judge::{Claim, Judge, Source};
use squeezed_plugin_api::{
    Description, Error, FrameHeader, FrameSink, ImageHeader, ImageInfo, Job, Limits, Metadata, MetadataItem,
    Optimizer, PixelLayout, Plan,
};

const SIDE: usize = 128;

/// Which pixel stands at (x, y) of a spoiled picture.
type Lie<'a> = &'a dyn Fn(usize, usize) -> [u8; 3];

fn encode(input: ColorSpace, stored: ColorSpace, data: &[u8], set: impl FnOnce(&mut Compress)) -> Vec<u8> {
    let mut c = Compress::new(input);
    c.set_size(SIDE, SIDE);
    c.set_fastest_defaults();
    c.set_color_space(stored);
    set(&mut c);
    let mut started = c.start_compress(Vec::new()).unwrap();
    started.write_scanlines(data).unwrap();
    started.finish().unwrap()
}

fn rgb(data: &[u8], quality: f32) -> Vec<u8> {
    encode(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, data, |c| c.set_quality(quality))
}

fn cmyk(data: &[u8], quality: f32) -> Vec<u8> {
    encode(ColorSpace::JCS_CMYK, ColorSpace::JCS_CMYK, data, |c| c.set_quality(quality))
}

/// Four channels, as different from each other as those of a scene.
fn inks() -> Vec<u8> {
    scene(SIDE, SIDE).as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 20 + g / 4]).collect()
}

/// The file without segments of this marker.
fn without(file: &[u8], marker: u8) -> Vec<u8> {
    let mut out = file[..2].to_vec();
    let mut at = 2;
    while file[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        if file[at + 1] != marker {
            out.extend(&file[at..end]);
        }
        at = end;
    }
    out.extend(&file[at..]);
    out
}

#[test]
fn the_same_coefficients_in_another_order_are_lossless() {
    let data = scene(SIDE, SIDE);
    for quality in [30.0, 75.0, 95.0] {
        let plain = rgb(&data, quality);
        for restructure in [Compress::set_progressive_mode, |c: &mut Compress| c.set_optimize_coding(true)] {
            let other = encode(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &data, |c| {
                c.set_quality(quality);
                restructure(c);
            });
            assert_eq!(check("jpeg", &plain, &other, true), Ok("zune-jpeg"));
        }
        let other = check("jpeg", &plain, &rgb(&data, quality - 1.0), true);
        assert_eq!(other, Err("pixels-differ (frame 0)".into()));
    }
}

#[test]
fn every_quality_of_the_same_picture_looks_alike() {
    let data = scene(SIDE, SIDE);
    let source = rgb(&data, 98.0);
    for quality in 1..=100u8 {
        let candidate = rgb(&data, f32::from(quality));
        assert_eq!(check("jpeg", &source, &candidate, false), Ok("zune-jpeg"), "quality {quality}");
    }
}

#[test]
fn spoiled_pictures_do_not_even_at_low_quality() {
    let data = scene(SIDE, SIDE);
    let source = rgb(&data, 90.0);
    let at = |x: usize, y: usize| -> [u8; 3] { *data[(y * SIDE + x) * 3..].first_chunk().unwrap() };
    let last = SIDE - 1;
    let lies: [(&str, Lie<'_>); 6] = [
        ("red and blue", &|x, y| [at(x, y)[2], at(x, y)[1], at(x, y)[0]]),
        ("inverted", &|x, y| at(x, y).map(|v| 255 - v)),
        ("turned by 90", &|x, y| at(y, last - x)),
        ("mirrored", &|x, y| at(last - x, y)),
        ("upside down", &|x, y| at(x, last - y)),
        ("", &|x, y| if y < SIDE / 2 { at(x, y) } else { [128; 3] }),
    ];
    for (name, lie) in lies {
        let spoiled: Vec<u8> = (0..SIDE * SIDE).flat_map(|i| lie(i % SIDE, i / SIDE)).collect();
        for quality in [10.0, 40.0, 90.0] {
            let text = check("jpeg", &source, &rgb(&spoiled, quality), false).unwrap_err();
            assert!(text.starts_with("looks-different (frame 0 ") && text.contains(name), "{name}: {text}");
        }
    }
}

#[test]
fn four_channels_are_compared_as_stored() {
    let data = inks();
    let source = cmyk(&data, 95.0);
    for quality in [1.0, 10.0, 50.0, 90.0] {
        assert_eq!(
            check("jpeg", &source, &cmyk(&data, quality), false),
            Ok("zune-jpeg"),
            "quality {quality}"
        );
    }
    let inverted: Vec<u8> = data.iter().map(|v| 255 - v).collect();
    let text = check("jpeg", &source, &cmyk(&inverted, 90.0), false).unwrap_err();
    assert!(text.contains("inverted"), "{text}");
    let unmarked = without(&source, 0xee);
    assert_eq!(check("jpeg", &source, &unmarked, true), Err("color-model (frame 0)".into()));
    let ycck = encode(ColorSpace::JCS_CMYK, ColorSpace::JCS_YCCK, &data, |c| c.set_quality(90.0));
    assert_eq!(check("jpeg", &source, &ycck, false), Err("color-model (frame 0)".into()));
    assert_eq!(check("jpeg", &ycck, &ycck, true), Ok("zune-jpeg"));
}

#[test]
fn rgb_without_its_marker_is_seen() {
    let data = scene(SIDE, SIDE);
    let source = encode(ColorSpace::JCS_RGB, ColorSpace::JCS_RGB, &data, |c| c.set_quality(90.0));
    let text = check("jpeg", &source, &without(&source, 0xee), false);
    // The component ids may still tell; then nothing is lost.
    assert!(text.is_err() || check("jpeg", &source, &without(&source, 0xee), true).is_ok());
}

#[test]
fn grey_and_colour_of_the_same_picture_look_alike() {
    let grey: Vec<u8> = scene(SIDE, SIDE).as_chunks::<3>().0.iter().map(|px| px[0]).collect();
    let tripled: Vec<u8> = grey.iter().flat_map(|g| [*g; 3]).collect();
    let source = rgb(&tripled, 90.0);
    let candidate =
        encode(ColorSpace::JCS_GRAYSCALE, ColorSpace::JCS_GRAYSCALE, &grey, |c| c.set_quality(80.0));
    assert_eq!(check("jpeg", &source, &candidate, false), Ok("zune-jpeg"));
}

#[test]
fn a_profile_must_stay() {
    let data = scene(SIDE, SIDE);
    let with = |profile: &[u8]| {
        let mut c = Compress::new(ColorSpace::JCS_RGB);
        c.set_size(SIDE, SIDE);
        let mut started = c.start_compress(Vec::new()).unwrap();
        started.write_icc_profile(profile);
        started.write_scanlines(&data).unwrap();
        started.finish().unwrap()
    };
    let source = with(&[7; 100_000]);
    assert_eq!(check("jpeg", &source, &source, true), Ok("zune-jpeg"));
    let lost = Err("metadata-lost (icc icc)".into());
    assert_eq!(check("jpeg", &source, &without(&source, 0xe2), true), lost);
    assert_eq!(check("jpeg", &source, &with(&[8; 100_000]), true), lost);
}

#[test]
fn half_a_file_cannot_be_decoded() {
    let source = rgb(&scene(SIDE, SIDE), 90.0);
    for part in [3, 5, 8, 9] {
        let cut = check("jpeg", &source, &source[..source.len() * part / 10], true);
        assert!(cut.is_err_and(|text| text.starts_with("undecodable (zune-jpeg: ")), "{part} tenths");
    }
}

/// Decodes by yet another decoder and inspects nothing.
struct Lenient;

impl Optimizer for Lenient {
    fn describe(&self) -> Description {
        common::Blind.describe()
    }
    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        common::Blind.inspect(input, items)
    }
    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        common::Blind.plan(job)
    }
    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        common::Blind.optimize(job)
    }
    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let picture = image::load_from_memory(input).map_err(|e| Error::bad_image(e.to_string()))?.to_rgb8();
        let (width, height) = picture.dimensions();
        sink.image(&ImageHeader { width, height, loop_count: 1 })?;
        let layout = PixelLayout { channels: 3, bits: 8, ..PixelLayout::default() };
        sink.frame(&FrameHeader { width, height, duration: (0, 1), layout, ..FrameHeader::default() })?;
        sink.rows(height, width as usize * 3, &picture)?;
        Ok(())
    }
}

#[test]
fn what_the_strict_decoder_refuses_is_read_by_the_plugins_on_both_sides() {
    let data = scene(SIDE, SIDE);
    let sound = rgb(&data, 95.0);
    // Stray bytes between two segments.
    let end = 4 + usize::from(u16::from_be_bytes([sound[4], sound[5]]));
    let stray = [&sound[..end], &[0, 0, 0], &sound[end..]].concat();
    let source = Source {
        format: "jpeg",
        bytes: &stray,
        plugin: &Lenient,
        policy: Metadata::All,
        limits: Limits::default(),
        stop: &|| false,
    };
    let mut judge = Judge::new(source);
    assert_eq!(judge.check(&Claim { bytes: &sound, lossless: true }).unwrap().decoder, "plugin");
    for quality in [1.0, 5.0, 40.0] {
        let candidate = rgb(&data, quality);
        assert_eq!(judge.check(&Claim { bytes: &candidate, lossless: false }).unwrap().decoder, "plugin");
        assert!(judge.check(&Claim { bytes: &candidate, lossless: true }).is_err());
    }
    assert!(judge.check(&Claim { bytes: b"\xff\xd8\xff\xd9", lossless: true }).is_err());
}
