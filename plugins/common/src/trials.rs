//! Runs independent trials on the threads that the host gave, and searches a quality under a cap.
//!
//! The results never depend on the thread count: each trial knows only its number, and results come back in the order of
//! the numbers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use squeezed_plugin_api::{Error, Job};

/// Where a trial's result waits for its turn.
type Slot<T> = Mutex<Option<Result<Option<T>, Error>>>;

/// Runs trials `0..n` and gives their results in that order. A trial that cannot win answers `Ok(None)`.
///
/// Uses at most [`Job::max_threads`] threads, the caller's own included, and looks at the job's stop before each trial.
///
/// # Errors
/// `Stopped`, or the error of the trial with the lowest number among those that failed.
pub fn run<T, F>(job: &Job<'_>, n: usize, trial: F) -> Result<Vec<Option<T>>, Error>
where
    T: Send,
    F: Fn(usize) -> Result<Option<T>, Error> + Sync,
{
    run_on(job.max_threads() as usize, n, &|| job.check().map_err(Error::from), &trial)
}

fn run_on<T, F>(
    threads: usize,
    n: usize,
    check: &(dyn Fn() -> Result<(), Error> + Sync),
    trial: &F,
) -> Result<Vec<Option<T>>, Error>
where
    T: Send,
    F: Fn(usize) -> Result<Option<T>, Error> + Sync,
{
    let threads = threads.clamp(1, n.max(1));
    if threads == 1 {
        return (0..n).map(|i| check().and_then(|()| trial(i))).collect();
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let slots: Vec<Slot<T>> = (0..n).map(|_| Mutex::new(None)).collect();
    let work = || {
        // Numbers are handed out in order, so all below a failed one have been started and will end.
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(i) else { break };
            let result = check().and_then(|()| trial(i));
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    // A slot is empty only behind an error, which `collect` meets first.
    slots
        .into_iter()
        .map(|slot| {
            let result = slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            result.unwrap_or_else(|| Err(Error::failed("a trial was not run")))
        })
        .collect()
}

/// The lowest quality from `asked` to 100 whose encoding is at least `floor` bytes long, with that encoding; `None`
/// where even 100 is smaller.
///
/// Sizes are taken to grow with quality; where they do not quite, the answer is still one that reaches the floor.
/// Costs one encoding if `asked` reaches the floor by itself, else at most eight.
///
/// # Errors
/// Those of `encode`.
pub fn search_capped(
    asked: u8,
    floor: u64,
    mut encode: impl FnMut(u8) -> Result<Vec<u8>, Error>,
) -> Result<Option<(u8, Vec<u8>)>, Error> {
    let reaches = |bytes: &Vec<u8>| bytes.len() as u64 >= floor;
    let asked = asked.clamp(1, 100);
    let first = encode(asked)?;
    if reaches(&first) {
        return Ok(Some((asked, first)));
    }
    if asked == 100 {
        return Ok(None);
    }
    let top = encode(100)?;
    if !reaches(&top) {
        return Ok(None);
    }
    // `low` is too small, `best` reaches the floor.
    let (mut low, mut best) = (asked, (100, top));
    while best.0 - low > 1 {
        let middle = low + (best.0 - low) / 2;
        let bytes = encode(middle)?;
        if reaches(&bytes) { best = (middle, bytes) } else { low = middle }
    }
    Ok(Some(best))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(threads: usize, bad: Option<usize>) -> Result<Vec<Option<usize>>, Error> {
        run_on(threads, 20, &|| Ok(()), &|i| {
            if bad.is_some_and(|b| i >= b) {
                return Err(Error::failed(format!("trial {i}")));
            }
            Ok((i % 3 != 0).then_some(i * i))
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
        let polls = AtomicUsize::new(0);
        let stop = || match polls.fetch_add(1, Ordering::Relaxed) {
            0..5 => Ok(()),
            _ => Err(Error::from(squeezed_plugin_api::Stop)),
        };
        let done = AtomicUsize::new(0);
        let result = run_on(1, 20, &stop, &|_| {
            done.fetch_add(1, Ordering::Relaxed);
            Ok(Some(()))
        });
        assert!(result.is_err());
        assert_eq!(done.into_inner(), 5);
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert!(run_on(4, 0, &|| Ok(()), &|_| Ok(Some(()))).unwrap().is_empty());
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
}
