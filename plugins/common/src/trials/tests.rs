//! The helper against itself: the same answers with any number of threads.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread::ThreadId;

use squeezed_plugin_api::{
    AlphaKind, Candidate, ColorModel, Error, ErrorCode, Host, ImageInfo, InfoFlags, Job, LogLevel, Options,
    SampleKind, Stop, StopReason, Verdict,
};

use super::*;

/// Gives threads, counts who polls, and stops at a poll.
struct Threads {
    given: u32,
    polls: AtomicUsize,
    stop_at: usize,
    seen: Mutex<HashSet<ThreadId>>,
}

impl Threads {
    fn new(given: u32) -> Self {
        Self { given, polls: AtomicUsize::new(0), stop_at: usize::MAX, seen: Mutex::default() }
    }
}

impl Host for Threads {
    fn offer(&self, _: &Candidate<'_>) -> Verdict {
        Verdict::Kept
    }
    fn bytes_to_beat(&self, _: bool) -> u64 {
        u64::MAX
    }
    fn floor(&self) -> u64 {
        0
    }
    fn stop(&self) -> Option<StopReason> {
        self.seen.lock().unwrap().insert(std::thread::current().id());
        (self.polls.fetch_add(1, Ordering::Relaxed) >= self.stop_at).then_some(StopReason::Cancelled)
    }
    fn progress(&self, _: u32) {}
    fn max_threads(&self) -> u32 {
        self.given
    }
    fn reserve(&self, _: u64) -> bool {
        true
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, _: LogLevel, _: &str) {}
}

/// Calls `f` with a job of this host.
fn with_job<T>(host: &Threads, f: impl FnOnce(&Job<'_>) -> T) -> T {
    let info = ImageInfo {
        width: 1,
        height: 1,
        frames: 1,
        loop_count: 1,
        orientation: 1,
        color: ColorModel::Grey,
        channels: 1,
        sample: SampleKind::U8,
        bits: 8,
        alpha: AlphaKind::None,
        source_quality: 0,
        flags: InfoFlags::default(),
    };
    f(&Job::new(b"", &info, &Options::default(), host))
}

fn go(threads: u32, bad: Option<usize>) -> Result<Vec<Option<usize>>, Error> {
    with_job(&Threads::new(threads), |job| {
        run(job, 20, |i| {
            if bad.is_some_and(|b| i >= b) {
                return Err(Error::failed(format!("trial {i}")));
            }
            Ok((i % 3 != 0).then_some(i * i))
        })
    })
}

#[test]
fn results_do_not_depend_on_threads() {
    let one = go(1, None).unwrap();
    for threads in [0, 2, 3, 8, 100] {
        assert_eq!(go(threads, None).unwrap(), one);
    }
    assert_eq!(one[4], Some(16));
    assert_eq!(one[3], None);
}

#[test]
fn the_lowest_failure_is_told() {
    for threads in [1, 2, 8] {
        assert_eq!(go(threads, Some(7)).unwrap_err().message, "trial 7");
    }
}

#[test]
fn a_stop_ends_the_run() {
    for threads in [1, 2, 8] {
        let host = Threads { stop_at: 5, ..Threads::new(threads) };
        let done = AtomicUsize::new(0);
        let result = with_job(&host, |job| {
            run(job, 20, |_| {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(Some(()))
            })
        });
        assert_eq!(result.unwrap_err().code, ErrorCode::Stopped);
        assert_eq!(done.into_inner(), 5);
        assert_eq!(Error::from(Stop).code, ErrorCode::Stopped);
    }
}

#[test]
fn nothing_to_do_is_done() {
    let done = with_job(&Threads::new(4), |job| run(job, 0, |_| Ok(Some(()))));
    assert!(done.unwrap().is_empty());
}

#[test]
fn the_host_hears_from_every_thread_of_a_run_and_none_is_left() {
    let host = Threads::new(3);
    let together = Barrier::new(3);
    with_job(&host, |job| run(job, 3, |_| Ok(Some(together.wait().is_leader())))).unwrap();
    assert_eq!(host.seen.lock().unwrap().len(), 3);
    let host = Threads::new(1);
    with_job(&host, |job| run(job, 3, |_| Ok(Some(())))).unwrap();
    assert_eq!(*host.seen.lock().unwrap(), HashSet::from([std::thread::current().id()]));
}

#[test]
fn a_panic_of_a_helper_is_one_of_the_caller_with_its_text() {
    for threads in [1, 2, 8] {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_job(&Threads::new(threads), |job| {
                run(job, 20, |i| if i >= 3 { panic!("trial {i} went wrong") } else { Ok(Some(i)) })
            })
        }));
        let text = caught.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(*text, "trial 3 went wrong");
        // The calling thread may use threads again.
        assert!(!INSIDE.get());
    }
}

