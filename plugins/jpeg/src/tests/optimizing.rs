//! Which candidates are offered, and that they hold what they claim.

use squeezed_plugin_api::{Effort, ErrorCode, Mode, Optimizer, Options, Progressive};

use super::{PICTURES, decode, fixture, offers, winner};
use crate::Jpeg;
use crate::walk::Walk;

fn lossy(q: u8) -> Options {
    Options { mode: Mode::Quality(q), ..Options::default() }
}

#[test]
fn lossless_offers_have_identical_samples() {
    for name in PICTURES {
        let bytes = fixture(name);
        let source = decode(&bytes).unwrap();
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            let all = offers(&bytes, &Options { effort, ..Options::default() }).unwrap();
            assert_eq!(all.len(), 2, "{name}");
            for o in all {
                assert!(o.lossless);
                assert!(decode(&o.bytes).unwrap() == source, "{name} {}", o.method);
            }
        }
    }
}

#[test]
fn lossless_results_are_fixed_points() {
    for name in PICTURES {
        let bytes = fixture(name);
        let first = winner(&bytes, &Options::default()).unwrap().map_or(bytes, |o| o.bytes);
        assert_eq!(winner(&first, &Options::default()).unwrap(), None, "{name}");
    }
}

#[test]
fn lossy_results_are_recognized_and_fixed_points() {
    let mut encoded = 0;
    for name in PICTURES {
        let bytes = fixture(name);
        for q in [60, 80] {
            let Some(first) = winner(&bytes, &lossy(q)).unwrap().filter(|o| !o.lossless) else { continue };
            encoded += 1;
            assert_eq!(first.method, format!("mozjpeg-q{q}"));
            let info = Jpeg.inspect(&first.bytes, &mut |_| ()).unwrap();
            assert_eq!(info.source_quality, q, "{name}");
            assert_eq!(winner(&first.bytes, &lossy(q)).unwrap(), None, "{name} at {q}");
        }
    }
    assert!(encoded >= 10, "only {encoded}");
}

#[test]
fn a_source_at_or_below_the_asked_quality_is_not_encoded_again() {
    let bytes = fixture("q12-wide-tables.jpg");
    assert_eq!(Jpeg.inspect(&bytes, &mut |_| ()).unwrap().source_quality, 12);
    assert!(offers(&bytes, &lossy(12)).unwrap().iter().all(|o| o.lossless));
    assert!(offers(&bytes, &lossy(80)).unwrap().iter().all(|o| o.lossless));
}

#[test]
fn progressive_is_a_requirement_on_the_output() {
    for mode in [Mode::Lossless, Mode::Quality(50)] {
        for (progressive, want) in [(Progressive::On, true), (Progressive::Off, false)] {
            for name in ["422-restart.jpg", "444-progressive.jpg", "ycck-progressive.jpg"] {
                let all =
                    offers(&fixture(name), &Options { mode, progressive, ..Options::default() }).unwrap();
                assert!(!all.is_empty());
                for o in all {
                    assert_eq!(Walk::of(&o.bytes).unwrap().frame.progressive(), want, "{name} {}", o.method);
                }
            }
        }
    }
}

#[test]
fn components_and_sampling_of_lossless_offers_are_the_sources() {
    for name in PICTURES {
        let bytes = fixture(name);
        let source = Walk::of(&bytes).unwrap();
        for o in offers(&bytes, &Options::default()).unwrap() {
            let walk = Walk::of(&o.bytes).unwrap();
            let of = |w: &Walk| w.frame.components.iter().map(|c| (c.id, c.h, c.v)).collect::<Vec<_>>();
            assert_eq!(of(&walk), of(&source), "{name}");
            assert!(walk.scans.iter().all(|s| s.components.len() <= 4));
            assert!(!walk.frame.arithmetic());
        }
    }
}

