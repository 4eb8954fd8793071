//! The thread that looks at running jobs every few milliseconds: demotes light ones that overrun, measures what Heavy
//! gets, and lets Light go on when Heavy's debt is paid. It sleeps while the daemon is idle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::shared::{Seen, Shared};

/// Time between two looks. Kernel ticks are 1 to 10 ms, so CPU times are not finer than that.
const TICK: Duration = Duration::from_millis(10);
/// Looks without anything to see before it goes to sleep: waking it costs more than a look.
const LINGER: u32 = 100;

/// Starts it.
///
/// # Errors
/// The system gives no thread.
pub fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    let shared = shared.clone();
    std::thread::Builder::new().name("sqz-warden".into()).spawn(move || watch(&shared)).map(drop)
}

fn watch(shared: &Arc<Shared>) {
    let mut quiet = 0;
    loop {
        // A defect here must not cost the daemon its warden.
        let seen = catch_unwind(AssertUnwindSafe(|| shared.tick(quiet >= LINGER))).unwrap_or_else(|_| {
            tracing::error!("a defect of the daemon: the warden panicked");
            Seen::Jobs(None)
        });
        match seen {
            Seen::Ending => return,
            Seen::Jobs(wake) => {
                quiet = 0;
                std::thread::sleep(wake.map_or(TICK, |wake| wake.min(TICK)));
            }
            Seen::Nothing if quiet < LINGER => {
                quiet += 1;
                std::thread::sleep(TICK);
            }
            Seen::Nothing => {
                std::thread::park();
                quiet = 0;
            }
        }
    }
}
