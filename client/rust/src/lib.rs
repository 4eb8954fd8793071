//! Client for squeezed, the daemon that makes image files smaller.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use squeezed_client::{Client, JobOptions};
//!
//! let client = Client::connect_default().await?;
//! let input = std::fs::read("photo.jpg")?;
//! let answer = client.optimize(input, JobOptions::default()).await?;
//! if let Some(smaller) = answer.bytes {
//!     std::fs::write("smaller.jpg", smaller)?;
//! }
//! # Ok(()) }
//! ```
//!
//! One [`Client`] carries many requests at once and is cheap to clone. Dropping the future of a request cancels it in
//! the daemon too. [`blocking::Client`] is the same for programs without an async runtime.
//!
//! This crate knows sockets and frames. It opens no image file and starts no daemon.
#![deny(missing_docs)]

pub mod blocking;
mod client;
mod connect;
mod error;
mod job;
mod pump;
mod retry;
mod state;

pub use client::Client;
pub use error::{Error, ErrorKind, Result};
pub use job::{CancelHandle, Job, Optimized};
pub use squeezed_protocol::{
    CacheRow, Effort, ErrorCode, Estimate, FormatInfo, HelloAck, ImageInfo, JobOptions, JobRow, Label,
    LaneRow, Metadata, PluginId, PluginLoad, PluginRow, PoolRow, Progress, Progressive, Reason, Receipt,
    Status, StatusReport, Trial, TrialVerdict, WireLimits, socket,
};
