//! The plugin contract of squeezed.
//!
//! A format optimizer implements [`Optimizer`] and calls [`export_plugin!`]; the result is a shared library that
//! `squeezed` loads. Nothing here knows of sockets, runtimes or threads: a plugin is synchronous code that turns
//! bytes into [`Candidate`]s.
//!
//! Two faces of one contract live here: safe Rust types for plugin authors, and the C ABI in [`abi`] that carries
//! them between separately built libraries (and to plugins written in C, C++ or Zig).
#![deny(missing_docs)]

pub mod abi;
mod candidate;
mod description;
mod error;
mod frame;
mod info;
mod job;
mod metadata;
mod optimizer;
mod options;
pub mod testing;

pub use candidate::{Candidate, Verdict};
pub use description::{Capability, ColdCost, Description, Format, Magic};
pub use error::{Error, ErrorCode, Stop, StopReason};
pub use frame::{
    AlphaKind, ColorModel, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};
pub use info::{ImageInfo, InfoFlags};
pub use job::{Host, Job, LogLevel};
pub use metadata::{Kind, MetadataItem};
pub use optimizer::{Estimate, Optimizer, Plan};
pub use options::{Effort, Limits, Metadata, Mode, Options, Progressive};
