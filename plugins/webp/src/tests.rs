//! Whole jobs over the fixtures and over pictures made here. Decisions are pinned, never bytes.

use image_webp::WebPDecoder;
use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{Effort, ErrorCode, FrameHeader, Kind, Metadata, Mode, Options, Stop};

mod damage;
mod recognized;
mod threads;

use super::*;
use crate::container::Container;

macro_rules! fixtures {
    ($($name:ident = $file:literal;)*) => {
        $(const $name: &[u8] = include_bytes!(concat!("../../../fixtures/images/webp/", $file));)*
        const ALL: &[(&str, &[u8])] = &[$(($file, $name)),*];
    };
}

fixtures! {
    MIXED = "derived-animated-mixed-loop7.webp";
    ICC = "derived-lossless-icc.webp";
    Q30 = "derived-lossy-q30.webp";
    TURNED = "derived-lossy-p3-exif6-xmp.webp";
    ANIM = "image-anim.webp";
    GOPHER = "image-gopher-doc.with-alpha.lossless.webp";
    RANDOM_LOSSLESS = "image-webp-random_lossless.webp";
    RANDOM_LOSSY = "image-webp-random_lossy.webp";
    LOOP3 = "sharp-animated-loop-3.webp";
    GPS = "caesium-clt-w1.webp";
}

fn options(mode: Mode, metadata: Metadata) -> Options {
    Options { mode, metadata, effort: Effort::Fast, ..Options::default() }
}

fn modes() -> Vec<Options> {
    [Mode::Lossless, Mode::Quality(80), Mode::Quality(40)]
        .into_iter()
        .flat_map(|m| [options(m, Metadata::All), options(m, Metadata::Display)])
        .collect()
}

fn offers(input: &[u8], options: &Options) -> Vec<Offer> {
    testing::run(&WebP, input, options).unwrap().offers()
}

/// What the host would send back.
fn result(input: &[u8], options: &Options) -> Vec<u8> {
    testing::run(&WebP, input, options).unwrap().winner().map_or_else(|| input.to_vec(), |o| o.bytes)
}

/// Canvases with their durations, loop count, canvas size.
type Decoded = (Vec<(Vec<u8>, u32)>, u32, (u32, u32));

/// Decodes by a decoder that is not libwebp.
fn decode(file: &[u8]) -> Decoded {
    let mut d = WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
    let size = d.dimensions();
    let mut buffer = vec![0; d.output_buffer_size().unwrap()];
    let mut frames = Vec::new();
    let loops = if d.is_animated() {
        for _ in 0..d.num_frames() {
            let duration = d.read_frame(&mut buffer).unwrap();
            frames.push((buffer.clone(), duration));
        }
        match d.loop_count() {
            image_webp::LoopCount::Forever => 0,
            image_webp::LoopCount::Times(n) => u32::from(n.get()),
        }
    } else {
        d.read_image(&mut buffer).unwrap();
        frames.push((buffer, 0));
        1
    };
    // Opaque pictures come with or without alpha; compare them with.
    if !d.has_alpha() {
        for (pixels, _) in &mut frames {
            *pixels = pixels.as_chunks::<3>().0.iter().flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        }
    }
    (frames, loops, size)
}

#[derive(Default)]
struct Frames {
    all: Vec<(Vec<u8>, u32)>,
    loops: u32,
}

impl FrameSink for Frames {
    fn image(&mut self, h: &squeezed_plugin_api::ImageHeader) -> Result<(), Stop> {
        self.loops = h.loop_count;
        Ok(())
    }
    fn frame(&mut self, h: &FrameHeader) -> Result<(), Stop> {
        self.all.push((Vec::new(), h.duration.0));
        Ok(())
    }
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        assert_eq!(data.len(), count as usize * stride);
        self.all.last_mut().unwrap().0.extend_from_slice(data);
        Ok(())
    }
}

fn own_decode(file: &[u8]) -> Frames {
    let mut frames = Frames::default();
    WebP.decode(file, &mut frames).unwrap();
    frames
}

#[test]
fn both_decoders_see_the_same_lossless_canvases() {
    for file in [GOPHER, ICC, RANDOM_LOSSLESS] {
        let (theirs, loops, _) = decode(file);
        let ours = own_decode(file);
        assert_eq!(ours.loops, loops);
        assert_eq!(ours.all.len(), theirs.len());
        for (a, b) in ours.all.iter().zip(&theirs) {
            assert_eq!(a.1, b.1);
            // Colour under full transparency is left where blending put it, and alpha blending may round apart.
            let pairs = a.0.as_chunks::<4>().0.iter().zip(b.0.as_chunks::<4>().0);
            let near =
                |x: &[u8; 4], y: &[u8; 4]| x[3] == 0 || x.iter().zip(y).all(|(x, y)| x.abs_diff(*y) <= 1);
            assert!(pairs.into_iter().all(|(x, y)| near(x, y)));
        }
    }
}

