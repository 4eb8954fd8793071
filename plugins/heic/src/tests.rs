//! The whole plugin over the fixtures: nothing is lost, what is lossy is recognized, damage is found.

use std::path::PathBuf;

use squeezed_plugin_api::testing::{TestHost, items, run};
use squeezed_plugin_api::{
    Effort, ErrorCode, FrameHeader, FrameRole, FrameSink, ImageHeader, Kind, Metadata, Mode, Optimizer,
    Options, Stop,
};

use super::Heic;

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/images/heic");
    std::fs::read(folder.join(name)).unwrap()
}

const FIXTURES: [&str; 8] = [
    "L_10__29x100.heif",
    "RGBA_10__29x100.heif",
    "RGB_8_chroma444.heif",
    "bird_burst.heic",
    "empty_icc.heic",
    "kodim23-alpha.heic",
    "kodim23.heic",
    "overlay.heic",
];

/// What a decoder said, rows as one.
#[derive(Default, PartialEq)]
struct Seen {
    image: ImageHeader,
    frames: Vec<(FrameHeader, Vec<u8>)>,
}

impl FrameSink for Seen {
    fn image(&mut self, header: &ImageHeader) -> Result<(), Stop> {
        self.image = *header;
        Ok(())
    }
    fn frame(&mut self, header: &FrameHeader) -> Result<(), Stop> {
        self.frames.push((*header, Vec::new()));
        Ok(())
    }
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        let (header, rows) = self.frames.last_mut().ok_or(Stop)?;
        let len = header.width as usize * header.layout.pixel_bytes();
        for row in 0..count as usize {
            rows.extend_from_slice(&data[row * stride..][..len]);
        }
        Ok(())
    }
}

fn decode(file: &[u8]) -> Seen {
    let mut seen = Seen::default();
    Heic.decode(file, &mut seen).unwrap();
    seen
}

fn options(mode: Mode, metadata: Metadata) -> Options {
    Options { mode, metadata, effort: Effort::Fast, ..Options::default() }
}

fn lossy(host: &TestHost) -> Option<squeezed_plugin_api::testing::Offer> {
    host.offers().into_iter().find(|o| !o.lossless)
}

#[test]
fn lossless_keeps_every_sample_and_every_item() {
    for name in FIXTURES {
        let file = fixture(name);
        let host = run(&Heic, &file, &options(Mode::Lossless, Metadata::All)).unwrap();
        let out = host.winner().unwrap_or_else(|| panic!("{name}: nothing was offered")).bytes;
        assert!(out.len() < file.len());
        assert!(decode(&file) == decode(&out), "{name}");
        assert_eq!(items(&Heic, &file).unwrap(), items(&Heic, &out).unwrap(), "{name}");
        assert_eq!(
            Heic.inspect(&file, &mut |_| ()).unwrap(),
            Heic.inspect(&out, &mut |_| ()).unwrap(),
            "{name}"
        );
        let again = run(&Heic, &out, &options(Mode::Lossless, Metadata::All)).unwrap();
        assert!(again.offers().is_empty(), "{name}");
    }
}

#[test]
fn display_leaves_only_what_shows() {
    for name in FIXTURES {
        let file = fixture(name);
        let host = run(&Heic, &file, &options(Mode::Lossless, Metadata::Display)).unwrap();
        let out = host.winner().unwrap().bytes;
        assert!(decode(&file) == decode(&out), "{name}");
        let left = items(&Heic, &out).unwrap();
        let kept: Vec<_> = items(&Heic, &file).unwrap().into_iter().filter(|i| i.kind.is_display()).collect();
        assert_eq!(left, kept, "{name}");
    }
    let before = items(&Heic, &fixture("empty_icc.heic")).unwrap();
    assert!(
        [Kind::Gps, Kind::Thumbnail, Kind::MakerNote].iter().all(|k| before.iter().any(|i| i.kind == *k))
    );
}

#[test]
fn lossy_is_smaller_and_recognized() {
    for (name, quality) in
        [("kodim23.heic", 80), ("kodim23.heic", 30), ("kodim23-alpha.heic", 60), ("overlay.heic", 40)]
    {
        let file = fixture(name);
        let wanted = options(Mode::Quality(quality), Metadata::All);
        let made = lossy(&run(&Heic, &file, &wanted).unwrap()).unwrap_or_else(|| panic!("{name}"));
        assert!(made.bytes.len() * 10 < file.len() * 9, "{name}: {} of {}", made.bytes.len(), file.len());
        let info = Heic.inspect(&made.bytes, &mut |_| ()).unwrap();
        assert!(info.source_quality.abs_diff(quality) <= 3, "{name}: {}", info.source_quality);
        let (a, b) = (decode(&file), decode(&made.bytes));
        assert_eq!(
            a.frames.iter().map(|f| f.0).collect::<Vec<_>>(),
            b.frames.iter().map(|f| f.0).collect::<Vec<_>>(),
            "{name}"
        );
        let again = run(&Heic, &made.bytes, &wanted).unwrap();
        assert!(again.offers().is_empty(), "{name} q{quality}");
        let same = lossy(&run(&Heic, &file, &wanted).unwrap()).unwrap();
        assert!(same.bytes == made.bytes, "{name} is not made the same way twice");
    }
}

