//! Bytes that jobs take before they allocate, so that the sum of all jobs is bounded.
//!
//! There are two kinds of pool: inputs stand in a [`line`] in order of arrival, and a job whose input is complete and
//! was looked at takes its [`work`] memory at once, when its turn in its lane comes. Nobody waits for input while
//! holding work, so there is no cycle. A part of each pool is kept for small requests and light jobs.

mod line;
mod work;

pub use line::{Permit, Pool, Ticket, Usage};
pub use work::{Grant, Work};
