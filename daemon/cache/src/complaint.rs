//! Tells the log of trouble with the disk, at most once a minute: a full disk concerns every job.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const GAP: Duration = Duration::from_secs(60);

/// When the last line was written and how many were not.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Mutex<(Option<Instant>, u64)>,
}

impl Complaints {
    /// Logs that something failed, unless something did within the last minute.
    pub(crate) fn tell(&self, what: &str, error: &dyn std::fmt::Display) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.is_some_and(|at| at.elapsed() < GAP) {
            last.1 += 1;
            return;
        }
        let held_back = std::mem::take(&mut last.1);
        last.0 = Some(Instant::now());
        drop(last);
        tracing::warn!(held_back, "cache: cannot {what}: {error}; jobs go on without");
    }
}
