//! Writing to the terminal without a panic when nobody listens.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

/// A line on stderr. A closed stderr is nobody's fault.
pub fn say(line: &str) {
    // One write: lines of many programs may meet on one terminal.
    let text = without_control(line, true) + "\n";
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A path for people: one line, whatever it holds.
pub fn shown(path: &Path) -> String {
    without_control(&path.to_string_lossy(), false)
}

/// Whoever made a file chose its name and what it holds, and must not steer the terminal by them.
fn without_control(text: &str, keep_lines: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !(keep_lines && c == '\n') {
            // Writing to a string cannot fail.
            let _ = write!(clean, "{}", c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(shown(Path::new("a\x1b[2J\nb é.png")), "a\\u{1b}[2J\\nb é.png");
        assert_eq!(without_control("one\ntwo\x07", true), "one\ntwo\\u{7}");
    }
}
