//! The one error of this crate.

use std::fmt;
use std::time::Duration;

use squeezed_protocol::{ErrorCode, ErrorReply};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No daemon answers at the socket.
    Connect,
    /// A daemon answers, but the two do not speak the same protocol.
    Handshake,
    /// The connection ended before the answer came.
    Disconnected,
    /// The daemon sent something that the protocol does not allow.
    BadReply,
    /// The call cannot be made here: a blocking call inside an async runtime, or no runtime could be built.
    Runtime,
    /// The daemon answered with this error.
    Daemon(ErrorCode),
}

/// Why a call did not succeed: its kind and a message that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The daemon's error code, if the daemon answered with one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self.kind {
            ErrorKind::Daemon(code) => Some(code),
            _ => None,
        }
    }

    /// A stable name in capitals: the daemon's code, or one for what happened on this side.
    pub fn name(&self) -> &'static str {
        match self.kind {
            ErrorKind::Connect => "CONNECT",
            ErrorKind::Handshake => "HANDSHAKE",
            ErrorKind::Disconnected => "DISCONNECTED",
            ErrorKind::BadReply => "BAD_REPLY",
            ErrorKind::Runtime => "RUNTIME",
            ErrorKind::Daemon(code) => code.name(),
        }
    }

    /// What happened and what to do: a lower-case fragment.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When the daemon thinks that another try makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may succeed over a new connection: this one is gone, or its daemon is ending.
    pub fn wants_reconnect(&self) -> bool {
        matches!(self.kind, ErrorKind::Disconnected | ErrorKind::Daemon(ErrorCode::ShuttingDown))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<ErrorReply> for Error {
    fn from(reply: ErrorReply) -> Self {
        Self {
            kind: ErrorKind::Daemon(reply.name),
            message: reply.message,
            retry_after: reply.retry_after_ms.map(Duration::from_millis),
        }
    }
}
