//! What threads and a cancel may change: the time, nothing else.

use std::time::Duration;

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{Effort, Metadata, Mode, Options};

use super::{fixtures, textured};
use crate::Png;

fn on(threads: u32, bytes: &[u8], options: &Options) -> Vec<Offer> {
    testing::run_on(&Png, bytes, options, threads).map(|host| host.offers()).unwrap_or_default()
}

/// Compares offers with those of one thread; gives how many of them are lossy.
fn compare(name: &str, bytes: &[u8], options: &Options) -> usize {
    let one = on(1, bytes, options);
    for threads in [2, 8] {
        assert_eq!(on(threads, bytes, options), one, "{name} {options:?} {threads}");
    }
    one.iter().filter(|o| !o.lossless).count()
}

#[test]
fn offers_do_not_depend_on_threads() {
    let mut files: Vec<_> = fixtures().into_iter().filter(|f| f.1.len() < 8 << 10).collect();
    files.push(("made".into(), textured(200, 150)));
    assert!(files.len() > 8, "only {}", files.len());
    for (name, bytes) in files {
        for mode in [Mode::Lossless, Mode::Quality(80)] {
            compare(&name, &bytes, &Options { mode, metadata: Metadata::Display, ..Options::default() });
        }
    }
}

#[test]
fn offers_at_best_and_capped_do_not_depend_on_threads() {
    let bytes = textured(200, 150);
    compare("made", &bytes, &Options { effort: Effort::Best, ..Options::default() });
    let lossy = Options { mode: Mode::Quality(20), effort: Effort::Fast, ..Options::default() };
    let capped = |cap| Options { max_reduction: Some(cap), ..lossy.clone() };
    let offered = [40.0, 60.0, 80.0].map(|cap| compare("made", &bytes, &capped(cap)));
    assert!(offered.iter().sum::<usize>() >= 2, "{offered:?}");
}

#[test]
fn a_cancel_in_the_middle_ends_the_job() {
    let bytes = textured(1600, 1250);
    for (mode, effort) in [
        (Mode::Lossless, Effort::Fast),
        (Mode::Lossless, Effort::Balanced),
        (Mode::Quality(80), Effort::Balanced),
    ] {
        let options = Options { mode, effort, ..Options::default() };
        let late = testing::cancel(&Png, &bytes, &options, Duration::from_millis(30)).unwrap();
        // CPU time: one deflate of these rows takes one second at most.
        assert!(late.is_some_and(|l| l < Duration::from_secs(3)), "{options:?}: {late:?}");
    }
}
