//! How soon a small PNG starts while every core encodes.

use super::super::stage::{Pace, Stage};
use super::outcome::{Outcome, Unit};
use super::{Kit, latencies, waits};

/// Small requests where nothing was said.
const REQUESTS: u64 = 100;

/// Plays it.
///
/// # Errors
/// When the daemon takes no connection.
pub async fn play(stage: &mut Stage, kit: &Kit) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::new("heavy-png", "a PNG while each core has a heavy encode");
    let (png, big) = (kit.small_png()?, kit.big()?);
    let requests = stage.requests.unwrap_or(REQUESTS);
    let idle = stage.play("heavy-png: idle", &png, 1, requests, Pace::Loose).await?;
    let encodes = u16::try_from(stage.target.daemon.cores).unwrap_or(u16::MAX).max(2);
    let load = stage.endless(&big, encodes).await?;
    let beside = stage.play("heavy-png: beside heavy encodes", &png, 1, requests, Pace::Loose).await?;
    stage.over(load).await;
    outcome.measured("heavy encodes at once", Some(encodes.into()), Unit::Count);
    outcome.measured("PNG requests beside them", Some(beside.samples.len() as f64), Unit::Count);
    let wait = waits(&beside.samples);
    for (name, spread) in [("idle", waits(&idle.samples)), ("beside", wait)] {
        outcome.measured(format!("start after arrival {name}, p50"), spread.map(|s| s.p50), Unit::Ms);
        outcome.measured(format!("start after arrival {name}, p99"), spread.map(|s| s.p99), Unit::Ms);
        outcome.measured(format!("start after arrival {name}, max"), spread.map(|s| s.max), Unit::Ms);
    }
    for (name, phase) in [("idle", &idle), ("beside", &beside)] {
        outcome.measured(format!("answer {name}, p99"), latencies(&phase.samples).map(|s| s.p99), Unit::Ms);
    }
    outcome.at_most("start after arrival, p99", wait.map(|s| s.p99), 5.0, Unit::Ms);
    Ok(outcome)
}
