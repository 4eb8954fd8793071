//! Whole jobs against a test host.

use proptest::prelude::*;
use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{
    Effort, Error, ErrorCode, FrameHeader, FrameSink, ImageHeader, Job, Kind, Limits, Metadata, MetadataItem,
    Mode, Optimizer, Options, Stop,
};

use crate::Bmp;

fn winner(input: &[u8], options: &Options) -> Result<Option<Offer>, Error> {
    Ok(testing::run(&Bmp, input, options)?.winner())
}

/// The picture as RGBA.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pixels {
    size: (u32, u32),
    channels: usize,
    rgba: Vec<[u8; 4]>,
}

impl FrameSink for Pixels {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.size = (header.width, header.height);
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.channels = header.layout.channels.into();
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        let rgba = |p: &[u8]| [p[0], p[1], p[2], p.get(3).copied().unwrap_or(255)];
        self.rgba.extend(data.chunks_exact(self.channels).map(rgba));
        Ok(())
    }
}

fn pixels(input: &[u8]) -> Pixels {
    let mut all = Pixels::default();
    Bmp.decode(input, &mut all).unwrap();
    all.channels = 0;
    all
}

fn items(input: &[u8]) -> Vec<MetadataItem> {
    let mut all = testing::items(&Bmp, input).unwrap();
    all.sort();
    all
}

fn walk(folder: &str) {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "bmp"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut total = [0; 3];
    for path in files {
        let input = std::fs::read(&path).unwrap();
        let mut line = format!("{} {}", path.file_name().unwrap().display(), input.len());
        total[0] += input.len();
        for (mode, slot) in [(Mode::Lossless, 1), (Mode::Quality(80), 2)] {
            for metadata in [Metadata::All, Metadata::Display] {
                let options = Options { mode, metadata, effort: Effort::Balanced, ..Options::default() };
                let began = std::time::Instant::now();
                let best = winner(&input, &options).unwrap_or_else(|e| {
                    line += &format!(" ({e})");
                    None
                });
                let bytes = best.as_ref().map_or(input.len(), |b| b.bytes.len());
                line += &format!(" {bytes} {}ms", began.elapsed().as_millis());
                if metadata == Metadata::All {
                    total[slot] += bytes;
                }
                let Some(best) = best else { continue };
                line += &format!(" {}", best.method);
                assert!(!best.lossless || pixels(&input) == pixels(&best.bytes), "{}", path.display());
                if metadata == Metadata::All {
                    assert_eq!(items(&input), items(&best.bytes), "{}", path.display());
                }
                let again = winner(&best.bytes, &options).ok().flatten();
                assert!(again.is_none(), "{} {mode:?}: {:?}", path.display(), again.map(|a| a.method));
            }
        }
        println!("{line}");
    }
    println!("{total:?}");
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/images/bmp");

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FIXTURES}/{name}")).unwrap()
}

#[test]
fn fixtures_lose_nothing_and_do_not_shrink_twice() {
    walk(FIXTURES);
}

#[test]
fn display_keeps_colour_and_density_alone() {
    let input = fixture("made-icc-trailing.bmp");
    let before = items(&input);
    for kind in [Kind::Icc, Kind::ColorSpace, Kind::Density, Kind::Trailing] {
        assert!(before.iter().any(|i| i.kind == kind), "{kind:?}");
    }
    let options = Options { metadata: Metadata::Display, ..Options::default() };
    let thin = winner(&input, &options).unwrap().unwrap();
    let shown: Vec<_> = before.into_iter().filter(|i| i.kind.is_display()).collect();
    assert_eq!(items(&thin.bytes), shown);
    assert!(pixels(&thin.bytes) == pixels(&input));
}

#[test]
fn what_readers_disagree_on_stays() {
    for (name, why) in [
        ("made-deltas.bmp", "pixels that the runs leave out"),
        ("made-jpeg-inside.bmp", "a JPEG inside a BMP"),
        ("image-V5_A8_R8_G8_B8_Rgb.bmp", "a fourth byte that some readers take for alpha"),
    ] {
        for mode in [Mode::Lossless, Mode::Quality(50)] {
            let error = winner(&fixture(name), &Options { mode, ..Options::default() }).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (ErrorCode::UnsupportedFeature, why));
        }
    }
    // Alpha and samples of 5 bits have no smaller form.
    let options = Options { mode: Mode::Quality(50), ..Options::default() };
    assert!(winner(&fixture("zune-image-rgba16-5551.bmp"), &options).unwrap().is_none());
}

