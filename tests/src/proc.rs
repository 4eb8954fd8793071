//! What the kernel tells of a process: its threads, its descriptors, its memory.

use std::time::Duration;

/// A thread of a process.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Its name; threads that a job starts have the name of the job's thread.
    pub name: String,
    /// Its nice value.
    pub nice: i32,
    /// CPU time that it has used.
    pub cpu: Duration,
}

/// The threads of a process.
pub fn threads(pid: u32) -> Vec<Thread> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    tasks.flatten().filter_map(|task| read(&task.path())).collect()
}

fn read(task: &std::path::Path) -> Option<Thread> {
    let stat = std::fs::read_to_string(task.join("stat")).ok()?;
    let (head, rest) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let nice = rest.split_whitespace().nth(16)?.parse().ok()?;
    let ns = std::fs::read_to_string(task.join("schedstat")).ok()?;
    let cpu = Duration::from_nanos(ns.split_whitespace().next()?.parse().ok()?);
    Some(Thread { name, nice, cpu })
}

/// CPU time of the living threads whose name begins so.
pub fn cpu_of(pid: u32, prefix: &str) -> Duration {
    threads(pid).iter().filter(|t| t.name.starts_with(prefix)).map(|t| t.cpu).sum()
}

/// CPU time of a process, threads that have ended included, in ticks of 10 ms.
pub fn process_cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace().skip(11).take(2);
    fields.map(|ticks| Duration::from_millis(ticks.parse::<u64>().expect("a number") * 10)).sum()
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is there").count()
}

/// The most memory that a process had resident, in bytes.
pub fn peak_rss(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") << 10
}
