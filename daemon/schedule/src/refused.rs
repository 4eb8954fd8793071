//! Why a job is not taken. Knows nothing of wire errors.

use std::time::Duration;

/// Why a job is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue has no room for this job.
    #[error("the queue is full; try again in {} ms", retry_after.as_millis())]
    Busy {
        /// When another try makes sense: when a quarter of the queue has drained at the measured rate, 10 ms to 60 s.
        retry_after: Duration,
    },
    /// The job could not start before its deadline.
    #[error("it would start in {} ms at the earliest, after its deadline", expected_start.as_millis())]
    Deadline {
        /// How long from now it would have waited, by an optimistic estimate.
        expected_start: Duration,
    },
}
