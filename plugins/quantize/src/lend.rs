//! Lends a borrowed question to callbacks that imagequant wants to own for ever. The one module here with `unsafe` code.

use std::sync::{Arc, Mutex, PoisonError};

/// Whether to stop.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// The question, for as long as it is lent; afterwards the answer is no.
#[derive(Clone)]
pub struct Lent(Arc<Mutex<Option<Stop<'static>>>>);

impl Lent {
    /// Asks.
    pub fn stops(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|stop| stop())
    }
}

/// Runs `use_it` with a question that callbacks may keep. Whoever keeps it longer than this call asks nobody.
pub fn lend<T>(stop: Stop<'_>, use_it: impl FnOnce(&Lent) -> T) -> T {
    // SAFETY: the longer lifetime stays inside the slot, which hands out answers and never the reference; `Taken` empties
    // the slot before this call ends, by return or by panic, and waits for an answer that is being given.
    let stop = unsafe { std::mem::transmute::<Stop<'_>, Stop<'static>>(stop) };
    let lent = Taken(Lent(Arc::new(Mutex::new(Some(stop)))));
    use_it(&lent.0)
}

struct Taken(Lent);

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_it_asks_nobody() {
        let kept = lend(&|| true, |lent| {
            assert!(lent.stops());
            lent.clone()
        });
        assert!(!kept.stops());
    }
}
