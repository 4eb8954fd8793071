//! The threads of a lane: each takes the job whose turn it is, runs it, tells how it went, and asks again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use squeezed_schedule::Lane;

use super::shared::{Shared, Step, Turn};
use crate::thread::ThreadId;

/// Starts one thread of a lane.
///
/// # Errors
/// The system gives no thread.
pub fn start(shared: &Arc<Shared>, lane: Lane, number: u64) -> std::io::Result<()> {
    let shared = shared.clone();
    // At most 15 bytes, so that `top -H` shows all of it.
    let name = format!("sqz-{}-{number}", lane.name());
    std::thread::Builder::new().name(name).spawn(move || serve(&shared, lane)).map(drop)
}

fn serve(shared: &Arc<Shared>, lane: Lane) {
    if lane == Lane::Heavy {
        ThreadId::current().set_nice(shared.heavy_nice());
    }
    while let Some(turn) = shared.next(lane) {
        let Turn { run, step } = turn;
        // Whatever a job does, its thread goes on to the next one.
        match step {
            Step::Look(look) => {
                let placed = catch_unwind(AssertUnwindSafe(|| look(&run))).unwrap_or(None);
                shared.looked(&run, placed);
            }
            Step::Work(work) => {
                let _ = catch_unwind(AssertUnwindSafe(|| work(&run)));
                run.release_memory();
                shared.ended(&run);
            }
        }
        if run.was_demoted() {
            // An unprivileged process cannot lower nice again: this thread stays Heavy, which has enough of its own. A
            // fresh one serves Light since.
            return;
        }
    }
}