#[test]
fn rows_from_the_top_and_a_fourth_byte_of_zero_shrink() {
    let best = winner(&fixture("made-top-down-32.bmp"), &Options::default()).unwrap().unwrap();
    assert!(best.method.starts_with("rle") && best.bytes.len() < 300, "{} {}", best.method, best.bytes.len());
}

/// A picture of 24 bits, black with a white corner.
fn black_and_white() -> Vec<u8> {
    let (side, row) = (64u32, 64 * 3);
    let mut file = b"BM".to_vec();
    let all = 54 + side * row;
    for word in [all, 0, 54, 40, side, side, 24 << 16 | 1, 0, side * row, 2835, 2835, 0, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.resize(all as usize, 0);
    file[54..60].fill(255);
    file
}

#[test]
fn runs_over_black_and_white_have_a_third_colour() {
    let input = black_and_white();
    let out = winner(&input, &Options::default()).unwrap().expect("runs are smaller").bytes;
    let word = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
    assert_ne!(word(30), 0, "runs");
    let first = 14 + word(14);
    assert!(word(10) - first >= 12, "three colours");
    assert_eq!(pixels(&input), pixels(&out));
}

#[test]
fn a_cap_is_kept() {
    let input = fixture("derived-photo-24bit.bmp");
    let options = Options { mode: Mode::Quality(80), max_reduction: Some(30.0), ..Options::default() };
    // Eight bits a pixel save two thirds: more than the cap allows.
    assert!(winner(&input, &options).unwrap().is_none());
    let options = Options { max_reduction: Some(70.0), ..options };
    let best = winner(&input, &options).unwrap().unwrap();
    assert!(!best.lossless && best.bytes.len() * 10 >= input.len() * 3);
}

#[test]
fn a_cut_anywhere_is_damage() {
    for name in ["pal4rle.bmp", "image-bmp_1bpp.bmp"] {
        let input = fixture(name);
        // What pads the last row, and the end code, may be missing.
        for end in (0..input.len() - 4).step_by(3) {
            let error = winner(&input[..end], &Options::default()).err();
            assert!(error.is_some_and(|e| e.code == ErrorCode::BadImage), "{name} {end}");
        }
    }
}

#[test]
fn limits_and_stops_are_looked_at() {
    let input = fixture("derived-photo-24bit.bmp");
    let limits = Limits { pixels: 1000, ..Limits::default() };
    let error = winner(&input, &Options { limits, ..Options::default() }).unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge);
    let options = Options { mode: Mode::Quality(50), ..Options::default() };
    let info = Bmp.inspect(&input, &mut |_| ()).unwrap();
    for polls in [0, 1, 5, 12] {
        let host = testing::TestHost::new(input.len(), &options);
        host.stop_after(polls);
        let ended = Bmp.optimize(&Job::new(&input, &info, &options, &host));
        assert_eq!(ended.unwrap_err().code, ErrorCode::Stopped);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn changed_bytes_end_in_an_answer(place in 0usize..160, value: u8, which in 0usize..4) {
        let name = ["pal4rle.bmp", "made-icc-trailing.bmp", "zune-image-pal8os2v2-sz.bmp", "pngsuite-basi0g01.bmp"][which];
        let mut input = fixture(name);
        input[place] = value;
        let options = Options { limits: Limits { pixels: 1 << 20, ..Limits::default() }, ..Options::default() };
        if let Ok(host) = testing::run(&Bmp, &input, &options) {
            for offer in host.offers() {
                prop_assert!(pixels(&offer.bytes) == pixels(&input));
            }
        }
    }
}

/// Walks the files of `$SQUEEZED_CORPUS/bmp`, where that is set: nothing is lost and nothing shrinks twice.
#[test]
fn corpus() {
    if let Ok(folder) = std::env::var("SQUEEZED_CORPUS") {
        walk(&format!("{folder}/bmp"));
    }
}
