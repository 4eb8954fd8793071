//! Writing to the terminal without a panic when nobody listens.

use std::io::{self, Write};

/// A line on stderr. A closed stderr is nobody's fault.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Text on stdout, all of it.
///
/// # Errors
/// When stdout is closed or full.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}
