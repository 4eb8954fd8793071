//! The situations that the daemon promises to master. Each measures what is idle and what is not in the same run, and says
//! what it must show.

mod heavy_png;
mod jpeg4;
mod mixed100;
mod outcome;
mod small_under_heavy;
mod webp_search;

use super::args::{Bench, ScenarioName};
use super::sample::{Class, Sample, Work};
use super::stage::Stage;
use super::stats::Spread;
use super::target::Target;
use super::{material, print};
use crate::args::Global;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use squeezed_client::JobOptions;

/// Plays one scenario or all of them.
///
/// # Errors
/// When there is no daemon, or stdout takes nothing.
pub async fn run(
    global: &Global,
    args: Bench,
    name: ScenarioName,
    interrupt: Interrupt,
) -> anyhow::Result<Exit> {
    let kit = Kit::of(&args)?;
    let target = Target::open(global).await?;
    let mut stage = Stage::new(target, args.requests, global.quiet, interrupt);
    let names: Vec<ScenarioName> = match name {
        ScenarioName::All => vec![
            ScenarioName::Jpeg4,
            ScenarioName::WebpSearch,
            ScenarioName::HeavyPng,
            ScenarioName::Mixed100,
            ScenarioName::SmallUnderHeavy,
        ],
        one => vec![one],
    };
    let mut outcomes = Vec::new();
    for name in names {
        if stage.stopped() {
            break;
        }
        stage.begin().await;
        let (spared, clock) = (stage.target.spared().await, stage.target.clock());
        let mut outcome = match name {
            ScenarioName::Jpeg4 => jpeg4::play(&mut stage, &kit).await?,
            ScenarioName::WebpSearch => webp_search::play(&mut stage, &kit).await?,
            ScenarioName::HeavyPng => heavy_png::play(&mut stage, &kit).await?,
            ScenarioName::Mixed100 => mixed100::play(&mut stage, &kit).await?,
            ScenarioName::SmallUnderHeavy | ScenarioName::All => {
                small_under_heavy::play(&mut stage, &kit).await?
            }
        };
        stage.end();
        let spared = stage.target.spared().await.saturating_sub(spared);
        outcome.finish(&stage.sent, !stage.stopped(), spared, stage.target.used(&clock));
        print(&if global.json { serde_json::to_string(&outcome)? + "\n" } else { outcome.text() })?;
        outcomes.push(outcome);
    }
    if outcomes.len() > 1 && !global.json {
        print(&outcome::table(&outcomes))?;
    }
    let missed = outcomes.iter().any(|o| o.failed() || (args.check && !o.holds()));
    Ok(match () {
        () if stage.stopped() => Exit::Interrupted,
        () if missed => Exit::Missed,
        () => Exit::Ok,
    })
}

/// What the scenarios send.
struct Kit {
    light: JobOptions,
    heavy: JobOptions,
    format: super::texture::Format,
}

impl Kit {
    fn of(args: &Bench) -> anyhow::Result<Self> {
        let options = |class| args.options(class).map_err(|text| Exit::Usage.because(text));
        let mut heavy = options(Class::Heavy)?;
        if args.heavy_options.is_none() {
            // What a JPEG is best at takes long only where it is encoded anew.
            heavy.quality = Some(80);
        }
        let format = args.heavy_format.unwrap_or(super::texture::Format::Jpeg);
        Ok(Self { light: options(Class::Light)?, heavy, format })
    }

    fn small(&self) -> anyhow::Result<material::Works> {
        material::small(&self.light)
    }

    fn small_png(&self) -> anyhow::Result<material::Works> {
        let mut works = self.small()?;
        works.truncate(1);
        Ok(works)
    }

    fn big(&self) -> anyhow::Result<material::Works> {
        Ok(vec![material::big(self.format, &self.heavy)?])
    }
}

/// Milliseconds of those that were answered.
fn latencies<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Option<Spread> {
    let good = samples.into_iter().filter(|s| s.answer.is_ok());
    Spread::of(good.map(|s| s.latency.as_secs_f64() * 1000.0))
}

/// Milliseconds that those that were answered waited in the daemon.
fn waits<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Option<Spread> {
    Spread::of(samples.into_iter().filter_map(|s| Some(s.answer.as_ref().ok()?.queue_ms)))
}

/// Those of one picture.
fn of_work<'a>(samples: &'a [Sample], work: &'a Work) -> impl Iterator<Item = &'a Sample> {
    samples.iter().filter(|s| s.name == work.name)
}

/// When the answer of this number was here, in seconds from the start.
fn nth_answer(samples: &[Sample], n: usize) -> Option<f64> {
    let mut ends: Vec<f64> =
        samples.iter().filter(|s| s.answer.is_ok()).map(|s| s.ended.as_secs_f64()).collect();
    ends.sort_by(f64::total_cmp);
    ends.get(n.checked_sub(1)?).copied()
}

/// How many times as much; `None` where there is nothing to compare with.
fn times(value: f64, base: f64) -> Option<f64> {
    (base > 0.0).then(|| value / base)
}
