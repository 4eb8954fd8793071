//! A status report for people. Knows no terminal but its width.

use squeezed_client::{CacheRow, JobRow, LaneRow, PluginLoad, PoolRow, StatusReport};

use crate::size::{bytes, count, saved_percent};
use crate::table::{Table, left, right};

/// The lines of a report. Lists that are empty take no line.
pub fn lines(socket: &str, s: &StatusReport, width: Option<usize>) -> Vec<String> {
    let mut lines = vec![
        format!(
            "squeezed {} (process {}) at {socket}, up {}{}",
            s.version,
            s.pid,
            duration(s.uptime_s),
            if s.draining { ", draining" } else { "" }
        ),
        format!("  jobs: {} running on {}, {}", s.running, count(s.threads.into(), "thread"), queue(s)),
        format!(
            "  since start: {} done, {} failed, {} refused as busy, {} shared another's run",
            s.done, s.failed, s.busy, s.shared
        ),
        format!("  connections: {}", s.connections),
    ];
    if let Some(row) = &s.cache {
        lines.push(format!("  cache: {}", cache(row)));
    }
    for line in &mut lines {
        *line = shorten(line, width);
    }
    let tables = [
        (!s.lanes.is_empty()).then(|| lanes(&s.lanes)),
        Some(pools(s)),
        (!s.plugins.is_empty()).then(|| plugins(&s.plugins)),
        (!s.jobs.is_empty()).then(|| jobs(&s.jobs)),
    ];
    for table in tables.into_iter().flatten() {
        lines.push(String::new());
        lines.extend(table.lines(2, width).iter().map(|line| shorten(line, width)));
    }
    lines
}

fn queue(s: &StatusReport) -> String {
    let limit = |limit: u64| if limit == 0 { String::new() } else { format!(" of {}", bytes(limit)) };
    let queued = format!("{} of {} queued", s.queued, s.queue_limit);
    if s.queued_bytes == 0 && s.queue_bytes_limit == 0 {
        return queued;
    }
    format!("{queued} ({}{})", bytes(s.queued_bytes), limit(s.queue_bytes_limit))
}

fn cache(c: &CacheRow) -> String {
    let asked = c.hits.saturating_add(c.misses);
    let share = if asked == 0 { 0.0 } else { 100.0 * c.hits as f64 / asked as f64 };
    let dropped = if c.dropped == 0 { String::new() } else { format!(", {} damaged and dropped", c.dropped) };
    let (kept, used, most) = (count(c.entries, "result"), bytes(c.bytes), bytes(c.capacity));
    format!("{kept}, {used} of {most}; {} of {asked} asked for were there ({share:.0} %){dropped}", c.hits)
}

fn lanes(rows: &[LaneRow]) -> Table {
    let mut table = Table::new(&[
        left("LANE", 0),
        right("THREADS", 3),
        right("NICE", 2),
        right("RUNNING", 9),
        right("QUEUED", 9),
        right("OLDEST WAIT", 8),
        right("EXPECTED CPU", 7),
        right("DEMOTED", 5),
        left("", 6),
    ]);
    for l in rows {
        let waits = |ms: u64| if l.queued == 0 { "-".into() } else { time(ms) };
        table.row([
            l.name.clone(),
            l.threads.to_string(),
            l.nice.to_string(),
            l.running.to_string(),
            l.queued.to_string(),
            waits(l.oldest_wait_ms),
            waits(l.expected_ms),
            l.demoted.to_string(),
            if l.in_debt { "in debt".into() } else { String::new() },
        ]);
    }
    table
}

fn pools(s: &StatusReport) -> Table {
    let mut table = Table::new(&[
        left("MEMORY", 0),
        right("GRANTED", 9),
        right("OF", 8),
        right("PEAK", 5),
        right("KEPT FOR LIGHT", 4),
        right("WAITING", 7),
    ]);
    for (name, pool) in [("input", s.input_pool), ("work", s.work_pool)] {
        let PoolRow { capacity, granted, waiting, reserve, peak } = pool;
        let [granted, capacity, peak, reserve] = [granted, capacity, peak, reserve].map(bytes);
        table.row([name.into(), granted, capacity, peak, reserve, waiting.to_string()]);
    }
    table
}

