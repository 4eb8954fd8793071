//! The C ABI: the same contract as plain structs and function pointers.
//!
//! Rules that hold for every struct and call here:
//! * integers are of fixed width, enums are `u32`, strings and bytes are `(ptr, len)`; strings are UTF-8;
//! * a struct begins with its own `struct_size`, grows at its end only, and is read up to `min(struct_size, known)`;
//! * lists carry the stride of their elements;
//! * what a call is given is borrowed until it returns; whoever wants to keep it copies it;
//! * callbacks are synchronous, valid during the call, and may be called from any thread of the job;
//! * nothing unwinds through these functions.

mod export;
mod types;

pub use export::{Described, Instance, table};
pub use types::*;
