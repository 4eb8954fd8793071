//! Counters and histograms for whoever watches the daemon, in the text form of Prometheus.
//!
//! [`Metrics`] is told what happened, which costs 0.15 us a job, or 10 ns where nobody listens; [`Gauges`] is asked at
//! each scrape for what is going on now; [`Listener`] answers `GET /metrics`. Must not know how jobs are scheduled, and
//! never sees anything of a file or a user.

mod daemon;
mod gauges;
mod http;
mod listener;
pub mod names;
mod recorder;
#[cfg(test)]
mod tests;

pub use gauges::{Gauges, PoolReading, Reading};
pub use listener::{Listen, Listener};
pub use recorder::{Ended, Metrics, Outcome, PluginMetrics};