fn plugins(rows: &[PluginLoad]) -> Table {
    let mut table = Table::new(&[
        left("PLUGIN", 0),
        right("JOBS", 9),
        right("IN", 8),
        right("OUT", 6),
        right("SAVED", 5),
        right("MB/S", 7),
        right("CPU", 4),
        right("PEAK", 3),
        right("PLANNED", 2),
        right("OVERRUNS", 1),
    ]);
    for p in rows {
        let speed = if p.wall_ms == 0 {
            "-".into()
        } else {
            format!("{:.2}", p.input_bytes as f64 / 1000.0 / p.wall_ms as f64)
        };
        let or_none = |n: u64, text: String| if n == 0 { "-".into() } else { text };
        table.row([
            p.id.clone(),
            p.jobs.to_string(),
            bytes(p.input_bytes),
            bytes(p.output_bytes),
            format!("{:.1} %", saved_percent(p.input_bytes, p.output_bytes)),
            speed,
            or_none(p.cpu_ms, time(p.cpu_ms)),
            or_none(p.measured_peak_bytes, bytes(p.measured_peak_bytes)),
            or_none(p.plan_peak_bytes, bytes(p.plan_peak_bytes)),
            p.overruns.to_string(),
        ]);
    }
    table
}

fn jobs(rows: &[JobRow]) -> Table {
    let mut table = Table::new(&[
        right("JOB", 0),
        left("FORMAT", 8),
        right("BYTES", 7),
        left("LANE", 6),
        right("AGE", 9),
        right("CPU", 5),
        right("EXPECTED", 6),
        right("DONE", 8),
        right("THREADS", 2),
        right("UID", 3),
        right("CONNECTION", 1),
    ]);
    for j in rows {
        table.row([
            j.job.to_string(),
            j.format.clone(),
            bytes(j.bytes),
            if j.lane.is_empty() { "-".into() } else { j.lane.clone() },
            time(j.run_ms),
            time(j.cpu_ms),
            if j.expected_ms == 0 { "-".into() } else { time(j.expected_ms) },
            format!("{} %", j.permille / 10),
            j.threads.to_string(),
            j.uid.to_string(),
            j.connection.to_string(),
        ]);
    }
    table
}

/// A line within the width, with a mark where it was cut.
pub fn shorten(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => line.to_owned(),
    }
}

/// Milliseconds as people read them.
fn time(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => duration(ms / 1000),
    }
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

    fn busy() -> StatusReport {
        let pool = PoolRow {
            capacity: 500_000_000,
            granted: 1_200_000,
            waiting: 2,
            reserve: 62_500_000,
            peak: 9_000_000,
        };
        let light =
            LaneRow { name: "light".into(), threads: 2, running: 1, demoted: 3, ..LaneRow::default() };
        let heavy = LaneRow {
            name: "heavy".into(),
            threads: 2,
            nice: 10,
            running: 1,
            queued: 3,
            oldest_wait_ms: 1530,
            expected_ms: 75_000,
            in_debt: true,
            demoted: 0,
        };
        let job = JobRow {
            job: 7,
            uid: 1000,
            connection: 4,
            format: "jpeg".into(),
            bytes: 2_500_000,
            lane: "heavy".into(),
            threads: 1,
            run_ms: 1250,
            cpu_ms: 900,
            expected_ms: 2800,
            permille: 333,
        };
        let plugin = PluginLoad {
            id: "jpeg".into(),
            jobs: 10,
            input_bytes: 25_000_000,
            output_bytes: 20_000_000,
            cpu_ms: 9400,
            wall_ms: 10_000,
            plan_peak_bytes: 90_000_000,
            measured_peak_bytes: 80_000_000,
            overruns: 0,
        };
        StatusReport {
            version: "0.1.0".into(),
            pid: 42,
            uptime_s: 90_061,
            draining: true,
            threads: 4,
            running: 2,
            queued: 3,
            queue_limit: 256,
            queued_bytes: 7_400_000,
            queue_bytes_limit: 250_000_000,
            done: 10,
            failed: 1,
            busy: 0,
            shared: 2,
            connections: 2,
            input_pool: pool,
            work_pool: pool,
            lanes: vec![light, heavy],
            jobs: vec![job],
            plugins: vec![plugin, PluginLoad { id: "png".into(), ..PluginLoad::default() }],
            cache: Some(CacheRow {
                entries: 12,
                bytes: 3_400_000,
                capacity: 268_435_456,
                hits: 30,
                misses: 10,
                dropped: 1,
            }),
        }
    }

    #[test]
    fn a_busy_daemon() {
        insta::assert_snapshot!(lines("/run/s", &busy(), None).join("\n"));
    }

    #[test]
    fn a_narrow_terminal() {
        let lines = lines("/run/s", &busy(), Some(60));
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_daemon_that_tells_little() {
        insta::assert_snapshot!(lines("/run/s", &StatusReport::default(), None).join("\n"));
    }

    #[test]
    fn durations() {
        assert_eq!([5, 65, 3660, 200_000].map(duration), ["5 s", "1 min", "1 h 1 min", "2 days 7 h"]);
        assert_eq!([5, 1250, 65_000].map(time), ["5 ms", "1.2 s", "1 min"]);
    }
}
