//! Sizes that both sides agree on.

use serde::{Deserialize, Serialize};

/// Longest JSON meta of a frame, in bytes.
pub const MAX_META: usize = 64 << 10;
/// Longest raw body of a frame, in bytes.
pub const MAX_BODY: usize = 256 << 10;
/// Longest frame after its length field, in bytes.
pub const MAX_FRAME: usize = super::HEADER_LEN + MAX_META + MAX_BODY;
/// Bytes that a stream may send before its GRANT.
pub const WINDOW: u64 = 256 << 10;

/// The daemon's limits, as told in HELLO_ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLimits {
    /// Longest meta of a frame, in bytes.
    pub meta_bytes: u64,
    /// Longest body of a frame, in bytes.
    pub body_bytes: u64,
    /// Bytes that a stream may send before its GRANT.
    pub window_bytes: u64,
    /// Largest image, in bytes.
    pub image_bytes: u64,
    /// Largest canvas, in pixels.
    pub pixels: u64,
    /// Most frames of an animation.
    pub frames: u64,
    /// Most streams open at once on one connection; more get BUSY.
    pub streams: u64,
    /// Most jobs that the daemon queues before BUSY.
    pub jobs: u64,
}
