//! What threads and a cancel may change: the time, nothing else.

use std::time::Duration;

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{Effort, Mode, Options};

use super::{PICTURES, fixture, large};
use crate::Jpeg;

fn on(threads: u32, bytes: &[u8], options: &Options) -> Vec<Offer> {
    testing::run_on(&Jpeg, bytes, options, threads).unwrap().offers()
}

#[test]
fn offers_do_not_depend_on_threads() {
    for name in PICTURES {
        let bytes = fixture(name);
        for mode in [Mode::Lossless, Mode::Quality(70)] {
            let options = Options { mode, effort: Effort::Best, ..Options::default() };
            let one = on(1, &bytes, &options);
            for threads in [2, 8] {
                assert_eq!(on(threads, &bytes, &options), one, "{name} {options:?} {threads}");
            }
        }
    }
}

#[test]
fn a_capped_search_does_not_depend_on_threads() {
    let mut lossy = 0;
    for name in ["420-exif.jpg", "444-comment-icc.jpg", "grey-icc-iptc.jpg"] {
        let bytes = fixture(name);
        for cap in [10.0, 40.0] {
            let (mode, effort) = (Mode::Quality(30), Effort::Fast);
            let options = Options { mode, effort, max_reduction: Some(cap), ..Options::default() };
            let one = on(1, &bytes, &options);
            lossy += one.iter().filter(|o| !o.lossless).count();
            for threads in [2, 8] {
                assert_eq!(on(threads, &bytes, &options), one, "{name} {cap} {threads}");
            }
        }
    }
    assert!(lossy >= 3, "only {lossy}");
}

#[test]
fn a_cancel_in_the_middle_ends_the_job() {
    let bytes = large();
    for mode in [Mode::Lossless, Mode::Quality(60)] {
        for effort in [Effort::Fast, Effort::Best] {
            let options = Options { mode, effort, ..Options::default() };
            for ms in [5, 60] {
                let late = testing::cancel(&Jpeg, &bytes, &options, Duration::from_millis(ms)).unwrap();
                // CPU time: polls are 5 ms apart.
                assert!(late.is_some_and(|l| l < Duration::from_secs(1)), "{options:?} {ms}: {late:?}");
            }
        }
    }
}
