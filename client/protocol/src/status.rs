//! Body of the answer to STATUS: what the daemon is doing.
//!
//! Fields are added in minor versions: a field that the other side does not send reads as zero, false or empty.

use serde::{Deserialize, Serialize};

/// A memory pool in a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolRow {
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes granted now.
    pub granted: u64,
    /// Requests that wait.
    pub waiting: u64,
    /// Bytes of the capacity that only the light lane may use.
    pub reserve: u64,
    /// Most bytes that were granted at once since the start.
    pub peak: u64,
}

/// A lane in a status report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneRow {
    /// `light` or `heavy`.
    pub name: String,
    /// Threads of the lane.
    pub threads: u32,
    /// Niceness of its threads.
    pub nice: i32,
    /// Jobs running.
    pub running: u64,
    /// Jobs queued.
    pub queued: u64,
    /// How long the job that waited longest has waited, in milliseconds.
    pub oldest_wait_ms: u64,
    /// CPU time that the queued jobs are expected to take, in milliseconds.
    pub expected_ms: u64,
    /// Whether the lane got too little and is being paid back. Only `heavy` ever is.
    pub in_debt: bool,
    /// Jobs that were moved out of the lane while they ran, since the start. Only `light` has any.
    pub demoted: u64,
}

/// A running job in a status report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRow {
    /// Number of the job since the daemon's start.
    pub job: u64,
    /// User id of its client.
    pub uid: u32,
    /// Number of its connection since the daemon's start.
    pub connection: u64,
    /// Format.
    pub format: String,
    /// Input bytes.
    pub bytes: u64,
    /// The lane it runs in now.
    pub lane: String,
    /// Threads it may use.
    pub threads: u32,
    /// Age since it began to run, in milliseconds.
    pub run_ms: u64,
    /// CPU time it has used, in milliseconds.
    pub cpu_ms: u64,
    /// CPU time it was expected to take, in milliseconds; 0 where unknown.
    pub expected_ms: u64,
    /// How far it is, 0 to 1000.
    pub permille: u32,
}

/// What a plugin has done since the daemon's start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginLoad {
    /// The plugin's id.
    pub id: String,
    /// Jobs that ended well.
    pub jobs: u64,
    /// Bytes that went in.
    pub input_bytes: u64,
    /// Bytes that came out.
    pub output_bytes: u64,
    /// CPU time, in milliseconds.
    pub cpu_ms: u64,
    /// Run time, in milliseconds; that of jobs side by side adds up.
    pub wall_ms: u64,
    /// Largest peak that the plugin planned, in bytes.
    pub plan_peak_bytes: u64,
    /// Largest peak that was measured, in bytes; 0 where nothing was.
    pub measured_peak_bytes: u64,
    /// Jobs whose measured peak exceeded the planned one by half.
    pub overruns: u64,
}

/// The result cache in a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheRow {
    /// Results kept.
    pub entries: u64,
    /// Bytes kept.
    pub bytes: u64,
    /// Most bytes that are kept.
    pub capacity: u64,
    /// Requests answered from the cache since the start.
    pub hits: u64,
    /// Requests that were looked up in vain since the start.
    pub misses: u64,
    /// Entries dropped because they were torn or altered, since the start.
    pub dropped: u64,
}

/// Body of the answer to STATUS. `jobs` and `plugins` are empty, and `cache` is absent, for users who are neither root
/// nor the daemon's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusReport {
    /// Version of the daemon.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Whether it is draining.
    pub draining: bool,
    /// Executor threads.
    pub threads: u32,
    /// Jobs running.
    pub running: u64,
    /// Jobs queued.
    pub queued: u64,
    /// Most jobs queued before BUSY.
    pub queue_limit: u64,
    /// Input bytes of the jobs queued.
    pub queued_bytes: u64,
    /// Most input bytes queued before BUSY; 0 for no limit.
    pub queue_bytes_limit: u64,
    /// Jobs ended well since the start.
    pub done: u64,
    /// Jobs ended in an error since the start.
    pub failed: u64,
    /// Requests answered BUSY since the start.
    pub busy: u64,
    /// Requests answered by the run of an identical one, since the start.
    pub shared: u64,
    /// Connections open.
    pub connections: u64,
    /// Memory for inputs.
    pub input_pool: PoolRow,
    /// Memory for work.
    pub work_pool: PoolRow,
    /// The lanes.
    pub lanes: Vec<LaneRow>,
    /// Running jobs.
    pub jobs: Vec<JobRow>,
    /// What each plugin has done.
    pub plugins: Vec<PluginLoad>,
    /// The result cache, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_does_not_know_is_no_error() {
        let old = r#"{"version":"0.1.0","pid":1,"input_pool":{"capacity":5,"granted":1,"waiting":0},"jobs":[{"job":8}]}"#;
        let report: StatusReport = serde_json::from_str(old).unwrap();
        assert_eq!((report.input_pool.capacity, report.input_pool.peak, report.jobs[0].job), (5, 0, 8));
        assert!(report.lanes.is_empty() && report.cache.is_none());
        let newer =
            r#"{"version":"9","colour":"blue","lanes":[{"name":"light","temper":1}],"cache":{"shards":2}}"#;
        let report: StatusReport = serde_json::from_str(newer).unwrap();
        assert_eq!((report.lanes[0].name.as_str(), report.cache), ("light", Some(CacheRow::default())));
    }
}
