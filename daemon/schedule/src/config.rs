//! The numbers that the scheduler is told once.

use std::time::Duration;

use crate::lane::Lane;

/// What decides order, limits and shares.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Cores that the process may use, and threads of Light. At least 1.
    pub cores: usize,
    /// Threads of Heavy. At least 1; as many as cores unless there is memory for more: then a job of some 100 ms waits
    /// less behind those of many seconds.
    pub heavy_threads: usize,
    /// Most jobs that wait (admitted, their work not begun). Jobs for which a Light thread is free come on top.
    pub queue_jobs: usize,
    /// Most bytes of input that jobs which wait hold. A single larger job is taken when nothing else waits.
    pub queue_bytes: u64,
    /// Most CPU that a job of the Light lane is expected to take.
    pub light_limit: Duration,
    /// Ageing: a job is overtaken on its own connection only by shorter ones that came within `stretch` times its
    /// expected CPU after it. 0 is first come, first served.
    pub stretch: u32,
    /// CPU that each peer gets in a round of turns.
    pub quantum: Duration,
    /// The share of one core that Heavy gets at least while it has work, up to 0.9.
    pub heavy_share: f64,
    /// How far Heavy may fall behind its share before Light gives way.
    pub debt_limit: Duration,
}

impl Config {
    /// The defaults for this many cores.
    pub fn for_cores(cores: usize) -> Self {
        Self {
            cores: cores.max(1),
            heavy_threads: cores.max(1),
            queue_jobs: 1024,
            queue_bytes: u64::MAX,
            light_limit: Duration::from_millis(100),
            stretch: 20,
            quantum: Duration::from_millis(20),
            heavy_share: 0.25,
            debt_limit: Duration::from_millis(250),
        }
    }

    /// The lane for work that is expected to take this much CPU.
    pub fn lane(&self, cpu: Duration) -> Lane {
        if cpu <= self.light_limit { Lane::Light } else { Lane::Heavy }
    }

    /// The same with numbers that the arithmetic can bear.
    pub(crate) fn sane(mut self) -> Self {
        self.cores = self.cores.max(1);
        self.heavy_threads = self.heavy_threads.max(1);
        self.quantum = self.quantum.max(Duration::from_micros(1));
        self.heavy_share = if self.heavy_share.is_finite() { self.heavy_share.clamp(0.0, 0.9) } else { 0.0 };
        self
    }
}
