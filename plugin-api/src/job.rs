//! One job as a plugin sees it.

use crate::{Candidate, Error, ImageInfo, Options, Stop, StopReason, Verdict};

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum LogLevel {
    /// Something is wrong with the plugin.
    Error = 1,
    /// Something is odd.
    Warn = 2,
    /// For those who look.
    Info = 3,
    /// For those who mend.
    Debug = 4,
}

impl LogLevel {
    /// The level with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use LogLevel::*;
        [Error, Warn, Info, Debug].into_iter().find(|l| *l as u32 == n)
    }
}

/// What the host does for a running job. All calls are synchronous and may come from any thread of the job.
pub trait Host: Sync {
    /// Takes a candidate; copies what it keeps.
    fn offer(&self, candidate: &Candidate<'_>) -> Verdict;
    /// The size that the next candidate must be below to be kept.
    fn bytes_to_beat(&self, lossless: bool) -> u64;
    /// The size that a lossy candidate must not be below (capped mode); 0 without a cap.
    fn floor(&self) -> u64;
    /// Why to stop, if the job should. Cheap: poll it between trials, frames and rows.
    fn stop(&self) -> Option<StopReason>;
    /// How far the job is, 0 to 1000.
    fn progress(&self, permille: u32);
    /// How many threads the job may use at once, its own included.
    fn max_threads(&self) -> u32;
    /// Asks for more memory than the plan said; `false` means there is none and the job should do with less.
    fn reserve(&self, bytes: u64) -> bool;
    /// The SSIMULACRA2 score of an encoding against the source, where the host can tell.
    fn score(&self, bytes: &[u8]) -> Option<f32>;
    /// A line for the log.
    fn log(&self, level: LogLevel, text: &str);
}

/// The input, what is known of it, what was asked for, and the host.
pub struct Job<'a> {
    /// The whole file.
    pub input: &'a [u8],
    /// What `inspect` said of it.
    pub info: &'a ImageInfo,
    /// What was asked for.
    pub options: &'a Options,
    host: &'a dyn Host,
}

impl<'a> Job<'a> {
    /// A job.
    pub fn new(input: &'a [u8], info: &'a ImageInfo, options: &'a Options, host: &'a dyn Host) -> Self {
        Self { input, info, options, host }
    }

    /// Proposes an encoding. `Err(Stop)` means that the host took it and wants no more.
    pub fn offer(&self, candidate: &Candidate<'_>) -> Result<Verdict, Stop> {
        match self.host.offer(candidate) {
            Verdict::Stop => Err(Stop),
            v => Ok(v),
        }
    }
    /// `Err(Stop)` when the job should end.
    pub fn check(&self) -> Result<(), Stop> {
        match self.host.stop() {
            Some(_) => Err(Stop),
            None => Ok(()),
        }
    }
    /// Whether the job should end, for code that cannot use `?`.
    pub fn stopped(&self) -> bool {
        self.host.stop().is_some()
    }
    /// See [`Host::stop`].
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.host.stop()
    }
    /// See [`Host::bytes_to_beat`].
    pub fn bytes_to_beat(&self, lossless: bool) -> u64 {
        self.host.bytes_to_beat(lossless)
    }
    /// See [`Host::floor`].
    pub fn floor(&self) -> u64 {
        self.host.floor()
    }
    /// See [`Host::progress`].
    pub fn progress(&self, permille: u32) {
        self.host.progress(permille.min(1000));
    }
    /// See [`Host::max_threads`]; at least 1.
    pub fn max_threads(&self) -> u32 {
        self.host.max_threads().max(1)
    }
    /// See [`Host::reserve`]; an error where there is no memory.
    pub fn reserve(&self, bytes: u64) -> Result<(), Error> {
        if self.host.reserve(bytes) { Ok(()) } else { Err(Error::too_large("no memory left for this job")) }
    }
    /// See [`Host::score`].
    pub fn score(&self, bytes: &[u8]) -> Option<f32> {
        self.host.score(bytes)
    }
    /// See [`Host::log`].
    pub fn log(&self, level: LogLevel, text: &str) {
        self.host.log(level, text);
    }
}
