//! Issue 4 from the outside: small images never wait, nothing starves, nothing is lost, memory stays in its bounds.
//!
//! Run one after the other with nothing beside them. Bounds on time are far above what is usual, ratios are generous:
//! `cargo bench -p squeezed-tests --bench executors` has the true figures, and docs/scheduling.md the promises.

mod admission;
mod batch;
mod cancel;
mod crowd;
mod demotion;
mod floor;
mod memory;
mod small;

use std::time::Duration;

use chaos::Picture;
use squeezed_tests::{Builder, TestDaemon};

/// A job of this command that says honestly, or not, what it expects to need. No two are identical, so none share a run.
fn job(command: &str, expected: Duration, number: u64) -> Vec<u8> {
    let mut picture = Picture::gradient(8, 8, "rgb", 8, 1).command(command).padding(500);
    picture.expect_ns = Some(expected.as_nanos() as u64);
    picture.meta("number", &number.to_string()).to_bytes()
}

/// A job that needs so much CPU time, and says so.
fn honest(ms: u64, number: u64) -> Vec<u8> {
    job(&format!("cpu={ms}"), Duration::from_millis(ms), number)
}

/// The plugins that these tests use: a daemon with few starts sooner.
fn builder() -> Builder {
    Builder::new().plugins(&["chaos", "jpeg", "png", "webp"]).args(&["--log-level", "info"])
}

fn daemon() -> TestDaemon {
    builder().start()
}
