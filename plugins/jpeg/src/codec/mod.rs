//! The binding to mozjpeg: the only place of this plugin with `unsafe` code, behind a safe face.
//!
//! It reads and writes codestreams and knows nothing of metadata, policies or candidates. Every entry catches the
//! unwinding by which the error manager leaves the C code, and every object is freed by its own `Drop`.

mod decode;
mod dest;
mod encode;
mod errors;
mod reader;
mod transcode;

pub use decode::{Rows, rows};
pub use encode::{Recipe, base_tables, encode};
pub use errors::{CodecError, Poll};
pub use planes::{Plane, Planes, planes};
pub use reader::ColorSpace;
pub use transcode::{Coefficients, Scan};

mod planes;