#[test]
fn lossless_candidates_keep_every_sample_of_every_canvas() {
    for (name, file) in ALL {
        let before = decode(file);
        for o in modes() {
            for offer in offers(file, &o).iter().filter(|o| o.lossless) {
                assert!(decode(&offer.bytes) == before, "{name} {o:?} {}", offer.method);
            }
        }
    }
}

#[test]
fn lossy_candidates_keep_frames_timing_loop_and_alpha() {
    for (name, file) in ALL {
        let before = decode(file);
        for o in modes() {
            for offer in offers(file, &o).iter().filter(|o| !o.lossless) {
                let after = decode(&offer.bytes);
                assert_eq!((after.0.len(), after.1, after.2), (before.0.len(), before.1, before.2), "{name}");
                for (a, b) in after.0.iter().zip(&before.0) {
                    assert_eq!(a.1, b.1, "{name}");
                    let alpha = |p: &[u8]| p.as_chunks::<4>().0.iter().map(|p| p[3]).collect::<Vec<_>>();
                    assert!(alpha(&a.0) == alpha(&b.0), "{name}");
                    let error: u64 =
                        visible(&a.0).zip(visible(&b.0)).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
                    // Noise is what a lossy codec keeps worst.
                    let bound = if name.contains("random") { 50 } else { 12 };
                    assert!(error / (a.0.len() as u64) < bound, "{name} {}", error / a.0.len() as u64);
                }
            }
        }
    }
}

/// Samples that a viewer sees: colour times alpha.
fn visible(pixels: &[u8]) -> impl Iterator<Item = u8> {
    pixels.as_chunks::<4>().0.iter().flat_map(|p| p.map(|c| (u16::from(c) * u16::from(p[3]) / 255) as u8))
}

#[test]
fn metadata_follows_the_policy() {
    for (name, file) in ALL {
        let source = testing::items(&WebP, file).unwrap();
        for o in modes() {
            for offer in offers(file, &o) {
                let mut got = testing::items(&WebP, &offer.bytes).unwrap();
                let mut want: Vec<_> = source.clone();
                want.retain(|i| o.metadata == Metadata::All || i.kind.is_display());
                got.sort();
                want.sort();
                assert_eq!(got, want, "{name} {}", offer.method);
                let info = |f| WebP.inspect(f, &mut |_| ()).unwrap();
                assert_eq!(info(&offer.bytes).orientation, info(file).orientation, "{name}");
            }
        }
    }
}

#[test]
fn inspect_tells_what_the_files_are() {
    let info = |f| WebP.inspect(f, &mut |_| ()).unwrap();
    let mixed = info(MIXED);
    assert_eq!((mixed.width, mixed.height, mixed.frames, mixed.loop_count), (256, 192, 12, 7));
    assert_eq!((info(LOOP3).frames, info(LOOP3).loop_count, info(LOOP3).channels), (10, 3, 4));
    assert_eq!((info(TURNED).orientation, info(TURNED).channels), (6, 3));
    assert!(info(Q30).source_quality.abs_diff(30) <= 2);
    assert_eq!((info(ICC).source_quality, info(GOPHER).channels), (0, 4));
    let gps: Vec<_> = testing::items(&WebP, GPS).unwrap().into_iter().map(|i| i.kind).collect();
    assert!(gps.contains(&Kind::Gps) && gps.contains(&Kind::Thumbnail) && gps.contains(&Kind::Unknown));
}

#[test]
fn display_always_offers_the_same_pixels_without_the_rest() {
    let o = options(Mode::Lossless, Metadata::Display);
    let all = offers(GPS, &o);
    assert_eq!((all[0].method.as_str(), all[0].lossless), ("container", true));
    assert!(all[0].dropped.contains(&(Kind::Gps, "gps".into())));
    assert!(all[0].kept.contains(&(Kind::Orientation, "orientation".into())));
    assert!(all[0].bytes.len() < GPS.len() - 5000);
    assert!(offers(GPS, &options(Mode::Lossless, Metadata::All)).is_empty());
}

#[test]
fn decisions_are_pinned() {
    let winner = |f, mode| {
        let host = testing::run(&WebP, f, &Options { mode, ..Options::default() }).unwrap();
        host.winner().map(|o| o.method)
    };
    assert_eq!(winner(ICC, Mode::Lossless).as_deref(), Some("vp8l"));
    assert_eq!(winner(ICC, Mode::Quality(80)).as_deref(), Some("vp8-q80"));
    assert_eq!(winner(Q30, Mode::Lossless), None);
    assert_eq!(winner(Q30, Mode::Quality(80)), None);
    assert_eq!(winner(TURNED, Mode::Quality(60)).as_deref(), Some("vp8-q60"));
    assert_eq!(winner(MIXED, Mode::Lossless), None);
}

