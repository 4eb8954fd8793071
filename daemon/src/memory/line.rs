//! The pool of inputs: requests stand in a line in order of arrival, and small ones pass large ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The share of a pool that only small requests may use.
const RESERVE: u64 = 8; // one eighth

/// A request is small up to this share of the reserve.
const SMALL: u64 = 4; // one quarter

/// A pool of bytes.
pub struct Pool {
    capacity: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    granted: u64,
    peak: u64,
    next: u64,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    id: u64,
    bytes: u64,
    grant: Box<dyn FnOnce(Permit) + Send>,
}

/// Bytes taken from a pool; dropping gives them back.
pub struct Permit {
    pool: Arc<Pool>,
    bytes: u64,
}

/// A place in the line; dropping leaves it.
pub struct Ticket {
    pool: Arc<Pool>,
    id: u64,
}

/// What a pool looks like now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes granted.
    pub granted: u64,
    /// Most bytes granted at once since the start.
    pub peak: u64,
    /// Bytes that only small requests or light jobs may have.
    pub reserve: u64,
    /// Requests in the line.
    pub waiting: u64,
}

impl Pool {
    /// A pool of `capacity` bytes.
    pub fn new(capacity: u64) -> Arc<Self> {
        Arc::new(Self { capacity, state: Mutex::default() })
    }

    /// Whether a request of this size could ever be granted.
    pub fn could_fit(&self, bytes: u64) -> bool {
        bytes <= self.limit(bytes)
    }

    /// The most that one request can get, for error messages.
    pub fn largest(&self) -> u64 {
        self.capacity - self.capacity / RESERVE
    }

    /// Takes bytes now if they are there, past the line: for a stream's window.
    pub fn take_now(self: &Arc<Self>, bytes: u64) -> Option<Permit> {
        let mut state = self.lock();
        self.fits(&state, bytes).then(|| self.take(&mut state, bytes))
    }

    /// Calls `grant` as soon as the bytes are there, at once if they are; the line is first come, first served.
    /// `None` if it was called already.
    pub fn take_later(
        self: &Arc<Self>,
        bytes: u64,
        grant: impl FnOnce(Permit) + Send + 'static,
    ) -> Option<Ticket> {
        let mut state = self.lock();
        let overtakes = !self.is_small(bytes) && !state.waiting.is_empty();
        if !overtakes && self.fits(&state, bytes) {
            let permit = self.take(&mut state, bytes);
            drop(state);
            grant(permit);
            return None;
        }
        let id = state.next;
        state.next += 1;
        state.waiting.push_back(Waiter { id, bytes, grant: Box::new(grant) });
        Some(Ticket { pool: self.clone(), id })
    }

    /// What the pool looks like now.
    pub fn usage(&self) -> Usage {
        let state = self.lock();
        Usage {
            capacity: self.capacity,
            granted: state.granted,
            peak: state.peak,
            reserve: self.capacity / RESERVE,
            waiting: state.waiting.len() as u64,
        }
    }

    fn is_small(&self, bytes: u64) -> bool {
        bytes <= self.capacity / RESERVE / SMALL
    }

    /// How much may be granted in all for a request of this size to get its bytes.
    fn limit(&self, bytes: u64) -> u64 {
        if self.is_small(bytes) { self.capacity } else { self.largest() }
    }

    fn fits(&self, state: &State, bytes: u64) -> bool {
        state.granted.checked_add(bytes).is_some_and(|sum| sum <= self.limit(bytes))
    }

    fn take(self: &Arc<Self>, state: &mut State, bytes: u64) -> Permit {
        state.granted += bytes;
        state.peak = state.peak.max(state.granted);
        Permit { pool: self.clone(), bytes }
    }

    fn give_back(self: &Arc<Self>, bytes: u64) {
        let mut state = self.lock();
        state.granted = state.granted.saturating_sub(bytes);
        let mut ready = Vec::new();
        while let Some(at) = self.next_in_line(&state) {
            let Some(w) = state.waiting.remove(at) else { break };
            let permit = self.take(&mut state, w.bytes);
            ready.push((w.grant, permit));
        }
        drop(state);
        // Outside the lock: a grant may take and give back bytes of its own.
        for (grant, permit) in ready {
            grant(permit);
        }
    }

    /// The first waiter if it fits, else the first small one that does.
    fn next_in_line(&self, state: &State) -> Option<usize> {
        let fits = |w: &Waiter| self.fits(state, w.bytes);
        match state.waiting.front() {
            Some(w) if fits(w) => Some(0),
            _ => state.waiting.iter().position(|w| self.is_small(w.bytes) && fits(w)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.give_back(self.bytes);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let at = state.waiting.iter().position(|w| w.id == self.id);
        let left = at.and_then(|at| state.waiting.remove(at));
        drop(state);
        if left.is_some() {
            // Whoever stood behind it may fit now.
            self.pool.give_back(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn large_requests_wait_in_order_and_small_ones_pass_them() {
        let pool = Pool::new(8000);
        let first = pool.take_now(6000).unwrap();
        let (tx, rx) = mpsc::channel();
        let wait = |n: u64, id| {
            let tx = tx.clone();
            pool.take_later(n, move |p| tx.send((id, p)).unwrap())
        };
        let _a = wait(5000, 'a').unwrap();
        let _b = wait(500, 'b').unwrap();
        assert!(wait(200, 's').is_none(), "a small one is granted at once from the reserve");
        assert_eq!(rx.recv().unwrap().0, 's');
        assert!(rx.try_recv().is_err());
        drop(first);
        assert_eq!(rx.recv().unwrap().0, 'a');
        assert_eq!(rx.recv().unwrap().0, 'b');
        assert_eq!(pool.usage().granted, 0, "the permits were dropped with the messages");
    }

    #[test]
    fn leaving_the_line_lets_others_forward() {
        let pool = Pool::new(8000);
        let held = pool.take_now(4000).unwrap();
        let (tx, rx) = mpsc::channel();
        let big = pool.take_later(7000, |_| ()).unwrap();
        let _next = pool.take_later(2000, move |p| tx.send(p).unwrap()).unwrap();
        assert!(rx.try_recv().is_err());
        drop(big);
        let permit = rx.recv().unwrap();
        assert_eq!(pool.usage().granted, 6000);
        drop((permit, held));
        let usage = pool.usage();
        assert_eq!((usage.granted, usage.waiting, usage.peak), (0, 0, 6000));
    }

    #[test]
    fn what_can_never_fit_is_known_at_once() {
        let pool = Pool::new(8000);
        assert!(pool.could_fit(7000));
        assert!(!pool.could_fit(7001));
        assert_eq!(pool.largest(), 7000);
        assert!(pool.take_now(7001).is_none());
    }
}
