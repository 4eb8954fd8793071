//! `squeeze status`: what the daemon is doing.

use squeezed_client::{PoolRow, StatusReport};

use crate::args::Global;
use crate::exit::Exit;
use crate::place;
use crate::size::{bytes, count};
use crate::stdio;

/// Shows the daemon's state. Starts none: one that was just started has nothing to tell.
///
/// # Errors
/// When no daemon answers.
pub async fn run(global: Global) -> anyhow::Result<Exit> {
    let unreachable = |e: squeezed_client::Error| {
        Exit::Unreachable.because(format!("{e}; {}", place::how_to_start(&global)))
    };
    let client = place::connect(&global).await.map_err(unreachable)?;
    let report = client.status().await.map_err(|e| Exit::Failed.because(e.to_string()))?;
    let text = if global.json {
        serde_json::to_string(&report)? + "\n"
    } else {
        human(&client.path().display().to_string(), &report)
    };
    stdio::print(text.as_bytes()).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    Ok(Exit::Ok)
}

fn human(socket: &str, s: &StatusReport) -> String {
    let draining = if s.draining { ", draining" } else { "" };
    let mut text = format!(
        "squeezed {} (process {}) at {socket}, up {}{draining}\n",
        s.version,
        s.pid,
        duration(s.uptime_s)
    );
    text += &format!(
        "  jobs: {} running on {}, {} of {} queued\n",
        s.running,
        count(s.threads.into(), "thread"),
        s.queued,
        s.queue_limit
    );
    text += &format!("  since start: {} done, {} failed, {} refused as busy\n", s.done, s.failed, s.busy);
    text += &format!("  connections: {}\n", s.connections);
    for (name, pool) in [("input", s.input_pool), ("work", s.work_pool)] {
        let PoolRow { capacity, granted, waiting, .. } = pool;
        text += &format!(
            "  {name} memory: {} of {} granted, {waiting} waiting\n",
            bytes(granted),
            bytes(capacity)
        );
    }
    for job in &s.jobs {
        text += &format!(
            "  job {}: {} of {}, uid {}, running {:.1} s, {} %\n",
            job.job,
            job.format,
            bytes(job.bytes),
            job.uid,
            job.run_ms as f64 / 1000.0,
            job.permille / 10
        );
    }
    text
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} min"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{} {h} h", count(d, "day")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squeezed_client::JobRow;

    #[test]
    fn a_busy_daemon() {
        let pool = PoolRow { capacity: 500_000_000, granted: 1_200_000, waiting: 2, ..PoolRow::default() };
        let job = JobRow {
            job: 7,
            uid: 1000,
            format: "jpeg".into(),
            bytes: 2_500_000,
            run_ms: 1250,
            permille: 333,
            ..JobRow::default()
        };
        let report = StatusReport {
            version: "0.1.0".into(),
            pid: 42,
            uptime_s: 90_061,
            draining: true,
            threads: 2,
            running: 1,
            queued: 3,
            queue_limit: 256,
            done: 10,
            failed: 1,
            busy: 0,
            connections: 2,
            input_pool: pool,
            work_pool: pool,
            jobs: vec![job],
            ..StatusReport::default()
        };
        insta::assert_snapshot!(human("/run/s", &report));
    }

    #[test]
    fn durations() {
        assert_eq!([5, 65, 3660, 200_000].map(duration), ["5 s", "1 min", "1 h 1 min", "2 days 7 h"]);
    }
}
