//! The pool of work memory: a job takes all that its plan says at once, when its lane gives it a thread.
//!
//! Nobody waits in here: the order of those who do not get theirs yet is the scheduler's affair. The last part of the
//! pool is for light jobs, so that a pool full of heavy ones never makes a small image wait.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use squeezed_schedule::Lane;

use super::Usage;

/// The share of the pool that only light jobs may use.
const RESERVE: u64 = 8; // one eighth

/// A pool of work memory.
pub struct Work {
    capacity: u64,
    state: Mutex<State>,
    released: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct State {
    light: u64,
    heavy: u64,
    peak: u64,
}

/// Work memory of one job; dropping gives it back.
pub struct Grant {
    pool: Arc<Work>,
    bytes: u64,
    lane: Lane,
}

impl Work {
    /// A pool of `capacity` bytes.
    pub fn new(capacity: u64) -> Arc<Self> {
        Arc::new(Self { capacity, state: Mutex::default(), released: OnceLock::new() })
    }

    /// Calls this after bytes came back, from whatever thread gave them back. Only the first call counts.
    pub fn on_release(&self, call: impl Fn() + Send + Sync + 'static) {
        let _ = self.released.set(Box::new(call));
    }

    /// The most that one job can get.
    pub fn largest(&self) -> u64 {
        self.capacity - self.capacity / RESERVE
    }

    /// The part that only light jobs may use; no light job should need more.
    pub fn reserve(&self) -> u64 {
        self.capacity / RESERVE
    }

    /// Takes bytes if they are there. While a heavy job waits for its own, Light keeps to its part.
    pub fn take(self: &Arc<Self>, lane: Lane, bytes: u64, heavy_waits: bool) -> Option<Grant> {
        let mut state = self.lock();
        let heavy = state.heavy.checked_add(if lane == Lane::Heavy { bytes } else { 0 })?;
        let light = state.light.checked_add(if lane == Lane::Light { bytes } else { 0 })?;
        let sum = state.light.checked_add(state.heavy)?.checked_add(bytes)?;
        let within = match lane {
            Lane::Light => !heavy_waits || light <= self.reserve(),
            Lane::Heavy => heavy <= self.largest(),
        };
        let fits = sum <= self.capacity && within;
        fits.then(|| {
            *state.of(lane) += bytes;
            state.peak = state.peak.max(sum);
            Grant { pool: self.clone(), bytes, lane }
        })
    }

    /// What the pool looks like now; nobody waits in it.
    pub fn usage(&self) -> Usage {
        let state = self.lock();
        Usage {
            capacity: self.capacity,
            granted: state.light + state.heavy,
            peak: state.peak,
            reserve: self.reserve(),
            waiting: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, lane: Lane) -> &mut u64 {
        match lane {
            Lane::Light => &mut self.light,
            Lane::Heavy => &mut self.heavy,
        }
    }
}

impl Grant {
    /// Moves the bytes of a demoted job out of Light's part. It has them already, so this may leave Heavy with more than
    /// its share: then no heavy job begins until it is paid back.
    pub fn demote(&mut self) {
        if self.lane == Lane::Heavy {
            return;
        }
        let mut state = self.pool.lock();
        state.light = state.light.saturating_sub(self.bytes);
        state.heavy += self.bytes;
        self.lane = Lane::Heavy;
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let of = state.of(self.lane);
        *of = of.saturating_sub(self.bytes);
        drop(state);
        if let Some(call) = self.pool.released.get() {
            call();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn heavy_jobs_leave_a_part_to_light_ones() {
        let pool = Work::new(8000);
        assert_eq!(pool.largest(), 7000);
        assert!(pool.take(Lane::Heavy, 7001, false).is_none());
        let heavy = pool.take(Lane::Heavy, 7000, false).unwrap();
        assert!(pool.take(Lane::Heavy, 1, false).is_none());
        let light = pool.take(Lane::Light, 1000, false).unwrap();
        assert!(pool.take(Lane::Light, 1, false).is_none());
        assert_eq!(pool.usage().granted, 8000);
        drop(heavy);
        assert!(pool.take(Lane::Light, 1, true).is_none(), "what heavy jobs wait for is theirs");
        let heavy = pool.take(Lane::Heavy, 7000, false);
        drop((heavy, light));
        assert_eq!((pool.usage().granted, pool.usage().peak), (0, 8000));
    }

    #[test]
    fn a_demoted_job_counts_as_heavy() {
        let pool = Work::new(8000);
        let mut slow = pool.take(Lane::Light, 5000, false).unwrap();
        slow.demote();
        slow.demote();
        assert!(pool.take(Lane::Heavy, 2001, false).is_none());
        assert!(pool.take(Lane::Light, 3000, false).is_some());
        drop(slow);
        assert!(pool.take(Lane::Heavy, 7000, false).is_some());
    }

    #[test]
    fn whoever_waits_is_told_of_released_bytes() {
        let (pool, calls) = (Work::new(100), Arc::new(AtomicU32::new(0)));
        let count = calls.clone();
        pool.on_release(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        drop(pool.take(Lane::Light, 50, false));
        assert!(pool.take(Lane::Light, u64::MAX, false).is_none());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
