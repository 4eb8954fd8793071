//! The scheduler of the daemon as a pure state machine: which job runs next, in which lane, and which is refused.
//!
//! Everything that happens is told to a [`Schedule`] together with the time at which it happened; its answers are
//! decisions. It owns no thread, no clock, no memory pool and no image: the executor does, asks for the next job of a
//! lane and reports what became of it. So every bound that `docs/scheduling.md` states is tested here in virtual time.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod admission;
mod config;
mod connection;
mod debt;
mod drain;
mod job;
mod lane;
mod queue;
mod refused;
mod round;
mod schedule;
mod snapshot;
mod time;

pub use config::Config;
pub use job::{Arrival, Expected, JobId, Stage};
pub use lane::Lane;
pub use refused::Refused;
pub use schedule::Schedule;
pub use snapshot::{LaneSnapshot, Snapshot};
pub use time::Time;
