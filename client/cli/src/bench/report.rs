//! What a mix came to, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cpu::Used;
use super::load::Crew;
use super::material::Works;
use super::mix::Mix;
use super::sample::{Class, Sample};
use super::stats::{Spread, Totals, shape, time};
use super::target::Daemon;
use crate::size::{bytes, count, saved_percent};
use crate::table::{Table, left, right};

/// What a mix came to. Its JSON form is described in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub struct Report {
    daemon: Daemon,
    concurrency: u16,
    streams: u16,
    mix: Mix,
    material: BTreeMap<&'static str, Material>,
    /// Whether everything was sent that was to be sent.
    pub complete: bool,
    seconds: f64,
    requests_per_second: f64,
    megabytes_per_second: f64,
    megapixels_per_second: f64,
    saved_percent: f64,
    /// What the daemon used; unknown where its process cannot be seen.
    pub cpu_seconds: Option<f64>,
    /// Cores that other programs kept busy meanwhile.
    pub other_cores: Option<f64>,
    /// The same, to be put into words.
    #[serde(skip)]
    pub used: Used,
    /// Requests that the daemon answered without work of their own.
    pub spared: u64,
    all: Totals,
    classes: BTreeMap<&'static str, Totals>,
}

#[derive(Debug, Default, Serialize)]
struct Material {
    pictures: u64,
    bytes: u64,
}

impl Report {
    /// Sums up a load.
    pub fn new(
        daemon: &Daemon,
        crew: Crew,
        mix: Mix,
        works: &Works,
        seconds: f64,
        samples: &[Sample],
    ) -> Self {
        let mut material: BTreeMap<&'static str, Material> = BTreeMap::new();
        for work in works {
            let entry = material.entry(work.class.name()).or_default();
            entry.pictures += 1;
            entry.bytes += work.bytes.len() as u64;
        }
        let mut classes = BTreeMap::new();
        for class in [Class::Light, Class::Heavy] {
            let totals = Totals::of(samples.iter().filter(|s| s.class == class));
            if totals.requests + totals.failed() > 0 {
                classes.insert(class.name(), totals);
            }
        }
        let all = Totals::of(samples);
        let rate = |n: f64| if seconds > 0.0 { n / seconds } else { 0.0 };
        Self {
            daemon: daemon.clone(),
            concurrency: crew.connections,
            streams: crew.streams,
            mix,
            material,
            complete: true,
            seconds,
            requests_per_second: rate(all.requests as f64),
            megabytes_per_second: rate(all.bytes_in as f64 / 1e6),
            megapixels_per_second: rate(all.megapixels),
            saved_percent: saved_percent(all.bytes_in, all.bytes_out),
            cpu_seconds: None,
            other_cores: None,
            used: Used::default(),
            spared: 0,
            all,
            classes,
        }
    }

    /// Whether any request ended in an error.
    pub fn failed(&self) -> bool {
        self.all.failed() > 0
    }

