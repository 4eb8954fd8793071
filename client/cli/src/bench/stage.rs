//! What a scenario is played on: loads of a given shape, one after the other, and what they came to in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::bar::Bar;
use super::load::{Crew, Feed, Load};
use super::material::Works;
use super::sample::Sample;
use super::target::Target;
use crate::exit::Exit;
use crate::interrupt::Interrupt;

/// How long small requests are sent at most: before a daemon that lets them wait, a scenario would last for hours.
const LONGEST: Duration = Duration::from_secs(30);

/// Where a scenario is played.
pub struct Stage {
    /// The daemon.
    pub target: Target,
    /// `--requests`
    pub requests: Option<u64>,
    bar: Bar,
    interrupt: Interrupt,
    /// Everything that was sent since [`Stage::begin`].
    pub sent: Vec<Sample>,
}

/// A load that has ended.
#[derive(Debug, Default)]
pub struct Phase {
    /// What became of each request.
    pub samples: Vec<Sample>,
    /// From its start to its last answer.
    pub seconds: f64,
    /// What the daemon used meanwhile, where that can be known.
    pub cpu: Option<f64>,
}

/// How requests follow each other.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// One after the other.
    Close,
    /// After a pause of 10 to 50 ms, as those of a program that does something else too.
    Loose,
}

impl Pace {
    fn pause(self, n: u64) -> Duration {
        match self {
            Pace::Close => Duration::ZERO,
            // Steps of the golden ratio: spread evenly, never in step with anything, the same in each run.
            Pace::Loose => Duration::from_micros(10_000 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 40_000),
        }
    }
}

impl Stage {
    /// A stage before this daemon.
    pub fn new(target: Target, requests: Option<u64>, quiet: bool, interrupt: Interrupt) -> Self {
        Self { target, requests, bar: Bar::new(quiet), interrupt, sent: Vec::new() }
    }

    /// Another scenario begins.
    pub async fn begin(&mut self) {
        self.sent.clear();
        self.target.settle().await;
    }

    /// Whether the user asked to stop.
    pub fn stopped(&self) -> bool {
        self.interrupt.asked()
    }

    /// The scenario has ended.
    pub fn end(&self) {
        self.bar.end();
    }

    /// Sends `requests` of these pictures in turn over so many connections, fewer if they take too long, and waits for the
    /// answers.
    ///
    /// # Errors
    /// When the daemon takes no connection.
    pub async fn play(
        &mut self,
        what: &str,
        works: &Works,
        connections: u16,
        requests: u64,
        pace: Pace,
    ) -> anyhow::Result<Phase> {
        let feed = turns(works.clone(), requests, pace, Some(Instant::now() + LONGEST));
        self.play_feed(what, feed, connections, requests).await
    }

    /// Sends what the feed gives over so many connections, and waits for the answers.
    ///
    /// # Errors
    /// When the daemon takes no connection.
    pub async fn play_feed(
        &mut self,
        what: &str,
        feed: Feed,
        connections: u16,
        requests: u64,
    ) -> anyhow::Result<Phase> {
        if self.stopped() {
            return Ok(Phase::default());
        }
        self.bar.begin(format!("{what} "), Some(requests));
        let bar = self.bar.clone();
        let before = self.target.clock();
        let mut load = start(&self.target, connections, feed, move || bar.step()).await?;
        tokio::select! {
            () = load.ended() => {}
            () = self.interrupt.wait() => {}
        }
        let seconds = load.elapsed().as_secs_f64();
        let cpu = self.target.used(&before).daemon;
        let samples = load.stop().await;
        self.sent.extend_from_slice(&samples);
        Ok(Phase { samples, seconds, cpu })
    }

    /// Sends these pictures again and again, until [`Stage::over`].
    ///
    /// # Errors
    /// When the daemon takes no connection.
    pub async fn endless(&self, works: &Works, connections: u16) -> anyhow::Result<Load> {
        start(&self.target, connections, turns(works.clone(), u64::MAX, Pace::Close, None), || {}).await
    }

    /// Waits until an endless load has had so many answers, or the user asks to stop.
    pub async fn reach(&mut self, load: &Load, answers: usize) {
        while load.samples().len() < answers && !load.is_over() && !self.stopped() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends an endless load, and waits until the daemon has forgotten it.
    pub async fn over(&mut self, load: Load) -> Vec<Sample> {
        let samples = load.stop().await;
        self.sent.extend_from_slice(&samples);
        self.target.settle().await;
        samples
    }
}

async fn start(
    target: &Target,
    connections: u16,
    feed: Feed,
    step: impl Fn() + Send + Sync + 'static,
) -> anyhow::Result<Load> {
    let crew = Crew { connections, streams: 1, vary: true };
    let lost = |e: squeezed_client::Error| Exit::Unreachable.because(e.to_string());
    Load::start(&target.daemon.socket, crew, feed, Arc::new(move |_| step())).await.map_err(lost)
}

fn turns(works: Works, requests: u64, pace: Pace, until: Option<Instant>) -> Feed {
    let next = AtomicU64::new(0);
    Arc::new(move || {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= requests || until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let turn = usize::try_from(n).unwrap_or(0).checked_rem(works.len())?;
        Some((works.get(turn)?.clone(), pace.pause(n)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread() {
        let all: Vec<u128> = (0..100).map(|n| Pace::Loose.pause(n).as_millis()).collect();
        assert!(all.iter().all(|ms| (10..=50).contains(ms)));
        assert!(all.iter().filter(|ms| **ms < 30).count().abs_diff(50) < 15, "{all:?}");
        assert_eq!(Pace::Close.pause(7), Duration::ZERO);
    }
}
