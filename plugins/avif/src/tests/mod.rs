//! Whole jobs over the fixtures. Decisions are pinned, never bytes.

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{
    Effort, ErrorCode, FrameHeader, FrameRole, FrameSink, ImageHeader, Metadata, Mode, Options, Stop,
};

mod damage;
mod pictures;
mod recognized;

use super::*;

macro_rules! fixtures {
    ($($name:ident = $file:literal;)*) => {
        $(const $name: &[u8] = include_bytes!(concat!("../../../../fixtures/images/avif/", $file));)*
        const ALL: &[(&str, &[u8])] = &[$(($file, $name)),*];
    };
}

fixtures! {
    CLAP = "alpha-clap.avif";
    ALPHA = "alpha-irot.avif";
    BALLOONS = "balloons.avif";
    TMAP = "gainmap-tmap-icc.avif";
    GRID = "grid-1x5.avif";
    LAYERED = "layered.avif";
    PHOTO = "photo-420.avif";
    PQ = "pq-10bit-gainmap.avif";
    SATO = "sato.avif";
    DEEP_SEQUENCE = "sequence-12bit-alpha.avif";
    SEQUENCE = "sequence-depth-exif-xmp.avif";
}

fn options(mode: Mode, metadata: Metadata) -> Options {
    Options { mode, metadata, effort: Effort::Fast, ..Options::default() }
}

/// Offers up to an error, and the error.
fn offers(input: &[u8], options: &Options) -> (Vec<Offer>, Option<Error>) {
    let info = Avif.inspect(input, &mut |_| ()).unwrap();
    let host = testing::TestHost::new(input.len(), options);
    let end = Avif.optimize(&Job::new(input, &info, options, &host));
    (host.offers(), end.err())
}

/// Everything that a decoder tells.
#[derive(Debug, Default, PartialEq, Eq)]
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
        let (header, rows) = self.frames.last_mut().unwrap();
        for i in 0..count as usize {
            let len = header.width as usize * header.layout.pixel_bytes();
            rows.extend_from_slice(&data[i * stride..i * stride + len]);
        }
        Ok(())
    }
}

fn seen(file: &[u8]) -> Seen {
    let mut seen = Seen::default();
    Avif.decode(file, &mut seen).unwrap();
    for (header, rows) in &seen.frames {
        let pixels = header.width as usize * header.height as usize;
        assert_eq!(rows.len(), pixels * header.layout.pixel_bytes());
    }
    seen
}

#[test]
fn the_container_alone_changes_no_pixel() {
    for (name, file) in ALL {
        for metadata in [Metadata::All, Metadata::Display] {
            let (offers, error) = offers(file, &options(Mode::Lossless, metadata));
            let movie = *name == "sequence-depth-exif-xmp.avif" && metadata == Metadata::All;
            assert_eq!(error.is_some(), movie, "{name} {error:?}");
            for offer in offers {
                assert!(offer.lossless && offer.method == "container", "{name}");
                let (before, mut after) = (seen(file), seen(&offer.bytes));
                if metadata == Metadata::Display {
                    // Pictures that nobody sees may go.
                    let roles = [FrameRole::Picture, FrameRole::GainMap, FrameRole::Page];
                    assert!(after.frames.iter().all(|f| roles.contains(&f.0.role)), "{name}");
                    after.frames.truncate(1);
                    assert_eq!(before.frames[0], after.frames[0], "{name}");
                } else {
                    assert_eq!(before, after, "{name}");
                }
            }
        }
    }
}

#[test]
fn what_is_coded_finer_than_asked_becomes_smaller_and_stays_alike() {
    for (name, file, quality) in
        [("alpha", ALPHA, 60), ("pq", PQ, 60), ("tmap", TMAP, 50), ("grid", GRID, 30)]
    {
        let (offers, error) = offers(file, &options(Mode::Quality(quality), Metadata::All));
        assert_eq!(error, None, "{name}");
        let lossy = offers.iter().find(|o| !o.lossless).unwrap_or_else(|| panic!("{name}: no lossy offer"));
        assert!(lossy.bytes.len() < file.len(), "{name}");
        let (before, after) = (seen(file), seen(&lossy.bytes));
        assert_eq!(before.image, after.image, "{name}");
        assert_eq!(before.frames.len(), after.frames.len(), "{name}");
        for (b, a) in before.frames.iter().zip(&after.frames) {
            assert_eq!(
                (b.0.role, b.0.width, b.0.layout.color),
                (a.0.role, a.0.width, a.0.layout.color),
                "{name}"
            );
            assert!(a.0.layout.bits >= b.0.layout.bits && a.0.layout.alpha == b.0.layout.alpha, "{name}");
            if b.0.role == FrameRole::GainMap {
                assert_eq!(b, a, "{name}: the gain map is kept as it is");
            }
        }
        let facts = |f: &[u8]| Avif.inspect(f, &mut |_| ()).unwrap();
        assert_eq!(facts(file).orientation, facts(&lossy.bytes).orientation, "{name}");
        assert_eq!(facts(file).flags, facts(&lossy.bytes).flags, "{name}");
        assert_eq!(
            testing::items(&Avif, file).unwrap(),
            testing::items(&Avif, &lossy.bytes).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn what_can_only_be_copied_is_named() {
    for (file, why) in [(LAYERED, "layered pictures"), (DEEP_SEQUENCE, "sequences")] {
        let (offers, error) = offers(file, &options(Mode::Quality(1), Metadata::All));
        assert!(offers.iter().all(|o| o.lossless));
        let error = error.unwrap();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::UnsupportedFeature, why));
    }
}

#[test]
fn facts_are_read() {
    let facts = |f: &[u8]| Avif.inspect(f, &mut |_| ()).unwrap();
    let sequence = facts(DEEP_SEQUENCE);
    assert_eq!((sequence.frames, sequence.bits, sequence.channels), (5, 12, 4));
    assert_eq!((facts(PQ).bits, facts(PQ).flags.gain_map), (10, true));
    assert_eq!((facts(GRID).width, facts(GRID).height), (1024, 770));
    assert_eq!(facts(ALPHA).orientation, 8);
    assert!((1..=100).contains(&facts(BALLOONS).source_quality));
}

#[test]
fn every_brand_has_its_magic() {
    let format = &Avif.describe().formats[0];
    assert!(ALL.iter().all(|(_, file)| format.matches(file)));
    assert!(format.matches(b"\0\0\0\x20ftypmif1\0\0\0\0mif1miafavif"));
    assert!(!format.matches(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"));
}
