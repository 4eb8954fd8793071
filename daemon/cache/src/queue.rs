//! What waits to be written: bounded in number and bytes, so that a slow disk costs entries and never a job.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Key;
use crate::store::Put;

/// Most entries that wait.
const MOST: usize = 1024;
/// Most bytes that wait or are being written; one entry alone may be larger.
const MOST_BYTES: u64 = 64 << 20;
/// Most entries that are written together, to share the cost of making a folder's names last.
const BATCH: usize = 64;

/// The queue between jobs and the writer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// For the writer.
    work: Condvar,
    /// For whoever waits until all is written.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Put>,
    /// Of all that wait and of those that are being written.
    bytes: u64,
    /// Shares its bytes with the batch that the writer has.
    writing: Vec<Put>,
    stopping: bool,
}

/// What the writer is to do.
pub(crate) enum Next {
    /// Write these, then say [`Queue::written`].
    Write(Vec<Put>),
    /// Nothing came in the time given.
    Tick,
    /// End.
    Stop,
}

impl Queue {
    /// Adds an entry, or not if the queue is full.
    pub(crate) fn push(&self, put: Put) -> bool {
        let mut state = self.lock();
        let sum = state.bytes.saturating_add(put.bytes());
        let full = state.waiting.len() >= MOST || (state.bytes > 0 && sum > MOST_BYTES);
        if full || state.stopping {
            return false;
        }
        state.bytes = sum;
        state.waiting.push_back(put);
        drop(state);
        self.work.notify_one();
        true
    }

    /// Waits for something to do, for at most `patience`.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.stopping {
            state = match patience {
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let (state, waited) =
                        self.work.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && state.waiting.is_empty() && !state.stopping {
                        return Next::Tick;
                    }
                    state
                }
            };
        }
        if state.stopping {
            return Next::Stop;
        }
        let count = state.waiting.len().min(BATCH);
        let batch: Vec<Put> = state.waiting.drain(..count).collect();
        state.writing.clone_from(&batch);
        Next::Write(batch)
    }

    /// The batch is done with.
    pub(crate) fn written(&self) {
        let mut state = self.lock();
        let written: u64 = std::mem::take(&mut state.writing).iter().map(Put::bytes).sum();
        state.bytes = state.bytes.saturating_sub(written);
        self.idle.notify_all();
    }

    /// Waits until nothing is left to write; `false` if that takes longer than `limit`.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        while state.bytes > 0 && !state.stopping {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes == 0
    }

    /// Ends the writer after its batch; what waits is forgotten.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.work.notify_all();
        self.idle.notify_all();
    }

    /// Whether the end was asked for.
    pub(crate) fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// An entry that is on its way to the disk.
    pub(crate) fn find(&self, uid: u32, key: &Key) -> Option<Put> {
        let state = self.lock();
        let mut all = state.waiting.iter().chain(&state.writing);
        all.find(|put| put.uid == uid && put.key == *key).cloned()
    }

    /// Entries that wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.lock().waiting.len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
