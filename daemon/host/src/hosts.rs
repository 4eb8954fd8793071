//! The hosts that a plugin meets: one that takes offers, one that takes none, and a sink that looks at nothing.

use squeezed_plugin_api::{
    Candidate, FrameHeader, FrameSink, Host, ImageHeader, LogLevel, Stop, StopReason, Verdict,
};

use crate::offers::Offers;
use crate::run::Control;

/// A sink for pictures that nobody looks at.
pub struct Nowhere<'a> {
    pub control: &'a dyn Control,
}

impl Nowhere<'_> {
    fn go_on(&self) -> Result<(), Stop> {
        if self.control.stop().is_some() { Err(Stop) } else { Ok(()) }
    }
}

impl FrameSink for Nowhere<'_> {
    fn image(&mut self, _: &ImageHeader) -> Result<(), Stop> {
        self.go_on()
    }
    fn frame(&mut self, _: &FrameHeader) -> Result<(), Stop> {
        self.go_on()
    }
    fn rows(&mut self, _: u32, _: usize, _: &[u8]) -> Result<(), Stop> {
        self.go_on()
    }
}

/// The host of a running job.
pub struct JobHost<'a> {
    pub offers: &'a Offers<'a>,
    pub control: &'a dyn Control,
}

impl Host for JobHost<'_> {
    fn offer(&self, candidate: &Candidate<'_>) -> Verdict {
        let verdict = self.offers.offer(candidate);
        if self.control.stop().is_some() { Verdict::Stop } else { verdict }
    }
    fn bytes_to_beat(&self, lossless: bool) -> u64 {
        self.offers.bytes_to_beat(lossless)
    }
    fn floor(&self) -> u64 {
        self.offers.floor()
    }
    fn stop(&self) -> Option<StopReason> {
        self.control.stop()
    }
    fn progress(&self, permille: u32) {
        self.control.progress(permille, self.offers.best_bytes());
    }
    fn max_threads(&self) -> u32 {
        self.control.max_threads()
    }
    fn reserve(&self, bytes: u64) -> bool {
        self.control.reserve(bytes)
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, level: LogLevel, text: &str) {
        self.control.log(level, text);
    }
}

/// The host while a plan is made: takes no offers.
pub struct Bare<'a> {
    pub control: &'a dyn Control,
}

impl Host for Bare<'_> {
    fn offer(&self, _: &Candidate<'_>) -> Verdict {
        Verdict::Rejected
    }
    fn bytes_to_beat(&self, _: bool) -> u64 {
        0
    }
    fn floor(&self) -> u64 {
        0
    }
    fn stop(&self) -> Option<StopReason> {
        self.control.stop()
    }
    fn progress(&self, _: u32) {}
    fn max_threads(&self) -> u32 {
        self.control.max_threads()
    }
    fn reserve(&self, _: u64) -> bool {
        false
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, level: LogLevel, text: &str) {
        self.control.log(level, text);
    }
}
