//! A daemon in virtual time: workloads, a FIFO pool and the lanes, with the kernel's part modelled. Deterministic.
//!
//! Used by the example that prints the table of `docs/scheduling.md` and by the test that asserts what it shows.

mod fifo;
mod lanes;
mod outcome;
mod workload;

pub use fifo::fifo;
pub use lanes::lanes;
pub use outcome::{Class, Outcome};
pub use workload::{Job, Pattern, Workload};

/// One millisecond in the simulation's unit, nanoseconds.
pub const MS: u64 = 1_000_000;