#[test]
fn lossy_keeps_or_halves_chroma_and_never_that_of_inks() {
    let sampling = |bytes: &[u8]| {
        let walk = Walk::of(bytes).unwrap();
        walk.frame.components.iter().map(|c| (c.h, c.v)).collect::<Vec<_>>()
    };
    let lossy_of = |name: &str, q: u8| {
        let all = offers(&fixture(name), &lossy(q)).unwrap();
        sampling(&all.iter().find(|o| !o.lossless).expect(name).bytes)
    };
    assert_eq!(lossy_of("444-comment-icc.jpg", 60), [(2, 2), (1, 1), (1, 1)]);
    assert_eq!(lossy_of("422-restart.jpg", 60), [(2, 2), (1, 1), (1, 1)]);
    assert_eq!(lossy_of("exif-gps-xmp.jpg", 95), [(2, 2), (1, 1), (1, 1)]);
    assert_eq!(lossy_of("ycck-progressive.jpg", 40).len(), 4);
    assert_eq!(lossy_of("grey-icc-iptc.jpg", 40).len(), 1);
}

#[test]
fn capped_mode_takes_the_lowest_quality_above_the_floor() {
    let bytes = fixture("444-comment-icc.jpg");
    let options = Options { max_reduction: Some(70.0), ..lossy(40) };
    let all = offers(&bytes, &options).unwrap();
    let best = all.iter().filter(|o| o.lossless).map(|o| o.bytes.len()).min().unwrap();
    let capped = all.iter().find(|o| !o.lossless).expect("a lossy offer");
    assert!(capped.quality > 40);
    assert!(capped.bytes.len() as f64 >= best as f64 * 0.3);
    let below = offers(&bytes, &lossy(capped.quality - 1)).unwrap();
    let below = below.iter().find(|o| !o.lossless).unwrap();
    assert!((below.bytes.len() as f64) < best as f64 * 0.3);
}

#[test]
fn what_the_codec_cannot_keep_is_unsupported_by_name() {
    for (name, why) in [("12bit.jpg", "12-bit samples"), ("lossless-process.jpg", "lossless process")] {
        let bytes = fixture(name);
        assert!(Jpeg.inspect(&bytes, &mut |_| ()).is_ok());
        let error = offers(&bytes, &Options::default()).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::UnsupportedFeature, why));
    }
}

#[test]
fn unknown_options_are_refused() {
    let options = Options { extra: vec![("tune".into(), "ssim".into())], ..Options::default() };
    assert_eq!(offers(&fixture("420-exif.jpg"), &options).unwrap_err().code, ErrorCode::BadOption);
}

#[test]
fn inks_and_rgb_stay_what_they_are() {
    use mozjpeg::ColorSpace::{JCS_CMYK, JCS_GRAYSCALE, JCS_RGB, JCS_YCCK};
    for (space, channels) in [(JCS_CMYK, 4), (JCS_YCCK, 4), (JCS_RGB, 3), (JCS_GRAYSCALE, 1)] {
        for progressive in [false, true] {
            let bytes = super::made(space, channels, progressive);
            let source = decode(&bytes).unwrap();
            assert_eq!(usize::from(source.shape.2), channels);
            for o in offers(&bytes, &lossy(70)).unwrap() {
                let result = decode(&o.bytes).unwrap();
                assert_eq!(result.shape, source.shape);
                let off: u64 =
                    source.samples.iter().zip(&result.samples).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                let mean = off as f64 / source.samples.len() as f64;
                assert!(
                    if o.lossless { off == 0 } else { mean < 20.0 },
                    "{} of {channels}: {mean}",
                    o.method
                );
            }
        }
    }
}

#[test]
fn a_stop_is_obeyed_at_any_poll() {
    use squeezed_plugin_api::testing::TestHost;
    use squeezed_plugin_api::{Job, Optimizer};
    let bytes = fixture("444-comment-icc.jpg");
    let options = lossy(60);
    let info = Jpeg.inspect(&bytes, &mut |_| ()).unwrap();
    for polls in [0, 1, 10, 100, 300, 1000] {
        let host = TestHost::new(bytes.len(), &options);
        host.stop_after(polls);
        let error = Jpeg.optimize(&Job::new(&bytes, &info, &options, &host)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Stopped, "after {polls}");
    }
}
