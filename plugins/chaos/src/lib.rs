//! A plugin that misbehaves on command, for tests of the loader, the judge and the lanes.
//!
//! Its format is its own ([`Picture`]): a text header and raw samples. The header's `command` says how `optimize`
//! misbehaves, so one file is one test case; `docs/judge.md` lists the commands. `inspect` and `decode` are honest,
//! but for the commands that are about them.
//!
//! It must not know of any host: it sees a job like every other plugin.
#![forbid(unsafe_op_in_unsafe_fn)]

mod command;
mod lie;
mod misbehave;
mod picture;
mod plugin;

pub use command::Command;
pub use lie::Lie;
pub use picture::{MAGIC, Picture};
pub use plugin::Chaos;
