//! The wire contract of squeezed: frames, messages, errors, limits, and where the socket is.
//!
//! The same crate serves daemon and clients. It knows no runtime and no plugin: bytes in, values out. The contract in
//! prose is `docs/protocol.md`; `fixtures/wire/` pins every message.
#![deny(missing_docs)]

mod error;
mod frame;
mod hello;
mod limits;
mod options;
mod receipt;
mod reply;
mod request;
pub mod socket;
mod status;

pub use error::{ErrorCode, ErrorReply};
pub use frame::{Frame, FrameError, FrameKind, HEADER_LEN, Header};
pub use hello::{FormatInfo, Goaway, Hello, HelloAck, MAGIC, MAJOR, MINOR, Refusal, negotiate};
pub use limits::{MAX_BODY, MAX_FRAME, MAX_META, WINDOW, WireLimits};
pub use options::{Effort, JobOptions, Metadata, Progressive};
pub use receipt::{Label, MAX_LIST, PluginId, Reason, Receipt, Reused, Status, Trial, TrialVerdict};
pub use reply::{Estimate, ImageInfo, Outcome, PluginRow, Progress};
pub use request::{Request, RequestError};
pub use status::{CacheRow, JobRow, LaneRow, PluginLoad, PoolRow, StatusReport};
