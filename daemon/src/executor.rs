//! Gives jobs a thread: a bounded pool of blocking threads of the daemon's own, behind a bounded queue.
//!
//! This is the seam for lanes: a caller knows [`Executor::submit`] and the numbers in [`Load`], not how order and
//! threads are chosen. Nothing here knows what a job does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Work for a thread. Dropped undone when the executor ends or forgets it.
pub type Work = Box<dyn FnOnce() + Send>;

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// When another try makes sense, from the rate at which the queue drains.
    pub retry_after_ms: u64,
}

/// What the executor looks like now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Threads.
    pub threads: usize,
    /// Jobs at work.
    pub running: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Most jobs that may wait.
    pub queue_limit: usize,
}

/// A pool of threads.
pub struct Executor {
    shared: Arc<Shared>,
    threads: usize,
}

struct Shared {
    queue_limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(u64, Work)>,
    /// Threads without work; the last to become idle is the first to get some, since its caches are warm.
    idle: Vec<Thread>,
    next: u64,
    running: usize,
    ending: bool,
    /// Moving average of the time a job takes.
    mean: Duration,
}

impl Executor {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(threads: usize, queue_limit: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { queue_limit, state: Mutex::default() });
        for n in 0..threads {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("squeezed-job-{n}")).spawn(move || shared.serve())?;
        }
        Ok(Self { shared, threads })
    }

    /// Queues work. The number takes it out again with [`Self::forget`].
    ///
    /// # Errors
    /// The queue is full.
    pub fn submit(&self, work: Work) -> Result<u64, Full> {
        let mut state = self.shared.lock();
        let idle = self.threads.saturating_sub(state.running);
        if state.queue.len() >= self.shared.queue_limit.saturating_add(idle) {
            let mean = state.mean.as_millis().max(1);
            let wait = mean * state.queue.len().max(1) as u128 / self.threads.max(1) as u128 / 2;
            return Err(Full { retry_after_ms: u64::try_from(wait).unwrap_or(u64::MAX).clamp(10, 60_000) });
        }
        let id = state.next;
        state.next += 1;
        state.queue.push_back((id, work));
        state.wake();
        Ok(id)
    }

    /// Queues the rest of work that was begun before, ahead of what was not. Not bounded: it was admitted already.
    pub fn resume(&self, work: Work) {
        let mut state = self.shared.lock();
        let id = state.next;
        state.next += 1;
        state.queue.push_front((id, work));
        state.wake();
    }

    /// Takes work that still waits out of the queue. Dropping it may take time: it holds a whole image.
    pub fn forget(&self, id: u64) -> Option<Work> {
        let mut state = self.shared.lock();
        let at = state.queue.iter().position(|(n, _)| *n == id)?;
        state.queue.remove(at).map(|(_, work)| work)
    }

    /// What it looks like now.
    pub fn load(&self) -> Load {
        let state = self.shared.lock();
        Load {
            threads: self.threads,
            running: state.running,
            queued: state.queue.len(),
            queue_limit: self.shared.queue_limit,
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // Threads end after their current job. They are not joined: a codec cannot be stopped.
        let mut state = self.shared.lock();
        state.ending = true;
        let left = std::mem::take(&mut state.queue);
        state.idle.drain(..).for_each(|thread| thread.unpark());
        drop(state);
        drop(left);
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(thread) = self.idle.pop() {
            thread.unpark();
        }
    }
}

impl Shared {
    fn serve(&self) {
        while let Some(work) = self.next() {
            let start = Instant::now();
            // Whatever a job does, its thread goes on to the next one.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let took = start.elapsed();
            let mut state = self.lock();
            state.running -= 1;
            state.mean = if state.mean.is_zero() { took } else { (state.mean * 7 + took) / 8 };
        }
    }

    fn next(&self) -> Option<Work> {
        let me = std::thread::current();
        loop {
            let mut state = self.lock();
            // A thread that woke by itself is still among the idle ones.
            state.idle.retain(|thread| thread.id() != me.id());
            if state.ending {
                return None;
            }
            if let Some((_, work)) = state.queue.pop_front() {
                state.running += 1;
                return Some(work);
            }
            state.idle.push(me.clone());
            drop(state);
            std::thread::park();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_queue_is_bounded_and_work_can_be_forgotten() {
        let pool = Executor::start(1, 2).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let (done, results) = mpsc::channel();
        let started = done.clone();
        pool.submit(Box::new(move || {
            started.send(0).unwrap();
            wait.recv().unwrap();
        }))
        .unwrap();
        assert_eq!(results.recv().unwrap(), 0);
        let queued: Vec<u64> = (1..3)
            .map(|n| {
                let done = done.clone();
                pool.submit(Box::new(move || done.send(n).unwrap())).unwrap()
            })
            .collect();
        assert!(pool.submit(Box::new(|| ())).unwrap_err().retry_after_ms >= 10);
        assert_eq!(pool.load(), Load { threads: 1, running: 1, queued: 2, queue_limit: 2 });
        assert!(pool.forget(queued[0]).is_some());
        assert!(pool.forget(queued[0]).is_none());
        go.send(()).unwrap();
        assert_eq!(results.recv().unwrap(), 2);
    }

    #[test]
    fn a_panic_costs_one_job() {
        let pool = Executor::start(1, 4).unwrap();
        let (done, results) = mpsc::channel();
        pool.submit(Box::new(|| std::panic::panic_any("a job's own"))).unwrap();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        results.recv().unwrap();
    }
}
