//! The host side of the plugin contract: finds and loads plugins, runs a job, keeps the best candidate, asks the judge.
//!
//! Knows no socket, no runtime and no queue: whoever calls [`optimize`] gives it a thread, an input and a [`Control`].
//! The daemon's executor does so today; an isolated worker can do the same.
#![deny(missing_docs)]

mod answer;
mod callbacks;
mod choice;
mod convert;
mod discover;
mod hosts;
mod library;
mod offers;
mod plugin;
mod run;
mod trust;

pub use answer::{Answer, JobError, Ran, Reason, Rules, Trial, TrialVerdict};
pub use discover::{Found, Refused, discover};
pub use library::LoadError;
pub use plugin::Plugin;
pub use run::{Control, Examined, estimate, examine, optimize, plan};
