//! Takes numbers from jobs. Every series exists from the start, so recording finds it without a label being made.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use squeezed_protocol::ErrorCode;
use squeezed_schedule::Lane;

use super::gauges::{GaugeHandles, Gauges};
use super::names::{self, Family, Type};

/// The plugin's name for jobs that ended before one was found.
const NO_PLUGIN: &str = "none";

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A smaller file.
    Optimized,
    /// The input, with a reason.
    Unchanged,
    /// A guess.
    Estimated,
    /// A look.
    Inspected,
    /// An error.
    Failed(ErrorCode),
}

impl Outcome {
    /// All, in the order of [`Self::index`].
    pub fn all() -> impl Iterator<Item = Outcome> {
        let well = [Outcome::Optimized, Outcome::Unchanged, Outcome::Estimated, Outcome::Inspected];
        well.into_iter().chain(ErrorCode::ALL.into_iter().map(Outcome::Failed))
    }

    /// As a label.
    pub fn name(self) -> String {
        match self {
            Outcome::Optimized => "optimized".into(),
            Outcome::Unchanged => "unchanged".into(),
            Outcome::Estimated => "estimated".into(),
            Outcome::Inspected => "inspected".into(),
            Outcome::Failed(code) => code.name().to_lowercase(),
        }
    }

    fn index(self) -> usize {
        match self {
            Outcome::Optimized => 0,
            Outcome::Unchanged => 1,
            Outcome::Estimated => 2,
            Outcome::Inspected => 3,
            Outcome::Failed(code) => 4 + code as usize,
        }
    }
}

/// A job that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// From the last byte of its image to its start.
    pub queue_wait: Duration,
    /// From its start to its end.
    pub run: Duration,
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// Bytes of its image; counted for `Optimized` and `Unchanged` only.
    pub bytes_in: u64,
    /// Bytes of its answer, the input's where it is unchanged.
    pub bytes_out: u64,
}

/// All counters and histograms. Shared by all threads.
pub struct Metrics {
    handle: Option<PrometheusHandle>,
    plugins: Vec<(String, PluginMetrics)>,
    no_plugin: PluginMetrics,
    busy: Counter,
    deadline_refused: Counter,
    cancels: Counter,
    shared_runs: Counter,
    gauges: GaugeHandles,
}

/// What is counted by plugin.
pub struct PluginMetrics {
    lanes: [LaneMetrics; 2],
    bytes_in: Counter,
    bytes_out: Counter,
    demotions: Counter,
    memory_overruns: Counter,
}

struct LaneMetrics {
    outcomes: Vec<Counter>,
    queue_wait: Histogram,
    run: Histogram,
    cpu: Histogram,
}

impl Metrics {
    /// Metrics that nobody sees: recording does nothing.
    pub fn off() -> Self {
        Self::build(None, &[])
    }

    /// Metrics for these plugins, by id; jobs of any other count under `none`.
    pub fn new(plugins: &[String]) -> Self {
        // The only error is an empty list of buckets; then the builder's own stay.
        let builder = PrometheusBuilder::new().set_buckets(names::BUCKETS);
        Self::build(Some(builder.unwrap_or_default().build_recorder()), plugins)
    }

    fn build(recorder: Option<PrometheusRecorder>, plugins: &[String]) -> Self {
        let r = Registrar(recorder.as_ref());
        r.describe();
        Self {
            plugins: plugins.iter().map(|id| (id.clone(), PluginMetrics::new(&r, id))).collect(),
            no_plugin: PluginMetrics::new(&r, NO_PLUGIN),
            busy: r.counter(&names::BUSY, &[]),
            deadline_refused: r.counter(&names::DEADLINE_REFUSED, &[]),
            cancels: r.counter(&names::CANCELS, &[]),
            shared_runs: r.counter(&names::SHARED_RUNS, &[]),
            gauges: GaugeHandles::new(&r),
            handle: recorder.map(|r| r.handle()),
        }
    }

    /// Whether anybody may look.
    pub fn is_on(&self) -> bool {
        self.handle.is_some()
    }

    /// The numbers of a plugin; a look through a short list, no allocation.
    pub fn plugin(&self, id: &str) -> &PluginMetrics {
        self.plugins.iter().find(|p| p.0 == id).map_or(&self.no_plugin, |p| &p.1)
    }

    /// The numbers of jobs that ended before their plugin was known.
    pub fn no_plugin(&self) -> &PluginMetrics {
        &self.no_plugin
    }

    /// A request was answered BUSY.
    pub fn busy(&self) {
        self.busy.increment(1);
    }

