//! Each lie that the chaos plugin knows, and the honest candidates beside them. The decoder is the plugin's own.

use chaos::{Chaos, Lie, Picture};
use squeezed_judge::{Claim, Judge, Refusal, Source, Verified};
use squeezed_plugin_api::{Limits, Metadata, Mode, Options, testing};

fn source<'a>(bytes: &'a [u8], policy: Metadata) -> Source<'a> {
    Source { format: "chaos", bytes, plugin: &Chaos, policy, limits: Limits::default(), stop: &|| false }
}

/// What the judge says of the last offer for this picture.
fn verdict(picture: &Picture, policy: Metadata) -> Result<Verified, Refusal> {
    let input = picture.to_bytes();
    let options = Options { metadata: policy, mode: Mode::Quality(80), ..Options::default() };
    let offers = testing::run(&Chaos, &input, &options).unwrap().offers();
    let offer = offers.last().unwrap();
    let claim = Claim { bytes: &offer.bytes, lossless: offer.lossless };
    Judge::new(source(&input, policy)).check(&claim)
}

/// A picture that a lie can be told of.
fn victim(lie: Lie) -> Picture {
    let color = if lie == Lie::InvertCmyk { "cmyk" } else { "rgba" };
    let width = if lie == Lie::SwapDimensions { 96 } else { 64 };
    let bits = if lie == Lie::CutDepth { 16 } else { 8 };
    Picture::gradient(width, 64, color, bits, 3)
        .padding(4000)
        .icc(b"a profile")
        .meta("gps", "here")
        .meta("rights", "me")
        .meta("orientation", "8")
        .command(lie.name())
}

#[test]
fn every_lie_is_caught_by_its_name() {
    for (lie, policy, name) in [
        (Lie::ChangePixel, Metadata::All, "pixels-differ (frame 0)"),
        (Lie::ChangeHiddenPixel, Metadata::All, "pixels-differ (frame 0)"),
        (Lie::DropFrame, Metadata::All, "frame-count 2 != 3"),
        (Lie::FlattenFrames, Metadata::All, "looks-different (frame 1 another frame"),
        (Lie::SwapDimensions, Metadata::All, "dimensions (64x96 instead of 96x64)"),
        (Lie::CutDepth, Metadata::All, "depth 8 < 16 (frame 0)"),
        (Lie::DropIcc, Metadata::All, "metadata-lost (icc icc)"),
        (Lie::DropMeta, Metadata::Display, "orientation 1 != 8"),
        (Lie::ChangeDuration, Metadata::All, "duration (frame 0)"),
        (Lie::ChangeLoop, Metadata::All, "loop-count 1 != 0"),
        (Lie::ChangeOrientation, Metadata::All, "orientation 6 != 8"),
        (Lie::KeepGps, Metadata::Display, "metadata-not-removed (gps gps)"),
        (Lie::SwapRedBlue, Metadata::All, "looks-different (frame 0 red and blue swapped"),
        (Lie::InvertCmyk, Metadata::All, "looks-different (frame 0 inverted"),
        (Lie::TurnSquare, Metadata::All, "looks-different (frame 0 turned by 90"),
        (Lie::LoseAlpha, Metadata::All, "alpha-lost (frame 0)"),
        (Lie::HalfGrey, Metadata::All, "looks-different (frame 0"),
        (Lie::Shift, Metadata::All, "looks-different (frame 0"),
    ] {
        let found = verdict(&victim(lie), policy);
        assert!(matches!(found, Err(Refusal::Defect(_))), "{lie:?}: {found:?}");
        let text = found.unwrap_err().to_string();
        assert!(text.starts_with(name), "{lie:?}: {text}");
    }
}

#[test]
fn no_lie_is_forgotten() {
    for lie in Lie::ALL {
        let policy = if lie == Lie::KeepGps { Metadata::Display } else { Metadata::All };
        assert!(verdict(&victim(lie), policy).is_err(), "{lie:?}");
    }
}

