//! Sends requests over several connections and keeps what became of each. Knows nothing of what is measured.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use squeezed_client::{Client, Optimized};
use tokio::task::JoinSet;

use super::sample::{Answer, Sample, Work};

/// So many errors one after the other, and a worker sends no more: nothing good will come.
const GIVE_UP: u32 = 20;

/// How long BUSY is waited out.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives the next request, and how long to wait before it; `None` ends the worker that asks.
pub type Feed = Arc<dyn Fn() -> Option<(Arc<Work>, Duration)> + Send + Sync>;

/// Called for each sample.
pub type Tell = Arc<dyn Fn(&Sample) + Send + Sync>;

/// A load under way. Dropping it cancels what is in flight.
pub struct Load {
    workers: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    started: Instant,
    feed: Feed,
    tell: Tell,
    vary: bool,
    samples: Mutex<Vec<Sample>>,
    stop: AtomicBool,
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    /// Connections.
    pub connections: u16,
    /// Requests at once on each.
    pub streams: u16,
    /// Whether each request differs from all others by a trifle.
    pub vary: bool,
}

impl Load {
    /// Opens the connections, then starts to send on all of them.
    ///
    /// # Errors
    /// When the daemon takes no more connections.
    pub async fn start(socket: &Path, crew: Crew, feed: Feed, tell: Tell) -> squeezed_client::Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..crew.connections {
            clients.push(Client::connect(socket).await?);
        }
        let shared = Arc::new(Shared {
            socket: socket.to_path_buf(),
            started: Instant::now(),
            feed,
            tell,
            vary: crew.vary,
            samples: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let mut workers = JoinSet::new();
        for client in clients {
            for _ in 0..crew.streams {
                workers.spawn(work(client.clone(), shared.clone()));
            }
        }
        Ok(Self { workers, shared })
    }

    /// Waits until every worker has ended.
    pub async fn ended(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Whether no worker sends any more.
    pub fn is_over(&self) -> bool {
        // Each worker holds one.
        Arc::strong_count(&self.shared) == 1
    }

    /// Samples so far.
    pub fn samples(&self) -> Vec<Sample> {
        self.shared.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cancels what is in flight and gives what was measured.
    pub async fn stop(mut self) -> Vec<Sample> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.workers.shutdown().await;
        self.samples()
    }
}

async fn work(mut client: Client, shared: Arc<Shared>) {
    let mut bad = 0;
    while bad < GIVE_UP && !shared.stop.load(Ordering::Relaxed) {
        let Some((work, pause)) = (shared.feed)() else { return };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let (sample, lost) = send(&client, &work, &shared).await;
        bad = if sample.answer.is_ok() { 0 } else { bad + 1 };
        (shared.tell)(&sample);
        shared.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        if lost {
            match again(&shared.socket).await {
                Some(another) => client = another,
                None => return,
            }
        }
    }
}

/// A daemon that went may come back.
async fn again(socket: &Path) -> Option<Client> {
    for _ in 0..20 {
        if let Ok(client) = Client::connect(socket).await {
            return Some(client);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}

/// One request, and whether its connection is lost.
async fn send(client: &Client, work: &Work, shared: &Shared) -> (Sample, bool) {
    let mut options = work.options.clone();
    if shared.vary {
        options.min_savings = Some(options.min_savings.unwrap_or_default() + trifle());
    }
    let busy = AtomicU64::new(0);
    let begun = Instant::now();
    let job = client.job(work.bytes.clone(), options);
    let job = if work.options.deadline_ms.is_none() { job.patience(PATIENCE) } else { job };
    let result = job
        .on_busy(|_| {
            let _ = busy.fetch_add(1, Ordering::Relaxed);
        })
        .optimize()
        .await;
    let latency = begun.elapsed();
    let lost = result.as_ref().is_err_and(squeezed_client::Error::wants_reconnect);
    let answer = match &result {
        Ok(answer) if is_harm(work, answer) => Err("BAD_REPLY"),
        Ok(answer) => Ok(of(answer)),
        Err(error) => Err(error.name()),
    };
    let sample = Sample {
        name: work.name.clone(),
        class: work.class,
        ended: shared.started.elapsed(),
        latency,
        busy: busy.load(Ordering::Relaxed) + u64::from(matches!(answer, Err("BUSY"))),
        answer,
    };
    (sample, lost)
}

/// A load that gets wrong answers fast is worth nothing.
fn is_harm(work: &Work, answer: &Optimized) -> bool {
    let size = answer.bytes.as_ref().map_or(work.bytes.len(), bytes::Bytes::len);
    size > work.bytes.len() || answer.receipt.after != size as u64
}

fn of(answer: &Optimized) -> Answer {
    let r = &answer.receipt;
    Answer {
        queue_ms: r.queue_ms,
        run_ms: r.run_ms,
        before: r.before,
        after: r.after,
        pixels: u64::from(r.width).saturating_mul(u64::from(r.height)).saturating_mul(u64::from(r.frames)),
    }
}

/// A share of savings that means nothing and is another one each time: the daemon runs identical requests once and may
/// remember their results, and then nothing would be measured.
fn trifle() -> f64 {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let _ = SERIAL.compare_exchange(0, u64::from(now) + 1, Ordering::Relaxed, Ordering::Relaxed);
    SERIAL.fetch_add(1, Ordering::Relaxed) as f64 * 1e-15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trifles_differ_and_mean_nothing() {
        let all: Vec<f64> = (0..100).map(|_| trifle()).collect();
        assert!(all.windows(2).all(|w| w[0] < w[1]));
        assert!(all.iter().all(|t| *t < 1e-4), "{all:?}");
    }
}
