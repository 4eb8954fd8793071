//! The bar on a terminal's stderr. Shows nothing anywhere else.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::size;
use crate::stdio;

/// A bar, or nothing.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for this many files, if a person watches.
    pub fn new(files: u64, quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr());
        let template = "{wide_bar} {pos}/{len} files, {msg} saved, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(size::bytes(0));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// One more file is done.
    pub fn step(&self, saved: u64) {
        self.0.set_message(size::bytes(saved));
        self.0.inc(1);
    }

    /// A line that does not tear the bar.
    pub fn say(&self, line: &str) {
        self.0.suspend(|| stdio::say(line));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
