//! Why one file failed or was passed over: a name for scripts, a sentence for people, a weight for the exit code.

use std::fmt;
use std::io;

use serde::Serialize;
use squeezed_client::Error;

/// What a failure counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The input could not be read.
    Read,
    /// The output could not be written.
    Write,
    /// The daemon or a rule refused.
    Job,
    /// There is no daemon any more.
    Lost,
    /// Not a failure: the file was passed over.
    Skip,
}

/// Why one file failed or was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it counts as.
    #[serde(skip)]
    pub weight: Weight,
    /// A stable name in capitals.
    pub name: &'static str,
    /// What happened and what to do.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl Failure {
    /// The input could not be read.
    pub fn read(error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".into(),
            io::ErrorKind::PermissionDenied => "no permission to read it".into(),
            _ => format!("cannot be read: {error}"),
        };
        Self { weight: Weight::Read, name: "CANNOT_READ", message }
    }

    /// What was named is no regular file.
    pub fn not_a_file(what: &str) -> Self {
        let message = format!("it is {what}, not a file");
        Self { weight: Weight::Read, name: "NOT_A_FILE", message }
    }

    /// The output could not be written.
    pub fn write(what: impl fmt::Display, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "; the file is as it was: free some space and run it again"
            }
            io::ErrorKind::PermissionDenied => "; check the permissions of the folder",
            io::ErrorKind::ReadOnlyFilesystem => "; choose an output elsewhere with -o",
            _ => "",
        };
        Self { weight: Weight::Write, name: "CANNOT_WRITE", message: format!("{what}: {error}{hint}") }
    }

    /// A rule of this program forbids it.
    pub fn refused(name: &'static str, message: impl Into<String>) -> Self {
        Self { weight: Weight::Job, name, message: message.into() }
    }

    /// The file is passed over on purpose.
    pub fn skip(name: &'static str, message: impl Into<String>) -> Self {
        Self { weight: Weight::Skip, name, message: message.into() }
    }

    /// There is no daemon any more.
    pub fn lost(message: impl Into<String>) -> Self {
        Self { weight: Weight::Lost, name: "UNREACHABLE", message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { weight: Weight::Job, name: error.name(), message: error.message().to_owned() }
    }
}
