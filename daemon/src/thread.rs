//! What the kernel tells of one thread and takes from it: its number, its CPU time, its nice value.
//!
//! Linux keeps nice for each thread; a thread started by another inherits it. An unprivileged process can raise it but
//! never lower it again.

use std::time::Duration;

use rustix::process::{Pid, getpriority_process, setpriority_process};
use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};

/// A thread of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(Pid);

impl ThreadId {
    /// The calling thread.
    pub fn current() -> Self {
        // Jobs ask at every poll, and the number of a thread never changes.
        thread_local!(static ME: ThreadId = ThreadId(gettid()));
        ME.with(|me| *me)
    }

    /// The CPU time that the thread has used; `None` once it is gone. What a thread used since the last tick of the
    /// kernel (1 to 10 ms) may be missing.
    pub fn cpu_time(self) -> Option<Duration> {
        let path = format!("/proc/self/task/{}/schedstat", self.0.as_raw_nonzero());
        let text = std::fs::read_to_string(path).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }

    /// Its nice value; `None` once it is gone.
    pub fn nice(self) -> Option<i32> {
        getpriority_process(Some(self.0)).ok()
    }

    /// Sets its nice value. Raising it always works, lowering it needs a privilege.
    pub fn set_nice(self, nice: i32) -> bool {
        setpriority_process(Some(self.0), nice).is_ok()
    }
}

/// The nice value of the calling thread.
pub fn own_nice() -> Option<i32> {
    ThreadId::current().nice()
}

/// The CPU time that the calling thread has used.
pub fn own_cpu_time() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    let (s, ns) = (u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0));
    Duration::new(s, ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_seen_from_inside_and_outside() {
        let me = ThreadId::current();
        let (before, seen_before) = (own_cpu_time(), me.cpu_time().unwrap());
        while own_cpu_time() - before < Duration::from_millis(60) {
            std::hint::black_box(0);
        }
        assert!(me.cpu_time().unwrap() - seen_before >= Duration::from_millis(30));
    }

    #[test]
    fn nice_is_for_one_thread() {
        let before = getpriority_process(None).unwrap();
        std::thread::spawn(move || {
            assert!(ThreadId::current().set_nice(before + 3));
            assert_eq!(getpriority_process(None).unwrap(), before + 3);
            let inherited = std::thread::spawn(|| getpriority_process(None).unwrap()).join().unwrap();
            assert_eq!(inherited, before + 3);
        })
        .join()
        .unwrap();
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
