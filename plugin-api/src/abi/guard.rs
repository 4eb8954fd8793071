//! Where panics end: a call's error or panic becomes its code, told to the host before it returns.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use super::types::{SQZ_OK, SqzBytes};
use crate::{Error, ErrorCode};

/// A host's function that takes the text of an error.
pub(super) type FailFn = Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>;

thread_local! {
    /// How many guarded calls are under way on this thread; a host may call back into a plugin from a callback.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The last panic of this thread: its text and its place.
    static PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Runs `body`; an error or a panic is told to `fail` and becomes the call's code.
pub(super) fn guard(ctx: *mut c_void, fail: FailFn, body: impl FnOnce() -> Result<(), Error>) -> u32 {
    let error = match catch(body) {
        Ok(Ok(())) => return SQZ_OK,
        Ok(Err(e)) => e,
        Err(text) => Error::new(ErrorCode::Panicked, text),
    };
    if let Some(fail) = fail {
        // SAFETY: the host's function with the host's context, the text borrowed for the call.
        unsafe { fail(ctx, error.code as u32, SqzBytes::new(error.message.as_bytes())) };
    }
    error.code as u32
}

/// Runs `body`; a panic becomes its text and place.
pub(super) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let _ = DEPTH.try_with(|d| d.set(d.get().saturating_add(1)));
    let result = catch_unwind(AssertUnwindSafe(body));
    let _ = DEPTH.try_with(|d| d.set(d.get().saturating_sub(1)));
    result.map_err(describe_panic)
}

/// Text of a panic's payload, with the place if the hook saw this very panic.
fn describe_panic(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_string());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into());
    // A payload of the plugin's own type may panic in its turn when it is dropped.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    let seen = PANIC.try_with(|p| p.try_borrow_mut().ok().and_then(|mut p| p.take())).ok().flatten();
    match seen {
        Some((seen, place)) if seen == text => format!("{text}{place}"),
        _ => text,
    }
}

/// A hook of our own: the default one prints, and a backtrace costs 50 ms. Each shared library has its own copy of
/// the standard library, so this touches no other plugin and not the host.
fn install_hook() {
    static HOOK: Once = Once::new();
    // A thread that is panicking may not set a hook; the next call will.
    if !std::thread::panicking() {
        HOOK.call_once(|| std::panic::set_hook(Box::new(on_panic)));
    }
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
    let text = info.payload_as_str().unwrap_or("panic");
    if DEPTH.try_with(Cell::get).is_ok_and(|d| d > 0) {
        let _ = PANIC.try_with(|p| {
            if let Ok(mut p) = p.try_borrow_mut() {
                *p = Some((text.to_string(), place));
            }
        });
    } else {
        // A thread that the job started: its panic reaches the guard when it is joined, without the place.
        // Not `eprintln!`: it panics itself where stderr is closed.
        let _ = writeln!(std::io::stderr(), "thread panicked: {text}{place}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("second");
        }
    }

    #[test]
    fn a_panic_becomes_text_and_place() {
        let text = catch(|| panic!("went {}", "wrong")).unwrap_err();
        assert!(text.starts_with("went wrong at "), "{text}");
        assert!(text.contains("guard.rs:"), "{text}");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_stays_inside() {
        let text = catch(|| std::panic::panic_any(Bomb)).unwrap_err();
        assert!(text.starts_with("panic at "), "{text}");
    }

    #[test]
    fn an_older_panic_lends_its_place_to_no_other() {
        let _ = catch(|| {
            let _ = catch_unwind(|| panic!("caught by the plugin"));
            std::panic::resume_unwind(Box::new("another"));
        })
        .map_err(|text| assert_eq!(text, "another"));
    }
}
