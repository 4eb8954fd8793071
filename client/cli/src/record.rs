//! What happened to one file, as a value: for the JSON lines, and for the report to count.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use squeezed_client::{Receipt, Status};

use crate::failure::{Failure, Weight};

/// How one file ended.
#[derive(Debug, Clone)]
pub struct Record {
    /// The input, as it was named or found.
    pub path: PathBuf,
    /// The file that was written, if any.
    pub output: Option<PathBuf>,
    /// What the daemon did, if it got that far.
    pub receipt: Option<Receipt>,
    /// Why it failed or was passed over.
    pub failure: Option<Failure>,
}

#[derive(Serialize)]
struct Line<'a> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<String>,
    status: &'static str,
    error: Option<&'a Failure>,
    receipt: Option<&'a Receipt>,
}

impl Record {
    /// A file that failed or was passed over.
    pub fn failed(path: &Path, failure: Failure) -> Self {
        Self { path: path.to_path_buf(), output: None, receipt: None, failure: Some(failure) }
    }

    /// How it ended, in a word.
    pub fn status(&self) -> &'static str {
        match (&self.failure, &self.receipt) {
            (Some(f), _) if f.weight == Weight::Skip => "skipped",
            (None, Some(r)) if r.status == Status::Optimized => "optimized",
            (None, Some(_)) => "unchanged",
            _ => "failed",
        }
    }

    /// One line of JSON, with its end.
    pub fn json(&self) -> Vec<u8> {
        let line = Line {
            path: self.path.to_string_lossy().into_owned(),
            path_bytes: hex_unless_utf8(&self.path),
            output: self.output.as_deref().map(|o| o.to_string_lossy().into_owned()),
            output_bytes: self.output.as_deref().and_then(hex_unless_utf8),
            status: self.status(),
            error: self.failure.as_ref(),
            receipt: self.receipt.as_ref(),
        };
        let mut bytes = serde_json::to_vec(&line).unwrap_or_else(|_| b"{}".to_vec());
        bytes.push(b'\n');
        bytes
    }
}

/// The bytes of a name in hexadecimal, where text cannot hold it.
pub fn hex_unless_utf8(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_bytes();
    std::str::from_utf8(bytes).is_err().then(|| bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_name_that_is_no_text_is_told_in_bytes_too() {
        let path = Path::new(OsStr::from_bytes(b"a\xff.png"));
        let line = Record::failed(path, Failure::skip("EXISTS", "there")).json();
        let text = String::from_utf8(line).unwrap();
        assert_eq!(
            text,
            "{\"path\":\"a\u{fffd}.png\",\"path_bytes\":\"61ff2e706e67\",\"output\":null,\"status\":\"skipped\",\
             \"error\":{\"name\":\"EXISTS\",\"message\":\"there\"},\"receipt\":null}\n"
        );
    }
}
