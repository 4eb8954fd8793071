//! A host for a plugin's own tests: keeps every offer, and stops or gives threads only when told to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::{
    Candidate, Error, ErrorCode, Host, Job, Kind, LogLevel, MetadataItem, Optimizer, Options, StopReason,
    Verdict,
};

/// An offer as the test host kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Method name.
    pub method: String,
    /// Quality used.
    pub quality: u8,
    /// Claimed lossless.
    pub lossless: bool,
    /// Named as kept.
    pub kept: Vec<(Kind, String)>,
    /// Named as dropped.
    pub dropped: Vec<(Kind, String)>,
}

/// Keeps every offer. Verdicts follow the real host's rules for size, the 5 % rule and the cap.
pub struct TestHost {
    input_len: u64,
    max_reduction: Option<f64>,
    offers: Mutex<Vec<Offer>>,
    stop_after: AtomicU32,
    stop_at: OnceLock<Duration>,
    threads: AtomicU32,
}

impl TestHost {
    /// A host for an input of this length.
    pub fn new(input_len: usize, options: &Options) -> Self {
        Self {
            input_len: input_len as u64,
            max_reduction: options.max_reduction,
            offers: Mutex::default(),
            stop_after: AtomicU32::new(u32::MAX),
            stop_at: OnceLock::new(),
            threads: AtomicU32::new(1),
        }
    }
    /// Gives the job this many threads instead of one.
    pub fn give_threads(&self, threads: u32) {
        self.threads.store(threads, Ordering::Relaxed);
    }
    /// Lets `stop` answer "cancelled" once the calling thread has used this much more time.
    pub fn stop_in(&self, time: Duration) {
        let _ = self.stop_at.set(used() + time);
    }
    /// Lets `stop` answer "cancelled" from the n-th poll on.
    pub fn stop_after(&self, polls: u32) {
        self.stop_after.store(polls, Ordering::Relaxed);
    }
    /// All offers in order of arrival.
    pub fn offers(&self) -> Vec<Offer> {
        self.lock().clone()
    }
    /// What the real host would answer: the smallest, a lossy one only where it wins by 5 %; `None` for unchanged.
    pub fn winner(&self) -> Option<Offer> {
        let offers = self.lock();
        let lossless = offers.iter().filter(|o| o.lossless).min_by_key(|o| o.bytes.len());
        let lossy = offers.iter().filter(|o| !o.lossless).min_by_key(|o| o.bytes.len());
        let base = lossless.map_or(self.input_len, |o| (o.bytes.len() as u64).min(self.input_len));
        let best = match lossy {
            Some(o) if o.bytes.len() as u64 <= base * 95 / 100 => Some(o),
            _ => lossless,
        };
        best.filter(|o| (o.bytes.len() as u64) < self.input_len || !o.dropped.is_empty()).cloned()
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Offer>> {
        self.offers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    fn best(&self, lossless: bool) -> u64 {
        let offers = self.lock();
        let best = offers.iter().filter(|o| o.lossless == lossless).map(|o| o.bytes.len() as u64).min();
        best.unwrap_or(u64::MAX)
    }
}

impl Host for TestHost {
    fn offer(&self, c: &Candidate<'_>) -> Verdict {
        let to_beat = self.bytes_to_beat(c.lossless);
        if !c.lossless && (c.bytes.len() as u64) < self.floor() {
            return Verdict::OverCap;
        }
        self.lock().push(Offer {
            bytes: c.bytes.to_vec(),
            method: c.method.into(),
            quality: c.quality,
            lossless: c.lossless,
            kept: c.kept.to_vec(),
            dropped: c.dropped.to_vec(),
        });
        if (c.bytes.len() as u64) < to_beat { Verdict::Kept } else { Verdict::NotSmaller }
    }
    fn bytes_to_beat(&self, lossless: bool) -> u64 {
        let base = self.best(true).min(self.input_len);
        if lossless { base } else { self.best(false).min(base * 95 / 100 + 1) }
    }
    fn floor(&self) -> u64 {
        let Some(r) = self.max_reduction else { return 0 };
        let base = self.best(true).min(self.input_len);
        (base as f64 * (1.0 - r / 100.0)).ceil() as u64
    }
    fn stop(&self) -> Option<StopReason> {
        if self.stop_at.get().is_some_and(|at| used() >= *at) {
            return Some(StopReason::Cancelled);
        }
        let left = self.stop_after.load(Ordering::Relaxed);
        if left == 0 {
            return Some(StopReason::Cancelled);
        }
        if left != u32::MAX {
            self.stop_after.store(left - 1, Ordering::Relaxed);
        }
        None
    }
    fn progress(&self, _: u32) {}
    fn max_threads(&self) -> u32 {
        self.threads.load(Ordering::Relaxed)
    }
    fn reserve(&self, _: u64) -> bool {
        true
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, _: LogLevel, _: &str) {}
}

/// Runs one job against a plugin and gives its offers.
///
/// # Errors
/// The plugin's own.
pub fn run(plugin: &dyn Optimizer, input: &[u8], options: &Options) -> Result<TestHost, Error> {
    run_on(plugin, input, options, 1)
}

/// The same with this many threads.
///
/// # Errors
/// The plugin's own.
pub fn run_on(
    plugin: &dyn Optimizer,
    input: &[u8],
    options: &Options,
    threads: u32,
) -> Result<TestHost, Error> {
    let info = plugin.inspect(input, &mut |_| ())?;
    let host = TestHost::new(input.len(), options);
    host.give_threads(threads);
    plugin.optimize(&Job::new(input, &info, options, &host))?;
    Ok(host)
}

/// Cancels a job after `time` and tells how much later it ended; `None` where it was done before. Both are CPU time of the
/// calling thread where the system tells it, so that a busy machine changes nothing.
///
/// # Errors
/// The plugin's own, but for `Stopped`.
pub fn cancel(
    plugin: &dyn Optimizer,
    input: &[u8],
    options: &Options,
    time: Duration,
) -> Result<Option<Duration>, Error> {
    let info = plugin.inspect(input, &mut |_| ())?;
    let host = TestHost::new(input.len(), options);
    let begin = used();
    host.stop_in(time);
    match plugin.optimize(&Job::new(input, &info, options, &host)) {
        Err(e) if e.code == ErrorCode::Stopped => Ok(Some(used().saturating_sub(begin + time))),
        other => other.map(|()| None),
    }
}

/// CPU time of this thread; where that is not told, time since the first call.
fn used() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|s| s.split_whitespace().next().and_then(|n| n.parse().ok()));
    nanos.map_or_else(|| FIRST.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// The metadata items that `inspect` finds.
///
/// # Errors
/// The plugin's own.
pub fn items(plugin: &dyn Optimizer, input: &[u8]) -> Result<Vec<MetadataItem>, Error> {
    let mut all = Vec::new();
    plugin.inspect(input, &mut |i| all.push(i))?;
    Ok(all)
}
