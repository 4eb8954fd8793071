//! Each command does what its name says.

use chaos::{Chaos, Lie, Picture};
use squeezed_plugin_api::testing::{self, TestHost};
use squeezed_plugin_api::{ErrorCode, Job, Metadata, Mode, Optimizer, Options};

fn input(command: &str) -> Vec<u8> {
    Picture::gradient(16, 16, "rgba", 8, 2).padding(100).meta("gps", "here").command(command).to_bytes()
}

/// The code that `optimize` ends with and how many offers there were, with a host that stops after `polls`.
fn run(command: &str, polls: u32) -> (Option<ErrorCode>, usize) {
    let (bytes, options) = (input(command), Options { mode: Mode::Quality(80), ..Options::default() });
    let info = Chaos.inspect(&bytes, &mut |_| ()).unwrap();
    let host = TestHost::new(bytes.len(), &options);
    host.stop_after(polls);
    let end = Chaos.optimize(&Job::new(&bytes, &info, &options, &host));
    (end.err().map(|e| e.code), host.offers().len())
}

#[test]
fn jobs_end_as_they_are_told() {
    for (command, polls, end, offers) in [
        ("honest", u32::MAX, None, 1),
        ("honest-lossy", u32::MAX, None, 2),
        ("offer-many", u32::MAX, None, 64),
        ("sleep=5", u32::MAX, None, 1),
        ("burn=5", u32::MAX, None, 1),
        ("cpu=5", u32::MAX, None, 1),
        ("deaf=5", 1, None, 1),
        ("alloc=1", u32::MAX, None, 1),
        ("grow", u32::MAX, None, 1),
        ("garbage", u32::MAX, None, 1),
        ("other-format", u32::MAX, None, 1),
        ("fail", u32::MAX, Some(ErrorCode::Failed), 0),
        ("bad-image", u32::MAX, Some(ErrorCode::BadImage), 0),
        ("unsupported", u32::MAX, Some(ErrorCode::UnsupportedFeature), 0),
        ("would-degrade", u32::MAX, Some(ErrorCode::WouldDegrade), 0),
        ("hang", 5, Some(ErrorCode::Stopped), 0),
        ("sleep=60000", 5, Some(ErrorCode::Stopped), 0),
        ("burn=60000", 5, Some(ErrorCode::Stopped), 0),
        ("cpu=60000", 5, Some(ErrorCode::Stopped), 0),
        ("offer-then-hang", 5, Some(ErrorCode::Stopped), 1),
    ] {
        assert_eq!(run(command, polls), (end, offers), "{command}");
    }
    for lie in Lie::ALL {
        assert_eq!(run(lie.name(), u32::MAX), (None, 1), "{lie:?}");
    }
    assert!(std::panic::catch_unwind(|| run("panic", u32::MAX)).is_err());
}

#[test]
fn an_honest_offer_is_smaller_and_shows_the_same() {
    let options = Options { metadata: Metadata::Display, ..Options::default() };
    let source = input("honest");
    let offer = testing::run(&Chaos, &source, &options).unwrap().winner().unwrap();
    assert!(offer.bytes.len() + 100 <= source.len());
    let (a, b) = (Picture::parse(&source, true).unwrap(), Picture::parse(&offer.bytes, true).unwrap());
    assert_eq!(a.samples, b.samples);
    assert_eq!(testing::items(&Chaos, &offer.bytes).unwrap(), []);
}

#[test]
fn an_unknown_command_is_a_bad_image() {
    for command in ["", "honset", "sleep=long"] {
        assert_eq!(Chaos.inspect(&input(command), &mut |_| ()).unwrap_err().code, ErrorCode::BadImage);
    }
}
