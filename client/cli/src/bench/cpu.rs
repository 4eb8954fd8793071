//! CPU time of the daemon and its worker processes, and what others took meanwhile, from `/proc`. In some containers it is
//! not to be had.

use std::fs;
use std::time::Instant;

/// Ticks a second in `/proc`: 100 on every architecture that this builds for, whatever the kernel uses inside.
const TICKS: f64 = 100.0;

/// CPU time at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    at: Instant,
    daemon: Option<f64>,
    own: Option<f64>,
    machine: Option<f64>,
}

/// CPU time between two moments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Seconds of the daemon.
    pub daemon: Option<f64>,
    /// Cores that were busy with neither the daemon nor this program, on average.
    pub others: Option<f64>,
}

impl Clock {
    /// This moment, for the daemon of this process id.
    pub fn now(pid: u32) -> Self {
        Self {
            at: Instant::now(),
            daemon: seconds(pid),
            own: seconds(std::process::id()),
            machine: machine(),
        }
    }

    /// What was used since.
    pub fn used(&self, pid: u32) -> Used {
        let now = Self::now(pid);
        let daemon = now.daemon.zip(self.daemon).map(|(now, then)| now - then);
        let own = now.own.zip(self.own).map(|(now, then)| now - then);
        let machine = now.machine.zip(self.machine).map(|(now, then)| now - then);
        let wall = now.at.duration_since(self.at).as_secs_f64();
        let others =
            machine.zip(daemon).zip(own).map(|((all, daemon), own)| (all - daemon - own).max(0.0) / wall);
        Used { daemon, others: others.filter(|o| o.is_finite()) }
    }
}

impl Used {
    /// A sentence where others took enough to spoil the figures.
    pub fn noise(&self) -> Option<String> {
        let others = self.others.filter(|o| *o >= 0.1)?;
        Some(format!(
            "other programs kept {others:.2} cores busy meanwhile; on a quiet machine the figures are better"
        ))
    }
}

/// Seconds that all cores together were busy since the machine started.
fn machine() -> Option<f64> {
    busy(fs::read_to_string("/proc/stat").ok()?.lines().next()?)
}

/// All but idle and waiting of the line of all cores.
fn busy(line: &str) -> Option<f64> {
    let ticks = line.strip_prefix("cpu ")?.split_whitespace().take(8).enumerate();
    let ticks = ticks.filter(|(i, _)| *i != 3 && *i != 4).map(|(_, n)| n.parse::<u64>());
    Some(ticks.sum::<Result<u64, _>>().ok()? as f64 / TICKS)
}

/// Seconds of CPU that a process, its children and its ended children have used; `None` where that cannot be read.
fn seconds(pid: u32) -> Option<f64> {
    let own = of_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<u32> = children
        .flat_map(|list| list.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect();
    Some(own + pids.into_iter().filter_map(seconds).sum::<f64>())
}

/// User and system time of a `stat` line, of the process and of its children that were waited for.
fn of_stat(line: &str) -> Option<f64> {
    // The second field is the program's name and may hold anything.
    let rest = line.get(line.rfind(')')?..)?;
    let ticks = rest.split_whitespace().skip(12).take(4).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>().ok()?;
    Some(ticks as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_strange_name() {
        let line = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 30 20 20 0 3 0 100 1000 200";
        assert_eq!(of_stat(line), Some(3.5));
        assert_eq!(of_stat("7 (a"), None);
        assert_eq!(busy("cpu  100 10 50 9000 900 1 2 3 4 5"), Some(1.66));
        assert_eq!(busy("intr 5"), None);
    }

    #[test]
    fn this_process_has_used_some() {
        assert!(seconds(std::process::id()).is_some());
        assert_eq!(seconds(u32::MAX), None);
    }
}