    /// A request was refused because its deadline was too near.
    pub fn deadline_refused(&self) {
        self.deadline_refused.increment(1);
    }

    /// A client gave a job up.
    pub fn cancelled(&self) {
        self.cancels.increment(1);
    }

    /// A job was answered by the run of an identical one.
    pub fn shared_run(&self) {
        self.shared_runs.increment(1);
    }

    /// Everything in the text form of Prometheus; empty if off. Takes a millisecond: not on an async thread.
    pub fn render(&self, gauges: &dyn Gauges) -> String {
        let Some(handle) = &self.handle else { return String::new() };
        self.gauges.set(&gauges.read());
        handle.render()
    }

    /// Folds what was recorded since into the histograms. To be called now and then where nobody scrapes: the samples
    /// take memory until then.
    pub fn upkeep(&self) {
        if let Some(handle) = &self.handle {
            handle.run_upkeep();
        }
    }
}

impl PluginMetrics {
    fn new(r: &Registrar<'_>, plugin: &str) -> Self {
        Self {
            lanes: Lane::ALL.map(|lane| LaneMetrics::new(r, plugin, lane)),
            bytes_in: r.counter(&names::INPUT_BYTES, &[plugin]),
            bytes_out: r.counter(&names::OUTPUT_BYTES, &[plugin]),
            demotions: r.counter(&names::DEMOTIONS, &[plugin]),
            memory_overruns: r.counter(&names::MEMORY_OVERRUNS, &[plugin]),
        }
    }

    /// A job ended in this lane.
    pub fn ended(&self, lane: Lane, job: &Ended) {
        let [light, heavy] = &self.lanes;
        let numbers = match lane {
            Lane::Light => light,
            Lane::Heavy => heavy,
        };
        if let Some(outcome) = numbers.outcomes.get(job.outcome.index()) {
            outcome.increment(1);
        }
        numbers.queue_wait.record(job.queue_wait);
        numbers.run.record(job.run);
        numbers.cpu.record(job.cpu);
        if matches!(job.outcome, Outcome::Optimized | Outcome::Unchanged) {
            self.bytes_in.increment(job.bytes_in);
            self.bytes_out.increment(job.bytes_out);
        }
    }

    /// A light job overran and went to the heavy lane.
    pub fn demoted(&self) {
        self.demotions.increment(1);
    }

    /// A job took half as much memory again as planned.
    pub fn memory_overrun(&self) {
        self.memory_overruns.increment(1);
    }
}

impl LaneMetrics {
    fn new(r: &Registrar<'_>, plugin: &str, lane: Lane) -> Self {
        let labels = [plugin, lane.name()];
        let outcome = |o: Outcome| r.counter(&names::JOBS, &[plugin, lane.name(), &o.name()]);
        Self {
            outcomes: Outcome::all().map(outcome).collect(),
            queue_wait: r.histogram(&names::QUEUE_WAIT, &labels),
            run: r.histogram(&names::RUN, &labels),
            cpu: r.histogram(&names::CPU, &labels),
        }
    }
}

/// Makes series, or stand-ins that do nothing.
pub(super) struct Registrar<'a>(Option<&'a PrometheusRecorder>);

impl Registrar<'_> {
    fn describe(&self) {
        let Some(r) = self.0 else { return };
        for f in names::FAMILIES {
            match f.kind {
                Type::Counter => r.describe_counter(f.name.into(), None, f.help.into()),
                Type::Gauge => r.describe_gauge(f.name.into(), None, f.help.into()),
                Type::Histogram => r.describe_histogram(f.name.into(), None, f.help.into()),
            }
        }
    }

    pub(super) fn counter(&self, family: &Family, values: &[&str]) -> Counter {
        self.0.map_or_else(Counter::noop, |r| r.register_counter(&key(family, values), &METADATA))
    }

    pub(super) fn gauge(&self, family: &Family, values: &[&str]) -> Gauge {
        self.0.map_or_else(Gauge::noop, |r| r.register_gauge(&key(family, values), &METADATA))
    }

    fn histogram(&self, family: &Family, values: &[&str]) -> Histogram {
        self.0.map_or_else(Histogram::noop, |r| r.register_histogram(&key(family, values), &METADATA))
    }
}

const METADATA: Metadata<'static> = Metadata::new("squeezed", metrics::Level::INFO, None);

fn key(family: &Family, values: &[&str]) -> Key {
    let labels = family.labels.iter().zip(values);
    Key::from_parts(
        family.name,
        labels.map(|(name, v)| Label::new(*name, (*v).to_owned())).collect::<Vec<_>>(),
    )
}
