//! What a complete request becomes: a task for an executor thread, and its answer.

mod asker;
mod control;
mod ending;
pub mod receipt;
mod reuse;
mod task;
mod work;

pub use asker::Asker;
pub use control::JobControl;
pub use reuse::Reuse;
pub use task::{Kind, Task};

use std::sync::Arc;

use bytes::Bytes;
use squeezed_protocol::{ErrorReply, Outcome, Progress};

use crate::memory::Permit;

/// Memory for an image, held by all who hold its bytes or owe its answer.
pub type Charge = Arc<Vec<Permit>>;

/// What jobs and pools tell a connection.
pub enum Event {
    /// A stream's memory is there.
    Granted(u32, Permit),
    /// A job moved on.
    Progress(u32, Progress),
    /// A job ended.
    Done(u32, Box<Answer>),
}

/// The end of a job.
pub struct Answer {
    /// What to tell the client.
    pub result: Result<Outcome, ErrorReply>,
    /// The bytes that follow a result.
    pub body: Bytes,
    /// Memory that stays charged until the body is written.
    pub charge: Charge,
}
