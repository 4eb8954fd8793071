//! Virtual time: a duration since a start that the caller chose. Knows no clock.

use std::time::Duration;

/// A point in time: the duration since an arbitrary start, the same for all calls. Must not run backwards; a time
/// before one that was told already counts as that one.
pub type Time = Duration;

/// More CPU than any job may be expected to take: sums of it over all queued jobs stay far from overflow.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// CPU time as nanoseconds, capped at a day.
pub(crate) fn cpu_nanos(cpu: Duration) -> u64 {
    nanos(cpu.min(LONGEST))
}

/// Nanoseconds; saturates after 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
