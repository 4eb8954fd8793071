//! Configuration: a TOML file, then environment, then flags. Every key is in [`keys::KEYS`] once, with its default.

pub mod keys;
mod layers;

use std::path::PathBuf;

use serde::Deserialize;
use squeezed_host::Rules;
use squeezed_plugin_api::Limits;

use crate::metrics::Listen;

pub use layers::{ConfigError, Layers, Loader, Origin};

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// Where to listen.
    pub socket: SocketConfig,
    /// What to load.
    pub plugins: PluginConfig,
    /// How jobs run.
    pub executor: ExecutorConfig,
    /// Memory pools.
    pub memory: MemoryConfig,
    /// Results kept on disk.
    pub cache: CacheConfig,
    /// Bounds on requests.
    pub limits: LimitConfig,
    /// What counts as better.
    pub policy: PolicyConfig,
    /// Life of the process.
    pub daemon: DaemonConfig,
    /// Numbers for Prometheus.
    pub metrics: MetricsConfig,
    /// Logs.
    pub log: LogConfig,
}

/// `socket.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SocketConfig {
    /// Path of the socket.
    pub path: PathBuf,
    /// Group that may connect; empty is the user alone.
    pub group: String,
}

/// `plugins.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PluginConfig {
    /// Folders, searched before the built-in ones.
    pub path: Vec<PathBuf>,
    /// Whether the built-in folders are searched at all.
    pub builtin_path: bool,
    /// Ids that are not used.
    pub disabled: Vec<String>,
    /// `format=id` pairs, where two plugins handle one format.
    pub prefer: Vec<String>,
}

/// `executor.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecutorConfig {
    /// Threads; 0 is one for each core.
    pub threads: usize,
    /// Nice value of Heavy above Light's.
    pub heavy_nice: i32,
    /// Most jobs that wait.
    pub queue_jobs: usize,
    /// Most bytes of images that wait; 0 is as many as the input pool holds.
    pub queue_bytes: u64,
}

/// `memory.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemoryConfig {
    /// Bytes for inputs; 0 takes a share of what is available.
    pub input_bytes: u64,
    /// Bytes for work; 0 takes a share of what is available.
    pub work_bytes: u64,
}

/// `cache.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CacheConfig {
    /// Whether results are kept.
    pub enabled: bool,
    /// Where; empty is the usual place.
    pub dir: PathBuf,
    /// Most bytes on disk.
    pub bytes: u64,
}

/// `limits.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct LimitConfig {
    /// Largest image, in bytes.
    pub image_bytes: u64,
    /// Largest canvas, in pixels.
    pub pixels: u64,
    /// Most frames.
    pub frames: u64,
    /// Most frames times pixels.
    pub total_pixels: u64,
    /// Most bytes of metadata after decompression.
    pub metadata_bytes: u64,
    /// Most streams of one connection.
    pub streams: usize,
    /// Most connections.
    pub connections: usize,
}

/// `policy.*`
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct PolicyConfig {
    /// What a lossy result must gain over the best lossless one, in percent.
    pub lossy_gain_percent: f64,
}

/// `daemon.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DaemonConfig {
    /// End after this long without a connection; 0 is never.
    pub idle_exit_seconds: u64,
    /// How long SIGTERM waits for running jobs.
    pub drain_seconds: u64,
    /// Where learned costs are kept; empty is the usual place.
    pub state_dir: PathBuf,
}

/// `metrics.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MetricsConfig {
    /// Where to listen, as [`crate::metrics::Listen::parse`] reads it.
    pub listen: String,
}

impl MetricsConfig {
    /// Where to listen. The text was checked when it was read.
    pub fn listen(&self) -> Listen {
        Listen::parse(&self.listen).unwrap_or(Listen::Off)
    }
}

/// `log.*`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogConfig {
    /// Form of the lines.
    pub format: LogFormat,
    /// Filter.
    pub level: String,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The limits that plugins keep.
    pub fn limits(&self) -> Limits {
        Limits {
            pixels: self.limits.pixels,
            frames: self.limits.frames,
            total_pixels: self.limits.total_pixels,
            metadata_bytes: self.limits.metadata_bytes,
        }
    }

    /// The rules that the host keeps, for a job with this `min_savings`.
    pub fn rules(&self, min_savings: f64) -> Rules {
        Rules { lossy_gain: self.policy.lossy_gain_percent / 100.0, min_savings }
    }

    /// The folders to search for plugins, in order.
    pub fn plugin_dirs(&self) -> Vec<PathBuf> {
        let mut dirs = self.plugins.path.clone();
        if self.plugins.builtin_path {
            if let Some(bin) = std::env::current_exe().ok().and_then(|p| Some(p.parent()?.to_path_buf())) {
                dirs.push(bin.clone());
                dirs.extend(bin.parent().map(|up| up.join("lib/squeezed/plugins")));
            }
            dirs.push("/usr/lib/squeezed/plugins".into());
        }
        dirs
    }

    /// Where results are kept; `None` if they are not, or if no place can be told.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let usual = || squeezed_cache::default_folder();
        let set = Some(self.cache.dir.clone()).filter(|d| !d.as_os_str().is_empty());
        if self.cache.enabled { set.or_else(usual) } else { None }
    }

    /// Executor threads, with 0 resolved.
    pub fn threads(&self) -> usize {
        match self.executor.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        }
    }
}
