//! Small requests under endless heavy load, and what they take from it.
//!
//! Heavy throughput is the time to the same number of heavy answers with and without the small requests. All that runs
//! begins together and the load goes on behind the last answer that counts, so no core is ever without heavy work.

use super::super::stage::{Pace, Stage};
use super::outcome::{Outcome, Unit};
use super::{Kit, latencies, nth_answer, of_work, times};

/// Small requests where nothing was said.
const REQUESTS: u64 = 200;

/// Heavy encodes at once.
const ENCODES: u16 = 4;

/// Heavy answers that throughput is taken from: whole rounds of all that runs at once.
const ANSWERS: usize = 12;

/// Plays it.
///
/// # Errors
/// When the daemon takes no connection.
pub async fn play(stage: &mut Stage, kit: &Kit) -> anyhow::Result<Outcome> {
    let about = "small requests at idle, then under 4 endless heavy encodes";
    let mut outcome = Outcome::new("small-under-heavy", about);
    let (small, big) = (kit.small()?, kit.big()?);
    let requests = stage.requests.unwrap_or(REQUESTS);
    stage.play("small-under-heavy: warming up", &small, 1, 6, Pace::Loose).await?;
    let idle = stage.play("small-under-heavy: idle", &small, 1, requests, Pace::Loose).await?;

    let load = stage.endless(&big, ENCODES).await?;
    stage.reach(&load, ANSWERS).await;
    let alone = stage.over(load).await;

    let load = stage.endless(&big, ENCODES).await?;
    let mut beside = Vec::new();
    loop {
        // Small ones go on until enough heavy answers are here.
        let phase = stage.play("small-under-heavy: under load", &small, 1, requests, Pace::Loose).await?;
        let offset = load.elapsed().as_secs_f64() - phase.seconds;
        beside.extend(phase.samples.into_iter().map(|s| (offset + s.ended.as_secs_f64(), s)));
        if load.samples().len() >= ANSWERS || load.is_over() || stage.stopped() {
            break;
        }
    }
    let heavy = stage.over(load).await;

    outcome.measured("small requests under load", Some(beside.len() as f64), Unit::Count);
    let samples: Vec<_> = beside.iter().map(|(_, s)| s.clone()).collect();
    for work in &small {
        let idle = latencies(of_work(&idle.samples, work));
        let under = latencies(of_work(&samples, work));
        for (name, spread) in [("idle", idle), ("under load", under)] {
            outcome.measured(format!("{} {name}, p50", work.name), spread.map(|s| s.p50), Unit::Ms);
            outcome.measured(format!("{} {name}, p99", work.name), spread.map(|s| s.p99), Unit::Ms);
            outcome.measured(format!("{} {name}, max", work.name), spread.map(|s| s.max), Unit::Ms);
        }
        let both = under.zip(idle);
        let p50 = both.and_then(|(under, idle)| times(under.p50, idle.p50));
        let p99 = both.and_then(|(under, idle)| times(under.p99, idle.p99));
        outcome.at_most(format!("{}: p50 / its idle p50", work.name), p50, 1.5, Unit::Times);
        outcome.at_most(format!("{}: p99 / its idle p99", work.name), p99, 3.0, Unit::Times);
    }

    let (without, with) = (nth_answer(&alone, ANSWERS), nth_answer(&heavy, ANSWERS));
    outcome.measured(
        format!("{ANSWERS} heavy answers without small ones"),
        without.map(|s| s * 1000.0),
        Unit::Ms,
    );
    outcome.measured(format!("{ANSWERS} heavy answers with small ones"), with.map(|s| s * 1000.0), Unit::Ms);
    let each = idle.cpu.and_then(|cpu| times(cpu, idle.samples.len() as f64));
    let taken = each.zip(with).map(|(each, with)| {
        let meanwhile = beside.iter().filter(|(ended, _)| *ended <= with).count();
        each * meanwhile as f64
    });
    outcome.measured("CPU time of the small ones meanwhile", taken.map(|s| s * 1000.0), Unit::Ms);
    let cores = f64::from(stage.target.daemon.cores);
    let kept = without
        .zip(with)
        .zip(taken)
        .and_then(|((without, with), taken)| times(without * 100.0, with - taken / cores));
    outcome.at_least("heavy throughput, without the small ones' own CPU time", kept, 85.0, Unit::Percent);
    Ok(outcome)
}
