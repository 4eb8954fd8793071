//! Meta and bodies of what a daemon answers.

use serde::{Deserialize, Serialize};

use crate::{FormatInfo, Label, Receipt};

/// Meta of PROGRESS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How far the job is, 0 to 1000.
    pub permille: u32,
    /// Smallest candidate so far in bytes, 0 while there is none.
    pub best_bytes: u64,
}

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Format.
    pub format: String,
    /// Width in pixels, before orientation.
    pub width: u32,
    /// Height in pixels, before orientation.
    pub height: u32,
    /// Frames or pages.
    pub frames: u32,
    /// Whether `frames` is a lower bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frames_at_least: bool,
    /// 0 is for ever.
    pub loop_count: u32,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// `grey`, `rgb`, `cmyk`, `lab` or `other`.
    pub color: String,
    /// Channels, alpha included.
    pub channels: u8,
    /// Significant bits of a sample.
    pub bits: u8,
    /// `none`, `straight` or `premultiplied`.
    pub alpha: String,
    /// Estimated quality of a lossy source; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_quality: Option<u8>,
    /// Facts that limit what may be done: `signed`, `gain_map`, `motion_photo`, `damaged`.
    pub flags: Vec<String>,
    /// Metadata, at most [`crate::MAX_LIST`].
    pub metadata: Vec<Label>,
}

/// A guess at a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Expected size in bytes.
    pub bytes: u64,
    /// Whether it would be lossless.
    pub lossless: bool,
}

/// Meta of RESULT: one of the three, and how many body bytes follow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Bytes that follow in this frame's body and in DATA frames; 0 with END for none.
    pub size: u64,
    /// The answer to OPTIMIZE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The answer to INSPECT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<ImageInfo>,
    /// The answer to ESTIMATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// One plugin in the body of the answer to PLUGINS, a JSON list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRow {
    /// Stable id.
    pub id: String,
    /// Version.
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    /// Codec versions.
    pub codecs: String,
    /// Formats.
    pub formats: Vec<FormatInfo>,
    /// Capabilities.
    pub capabilities: Vec<String>,
    /// Where it was loaded from; only told to root and the daemon's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A memory pool in a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PoolRow {
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes granted now.
    pub granted: u64,
    /// Requests that wait.
    pub waiting: u64,
}

/// A running job in a status report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Number of the job since the daemon's start.
    pub job: u64,
    /// User id of its client.
    pub uid: u32,
    /// Format.
    pub format: String,
    /// Input bytes.
    pub bytes: u64,
    /// Age since it began to run, in milliseconds.
    pub run_ms: u64,
    /// How far it is, 0 to 1000.
    pub permille: u32,
}

/// Body of the answer to STATUS. The lists are empty for users who are neither root nor the daemon's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusReport {
    /// Version of the daemon.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Whether it is draining.
    pub draining: bool,
    /// Executor threads.
    pub threads: u32,
    /// Jobs running.
    pub running: u64,
    /// Jobs queued.
    pub queued: u64,
    /// Most jobs queued before BUSY.
    pub queue_limit: u64,
    /// Jobs ended well since the start.
    pub done: u64,
    /// Jobs ended in an error since the start.
    pub failed: u64,
    /// Requests answered BUSY since the start.
    pub busy: u64,
    /// Connections open.
    pub connections: u64,
    /// Memory for inputs.
    pub input_pool: PoolRow,
    /// Memory for work.
    pub work_pool: PoolRow,
    /// Running jobs.
    pub jobs: Vec<JobRow>,
}
