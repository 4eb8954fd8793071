//! A job as the scheduler sees it: whose it is, what it is expected to cost, how far it is. Never its bytes.

use std::time::Duration;

use crate::lane::Lane;
use crate::time::Time;

/// The number of a job. Never given twice; a later arrival has a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(crate) u64);

impl JobId {
    /// The number, for logs.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A job that asks for admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The user it is for: turns go round users first.
    pub uid: u32,
    /// The connection it came by: turns of a user go round its connections.
    pub connection: u64,
    /// Bytes of input that it holds while it waits.
    pub bytes: u64,
    /// CPU that its examination (inspect and plan) is expected to take.
    pub expected: Duration,
    /// When its answer is worthless.
    pub deadline: Option<Time>,
}

/// What an examination found the work to need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// CPU time. Counts as a day if it is more.
    pub cpu: Duration,
    /// Work memory in bytes, taken by the caller as the work starts.
    pub memory: u64,
    /// Where it runs: [`Config::lane`](crate::Config::lane) of the CPU time, unless the caller knows better.
    pub lane: Lane,
}

/// What a job waits for or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its headers are read and its work planned. Needs no work memory.
    Examination,
    /// The work itself.
    Work,
}

/// One admitted job.
#[derive(Debug)]
pub(crate) struct Job {
    pub uid: u32,
    pub connection: u64,
    pub bytes: u64,
    pub arrived: Time,
    /// When it came into the queue of the lane it waits in.
    pub queued: Time,
    pub deadline: Option<Time>,
    pub stage: Stage,
    pub lane: Lane,
    /// Expected CPU of the stage it is in.
    pub cpu: u64,
    pub memory: u64,
    pub run: Option<Run>,
}

/// A job at work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub started: Time,
    /// When its expected CPU is used up at full speed.
    pub expected_end: Time,
    /// What its peers' accounts in Light or Heavy were charged; of a demoted one, what Light was paid for good.
    pub charged: u64,
    /// It left Light while it ran.
    pub demoted: bool,
}
