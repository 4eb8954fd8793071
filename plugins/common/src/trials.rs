//! Runs independent trials on the threads that the host gave.
//!
//! What comes out never depends on the thread count: each trial knows only its number, results come back in the order of
//! the numbers, and an error or a panic is that of the lowest number that has one. Offers belong behind the run, on the
//! calling thread, so that verdicts and receipts have one order.
//!
//! The threads are scoped threads of the standard library: they inherit the nice value of the lane that started them and
//! are gone when the run is. Each looks at the job's stop from itself before each trial, which is also how the host learns
//! of it. A run inside a trial of another run stays on its thread, so a job never has more threads than it was given.

mod capped;

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use squeezed_plugin_api::{Error, Job};

pub use capped::{search_capped, search_capped_on};

/// Runs trials `0..n` and gives their results in that order. A trial that cannot win answers `Ok(None)`.
///
/// Uses at most [`Job::max_threads`] threads, the caller's own included, and looks at the job's stop before each trial.
///
/// # Errors
/// `Stopped`, or the error of the trial with the lowest number among those that failed.
///
/// # Panics
/// With the payload of the trial with the lowest number, if that panicked.
pub fn run<T, F>(job: &Job<'_>, n: usize, trial: F) -> Result<Vec<Option<T>>, Error>
where
    T: Send,
    F: Fn(usize) -> Result<Option<T>, Error> + Sync,
{
    run_on(threads(job), n, &|| job.check().map_err(Error::from), &trial)
}

/// Runs `a` and `b` side by side where the host gave two threads, else `a` and then `b`.
///
/// # Errors
/// `Stopped`, or the error of `a`, or that of `b`.
///
/// # Panics
/// With the payload of `a`, or that of `b`.
pub fn both<A: Send, B: Send>(
    job: &Job<'_>,
    a: impl FnOnce() -> Result<A, Error> + Send,
    b: impl FnOnce() -> Result<B, Error> + Send,
) -> Result<(A, B), Error> {
    enum Either<A, B> {
        First(A),
        Second(B),
    }
    let (a, b) = (Mutex::new(Some(a)), Mutex::new(Some(b)));
    let done = run(job, 2, |i| {
        Ok(match i {
            0 => take(&a).map(|a| a()).transpose()?.map(Either::First),
            _ => take(&b).map(|b| b()).transpose()?.map(Either::Second),
        })
    })?;
    let mut done = done.into_iter().flatten();
    match (done.next(), done.next()) {
        (Some(Either::First(a)), Some(Either::Second(b))) => Ok((a, b)),
        _ => Err(Error::failed("a trial was not run")),
    }
}

/// How many threads a run on this thread may use: what the host gave, or one inside a trial.
pub fn threads(job: &Job<'_>) -> usize {
    if INSIDE.get() { 1 } else { job.max_threads() as usize }
}

thread_local! {
    /// Whether this thread is running a trial beside others.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What a trial came to.
enum Outcome<T> {
    Ended(Result<Option<T>, Error>),
    Panicked(Box<dyn Any + Send>),
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
    let slots: Vec<Mutex<Option<Outcome<T>>>> = (0..n).map(|_| Mutex::new(None)).collect();
    let work = || {
        let was = INSIDE.replace(true);
        // Numbers are handed out in order, so all below a failed one have been started and will end.
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(i) else { break };
            // A panic must not end the thread here: the others would not know, and its payload would be lost.
            let outcome = match catch_unwind(AssertUnwindSafe(|| check().and_then(|()| trial(i)))) {
                Ok(result) => Outcome::Ended(result),
                Err(payload) => Outcome::Panicked(payload),
            };
            if !matches!(outcome, Outcome::Ended(Ok(_))) {
                failed.store(true, Ordering::Relaxed);
            }
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        }
        INSIDE.set(was);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system gives no thread, those that run do the work.
            if std::thread::Builder::new().name("trial".into()).spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    // A slot is empty only behind an error, which `collect` meets first.
    slots
        .iter()
        .map(|slot| match take(slot) {
            Some(Outcome::Ended(result)) => result,
            Some(Outcome::Panicked(payload)) => resume_unwind(payload),
            None => Err(Error::failed("a trial was not run")),
        })
        .collect()
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests;
