//! The C ABI: the same contract as plain structs and function pointers.
//!
//! Rules that hold for every struct and call here:
//! * integers are of fixed width, enums are `u32`, strings and bytes are `(ptr, len)`; strings are UTF-8;
//! * a struct begins with its own `struct_size` (`SqzPlugin` with its magic, then the size), grows at its end only,
//!   and is read up to `min(struct_size, known)`; [`SqzBytes`], [`SqzList`] and [`SqzPair`] have none and never grow;
//! * lists carry the stride of their elements;
//! * what a call is given is borrowed until it returns; whoever wants to keep it copies it;
//! * callbacks are synchronous, valid during the call, and may be called from any thread of the job;
//! * nothing unwinds through these functions.

mod callbacks;
mod convert;
mod described;
mod export;
mod guard;
mod types;

pub use described::Described;
pub use export::{Instance, table};
pub use types::*;
