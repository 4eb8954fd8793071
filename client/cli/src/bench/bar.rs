//! The bar of a load on a terminal's stderr. Shows nothing anywhere else.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or nothing.
#[derive(Debug, Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar, if a person watches. It comes with the first part.
    pub fn new(quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
    }

    /// A new part begins, of so many requests, or of an unknown number.
    pub fn begin(&self, what: impl Into<String>, requests: Option<u64>) {
        let template = match requests {
            Some(_) => "{msg}{wide_bar} {pos}/{len} requests, {elapsed}",
            None => "{msg}{pos} requests, {elapsed}",
        };
        self.0.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        self.0.set_length(requests.unwrap_or_default());
        self.0.set_message(what.into());
        self.0.reset();
        self.0.enable_steady_tick(Duration::from_millis(250));
    }

    /// One more answer is here.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
