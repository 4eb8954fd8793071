//! Errors as they travel.

use serde::{Deserialize, Serialize};

/// Stable codes of the wire contract. The name on the wire is the code in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The bytes were no legal frame, or came out of turn. The connection ends.
    Protocol,
    /// An option, its value or a size is wrong.
    BadRequest,
    /// No plugin handles this format.
    UnsupportedFormat,
    /// The image is damaged.
    BadImage,
    /// A limit of the configuration is exceeded; the message names its key.
    TooLarge,
    /// The queue is full; `retry_after_ms` says when to try again.
    Busy,
    /// The deadline passed and nothing was found by then.
    Deadline,
    /// The client cancelled.
    Cancelled,
    /// The plugin failed or panicked.
    PluginFailed,
    /// The plugin's process died.
    PluginCrashed,
    /// The daemon is ending; the message and `retry_after_ms` say whether another is about to start.
    ShuttingDown,
    /// Not for this user.
    Forbidden,
    /// A defect of the daemon.
    Internal,
}

impl ErrorCode {
    /// All codes with their numbers on the wire.
    pub const ALL: [ErrorCode; 13] = [
        ErrorCode::Protocol,
        ErrorCode::BadRequest,
        ErrorCode::UnsupportedFormat,
        ErrorCode::BadImage,
        ErrorCode::TooLarge,
        ErrorCode::Busy,
        ErrorCode::Deadline,
        ErrorCode::Cancelled,
        ErrorCode::PluginFailed,
        ErrorCode::PluginCrashed,
        ErrorCode::ShuttingDown,
        ErrorCode::Forbidden,
        ErrorCode::Internal,
    ];

    /// The number of this code, 1 for PROTOCOL and so on in the order of [`Self::ALL`].
    pub fn number(self) -> u32 {
        self as u32 + 1
    }

    /// The name of this code, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::Protocol => "PROTOCOL",
            ErrorCode::BadRequest => "BAD_REQUEST",
            ErrorCode::UnsupportedFormat => "UNSUPPORTED_FORMAT",
            ErrorCode::BadImage => "BAD_IMAGE",
            ErrorCode::TooLarge => "TOO_LARGE",
            ErrorCode::Busy => "BUSY",
            ErrorCode::Deadline => "DEADLINE",
            ErrorCode::Cancelled => "CANCELLED",
            ErrorCode::PluginFailed => "PLUGIN_FAILED",
            ErrorCode::PluginCrashed => "PLUGIN_CRASHED",
            ErrorCode::ShuttingDown => "SHUTTING_DOWN",
            ErrorCode::Forbidden => "FORBIDDEN",
            ErrorCode::Internal => "INTERNAL",
        }
    }
}

/// Meta of an ERROR frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", .name.name())]
pub struct ErrorReply {
    /// The code's number.
    pub code: u32,
    /// The code's name.
    pub name: ErrorCode,
    /// What happened and what to do, for a person.
    pub message: String,
    /// When another try makes sense, in milliseconds; absent where waiting does not help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorReply {
    /// An error with this code and message. The message is cut to 4,000 bytes.
    pub fn new(name: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > 4000 {
            let end = (0..=4000).rev().find(|i| message.is_char_boundary(*i)).unwrap_or(0);
            message.truncate(end);
        }
        Self { code: name.number(), name, message, retry_after_ms: None }
    }
    /// The same with a time after which to try again.
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}
