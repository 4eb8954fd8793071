//! What a scenario measured, what it must show, and whether it does.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::super::cpu::Used;
use super::super::report::errors;
use super::super::sample::Sample;
use super::super::stats::{Totals, time};
use crate::table::{Table, left, right};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Times something else.
    Times,
    /// Percent.
    Percent,
    /// Things.
    Count,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Ms => "ms",
            Unit::Times => "x",
            Unit::Percent => "%",
            Unit::Count => "",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Unit::Ms => time(value),
            Unit::Times => format!("{value:.2} x"),
            Unit::Percent => format!("{value:.1} %"),
            Unit::Count => format!("{value}"),
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something that was measured.
#[derive(Debug, Serialize)]
struct Figure {
    what: String,
    value: f64,
    unit: Unit,
}

/// Which side of its limit a figure must be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    AtMost,
    AtLeast,
}

/// A figure that a scenario must show.
#[derive(Debug, Serialize)]
struct Demand {
    what: String,
    value: Option<f64>,
    unit: Unit,
    side: Side,
    limit: f64,
    holds: bool,
}

/// What a scenario came to. Its JSON form is described in `docs/cli.md`.
#[derive(Debug, Serialize)]
pub struct Outcome {
    scenario: &'static str,
    about: &'static str,
    complete: bool,
    holds: bool,
    requests: u64,
    busy: u64,
    errors: BTreeMap<&'static str, u64>,
    spared: u64,
    other_cores: Option<f64>,
    #[serde(skip)]
    used: Used,
    measured: Vec<Figure>,
    must_show: Vec<Demand>,
}

impl Outcome {
    /// An outcome without figures.
    pub fn new(scenario: &'static str, about: &'static str) -> Self {
        Self {
            scenario,
            about,
            complete: false,
            holds: false,
            requests: 0,
            busy: 0,
            errors: BTreeMap::new(),
            spared: 0,
            other_cores: None,
            used: Used::default(),
            measured: Vec::new(),
            must_show: Vec::new(),
        }
    }

    /// Something that was measured; nothing where it was not.
    pub fn measured(&mut self, what: impl Into<String>, value: Option<f64>, unit: Unit) {
        self.measured.extend(value.map(|value| Figure { what: what.into(), value, unit }));
    }

    /// A figure that must not be exceeded.
    pub fn at_most(&mut self, what: impl Into<String>, value: Option<f64>, limit: f64, unit: Unit) {
        let holds = value.is_some_and(|v| v <= limit);
        self.must_show.push(Demand { what: what.into(), value, unit, side: Side::AtMost, limit, holds });
    }

    /// A figure that must be reached.
    pub fn at_least(&mut self, what: impl Into<String>, value: Option<f64>, limit: f64, unit: Unit) {
        let holds = value.is_some_and(|v| v >= limit);
        self.must_show.push(Demand { what: what.into(), value, unit, side: Side::AtLeast, limit, holds });
    }

    /// Adds what is the same for all scenarios. What is not complete holds nothing.
    pub fn finish(&mut self, sent: &[Sample], complete: bool, spared: u64, used: Used) {
        let totals = Totals::of(sent);
        (self.requests, self.busy, self.errors) = (totals.requests, totals.busy, totals.errors);
        (self.complete, self.spared, self.used, self.other_cores) = (complete, spared, used, used.others);
        self.holds = complete && !self.failed() && self.must_show.iter().all(|d| d.holds);
    }

    /// Whether a request ended in an error.
    pub fn failed(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether it shows all that it must.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.scenario, self.about)];
        let mut table = Table::new(&[left("measured", 0), right("", 0)]);
        for f in &self.measured {
            table.row([f.what.clone(), f.unit.show(f.value)]);
        }
        lines.extend(table.lines(2, None));
        let mut table = Table::new(&[left("must show", 0), right("", 0), left("", 0), left("", 0)]);
        for d in &self.must_show {
            let limit = format!(
                "{} {}",
                if d.side == Side::AtLeast { "at least" } else { "at most" },
                d.unit.show(d.limit)
            );
            table.row([d.what.clone(), shown(d), limit, verdict(d).into()]);
        }
        lines.extend(table.lines(2, None));
        let spared = if self.spared == 0 {
            String::new()
        } else {
            format!(", {} answered without a run", self.spared)
        };
        lines.push(format!(
            "  {} requests, {} BUSY, {}{spared}",
            self.requests,
            self.busy,
            errors(&self.errors)
        ));
        lines.extend(self.used.noise().map(|text| format!("  {text}")));
        if !self.complete {
            lines.push("  stopped before its end".into());
        }
        lines.join("\n") + "\n\n"
    }
}

fn shown(d: &Demand) -> String {
    d.value.map_or_else(|| "-".into(), |v| d.unit.show(v))
}

fn verdict(d: &Demand) -> &'static str {
    match d.value {
        None => "not measured",
        Some(_) if d.holds => "holds",
        Some(_) => "MISSED",
    }
}

/// All demands of several scenarios at a glance.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new(&[
        left("SCENARIO", 0),
        left("MUST SHOW", 0),
        right("", 0),
        right("LIMIT", 0),
        left("", 0),
    ]);
    for o in outcomes {
        for d in &o.must_show {
            table.row([o.scenario.into(), d.what.clone(), shown(d), d.unit.show(d.limit), verdict(d).into()]);
        }
    }
    table.lines(0, None).join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let mut o = Outcome::new("jpeg4", "4 JPEG requests at once");
        o.measured("one alone", Some(812.4), Unit::Ms);
        o.measured("most running at once", Some(2.0), Unit::Count);
        o.measured("not there", None, Unit::Ms);
        o.at_most("total time / (CPU time / cores)", Some(1.04), 1.15, Unit::Times);
        o.at_most("p99 against idle", Some(424.0), 3.0, Unit::Times);
        o.at_least("heavy throughput", None, 85.0, Unit::Percent);
        o.finish(&[], true, 0, Used::default());
        o
    }

    #[test]
    fn for_people() {
        let one = outcome();
        insta::assert_snapshot!(one.text() + &table(&[outcome(), outcome()]));
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&outcome()).unwrap());
    }

    #[test]
    fn it_holds_when_all_of_it_does() {
        assert!(!outcome().holds());
        let mut o = Outcome::new("a", "b");
        o.at_least("c", Some(1.0), 1.0, Unit::Times);
        assert!(!o.holds(), "not yet complete");
        o.finish(&[], true, 0, Used::default());
        assert!(o.holds());
    }
}
