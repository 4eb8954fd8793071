//! Why a call did not end well.

/// Stable codes of a plugin's errors; the numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// The input is damaged or not of this format.
    BadImage = 1,
    /// The input is sound, but has a feature that this plugin cannot keep. The file comes back unchanged.
    UnsupportedFeature = 2,
    /// Only a loss that was not asked for would make the file smaller. The file comes back unchanged.
    WouldDegrade = 3,
    /// A limit of [`crate::Limits`] is exceeded; the message names it.
    TooLarge = 4,
    /// The host asked to stop.
    Stopped = 5,
    /// An option or its value is not known to this plugin.
    BadOption = 6,
    /// The codec failed for a reason that lies not in the input.
    Failed = 7,
    /// The plugin panicked; the message is the panic's.
    Panicked = 8,
}

impl ErrorCode {
    /// The code with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use ErrorCode::*;
        [BadImage, UnsupportedFeature, WouldDegrade, TooLarge, Stopped, BadOption, Failed, Panicked]
            .into_iter()
            .find(|c| *c as u32 == n)
    }
}

/// An error with its code and a message that a person can act on: a lower-case fragment without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of error.
    pub code: ErrorCode,
    /// What happened, for a person.
    pub message: String,
}

impl Error {
    /// An error with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
    /// The input is damaged.
    pub fn bad_image(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadImage, message)
    }
    /// The input has a feature that cannot be kept; `feature` names it.
    pub fn unsupported(feature: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnsupportedFeature, feature)
    }
    /// A limit is exceeded.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::TooLarge, message)
    }
    /// The codec failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Failed, message)
    }
}

/// The host asked to stop: return as soon as possible. Converts into an [`Error`] with `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

impl From<Stop> for Error {
    fn from(_: Stop) -> Self {
        Error::new(ErrorCode::Stopped, "stopped by the host")
    }
}

/// Why the host wants a job to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum StopReason {
    /// The client cancelled or left.
    Cancelled = 1,
    /// The deadline passed; what was offered so far may still be used.
    Deadline = 2,
}

impl StopReason {
    /// The reason with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        [StopReason::Cancelled, StopReason::Deadline].into_iter().find(|c| *c as u32 == n)
    }
}