    /// The report for people.
    pub fn text(&self, samples: &[Sample]) -> String {
        let d = &self.daemon;
        let mut lines = vec![format!(
            "squeezed {} (process {}) at {}, {}",
            d.version,
            d.pid,
            d.socket.display(),
            count(d.cores.into(), "core")
        )];
        let material =
            ["light", "heavy"].into_iter().filter_map(|name| Some((name, self.material.get(name)?)));
        let material: Vec<String> = material
            .map(|(name, m)| format!("{name} {} of {}", count(m.pictures, "picture"), bytes(m.bytes)))
            .collect();
        lines.push(format!("  material: {}", material.join(", ")));
        let streams = if self.streams == 1 { String::new() } else { format!(" of {} streams", self.streams) };
        lines.push(format!(
            "  load: {}{streams}, {} light to {} heavy",
            count(self.concurrency.into(), "connection"),
            self.mix.light,
            self.mix.heavy
        ));
        lines.push(String::new());
        lines.extend(self.table().lines(2, None));
        lines.push(String::new());
        for class in [Class::Light, Class::Heavy] {
            let good = samples.iter().filter(|s| s.class == class && s.answer.is_ok());
            if let Some(shape) = shape(good.map(|s| s.latency.as_secs_f64() * 1000.0)) {
                lines.push(format!("  {}  {shape}", class.name()));
            }
        }
        lines.extend(self.summary());
        lines.join("\n") + "\n"
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            left("CLASS", 0),
            right("REQUESTS", 0),
            right("P50", 0),
            right("P90", 0),
            right("P99", 0),
            right("MAX", 0),
            right("WAITED P50", 0),
            right("P99", 0),
            right("BUSY", 0),
            right("ERRORS", 0),
        ]);
        for name in ["light", "heavy"] {
            let Some(t) = self.classes.get(name) else { continue };
            let at = |spread: Option<Spread>, pick: fn(&Spread) -> f64| {
                spread.as_ref().map_or_else(|| "-".into(), |s| time(pick(s)))
            };
            table.row([
                name.into(),
                t.requests.to_string(),
                at(t.latency_ms, |s| s.p50),
                at(t.latency_ms, |s| s.p90),
                at(t.latency_ms, |s| s.p99),
                at(t.latency_ms, |s| s.max),
                at(t.queue_ms, |s| s.p50),
                at(t.queue_ms, |s| s.p99),
                t.busy.to_string(),
                t.failed().to_string(),
            ]);
        }
        table
    }

    fn summary(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!(
                "  {} in {:.2} s: {:.1} a second, {:.2} MB/s, {:.2} megapixels/s, {:.1} % saved",
                count(self.all.requests, "request"),
                self.seconds,
                self.requests_per_second,
                self.megabytes_per_second,
                self.megapixels_per_second,
                self.saved_percent
            ),
        ];
        if let Some(cpu) = self.cpu_seconds {
            let used = if self.seconds > 0.0 { cpu / self.seconds } else { 0.0 };
            lines.push(format!(
                "  daemon: {cpu:.2} s of CPU, {used:.2} of {}",
                count(self.daemon.cores.into(), "core")
            ));
        }
        if self.spared > 0 {
            lines.push(format!("  {} shared a run or came from the cache", count(self.spared, "answer")));
        }
        lines.push(format!("  {} BUSY, {}", self.all.busy, errors(&self.all.errors)));
        lines.extend(self.used.noise().map(|text| format!("  {text}")));
        if !self.complete {
            lines.push("  stopped before everything was sent".into());
        }
        lines
    }
}

/// Errors by name.
pub fn errors(errors: &BTreeMap<&'static str, u64>) -> String {
    if errors.is_empty() {
        return "no errors".into();
    }
    let list: Vec<String> = errors.iter().map(|(name, n)| format!("{n} {name}")).collect();
    format!("errors: {}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::sample::{Answer, Work};
    use super::*;

    fn report() -> (Report, Vec<Sample>) {
        let daemon = Daemon { socket: "/run/s".into(), version: "0.1.0".into(), pid: 42, cores: 2 };
        let crew = Crew { connections: 8, streams: 2, vary: true };
        let work = |class, size| {
            let (name, options) = (String::new(), squeezed_client::JobOptions::default());
            Arc::new(Work { name, class, bytes: vec![0; size].into(), options })
        };
        let works =
            vec![work(Class::Light, 20_000), work(Class::Light, 50_000), work(Class::Heavy, 1_600_000)];
        let answer = Answer { queue_ms: 0.5, run_ms: 40.0, before: 20_000, after: 15_000, pixels: 100_000 };
        let sample = |class, ms| Sample {
            name: String::new(),
            class,
            ended: Duration::from_millis(ms),
            latency: Duration::from_millis(ms),
            busy: 0,
            answer: Ok(answer),
        };
        let mut samples: Vec<Sample> = (1..=90).map(|n| sample(Class::Light, 20 + n)).collect();
        samples.extend((1..=10).map(|n| sample(Class::Heavy, 1000 + n * n * 10)));
        samples.push(Sample { busy: 3, answer: Err("BUSY"), ..sample(Class::Light, 5) });
        let mut report = Report::new(&daemon, crew, Mix::default(), &works, 4.0, &samples);
        report.used = Used { daemon: Some(7.5), others: Some(0.25) };
        (report.cpu_seconds, report.other_cores) = (report.used.daemon, report.used.others);
        (report.complete, report.spared) = (false, 1);
        (report, samples)
    }

    #[test]
    fn for_people() {
        let (report, samples) = report();
        insta::assert_snapshot!(report.text(&samples));
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&report().0).unwrap());
    }
}
