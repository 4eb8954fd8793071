//! One request of a load and what became of it.

use std::time::Duration;

use bytes::Bytes;
use squeezed_client::JobOptions;

/// What a request is expected to be to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Small: it should never wait.
    Light,
    /// Big: it takes its time.
    Heavy,
}

impl Class {
    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Class::Light => "light",
            Class::Heavy => "heavy",
        }
    }
}

/// A picture and what is asked for it.
#[derive(Debug)]
pub struct Work {
    /// What the picture is called.
    pub name: String,
    /// What it counts as.
    pub class: Class,
    /// The file.
    pub bytes: Bytes,
    /// What is asked.
    pub options: JobOptions,
}

/// One request, answered or not.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Name of the picture.
    pub name: String,
    /// What it counts as.
    pub class: Class,
    /// When the answer was here, from the start of the load.
    pub ended: Duration,
    /// From the request to the last byte of the answer, pauses after BUSY included.
    pub latency: Duration,
    /// How often it was answered BUSY.
    pub busy: u64,
    /// The answer, or the name of the error.
    pub answer: Result<Answer, &'static str>,
}

/// What an answer tells of its making.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Milliseconds in the queue.
    pub queue_ms: f64,
    /// Milliseconds at work.
    pub run_ms: f64,
    /// Input bytes.
    pub before: u64,
    /// Output bytes.
    pub after: u64,
    /// Pixels of all frames.
    pub pixels: u64,
}
