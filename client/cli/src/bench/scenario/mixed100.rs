//! 100 requests, 10 at a time: queues, lanes and turns must not cost throughput. What they are compared with is one request
//! at a time for each core, which is what a plain pool of one thread a core does with the same list.

use super::super::mix::Mix;
use super::super::mixed::feed;
use super::super::stage::{Phase, Stage};
use super::outcome::{Outcome, Unit};
use super::{Kit, latencies, times};

/// Requests where nothing was said.
const REQUESTS: u64 = 100;

/// At a time.
const AT_ONCE: u16 = 10;

/// Plays it.
///
/// # Errors
/// When the daemon takes no connection.
pub async fn play(stage: &mut Stage, kit: &Kit) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::new("mixed100", "100 requests, 10 at a time, 9 light to 1 heavy");
    let mut works = kit.small()?;
    works.extend(kit.big()?);
    let requests = stage.requests.unwrap_or(REQUESTS);
    let cores = u16::try_from(stage.target.daemon.cores).unwrap_or(u16::MAX);
    let (mut pool, mut mixed) = (Phase::default(), Phase::default());
    // Both twice, in an order that lets a machine that slows down harm neither more.
    for at_once in [cores, AT_ONCE, AT_ONCE, cores] {
        let feed = feed(works.clone(), Mix::default(), requests, None);
        let what = format!("mixed100: {at_once} at a time");
        let phase = stage.play_feed(&what, feed, at_once, requests).await?;
        let sum = if at_once == cores { &mut pool } else { &mut mixed };
        let cpu = sum.cpu.unwrap_or_default() + phase.cpu.unwrap_or_default();
        sum.cpu = phase.cpu.is_some().then_some(cpu);
        sum.seconds += phase.seconds;
        sum.samples.extend(phase.samples);
    }
    let rate = |phase: &Phase| {
        times(phase.samples.iter().filter(|s| s.answer.is_ok()).count() as f64, phase.seconds)
    };
    for (name, at_once, phase) in [("pool", cores, &pool), ("mixed", AT_ONCE, &mixed)] {
        let text = format!("{name}: requests a second, {at_once} at a time");
        outcome.measured(text, rate(phase).map(|r| (r * 100.0).round() / 100.0), Unit::Count);
        let busy = phase.cpu.and_then(|cpu| times(cpu * 100.0, phase.seconds * f64::from(cores)));
        outcome.measured(format!("{name}: share of the cores used"), busy, Unit::Percent);
    }
    outcome.measured("mixed: p99", latencies(&mixed.samples).map(|s| s.p99), Unit::Ms);
    let ratio = rate(&mixed).zip(rate(&pool)).and_then(|(mixed, pool)| times(mixed * 100.0, pool));
    outcome.at_least("throughput against the pool", ratio, 95.0, Unit::Percent);
    let sent = pool.samples.len() + mixed.samples.len();
    let answered = pool.samples.iter().chain(&mixed.samples).filter(|s| s.answer.is_ok()).count();
    let lost = (requests * 4).saturating_sub(answered as u64);
    outcome.at_most("requests lost", (sent > 0).then_some(lost as f64), 0.0, Unit::Count);
    Ok(outcome)
}
