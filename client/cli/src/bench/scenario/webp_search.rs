//! Small requests beside a search for the quality that saves just so much: many encodes of a large WebP one after another.

use squeezed_client::{Effort, JobOptions};

use super::super::material;
use super::super::sample::Class;
use super::super::stage::{Pace, Stage};
use super::super::texture::Format;
use super::outcome::{Outcome, Unit};
use super::{Kit, latencies, times};

/// Small requests where nothing was said.
const REQUESTS: u64 = 150;

/// Plays it.
///
/// # Errors
/// When the daemon takes no connection.
pub async fn play(stage: &mut Stage, kit: &Kit) -> anyhow::Result<Outcome> {
    let mut outcome =
        Outcome::new("webp-search", "3 small requests at a time beside a search for a WebP quality");
    let small = kit.small()?;
    let search = JobOptions {
        quality: Some(80),
        max_reduction: Some(85.0),
        effort: Effort::Best,
        ..JobOptions::default()
    };
    let search = vec![material::made(Class::Heavy, Format::Webp, (2048, 1536), 15, &search)?];
    let requests = stage.requests.unwrap_or(REQUESTS);
    let idle = stage.play("webp-search: idle", &small, 3, requests, Pace::Loose).await?;
    let load = stage.endless(&search, 1).await?;
    let beside = stage.play("webp-search: beside the search", &small, 3, requests, Pace::Loose).await?;
    let searches = stage.over(load).await;
    outcome.measured("small requests beside the search", Some(beside.samples.len() as f64), Unit::Count);
    let (idle, beside) = (latencies(&idle.samples), latencies(&beside.samples));
    outcome.measured("searches that ended meanwhile", Some(searches.len() as f64), Unit::Count);
    outcome.measured("a search, p50", latencies(&searches).map(|s| s.p50), Unit::Ms);
    for (name, spread) in [("idle", idle), ("beside the search", beside)] {
        outcome.measured(format!("small {name}, p50"), spread.map(|s| s.p50), Unit::Ms);
        outcome.measured(format!("small {name}, p99"), spread.map(|s| s.p99), Unit::Ms);
        outcome.measured(format!("small {name}, max"), spread.map(|s| s.max), Unit::Ms);
    }
    let ratio = beside.zip(idle).and_then(|(beside, idle)| times(beside.p99, idle.p99));
    outcome.at_most("small p99 / its idle p99", ratio, 3.0, Unit::Times);
    Ok(outcome)
}
