//! How a connection begins and ends.

use serde::{Deserialize, Serialize};

use crate::WireLimits;

/// The word that opens a connection on both sides.
pub const MAGIC: &str = "squeezed";
/// The protocol's major version.
pub const MAJOR: u32 = 1;
/// The highest minor version that this crate speaks.
pub const MINOR: u32 = 1;

/// Meta of HELLO, the client's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`MAGIC`].
    pub magic: String,
    /// [`MAJOR`].
    pub major: u32,
    /// Lowest minor that the client speaks.
    #[serde(default)]
    pub minor_min: u32,
    /// Highest minor that the client speaks.
    #[serde(default)]
    pub minor_max: u32,
    /// Features the client would like, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Name and version of the client, for the log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
}

impl Hello {
    /// The HELLO of a client of this crate's version.
    pub fn new(client: impl Into<String>) -> Self {
        Self {
            magic: MAGIC.into(),
            major: MAJOR,
            minor_min: 0,
            minor_max: MINOR,
            features: Vec::new(),
            client: client.into(),
        }
    }
}

/// Why two sides cannot talk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The first frame was of another protocol.
    #[error(
        "this is squeezed, but the first message does not say so; speak docs/protocol.md, or check the socket path"
    )]
    Magic,
    /// Another major version, or no minor in common.
    #[error(
        "the client speaks protocol {0}.{1} to {0}.{2}, this daemon {MAJOR}.0 to {MAJOR}.{MINOR}; upgrade the older one"
    )]
    Version(u32, u32, u32),
}

/// The minor version that both sides speak.
///
/// # Errors
/// When there is none.
pub fn negotiate(hello: &Hello) -> Result<u32, Refusal> {
    if hello.magic != MAGIC {
        return Err(Refusal::Magic);
    }
    if hello.major != MAJOR || hello.minor_min > MINOR || hello.minor_max < hello.minor_min {
        return Err(Refusal::Version(hello.major, hello.minor_min, hello.minor_max));
    }
    Ok(hello.minor_max.min(MINOR))
}

/// A format that the daemon handles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatInfo {
    /// Short name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// File name extensions without the dot.
    pub extensions: Vec<String>,
}

/// Meta of HELLO_ACK, the daemon's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloAck {
    /// [`MAGIC`].
    pub magic: String,
    /// [`MAJOR`].
    pub major: u32,
    /// The minor version to speak.
    pub minor: u32,
    /// Features in force, by name.
    pub features: Vec<String>,
    /// Limits.
    pub limits: WireLimits,
    /// Isolation of plugins in force: `none` while they run inside the daemon.
    pub isolation: String,
    /// Formats.
    pub formats: Vec<FormatInfo>,
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
}

/// Meta of GOAWAY.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goaway {
    /// The last stream that will be answered.
    pub last_stream: u32,
    /// Why, for a person.
    pub message: String,
}