#[test]
fn what_is_not_coded_again_keeps_its_bytes() {
    let file = fixture("kodim23.heic");
    let made = lossy(&run(&Heic, &file, &options(Mode::Quality(50), Metadata::All)).unwrap()).unwrap();
    let thumbnail =
        |f: &[u8]| items(&Heic, f).unwrap().into_iter().find(|i| i.kind == Kind::Thumbnail).unwrap();
    assert_eq!(thumbnail(&file), thumbnail(&made.bytes));
}

#[test]
fn the_cap_is_kept() {
    let file = fixture("kodim23.heic");
    let wanted = Options { max_reduction: Some(30.0), ..options(Mode::Quality(50), Metadata::All) };
    let host = run(&Heic, &file, &wanted).unwrap();
    let made = lossy(&host).unwrap();
    let base = host.offers().iter().filter(|o| o.lossless).map(|o| o.bytes.len()).min().unwrap();
    assert!(made.bytes.len() * 10 >= base * 7 && made.bytes.len() < base, "{} of {base}", made.bytes.len());
}

#[test]
fn sequences_and_small_pictures_are_not_coded_again() {
    let wanted = options(Mode::Quality(30), Metadata::All);
    let burst = fixture("bird_burst.heic");
    assert_eq!(run(&Heic, &burst, &wanted).map(|_| ()).unwrap_err().code, ErrorCode::UnsupportedFeature);
    let frames = decode(&burst).frames;
    assert_eq!(frames.iter().filter(|f| f.0.role == FrameRole::Picture).count(), 90);
    let small = run(&Heic, &fixture("L_10__29x100.heif"), &wanted).unwrap();
    assert!(lossy(&small).is_none_or(|o| o.bytes.len() < 1000));
}

#[test]
fn damage_is_found() {
    let file = fixture("kodim23.heic");
    for cut in (0..file.len()).step_by(97) {
        assert!(Heic.inspect(&file[..cut], &mut |_| ()).is_err(), "{cut}");
    }
    let mut zeroed = file.clone();
    let from = zeroed.len() / 2;
    zeroed[from..].fill(0);
    for mode in [Mode::Lossless, Mode::Quality(80)] {
        let end = run(&Heic, &zeroed, &options(mode, Metadata::All)).map(|_| ());
        assert_eq!(end.unwrap_err().code, ErrorCode::BadImage);
    }
}

#[test]
fn a_stop_is_obeyed() {
    let file = fixture("kodim23.heic");
    let info = Heic.inspect(&file, &mut |_| ()).unwrap();
    let wanted = options(Mode::Quality(50), Metadata::All);
    for polls in 0..3 {
        let host = TestHost::new(file.len(), &wanted);
        host.stop_after(polls);
        let end = Heic.optimize(&squeezed_plugin_api::Job::new(&file, &info, &wanted, &host));
        assert_eq!(end.unwrap_err().code, ErrorCode::Stopped, "{polls}");
    }
}

#[test]
fn avif_is_not_taken_for_heic() {
    let format = &Heic.describe().formats[0];
    let file = |brands: &[u8]| [b"\0\0\0\x28ftyp".as_slice(), brands].concat();
    assert!(format.matches(&file(b"heic\0\0\0\0mif1heic")));
    assert!(format.matches(&file(b"mif1\0\0\0\0mif1miafheic")));
    assert!(format.matches(&file(b"msf1\0\0\0\0iso8hevc")));
    for other in [
        &b"avif\0\0\0\0mif1avif"[..],
        b"mif1\0\0\0\0mif1avifmiaf",
        b"avis\0\0\0\0msf1avis",
        b"isom\0\0\0\0mp41",
    ] {
        assert!(!format.matches(&file(other)));
    }
}

/// The embedded libheif takes what it finds on the machine that builds it, unless it is told.
#[test]
fn the_codecs_are_those_that_are_named() {
    let this = std::env::current_exe().unwrap();
    let out = std::process::Command::new("readelf").args(["--dynamic", "--wide"]).arg(this).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut needed: Vec<&str> = text
        .lines()
        .filter(|l| l.contains("(NEEDED)"))
        .filter_map(|l| l.split('[').nth(1)?.split(".so").next())
        .filter(|n| {
            !matches!(
                *n,
                "libc" | "libm" | "libgcc_s" | "libstdc++" | "libpthread" | "libdl" | "ld-linux-x86-64"
            )
        })
        .collect();
    needed.retain(|n| !n.starts_with("ld-linux"));
    needed.sort_unstable();
    assert_eq!(needed, ["libde265", "libx265"]);
}
