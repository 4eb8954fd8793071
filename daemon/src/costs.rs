//! What jobs really cost against what their plugins' plans say, for each (plugin, mode, effort) and apart for small and
//! large jobs: a moving average that outlives the daemon. Decides lanes and memory; knows no thread and no socket.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use squeezed_plugin_api::{Description, Effort, ImageInfo, Options, Plan};

/// Weight of one job in the average.
const WEIGHT: f64 = 1.0 / 16.0;
/// What one job can say at most: a stolen core or a warm cache is not a law.
const SAMPLE: (f64, f64) = (1.0 / 16.0, 16.0);
/// A plan that was exceeded by half is told and learned.
const OVERRUN: f64 = 1.5;
/// How fast a learned need for memory is forgotten again, for each job that needed less.
const FORGET: f64 = 1.0 / 64.0;
/// Jobs planned to take less than this are small: what every job costs, whatever its image, decides their ratio, and must
/// not be taken for the cost of a large one.
const SMALL: Duration = Duration::from_millis(100);
/// Bytes below which no plan is blamed: tables of a codec that every job needs.
const NO_BLAME: u64 = 16 << 20;
/// Nanoseconds for a pixel where neither plan nor table says anything: from a quarter of a megapixel on it is Heavy.
const UNKNOWN_NS: u64 = 400;

/// What the costs are learned for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CostKey(String);

impl CostKey {
    /// The key of a job that is planned to take so much CPU time.
    /// One that is not judged is an estimate.
    pub fn new(plugin: &str, options: &Options, planned: Duration, judged: bool) -> Self {
        let mode = match (judged, options.quality()) {
            (false, _) => "estimate",
            (true, Some(_)) => "lossy",
            (true, None) => "lossless",
        };
        let effort = match options.effort {
            Effort::Fast => "fast",
            Effort::Balanced => "balanced",
            Effort::Best => "best",
        };
        let size = if planned < SMALL { "small" } else { "large" };
        Self(format!("{plugin}/{mode}/{effort}/{size}"))
    }
}

/// What is known for one key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Learned {
    /// Measured over planned CPU time.
    cpu: f64,
    /// Measured over planned memory, never below 1.
    memory: f64,
    /// Jobs that it was learned from.
    jobs: u64,
}

impl Default for Learned {
    fn default() -> Self {
        Self { cpu: 1.0, memory: 1.0, jobs: 0 }
    }
}

/// The learned costs.
pub struct Costs {
    /// Where they are kept; `None` forgets them with the process.
    file: Option<PathBuf>,
    learned: Mutex<BTreeMap<String, Learned>>,
    changed: AtomicBool,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    costs: BTreeMap<String, Learned>,
}

const VERSION: u32 = 1;
/// Bytes of the largest file that is read.
const MOST: u64 = 1 << 20;

impl Costs {
    /// Reads what an earlier daemon learned. A file that cannot be read is as good as none.
    pub fn open(file: Option<PathBuf>) -> Self {
        let learned = file.as_deref().and_then(|f| match read(f) {
            Ok(costs) => Some(costs),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => {
                tracing::warn!(file = %f.display(), "learned costs cannot be read, beginning anew: {e}");
                None
            }
        });
        Self { file, learned: Mutex::new(learned.unwrap_or_default()), changed: AtomicBool::new(false) }
    }

    /// CPU time that a job is expected to need.
    pub fn cpu(&self, key: &CostKey, planned: Duration) -> Duration {
        planned.mul_f64(self.get(key).cpu)
    }

    /// Bytes that a job is expected to need.
    pub fn memory(&self, key: &CostKey, planned: u64) -> u64 {
        (planned as f64 * self.get(key).memory) as u64
    }

    /// Learns from a job that ran to its end.
    pub fn learn_cpu(&self, key: &CostKey, planned: Duration, measured: Duration) {
        if planned.is_zero() {
            return;
        }
        let ratio = (measured.as_secs_f64() / planned.as_secs_f64()).clamp(SAMPLE.0, SAMPLE.1);
        self.change(key, |l| {
            // The mean of the logarithms: half and double weigh the same. The first jobs count more than later ones.
            let weight = WEIGHT.max(1.0 / (l.jobs as f64 + 2.0));
            l.cpu = (l.cpu.ln() * (1.0 - weight) + ratio.ln() * weight).exp();
            l.jobs = l.jobs.saturating_add(1);
        });
    }

    /// Learns from the most memory that a job held. Whether its plan was exceeded by half.
    pub fn learn_memory(&self, key: &CostKey, planned: u64, measured: u64) -> bool {
        let ratio = measured as f64 / planned.max(NO_BLAME) as f64;
        self.change(key, |l| {
            l.memory =
                if ratio > OVERRUN { l.memory.max(ratio) } else { l.memory + (1.0 - l.memory) * FORGET };
        });
        ratio > OVERRUN
    }

