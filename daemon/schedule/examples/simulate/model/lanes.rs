//! The executor and the kernel around the real [`Schedule`]: Light's threads run at full speed, Heavy's share the cores
//! that these leave, as a niced lane does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use squeezed_schedule::{Arrival, Config, Expected, JobId, Lane, Refused, Schedule, Stage};

use super::{Job, MS, Outcome, Workload};

/// How often Heavy's CPU is measured.
const SAMPLE: u64 = 10 * MS;
/// CPU that every examination is expected to take.
const EXAMINATION: Duration = Duration::from_millis(1);

/// Runs the workload through the lanes.
pub fn lanes(load: &Workload, config: Config) -> Outcome {
    let cores = config.cores;
    let mut lanes = Lanes::new(load, config);
    while lanes.step() {}
    std::mem::take(&mut lanes.outcome).finish(load, cores)
}

/// A daemon in virtual time.
struct Lanes<'a> {
    load: &'a Workload,
    schedule: Schedule,
    now: u64,
    jobs: Vec<Known>,
    next_open: usize,
    next_closed: usize,
    light: BinaryHeap<Reverse<(u64, JobId, LightEnd)>>,
    heavy: BinaryHeap<Reverse<(u64, JobId)>>,
    /// CPU that each of Heavy's threads got so far.
    heavy_clock: u64,
    heavy_cpu: u64,
    sample: u64,
    wake: Option<u64>,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
struct Known {
    greedy: bool,
    number: usize,
    from: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LightEnd {
    Done,
    Demoted,
}

impl<'a> Lanes<'a> {
    /// An idle daemon before the first arrival.
    fn new(load: &'a Workload, config: Config) -> Self {
        let mut lanes = Self {
            load,
            schedule: Schedule::new(config),
            now: 0,
            jobs: Vec::new(),
            next_open: 0,
            next_closed: load.depth.min(load.closed.len()),
            light: BinaryHeap::new(),
            heavy: BinaryHeap::new(),
            heavy_clock: 0,
            heavy_cpu: 0,
            sample: 0,
            wake: None,
            outcome: Outcome::default(),
        };
        for number in 0..lanes.next_closed {
            lanes.admit(true, number);
        }
        lanes.dispatch();
        lanes
    }

    /// Goes on to the next event. False when nothing will ever happen any more.
    fn step(&mut self) -> bool {
        let (idle_cores, sharers) = (self.cores() - self.light.len() as u64, self.heavy.len() as u64);
        let share = idle_cores.min(sharers);
        let heavy = self.heavy.peek().filter(|_| share > 0).map(|Reverse((target, _))| {
            self.now + (target.saturating_sub(self.heavy_clock) * sharers).div_ceil(share)
        });
        let light = self.light.peek().map(|Reverse((end, ..))| *end);
        let arrival = self.load.open.get(self.next_open).map(|job| job.at);
        let sample = (sharers > 0).then_some(self.sample);
        let Some(next) = [heavy, light, arrival, sample, self.wake].into_iter().flatten().min() else {
            return false;
        };
        let next = next.max(self.now);
        let heavy_cpu = (next - self.now) * share;
        self.heavy_clock += heavy_cpu.checked_div(sharers).unwrap_or(0);
        self.heavy_cpu += heavy_cpu;
        self.now = next;
        if sample.is_some_and(|sample| sample <= next) || sharers == 0 {
            self.sample = next + SAMPLE;
            let cpu = Duration::from_nanos(std::mem::take(&mut self.heavy_cpu));
            self.schedule.heavy_used(self.time(), cpu);
        }
        while self.load.open.get(self.next_open).is_some_and(|job| job.at <= next) {
            self.next_open += 1;
            self.admit(false, self.next_open - 1);
        }
        while self.light.peek().is_some_and(|Reverse((end, ..))| *end <= next) {
            let Some(Reverse((_, id, end))) = self.light.pop() else { break };
            self.light_ended(id, end);
        }
        while self.heavy.peek().is_some_and(|Reverse((target, _))| *target <= self.heavy_clock) {
            let Some(Reverse((_, id))) = self.heavy.pop() else { break };
            self.done(id);
        }
        self.dispatch();
        true
    }

    fn light_ended(&mut self, id: JobId, end: LightEnd) {
        let (known, job) = self.job(id);
        let time = self.time();
        match (end, known.stage) {
            (LightEnd::Demoted, _) => {
                self.schedule.demote(time, id);
                let left = job.work - overrun(job.expected);
                self.heavy.push(Reverse((self.heavy_clock + left, id)));
            }
            (LightEnd::Done, Stage::Work) => self.done(id),
            (LightEnd::Done, Stage::Examination) => {
                self.jobs[id.get() as usize].stage = Stage::Work;
                let cpu = Duration::from_nanos(job.expected);
                let expected = Expected { cpu, memory: 0, lane: self.schedule.config().lane(cpu) };
                let placed = self.schedule.place(time, id, Duration::from_nanos(job.examination), expected);
                assert_eq!(placed, Ok(()), "it has no deadline");
            }
        }
    }

    fn done(&mut self, id: JobId) {
        let (known, job) = self.job(id);
        self.schedule.ended(self.time(), id, Duration::from_nanos(job.work));
        self.outcome.ended(&job, known.greedy, known.from, self.now, self.load);
        if known.greedy && self.next_closed < self.load.closed.len() {
            self.next_closed += 1;
            self.admit(true, self.next_closed - 1);
        }
    }

    fn dispatch(&mut self) {
        let time = self.time();
        while let Some(id) = self.schedule.next(time, Lane::Light, &mut |_, _| true) {
            let (known, job) = self.job(id);
            let limit = overrun(job.expected);
            let (cpu, end) = match known.stage {
                Stage::Examination => (job.examination, LightEnd::Done),
                Stage::Work if job.work > limit => (limit, LightEnd::Demoted),
                Stage::Work => (job.work, LightEnd::Done),
            };
            self.light.push(Reverse((self.now + cpu, id, end)));
        }
        while let Some(id) = self.schedule.next(time, Lane::Heavy, &mut |_, _| true) {
            let (_, job) = self.job(id);
            self.heavy.push(Reverse((self.heavy_clock + job.work, id)));
        }
        self.wake = self
            .schedule
            .next_wake(time)
            .map(|wait| self.now + u64::try_from(wait.as_nanos()).unwrap_or(SAMPLE));
    }

    fn admit(&mut self, greedy: bool, number: usize) {
        let job = if greedy { &self.load.closed[number] } else { &self.load.open[number] };
        let arrival = Arrival {
            uid: job.uid,
            connection: job.connection,
            bytes: job.work / 100,
            expected: EXAMINATION,
            deadline: None,
        };
        match self.schedule.admit(self.time(), arrival) {
            Ok(id) => {
                assert_eq!(id.get() as usize, self.jobs.len(), "numbers are given one by one");
                self.jobs.push(Known { greedy, number, from: self.now, stage: Stage::Examination });
            }
            Err(Refused::Busy { .. } | Refused::Deadline { .. }) => self.outcome.refused += 1,
        }
    }

    fn job(&self, id: JobId) -> (Known, Job) {
        let known = self.jobs[id.get() as usize];
        (known, if known.greedy { self.load.closed[known.number] } else { self.load.open[known.number] })
    }

    fn cores(&self) -> u64 {
        self.schedule.config().cores as u64
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.now)
    }
}

/// The CPU after which a light job is demoted.
fn overrun(expected: u64) -> u64 {
    (expected * 4).max(50 * MS)
}