#[test]
fn an_error_before_a_panic_is_told() {
    for threads in [1, 2, 8] {
        let result = with_job(&Threads::new(threads), |job| {
            run(job, 20, |i| match i {
                4 => Err(Error::failed("the fourth")),
                5.. => panic!("too late"),
                _ => Ok(Some(i)),
            })
        });
        assert_eq!(result.unwrap_err().message, "the fourth");
    }
}

#[test]
fn runs_inside_runs_take_no_further_threads() {
    let host = Threads::new(2);
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    with_job(&host, |job| {
        run(job, 4, |_| {
            run(job, 4, |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(Some(()))
            })
            .map(Some)
        })
    })
    .unwrap();
    assert!(most.into_inner() <= 2);
    assert!(host.seen.lock().unwrap().len() <= 2);
}

#[test]
fn two_different_things_run_side_by_side() {
    let fail = |text: &str| Err::<(), _>(Error::failed(text));
    for threads in [1, 2] {
        let host = Threads::new(threads);
        let done = with_job(&host, |job| both(job, || Ok(7), || Ok("seven")));
        assert_eq!(done.unwrap(), (7, "seven"));
        let first = with_job(&host, |job| both(job, || fail("a"), || fail("b")));
        assert_eq!(first.unwrap_err().message, "a");
        let second = with_job(&host, |job| both(job, || Ok(()), || fail("b")));
        assert_eq!(second.unwrap_err().message, "b");
    }
}

/// Mostly growing sizes, with a dent as codecs have them.
fn size(q: u8) -> u64 {
    u64::from(q) * 10 - if q % 7 == 3 { 25 } else { 0 }
}

#[test]
fn the_cap_finds_the_lowest_quality_above_the_floor() {
    for asked in 1..=100u8 {
        for floor in [0u64, 1, 500, 805, 806, 1000, 1001] {
            let mut calls = 0;
            let found = search_capped(asked, floor, |q| {
                calls += 1;
                Ok(vec![0; usize::from(q) * 10])
            })
            .unwrap();
            let want = (asked..=100).find(|q| u64::from(*q) * 10 >= floor);
            assert_eq!(found.map(|(q, _)| q), want);
            assert!(calls <= 9, "{calls}");
        }
    }
}

#[test]
fn the_cap_finds_the_same_with_any_number_of_threads() {
    for asked in (1..=100u8).step_by(3) {
        for floor in [0u64, 1, 90, 500, 805, 806, 1000, 1001] {
            let want = search_capped(asked, floor, |q| Ok(vec![q; size(q) as usize])).unwrap();
            for threads in [1, 2, 3, 8] {
                let calls = AtomicUsize::new(0);
                let found = with_job(&Threads::new(threads), |job| {
                    search_capped_on(job, asked, floor, |q| {
                        calls.fetch_add(1, Ordering::Relaxed);
                        Ok((size(q), vec![q; size(q) as usize]))
                    })
                });
                assert_eq!(found.unwrap(), want, "{asked} {floor} {threads}");
                assert!(calls.into_inner() <= if threads == 1 { 9 } else { 22 });
            }
        }
    }
}

#[test]
fn what_was_asked_for_is_tried_alone() {
    let calls = AtomicUsize::new(0);
    let found = with_job(&Threads::new(8), |job| {
        search_capped_on(job, 80, 700, |q| {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok((size(q), q))
        })
    });
    assert_eq!(found.unwrap(), Some((80, 80)));
    assert_eq!(calls.into_inner(), 1);
}

#[test]
fn what_fails_ahead_is_no_failure() {
    // 90 is the first point of the bisection, tried beside 100, which is too small already.
    let fails = |q| if q == 90 { Err(Error::failed("too odd")) } else { Ok((size(q), q)) };
    for threads in [1, 2] {
        let host = Threads::new(threads);
        let found = with_job(&host, |job| search_capped_on(job, 80, 1001, fails));
        assert_eq!(found.unwrap(), None);
        let error = with_job(&host, |job| search_capped_on(job, 80, 900, fails));
        assert_eq!(error.unwrap_err().message, "too odd");
    }
}
