//! The three executors, each behind a call that blocks its client until the answer is there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use squeezed_host::{Control, Rules};
use squeezed_plugin_api::{LogLevel, StopReason};
use squeezed_tests::{Builder, Line, TestDaemon, process_cpu};
use tokio::sync::{Semaphore, mpsc as queue};

use crate::material::Case;

/// What runs jobs.
pub trait Executor: Sync {
    fn name(&self) -> &'static str;
    /// One job, to its end or until `stop`. How long after its arrival it began; `None` where it was stopped.
    fn run(&self, case: &Case, stop: &Arc<AtomicBool>) -> Option<Duration>;
    /// CPU time used by all jobs so far.
    fn cpu(&self) -> Duration;
    /// Takes what is left back after `stop` was set.
    fn settle(&self) {}
}

/// Number of cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

struct Stoppable(Arc<AtomicBool>);

impl Control for Stoppable {
    fn stop(&self) -> Option<StopReason> {
        self.0.load(Ordering::Relaxed).then_some(StopReason::Cancelled)
    }
    fn progress(&self, _: u32, _: u64) {}
    fn max_threads(&self) -> u32 {
        1
    }
    fn reserve(&self, _: u64) -> bool {
        true
    }
    fn log(&self, _: LogLevel, _: &str) {}
}

/// A job on its way to a thread of this process.
struct Job {
    case: Case,
    stop: Arc<AtomicBool>,
    arrived: Instant,
    cpu: Arc<AtomicU64>,
    answer: mpsc::Sender<Option<Duration>>,
}

impl Job {
    fn run(self) {
        let waited = self.arrived.elapsed();
        let before = clock_gettime(ClockId::ThreadCPUTime);
        let c = &self.case;
        let format = c.plugin.description().formats[0].clone();
        let control = Stoppable(self.stop.clone());
        let done = squeezed_host::examine(&*c.plugin, &c.image, &c.options.limits).and_then(|seen| {
            squeezed_host::optimize(
                &*c.plugin,
                &format,
                &c.image,
                &seen,
                &c.options,
                &Rules::default(),
                &control,
            )
        });
        let after = clock_gettime(ClockId::ThreadCPUTime);
        let ns = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
        self.cpu.fetch_add(ns as u64, Ordering::Relaxed);
        let _ = self.answer.send(done.ok().map(|_| waited));
    }
}

/// Where jobs of this process are sent, and what they used.
struct Inbox {
    jobs: queue::UnboundedSender<Job>,
    cpu: Arc<AtomicU64>,
}

impl Inbox {
    fn run(&self, case: &Case, stop: &Arc<AtomicBool>) -> Option<Duration> {
        let (answer, wait) = mpsc::channel();
        let (case, stop, cpu) = (case.clone(), stop.clone(), self.cpu.clone());
        let sent = self.jobs.send(Job { case, stop, arrived: Instant::now(), cpu, answer });
        sent.ok().and_then(|()| wait.recv().ok().flatten())
    }
    fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Ordering::Relaxed))
    }
}

/// The forerunner: each request is a task of one event loop, and the codec runs in it.
pub struct EventLoop(Inbox);

impl EventLoop {
    pub fn start() -> Self {
        let (jobs, mut arrivals) = queue::unbounded_channel::<Job>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                while let Some(job) = arrivals.recv().await {
                    tokio::spawn(async { job.run() });
                }
            });
        });
        Self(Inbox { jobs, cpu: Arc::default() })
    }
}

impl Executor for EventLoop {
    fn name(&self) -> &'static str {
        "event loop"
    }
    fn run(&self, case: &Case, stop: &Arc<AtomicBool>) -> Option<Duration> {
        self.0.run(case, stop)
    }
    fn cpu(&self) -> Duration {
        self.0.cpu()
    }
}

/// First come, first served: `spawn_blocking` behind a semaphore of one for each core.
pub struct Pool(Inbox);

impl Pool {
    pub fn start() -> Self {
        let (jobs, mut arrivals) = queue::unbounded_channel::<Job>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let turns = Arc::new(Semaphore::new(cores()));
            runtime.block_on(async {
                while let Some(job) = arrivals.recv().await {
                    let turns = turns.clone();
                    tokio::spawn(async move {
                        let _turn = turns.acquire_owned().await;
                        let _ = tokio::task::spawn_blocking(|| job.run()).await;
                    });
                }
            });
        });
        Self(Inbox { jobs, cpu: Arc::default() })
    }
}

impl Executor for Pool {
    fn name(&self) -> &'static str {
        "FIFO pool"
    }
    fn run(&self, case: &Case, stop: &Arc<AtomicBool>) -> Option<Duration> {
        self.0.run(case, stop)
    }
    fn cpu(&self) -> Duration {
        self.0.cpu()
    }
}

/// A daemon of its own. Each client has a connection.
pub struct Lanes {
    pub daemon: TestDaemon,
    idle: Mutex<Vec<Line>>,
    number: AtomicU64,
}

impl Lanes {
    pub fn start(nice: i32) -> Self {
        let daemon = Builder::new()
            .plugins(&["chaos", "jpeg", "png", "webp"])
            .args(&["--log-level", "error", "--autostarted"])
            .set("executor.heavy_nice", nice)
            .start();
        Self { daemon, idle: Mutex::default(), number: AtomicU64::new(0) }
    }
}

impl Executor for Lanes {
    fn name(&self) -> &'static str {
        "lanes"
    }
    fn run(&self, case: &Case, stop: &Arc<AtomicBool>) -> Option<Duration> {
        let idle = self.idle.lock().expect("lines").pop();
        let mut line = idle.unwrap_or_else(|| Line::open(self.daemon.socket()));
        // Identical jobs would share one run; these are not quite.
        let n = self.number.fetch_add(1, Ordering::Relaxed);
        let options = format!(r#"{{{},"min_savings":{}}}"#, case.wire, n as f64 * 1e-9);
        let stream = line.send(&case.image, &options);
        let reply = loop {
            // A client that was told to stop leaves, and its job with it.
            match line.raw().try_answer(stream, Duration::from_millis(50)) {
                Some(reply) => break reply,
                None if stop.load(Ordering::Relaxed) => return None,
                None => {}
            }
        };
        assert!(reply.is_result(), "{reply:?}");
        let waited = Duration::from_secs_f64(reply.receipt("queue_ms").as_f64().unwrap_or(0.0) / 1e3);
        self.idle.lock().expect("lines").push(line);
        Some(waited)
    }
    fn cpu(&self) -> Duration {
        process_cpu(self.daemon.pid())
    }
    fn settle(&self) {
        Line::open(self.daemon.socket()).wait_idle(Duration::from_secs(20));
    }
}
