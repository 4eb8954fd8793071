//! A load of light and heavy requests in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::args::Bench;
use super::bar::Bar;
use super::load::{Crew, Feed, Load};
use super::material::{self, Works};
use super::mix::Mix;
use super::report::Report;
use super::sample::Class;
use super::{Target, print};
use crate::args::Global;
use crate::exit::Exit;
use crate::interrupt::Interrupt;

/// Requests where nothing was said.
const REQUESTS: u64 = 200;
/// Connections where nothing was said.
const CONNECTIONS: u16 = 8;

/// Sends the mix and prints its report.
///
/// # Errors
/// When there is nothing to send, no daemon, or stdout takes nothing.
pub async fn run(global: &Global, args: Bench, mut interrupt: Interrupt) -> anyhow::Result<Exit> {
    let asked = args.clone();
    let works = tokio::task::spawn_blocking(move || material::of(&asked)).await??;
    let mix = mix(&args, &works)?;
    let target = Target::open(global).await?;
    let crew = Crew {
        connections: args.concurrency.unwrap_or(CONNECTIONS),
        streams: args.streams.unwrap_or(1),
        vary: !args.same,
    };
    let requests = args.requests.unwrap_or(if args.duration.is_some() { u64::MAX } else { REQUESTS });
    let until = args.duration.map(|s| Instant::now() + Duration::from_secs_f64(s));
    let bar = Bar::new(global.quiet);
    bar.begin("", Some(requests).filter(|n| *n != u64::MAX));
    let (cpu, spared) = (target.clock(), target.spared().await);
    let tell = bar.clone();
    let lost = |e: squeezed_client::Error| Exit::Unreachable.because(e.to_string());
    let feed = feed(works.clone(), mix, requests, until);
    let mut load =
        Load::start(&target.daemon.socket, crew, feed, Arc::new(move |_| tell.step())).await.map_err(lost)?;
    tokio::select! {
        () = load.ended() => {}
        () = interrupt.wait() => {}
    }
    let seconds = load.elapsed().as_secs_f64();
    let used = target.used(&cpu);
    let samples = load.stop().await;
    bar.end();
    let mut report = Report::new(&target.daemon, crew, mix, &works, seconds, &samples);
    report.complete =
        !interrupt.asked() && (requests == u64::MAX || samples.len() as u64 == requests || until.is_some());
    report.used = used;
    (report.cpu_seconds, report.other_cores) = (used.daemon, used.others);
    report.spared = target.spared().await.saturating_sub(spared);
    print(&if global.json { serde_json::to_string(&report)? + "\n" } else { report.text(&samples) })?;
    Ok(match () {
        () if interrupt.asked() => Exit::Interrupted,
        () if report.failed() || !report.complete => Exit::Missed,
        () => Exit::Ok,
    })
}

/// The mix that was asked for, or what the material allows.
fn mix(args: &Bench, works: &Works) -> anyhow::Result<Mix> {
    let has = |class| works.iter().any(|w| w.class == class);
    let mut mix = args.mix.unwrap_or_default();
    for (class, weight) in [(Class::Light, &mut mix.light), (Class::Heavy, &mut mix.heavy)] {
        if *weight == 0 || has(class) {
            continue;
        }
        if args.mix.is_some() {
            let text =
                format!("the mix asks for {0} requests, but no path is {0}; see --heavy-from", class.name());
            return Err(Exit::Usage.because(text));
        }
        *weight = 0;
    }
    Ok(mix)
}

/// The requests of the mix in turn, and the pictures of each class in turn.
pub fn feed(works: Works, mix: Mix, requests: u64, until: Option<Instant>) -> Feed {
    let of = |class| -> Works { works.iter().filter(|w| w.class == class).cloned().collect() };
    let (light, heavy) = (of(Class::Light), of(Class::Heavy));
    let turns = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    Arc::new(move || {
        let [all, light_turns, heavy_turns] = &turns;
        if until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let n = all.fetch_add(1, Ordering::Relaxed);
        if n >= requests {
            return None;
        }
        let (works, turns) = match mix.class(n) {
            Class::Light => (&light, light_turns),
            Class::Heavy => (&heavy, heavy_turns),
        };
        let turn = usize::try_from(turns.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        let work = works.get(turn.checked_rem(works.len())?)?;
        Some((work.clone(), Duration::ZERO))
    })
}
