//! Whole jobs against a test host.

use proptest::prelude::*;
use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{
    Effort, ErrorCode, FrameHeader, FrameSink, ImageHeader, Job, Kind, Limits, Metadata, MetadataItem, Mode,
    Optimizer, Options, Stop,
};

use crate::Gif;

/// What the host would answer with.
fn winner(input: &[u8], options: &Options) -> Option<Offer> {
    testing::run(&Gif, input, options).unwrap().winner()
}

/// Every canvas as RGBA with its duration, and the loop count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Canvases {
    image: Option<ImageHeader>,
    frames: Vec<((u32, u32), Vec<u8>)>,
}

impl FrameSink for Canvases {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.image = Some(*header);
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.frames.push((header.duration, Vec::new()));
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        self.frames.last_mut().unwrap().1.extend_from_slice(data);
        Ok(())
    }
}

fn canvases(input: &[u8]) -> Canvases {
    let mut all = Canvases::default();
    Gif.decode(input, &mut all).unwrap();
    all
}

fn items(input: &[u8]) -> Vec<MetadataItem> {
    let mut all = testing::items(&Gif, input).unwrap();
    all.sort();
    all
}

fn effort() -> Effort {
    match std::env::var("EFFORT").as_deref() {
        Ok("fast") => Effort::Fast,
        Ok("best") => Effort::Best,
        _ => Effort::Balanced,
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../fixtures/images/gif/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/images/gif");
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<_> = names.filter(|n| n.ends_with(".gif")).map(|n| (n.clone(), fixture(&n))).collect();
    all.sort();
    all
}

/// The canvases as the crate `gif` decodes them, composed by the plain rules.
fn independent(input: &[u8]) -> Vec<(u16, Vec<[u8; 4]>)> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(input).unwrap();
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let mut canvas = vec![[0; 4]; width * height];
    let mut all = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        let before = canvas.clone();
        for (i, pixel) in frame.buffer.as_chunks::<4>().0.iter().enumerate() {
            let (x, y) = (i % usize::from(frame.width), i / usize::from(frame.width));
            let (x, y) = (x + usize::from(frame.left), y + usize::from(frame.top));
            if x < width && y < height && pixel[3] != 0 {
                canvas[y * width + x] = *pixel;
            }
        }
        all.push((frame.delay, canvas.clone()));
        match frame.dispose {
            gif::DisposalMethod::Previous => canvas = before,
            gif::DisposalMethod::Background => {
                for y in 0..usize::from(frame.height) {
                    let start = (y + usize::from(frame.top)) * width + usize::from(frame.left);
                    canvas[start..start + usize::from(frame.width)].fill([0; 4]);
                }
            }
            _ => {}
        }
    }
    all
}

#[test]
fn another_decoder_sees_the_same_canvases_before_and_after() {
    for (name, input) in fixtures() {
        let own = canvases(&input);
        let theirs = independent(&input);
        assert_eq!(own.frames.len(), theirs.len(), "{name}");
        for (a, b) in own.frames.iter().zip(&theirs) {
            assert!(a.0.0 == u32::from(b.0) && a.1 == b.1.as_flattened(), "{name}");
        }
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            if effort != Effort::Fast && input.len() > 50_000 {
                continue;
            }
            for metadata in [Metadata::All, Metadata::Display] {
                let options = Options { effort, metadata, ..Options::default() };
                let Some(best) = winner(&input, &options) else { continue };
                assert!(independent(&best.bytes) == theirs, "{name} {effort:?}");
                let again = winner(&best.bytes, &options);
                assert!(again.is_none(), "{name} {effort:?} {:?}", again.map(|a| a.method));
            }
        }
    }
}

#[test]
fn metadata_goes_by_policy_and_stays_byte_for_byte() {
    let input = fixture("made-metadata-trailing.gif");
    let before = items(&input);
    let all = winner(&input, &Options::default()).unwrap();
    assert_eq!(items(&all.bytes), before);
    for kind in
        [Kind::Icc, Kind::Animation, Kind::Rights, Kind::Comment, Kind::Text, Kind::Unknown, Kind::Trailing]
    {
        assert!(before.iter().any(|i| i.kind == kind), "{kind:?}");
    }
    let options = Options { metadata: Metadata::Display, ..Options::default() };
    let thin = winner(&input, &options).unwrap();
    let shown: Vec<_> = before.into_iter().filter(|i| i.kind.is_display()).collect();
    assert_eq!(items(&thin.bytes), shown);
    assert!(canvases(&thin.bytes) == canvases(&input));
}