#[test]
fn a_second_run_finds_nothing() {
    for (name, file) in ALL {
        for effort in [Effort::Fast, Effort::Balanced] {
            // The efforts differ in their settings alone, so the costly one need not see the large files.
            for o in modes().into_iter().filter(|_| effort == Effort::Fast || file.len() < 35_000) {
                let o = Options { effort, ..o };
                let once = result(file, &o);
                let host = testing::run(&WebP, &once, &o).unwrap();
                let twice = host.winner();
                assert!(
                    twice.is_none(),
                    "{name} {o:?} {:?}",
                    twice.map(|t| (t.method, t.bytes.len(), once.len()))
                );
            }
        }
    }
}

#[test]
fn capped_results_stay_below_the_cap() {
    for percent in [20.0, 85.0, 92.0] {
        let o = Options { max_reduction: Some(percent), ..options(Mode::Quality(50), Metadata::All) };
        let host = testing::run(&WebP, ICC, &o).unwrap();
        let lossless = host.offers().iter().filter(|o| o.lossless).map(|o| o.bytes.len()).min();
        let best = lossless.unwrap_or(ICC.len()).min(ICC.len());
        let floor = best as f64 * (1.0 - percent / 100.0);
        let lossy: Vec<_> = host.offers().into_iter().filter(|o| !o.lossless).collect();
        // At a fifth not even the highest quality is large enough.
        assert_eq!(lossy.len(), usize::from(percent > 20.0), "{percent}");
        assert!(lossy.iter().all(|o| o.bytes.len() as f64 >= floor && o.quality >= 50), "{percent}");
    }
}

#[test]
fn trailing_data_and_unknown_chunks_stay_under_all_only() {
    let c = Container::parse(ICC).unwrap();
    let mut body = Vec::new();
    riff::write(&mut body, *b"VP8X", &[0x20, 0, 0, 0, 0x7f, 1, 0, 0xff, 0, 0]).unwrap();
    for part in &c.parts {
        match part {
            container::Part::Icc(p) => riff::write(&mut body, *b"ICCP", p).unwrap(),
            container::Part::Frame(_) => {
                riff::write(&mut body, *b"abcd", b"odd").unwrap();
                c.frames[0].image.write(&mut body).unwrap();
            }
            _ => {}
        }
    }
    let file = riff::file(&body, b"and then some").unwrap();
    let all = offers(&file, &Options { effort: Effort::Balanced, ..options(Mode::Lossless, Metadata::All) });
    let best = all.last().unwrap();
    assert!(best.bytes.ends_with(b"and then some") && best.bytes.windows(4).any(|w| w == b"abcd"));
    let display = offers(&file, &options(Mode::Lossless, Metadata::Display));
    assert!(display.iter().all(|o| !o.bytes.ends_with(b"some") && !o.bytes.windows(4).any(|w| w == b"abcd")));
    assert!(display[0].dropped.contains(&(Kind::Trailing, "trailing".into())));
}

#[test]
fn limits_are_named() {
    let limited = |limits| testing::run(&WebP, MIXED, &Options { limits, ..Options::default() }).map(|_| ());
    let base = squeezed_plugin_api::Limits::default();
    for (limits, key) in [
        (squeezed_plugin_api::Limits { pixels: 1000, ..base }, "pixels"),
        (squeezed_plugin_api::Limits { frames: 11, ..base }, "frames"),
        (squeezed_plugin_api::Limits { total_pixels: 256 * 192 * 11, ..base }, "total_pixels"),
    ] {
        let error = limited(limits).unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLarge);
        assert!(error.message.ends_with(&format!("raise {key} to allow it")), "{}", error.message);
    }
    assert!(limited(base).is_ok());
}

#[test]
fn unknown_options_are_refused() {
    let o = Options { extra: vec![("near-lossless".into(), "60".into())], ..Options::default() };
    assert_eq!(testing::run(&WebP, GOPHER, &o).map(|_| ()).unwrap_err().code, ErrorCode::BadOption);
}

#[test]
fn a_stop_is_heard_inside_the_codec() {
    let o = Options { effort: Effort::Best, ..Options::default() };
    let info = WebP.inspect(ICC, &mut |_| ()).unwrap();
    let host = testing::TestHost::new(ICC.len(), &o);
    host.stop_after(3);
    let error = WebP.optimize(&Job::new(ICC, &info, &o, &host)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Stopped);
}

#[test]
fn same_job_same_bytes() {
    for mode in [Mode::Lossless, Mode::Quality(70)] {
        let o = options(mode, Metadata::All);
        assert_eq!(offers(RANDOM_LOSSLESS, &o), offers(RANDOM_LOSSLESS, &o));
        assert_eq!(offers(ANIM, &o), offers(ANIM, &o));
        assert_eq!(offers(RANDOM_LOSSY, &o), offers(RANDOM_LOSSY, &o));
    }
}
