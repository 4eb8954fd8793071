//! The daemon, as a library that its binary and the tests share.
//!
//! From outside in: [`server`] accepts connections, [`connection`] speaks the protocol and owns the streams, [`job`] is
//! what a complete request becomes, [`executor`] gives it a thread, [`memory`] gives it bytes, [`registry`] finds its
//! plugin. No codec, no decode and no hash of a big buffer runs on the async runtime.
#![deny(unsafe_code)]

mod allocator;
pub mod args;
pub mod config;
mod connection;
mod costs;
mod executor;
mod job;
pub mod logging;
mod memory;
pub mod metrics;
mod peer;
mod process;
mod registry;
pub mod server;
pub mod socket;
mod state;
mod status;
mod thread;

pub use allocator::set_up as set_up_allocator;
pub use process::prepare;
