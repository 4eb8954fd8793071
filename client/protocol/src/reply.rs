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
