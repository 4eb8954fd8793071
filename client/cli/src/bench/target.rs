//! The daemon under load: where it is, what it has, what it has used.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use squeezed_client::{Client, StatusReport};

use super::cpu::{Clock, Used};
use crate::args::Global;
use crate::exit::Exit;
use crate::link::Link;
use crate::stdio;

/// How long what is left of a load may take to go.
const SETTLE: Duration = Duration::from_secs(60);

/// What is told of the daemon in a report.
#[derive(Debug, Clone, Serialize)]
pub struct Daemon {
    /// Its socket.
    pub socket: PathBuf,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How many jobs it can run side by side.
    pub cores: u32,
}

/// The daemon under load.
#[derive(Debug, Clone)]
pub struct Target {
    /// What it is.
    pub daemon: Daemon,
    /// For questions beside the load.
    client: Client,
}

impl Target {
    /// Finds the daemon, or starts one as any job would.
    ///
    /// # Errors
    /// When there is none.
    pub async fn open(global: &Global) -> anyhow::Result<Self> {
        let client = Link::open(global).await?.get().await.client;
        let report = client.status().await.map_err(|e| Exit::Failed.because(e.to_string()))?;
        if report.running + report.queued > 0 {
            let jobs = report.running + report.queued;
            stdio::say(&format!("squeeze: the daemon has other work ({jobs} now); the figures will suffer"));
        }
        let socket = client.path().to_path_buf();
        let daemon =
            Daemon { socket, version: report.version.clone(), pid: report.pid, cores: cores(&report) };
        Ok(Self { daemon, client })
    }

    /// CPU time so far.
    pub fn clock(&self) -> Clock {
        Clock::now(self.daemon.pid)
    }

    /// CPU time since.
    pub fn used(&self, since: &Clock) -> Used {
        since.used(self.daemon.pid)
    }

    /// Requests that it answered by another's run or from its cache.
    pub async fn spared(&self) -> u64 {
        let report = self.client.status().await.unwrap_or_default();
        report.shared + report.cache.map_or(0, |c| c.hits)
    }

    /// Jobs running now, 0 where it does not say.
    pub async fn running(&self) -> u64 {
        self.client.status().await.map_or(0, |s| s.running)
    }

    /// Waits until nothing runs any more.
    pub async fn settle(&self) {
        let start = Instant::now();
        while start.elapsed() < SETTLE {
            match self.client.status().await {
                Ok(report) if report.running + report.queued > 0 => {}
                _ => return,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Each lane has a thread for each core; without lanes, the executor has.
fn cores(report: &StatusReport) -> u32 {
    report.lanes.first().map_or(report.threads, |lane| lane.threads).max(1)
}
