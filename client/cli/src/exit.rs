//! Exit codes: what a script can rely on.

use std::fmt;
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well; files that stay unchanged included.
    Ok = 0,
    /// A load did not go as it should: requests failed, or `--check` missed a figure.
    Missed = 1,
    /// The command line asks for something that cannot be.
    Usage = 2,
    /// No input could be read.
    Unreadable = 3,
    /// An output could not be written.
    Unwritable = 4,
    /// Some files failed.
    Failed = 5,
    /// No daemon answers, and none could be started.
    Unreachable = 69,
    /// Stopped by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Lets an [`Exit`] ride inside an error: `Exit::Usage.because("...")`.
#[derive(Debug)]
struct Because(Exit, String);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Because {}

impl Exit {
    /// An error that ends the program with this code.
    pub fn because(self, text: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Because(self, text.into()))
    }

    /// The code that an error asks for.
    pub fn of(error: &anyhow::Error) -> Exit {
        error.downcast_ref::<Because>().map_or(Exit::Failed, |b| b.0)
    }
}
