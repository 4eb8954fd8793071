//! Structured logs on stderr, or in a file for an autostarted daemon.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::config::{Config, LogFormat};

/// Changes the filter of a running daemon.
pub struct LogLevel(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl LogLevel {
    /// Applies a filter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&self, level: &str) -> anyhow::Result<()> {
        self.0.reload(EnvFilter::try_new(level)?).context("cannot change the log filter")
    }
}

/// Starts logging as configured, into `file` if there is one.
///
/// # Errors
/// A bad filter, or a file that cannot be opened.
pub fn start(config: &Config, file: Option<&Path>) -> anyhow::Result<LogLevel> {
    let filter = EnvFilter::try_new(&config.log.level).context("log.level is no filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let writer = match file {
        None => tracing_subscriber::fmt::writer::BoxMakeWriter::new(std::io::stderr),
        Some(path) => {
            let opened = std::fs::File::options().create(true).append(true).open(path);
            let opened = opened.with_context(|| format!("cannot open the log {}", path.display()))?;
            tracing_subscriber::fmt::writer::BoxMakeWriter::new(Mutex::new(opened))
        }
    };
    let colours = file.is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = match config.log.format {
        LogFormat::Human => tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(writer).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(writer).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(LogLevel(handle))
}

/// Text of a client or a file without control characters, so that it cannot forge lines.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Lets a bounded number of lines a second through, and says how many it held back. For lines that a client can cause.
pub struct Throttle {
    per_second: u64,
    start: Mutex<Option<Instant>>,
    count: AtomicU64,
}

impl Throttle {
    /// A throttle for this many lines a second.
    pub const fn new(per_second: u64) -> Self {
        Self { per_second, start: Mutex::new(None), count: AtomicU64::new(0) }
    }

    /// Whether a line may be written now; the number is how many were held back before it.
    pub fn pass(&self) -> Option<u64> {
        let mut start = self.start.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let mut held = 0;
        if start.is_none_or(|s| now.duration_since(s).as_secs() >= 1) {
            held = self.count.swap(0, Ordering::Relaxed).saturating_sub(self.per_second);
            *start = Some(now);
        }
        (self.count.fetch_add(1, Ordering::Relaxed) < self.per_second).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(plain("a\nb\u{1b}c é"), "a\\nb\\u{1b}c é");
    }

    #[test]
    fn lines_beyond_the_rate_are_held_back_and_counted() {
        let t = Throttle::new(3);
        assert_eq!((0..10).filter(|_| t.pass().is_some()).count(), 3);
        *t.start.lock().unwrap() = None;
        assert_eq!(t.pass(), Some(7));
    }
}