#[test]
fn honest_candidates_pass() {
    for color in ["grey", "rgb", "rgba", "cmyk"] {
        for bits in [8, 16] {
            for command in ["honest", "honest-lossy", "offer-many"] {
                for policy in [Metadata::All, Metadata::Display] {
                    let p = Picture::gradient(33, 17, color, bits, 3).padding(999).command(command);
                    let p = p.meta("gps", "here").meta("rights", "me").icc(b"a profile");
                    // `offer-many` strips nothing.
                    let policy = if command == "offer-many" { Metadata::All } else { policy };
                    assert_eq!(
                        verdict(&p, policy),
                        Ok(Verified { decoder: "plugin" }),
                        "{color} {bits} {command}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_hidden_colour_may_change_where_loss_was_asked_for() {
    let source_picture = Picture::gradient(64, 64, "rgba", 8, 1);
    let mut changed = source_picture.clone();
    let hidden = changed.samples.chunks_exact_mut(4).filter(|px| px[3] == 0);
    hidden.for_each(|px| px[..3].fill(255));
    let (a, b) = (source_picture.to_bytes(), changed.to_bytes());
    let mut judge = Judge::new(source(&a, Metadata::All));
    assert!(judge.check(&Claim { bytes: &b, lossless: false }).is_ok());
    let refused = judge.check(&Claim { bytes: &b, lossless: true }).unwrap_err();
    assert_eq!(refused.to_string(), "pixels-differ (frame 0)");
}

#[test]
fn depth_that_is_not_used_may_go() {
    let mut p = Picture::gradient(16, 16, "rgb", 16, 1);
    p.samples.as_chunks_mut::<2>().0.iter_mut().for_each(|s| s[0] = s[1]);
    let p = p.command("cut-depth");
    assert!(verdict(&p, Metadata::All).is_ok());
}

#[test]
fn candidates_that_cannot_be_read_are_the_plugins_fault() {
    for (command, name) in [("garbage", "undecodable"), ("other-format", "format")] {
        match verdict(&Picture::gradient(8, 8, "rgb", 8, 1).command(command), Metadata::All) {
            Err(Refusal::Defect(d)) => assert_eq!(d.name(), name),
            other => panic!("{command}: {other:?}"),
        }
    }
}

#[test]
fn a_source_that_cannot_be_read_is_not() {
    for command in ["inspect-panic", "decode-panic"] {
        let input = Picture::gradient(8, 8, "rgb", 8, 1).command(command).to_bytes();
        let sound = Picture::gradient(8, 8, "rgb", 8, 1).to_bytes();
        let mut judge = Judge::new(source(&input, Metadata::All));
        let refused = judge.check(&Claim { bytes: &sound, lossless: true });
        assert!(matches!(refused, Err(Refusal::SourceUnreadable(_))), "{command}: {refused:?}");
    }
}

#[test]
fn signed_files_are_never_rewritten_under_all() {
    let p = Picture::gradient(8, 8, "rgb", 8, 1).padding(9).meta("c2pa", "signature");
    assert_eq!(verdict(&p, Metadata::All).unwrap_err().to_string(), "signed");
    assert!(verdict(&p, Metadata::Display).is_ok());
}

#[test]
fn limits_bound_what_is_decoded() {
    let input = Picture::gradient(20, 10, "rgb", 8, 5).to_bytes();
    let whole = Limits::default();
    for (limits, name) in [
        (Limits { pixels: 199, ..whole }, "limit pixels"),
        (Limits { frames: 4, ..whole }, "limit frames"),
        (Limits { total_pixels: 999, ..whole }, "limit total_pixels"),
    ] {
        let mut judge = Judge::new(Source { limits, ..source(&input, Metadata::All) });
        let refused = judge.check(&Claim { bytes: &input, lossless: true }).unwrap_err().to_string();
        assert!(refused.contains(name), "{refused}");
    }
}

#[test]
fn it_stops_when_told_and_goes_on_later() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let input = Picture::gradient(64, 64, "rgb", 8, 2).to_bytes();
    let left = AtomicU32::new(4);
    let stop = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err();
    let mut judge = Judge::new(Source { stop: &stop, ..source(&input, Metadata::All) });
    let claim = Claim { bytes: &input, lossless: true };
    assert_eq!(judge.check(&claim), Err(Refusal::Stopped));
    left.store(1000, Ordering::Relaxed);
    assert!(judge.check(&claim).is_ok());
}