#[test]
fn a_loss_is_bounded_and_found_again() {
    for name in ["image-gif-moon_impact.gif", "interlaced.gif"] {
        let input = fixture(name);
        let options = Options { mode: Mode::Quality(80), ..Options::default() };
        let best = winner(&input, &options).unwrap();
        assert!(!best.lossless, "{name}");
        let (before, after) = (canvases(&input), canvases(&best.bytes));
        for (a, b) in before.frames.iter().zip(&after.frames) {
            assert_eq!(a.0, b.0);
            let apart = a.1.iter().zip(&b.1).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
            assert!(apart < a.1.len() as u64 * 6, "{name}");
        }
        assert!(winner(&best.bytes, &options).is_none(), "{name}");
    }
    // Few colours are left alone.
    let few = winner(
        &fixture("sharp-rotating-squares-trailing.gif"),
        &Options { mode: Mode::Quality(80), ..Options::default() },
    );
    assert!(few.unwrap().lossless);
}

#[test]
fn a_cap_is_kept() {
    let input = fixture("image-gif-moon_impact.gif");
    let best = winner(&input, &Options::default()).unwrap().bytes.len();
    let options = Options { mode: Mode::Quality(80), max_reduction: Some(30.0), ..Options::default() };
    let capped = winner(&input, &options).unwrap();
    assert!(capped.bytes.len() * 10 >= best * 7 && capped.bytes.len() <= best);
}

#[test]
fn a_cut_anywhere_is_damage_or_a_missing_trailer() {
    let input = fixture("interlaced.gif");
    for end in 0..input.len() - 1 {
        let error = testing::run(&Gif, &input[..end], &Options::default()).err();
        assert!(error.is_some_and(|e| e.code == ErrorCode::BadImage), "{end}");
    }
    let whole = testing::run(&Gif, &input[..input.len() - 1], &Options::default()).unwrap();
    assert!(whole.offers().iter().all(|o| o.bytes.ends_with(b";")));
}

#[test]
fn limits_and_stops_are_looked_at() {
    let input = fixture("sharp-rotating-squares-trailing.gif");
    for limits in [
        Limits { pixels: 6399, ..Limits::default() },
        Limits { frames: 29, ..Limits::default() },
        Limits { total_pixels: 30 * 6400 - 1, ..Limits::default() },
    ] {
        let error = testing::run(&Gif, &input, &Options { limits, ..Options::default() }).err().unwrap();
        assert_eq!(error.code, ErrorCode::TooLarge);
    }
    let options = Options { mode: Mode::Quality(50), ..Options::default() };
    let info = Gif.inspect(&input, &mut |_| ()).unwrap();
    for polls in [0, 1, 10, 40] {
        let host = testing::TestHost::new(input.len(), &options);
        host.stop_after(polls);
        let ended = Gif.optimize(&Job::new(&input, &info, &options, &host));
        assert_eq!(ended.unwrap_err().code, ErrorCode::Stopped);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn changed_bytes_end_in_an_answer(place in 0usize..1500, value: u8) {
        let mut input = fixture("made-metadata-trailing.gif");
        let place = place % input.len();
        input[place] = value;
        if let Ok(host) = testing::run(&Gif, &input, &Options { effort: Effort::Fast, ..Options::default() }) {
            for offer in host.offers() {
                prop_assert!(canvases(&offer.bytes) == canvases(&input));
            }
        }
    }
}

/// Walks the files of `$SQUEEZED_CORPUS/gif`, where that is set: lossless results show the same, and none shrinks twice.
#[test]
fn corpus() {
    let Ok(folder) = std::env::var("SQUEEZED_CORPUS") else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(format!("{folder}/gif")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut total = [0; 3];
    for path in files {
        if std::env::var("ONLY").is_ok_and(|only| !path.to_str().unwrap().contains(&only)) {
            continue;
        }
        let input = std::fs::read(&path).unwrap();
        let mut line = format!("{} {}", path.file_name().unwrap().display(), input.len());
        total[0] += input.len();
        for (mode, slot) in [(Mode::Lossless, 1), (Mode::Quality(80), 2)] {
            let options = Options { mode, effort: effort(), ..Options::default() };
            let began = std::time::Instant::now();
            let best = winner(&input, &options);
            let bytes = best.as_ref().map_or(input.len(), |b| b.bytes.len());
            total[slot] += bytes;
            line += &format!(" {bytes} {}ms", began.elapsed().as_millis());
            let Some(best) = best else { continue };
            line += &format!(" {}", best.method);
            if let Ok(folder) = std::env::var("OUT") {
                std::fs::write(
                    format!("{folder}/{slot}-{}", path.file_name().unwrap().display()),
                    &best.bytes,
                )
                .unwrap();
            }
            assert!(!best.lossless || canvases(&input) == canvases(&best.bytes), "{}", path.display());
            assert_eq!(items(&input), items(&best.bytes), "{}", path.display());
            if let Some(again) = winner(&best.bytes, &options) {
                line += &format!(" (again {} {})", again.bytes.len(), again.method);
                assert!(again.lossless);
            }
        }
        println!("{line}");
    }
    println!("{total:?}");
}
