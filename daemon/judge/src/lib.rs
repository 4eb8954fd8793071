//! The judge: decodes a candidate and its source and says whether the one may stand for the other.
//!
//! Plugins propose, the host judges. A candidate becomes an answer only after [`Judge::check`] found the same
//! dimensions, frames, timing, loop, orientation, depth and metadata, and every sample equal where the candidate
//! claims to be lossless, or a picture that looks alike from afar where it does not. `docs/judge.md` has the rules, the
//! bounds and how they were measured.
//!
//! Nothing here knows of sockets, lanes, receipts or sizes: which candidate is *smallest* is its caller's business.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod blocks;
mod canvas;
mod compare;
mod decoders;
mod defect;
mod digest;
mod items;
mod judge;
mod look;
mod memory;
mod row;
mod webp_canvas;

pub use defect::Defect;
pub use judge::{Claim, Judge, Refusal, Source, Verified};
pub use look::Distance;
pub use memory::{expected_time, peak_bytes};