    /// Writes what was learned since, so that a crash leaves the old file or the new one.
    pub fn save(&self) {
        let Some(file) = self.file.as_deref().filter(|_| self.changed.swap(false, Ordering::Relaxed)) else {
            return;
        };
        let saved = Saved { version: VERSION, costs: self.lock().clone() };
        if let Err(e) = write(file, &saved) {
            self.changed.store(true, Ordering::Relaxed);
            tracing::warn!(file = %file.display(), "learned costs cannot be saved: {e}");
        }
    }

    fn get(&self, key: &CostKey) -> Learned {
        self.lock().get(&key.0).copied().unwrap_or_default()
    }

    fn change(&self, key: &CostKey, change: impl FnOnce(&mut Learned)) {
        change(self.lock().entry(key.0.clone()).or_default());
        self.changed.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Learned>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// CPU time that a plan asks for; where it says nothing, what the plugin's table says; where that says nothing, a lot.
pub fn planned_cpu(plan: &Plan, description: &Description, info: &ImageInfo, options: &Options) -> Duration {
    if plan.expected_ns > 0 {
        return Duration::from_nanos(plan.expected_ns);
    }
    let lossy = options.quality().is_some();
    let row = description.costs.iter().find(|c| c.lossy == lossy && c.effort == options.effort);
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    let ns = row.map_or(UNKNOWN_NS, |r| u64::from(r.ns_per_pixel));
    Duration::from_nanos(pixels.saturating_mul(u64::from(info.frames.max(1))).saturating_mul(ns))
}

fn read(file: &Path) -> std::io::Result<BTreeMap<String, Learned>> {
    // A link, a pipe or a device is not what was written here.
    let found = std::fs::symlink_metadata(file)?;
    if !found.is_file() || found.len() > MOST {
        return Err(std::io::Error::other("not a small regular file"));
    }
    let saved: Saved = serde_json::from_slice(&std::fs::read(file)?)?;
    if saved.version != VERSION {
        return Err(std::io::Error::other(format!("version {} is not {VERSION}", saved.version)));
    }
    let sound = |l: &Learned| {
        (SAMPLE.0..=SAMPLE.1).contains(&l.cpu) && l.memory.is_finite() && (1.0..=1000.0).contains(&l.memory)
    };
    Ok(saved.costs.into_iter().filter(|(_, l)| sound(l)).collect())
}

fn write(file: &Path, saved: &Saved) -> std::io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut temp = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer_pretty(&mut temp, saved)?;
    temp.flush()?;
    temp.as_file().sync_all()?;
    temp.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CostKey {
        CostKey::new("png", &Options::default(), Duration::from_secs(1), true)
    }
    const MIB: u64 = 1 << 20;
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_correction_follows_what_is_measured_and_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/costs.json");
        let costs = Costs::open(Some(file.clone()));
        assert_eq!(costs.cpu(&key(), 100 * MS), 100 * MS);
        (0..200).for_each(|_| costs.learn_cpu(&key(), 100 * MS, 300 * MS));
        assert!(costs.cpu(&key(), 100 * MS) > 290 * MS);
        // One that took for ever does not turn it over.
        costs.learn_cpu(&key(), 100 * MS, 1_000_000 * MS);
        assert!(costs.cpu(&key(), 100 * MS) < 400 * MS);
        costs.save();
        let again = Costs::open(Some(file.clone()));
        assert_eq!(again.cpu(&key(), 100 * MS), costs.cpu(&key(), 100 * MS));
        std::fs::write(
            &file,
            "{\"version\":1,\"costs\":{\"png/lossless/balanced/large\":{\"cpu\":1e300,\"memory\":1,\"jobs\":1}}}",
        )
        .unwrap();
        assert_eq!(Costs::open(Some(file.clone())).cpu(&key(), MS), MS, "a mad number is not believed");
        std::fs::write(&file, "torn").unwrap();
        assert_eq!(Costs::open(Some(file)).cpu(&key(), MS), MS);
    }

    #[test]
    fn small_and_large_jobs_are_learned_apart_and_tables_are_not_blamed() {
        let costs = Costs::open(None);
        let small = CostKey::new("png", &Options::default(), 10 * MS, true);
        (0..100).for_each(|_| costs.learn_cpu(&small, 10 * MS, 40 * MS));
        assert!(costs.cpu(&small, 10 * MS) > 35 * MS);
        assert_eq!(costs.cpu(&key(), 1000 * MS), 1000 * MS);
        assert!(!costs.learn_memory(&small, MIB, 10 * MIB));
        assert_eq!(costs.memory(&small, MIB), MIB);
    }

    #[test]
    fn memory_is_learned_from_overruns_and_slowly_forgotten() {
        let costs = Costs::open(None);
        assert!(!costs.learn_memory(&key(), 100 * MIB, 140 * MIB));
        assert_eq!(costs.memory(&key(), 100), 100);
        assert!(costs.learn_memory(&key(), 100 * MIB, 300 * MIB));
        assert_eq!(costs.memory(&key(), 100), 300);
        (0..1000).for_each(|_| assert!(!costs.learn_memory(&key(), 100 * MIB, 90 * MIB)));
        assert!(costs.memory(&key(), 100) <= 101);
    }
}
