//! How long to wait before a request that was answered BUSY is sent again. Knows no socket.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long BUSY is answered by another try where the caller set no deadline.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// The pause before try number `attempt` (from 0): never shorter than the daemon asked for, growing, and spread by up
/// to a half so that clients that were refused together do not return together.
pub(crate) fn pause(attempt: u32, asked: Option<Duration>) -> Duration {
    let grown = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
    let base = grown.max(asked.unwrap_or_default());
    base.saturating_add(base.mul_f64(random_share() / 2.0))
}

/// A number from 0 to 1, different each time: the standard library seeds each `RandomState` anew.
fn random_share() -> f64 {
    let bits = RandomState::new().hash_one(0u8) >> 32;
    bits as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_and_honours_what_was_asked() {
        for attempt in [0, 3, 40, u32::MAX] {
            let p = pause(attempt, None);
            assert!(p >= FIRST && p <= LONGEST * 3 / 2, "{p:?}");
        }
        let asked = Duration::from_millis(700);
        let p = pause(0, Some(asked));
        assert!(p >= asked && p <= asked * 3 / 2, "{p:?}");
    }

    #[test]
    fn pauses_differ() {
        let all: std::collections::HashSet<_> = (0..20).map(|_| pause(5, None)).collect();
        assert!(all.len() > 10);
    }
}
