//! The allocator of the process and what it knows of one thread's memory.
//!
//! jemalloc takes the place of malloc for the whole process, plugins and their C codecs included, so its counters see all
//! that a job allocates. It also gives memory back sooner than glibc's arenas do (docs/scheduling.md, Memory).
#![expect(unsafe_code, reason = "resetting a counter has no safe face in the bindings")]

use std::ffi::c_char;

use tikv_jemalloc_ctl::{Access as _, AsName as _};

const PEAK: &[u8] = b"thread.peak.read\0";
const RESET: &[u8] = b"thread.peak.reset\0";

/// Begins to measure the calling thread's memory anew.
pub fn reset_peak() {
    // SAFETY: the name ends with a zero byte; this entry takes no value and gives none.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            RESET.as_ptr().cast::<c_char>(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        );
    }
}

/// The most bytes that the calling thread held at once since [`reset_peak`]: what it allocated less what it gave back,
/// rounded up to the allocator's size classes (up to a quarter). `None` where the allocator does not tell.
pub fn peak() -> Option<u64> {
    PEAK.name().read().ok()
}

/// Gives memory back to the system in the background, and within a second.
pub fn set_up() {
    let set = |name: &[u8], ms: isize| {
        let _ = name.name().write(ms);
    };
    set(b"arenas.dirty_decay_ms\0", 1000);
    set(b"arenas.muzzy_decay_ms\0", 0);
    // The arena of the main thread is older than this.
    set(b"arena.0.dirty_decay_ms\0", 1000);
    let _ = b"background_thread\0".name().write(true);
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_sees_its_own_peak() {
        super::reset_peak();
        drop(std::hint::black_box(vec![1u8; 20 << 20]));
        let peak = super::peak().unwrap();
        assert!((20 << 20..30 << 20).contains(&peak), "{peak}");
        super::reset_peak();
        assert!(super::peak().unwrap() < 1 << 20);
        std::thread::spawn(|| drop(std::hint::black_box(vec![1u8; 40 << 20]))).join().unwrap();
        assert!(super::peak().unwrap() < 1 << 20, "another thread's memory is not counted");
    }
}
