//! What all connections of a daemon share.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use squeezed_cache::Store;

use crate::config::{Config, ConfigError, Layers, Loader};
use crate::costs::Costs;
use crate::executor::Executor;
use crate::job::Reuse;
use crate::logging::LogLevel;
use crate::memory::{Pool, Work};
use crate::metrics::Metrics;
use crate::process::{available_memory, state_dir};
use crate::registry::Registry;
use crate::status::Stats;

/// Most CPU time that a job of Light is expected to take.
pub const LIGHT_LIMIT: Duration = Duration::from_millis(100);

/// The daemon without its sockets.
pub struct Daemon {
    config: RwLock<Arc<Config>>,
    layers: RwLock<Layers>,
    loader: Loader,
    log_level: LogLevel,
    /// Plugins.
    pub registry: Registry,
    /// Threads.
    pub executor: Executor,
    /// Memory for inputs.
    pub input: Arc<Pool>,
    /// Memory for the windows of inputs that wait for a grant: apart, so that those who wait never hold what the first
    /// in line waits for.
    pub windows: Arc<Pool>,
    /// Memory for work.
    pub work: Arc<Work>,
    /// What jobs cost.
    pub costs: Costs,
    /// Answers that are made once.
    pub reuse: Arc<Reuse>,
    /// Counters.
    pub stats: Stats,
    /// Counters for Prometheus.
    pub metrics: Arc<Metrics>,
    /// When it began.
    pub started: Instant,
}

impl Daemon {
    /// Loads plugins and starts threads.
    ///
    /// # Errors
    /// The system gives no threads, or the configuration became unreadable since.
    pub fn start(config: Arc<Config>, loader: Loader, log_level: LogLevel) -> anyhow::Result<Arc<Self>> {
        let available = available_memory();
        let share = |set: u64, percent: u64| if set > 0 { set } else { available / 100 * percent };
        let layers = loader.load()?;
        let input = share(config.memory.input_bytes, 20);
        let registry = Registry::load(&config);
        let ids: Vec<String> = registry.rows(false).into_iter().map(|row| row.id).collect();
        let metrics = if config.metrics.listen.is_empty() { Metrics::off() } else { Metrics::new(&ids) };
        let work = Work::new(share(config.memory.work_bytes, 40));
        let queue_bytes = match config.executor.queue_bytes {
            0 => input,
            bytes => bytes,
        };
        let lanes = squeezed_schedule::Config {
            queue_jobs: config.executor.queue_jobs,
            queue_bytes,
            light_limit: LIGHT_LIMIT,
            ..squeezed_schedule::Config::for_cores(config.threads())
        };
        let costs_file = state_dir(&config).map(|dir| dir.join("costs.json"));
        Ok(Arc::new(Self {
            registry,
            metrics: Arc::new(metrics),
            executor: Executor::start(lanes, work.clone(), config.executor.heavy_nice)?,
            costs: Costs::open(costs_file),
            input: Pool::new(input - input / 8),
            windows: Pool::new(input / 8),
            work,
            reuse: Arc::new(Reuse::new(open_cache(&config), config.cache.bytes)),
            stats: Stats::default(),
            started: Instant::now(),
            config: RwLock::new(config),
            layers: RwLock::new(layers),
            loader,
            log_level,
        }))
    }

    /// Counts a request that was answered BUSY.
    pub fn count_busy(&self) {
        self.stats.busy.fetch_add(1, Ordering::Relaxed);
        self.metrics.busy();
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration again. A broken one changes nothing. The result names the changed keys that need a
    /// restart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn reload(&self) -> Result<Vec<&'static str>, ConfigError> {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.loader.load().inspect_err(|e| {
            tracing::error!("the configuration stays as it was: {e}");
        })?;
        let restart = layers.needs_restart(&loaded);
        let next = layers.reloaded(&loaded);
        let config = next.config().inspect_err(|e| {
            tracing::error!("the configuration stays as it was: {e}");
        })?;
        if let Err(e) = self.log_level.set(&config.log.level) {
            tracing::error!("log.level stays as it was: {e:#}");
        }
        *layers = next;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        drop(layers);
        if restart.is_empty() {
            tracing::info!("configuration reloaded");
        } else {
            tracing::warn!(keys = restart.join(","), "configuration reloaded; these changes need a restart");
        }
        Ok(restart)
    }
}

/// The cache on disk, where one is configured. Without it everything works, only slower.
fn open_cache(config: &Config) -> Option<Store> {
    let dir = config.cache_dir()?;
    Store::open(&dir, config.cache.bytes)
        .inspect_err(|e| tracing::warn!(dir = %dir.display(), "no cache: {e}"))
        .ok()
}
