//! An executor without threads: keeps its own books of every job and compares them with the scheduler's at each step.

use std::collections::BTreeMap;
use std::time::Duration;

use squeezed_schedule::{Arrival, Config, Expected, JobId, Lane, Refused, Schedule, Stage, Time};

/// One job in the executor's own books.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub arrival: Arrival,
    pub arrived: Time,
    pub stage: Stage,
    pub lane: Lane,
    /// What the stage it is in was said to take.
    pub cpu: Duration,
    pub memory: u64,
    pub run: Run,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    Waits,
    Runs,
    Demoted,
}

/// A scheduler and the books beside it.
pub struct Executor {
    pub schedule: Schedule,
    pub now: Time,
    pub jobs: BTreeMap<JobId, Known>,
    /// Whether the next work that asks for memory gets it.
    pub memory_fits: bool,
    /// The job of each lane (Light, Heavy) that was told to wait for memory.
    pub blocked: [Option<JobId>; 2],
    pub admitted: usize,
    pub finished: usize,
}

impl Executor {
    pub fn new(config: Config) -> Self {
        Self {
            schedule: Schedule::new(config),
            now: Time::ZERO,
            jobs: BTreeMap::new(),
            memory_fits: true,
            blocked: [None; 2],
            admitted: 0,
            finished: 0,
        }
    }

    pub fn admit(&mut self, arrival: Arrival) -> Result<JobId, Refused> {
        let before = self.schedule.snapshot(self.now);
        let id = self.schedule.admit(self.now, arrival)?;
        let after = self.schedule.snapshot(self.now);
        let config = self.schedule.config();
        assert!(after.waiting_jobs <= config.queue_jobs.saturating_add(config.cores));
        assert!(before.waiting_bytes == 0 || after.waiting_bytes <= config.queue_bytes);
        let known = Known {
            arrival,
            arrived: self.now,
            stage: Stage::Examination,
            lane: Lane::Light,
            cpu: arrival.expected,
            memory: 0,
            run: Run::Waits,
        };
        assert!(self.jobs.insert(id, known).is_none(), "a number is given once");
        self.admitted += 1;
        Ok(id)
    }

    /// A thread of the lane asks.
    pub fn ask(&mut self, lane: Lane) -> Option<JobId> {
        let blocked = self.blocked[lane as usize];
        let room = self.count(lane, Run::Runs)
            < match lane {
                Lane::Light => self.threads_of_light(),
                Lane::Heavy => self.schedule.config().heavy_threads,
            };
        let (fits, mut asked) = (self.memory_fits, None);
        let got = self.schedule.next(self.now, lane, &mut |id, memory| {
            assert!(asked.replace((id, memory)).is_none(), "one job is in turn");
            fits
        });
        if let Some((id, memory)) = asked {
            let known = self.jobs[&id];
            assert_eq!((known.stage, known.lane, known.memory), (Stage::Work, lane, memory));
            assert!(blocked.is_none_or(|blocked| blocked == id), "nothing overtakes what waits for memory");
            self.blocked[lane as usize] = (!fits).then_some(id);
        }
        let admissible = self.jobs.values().any(|job| {
            job.run == Run::Waits && job.lane == lane && (fits || job.stage == Stage::Examination)
        });
        assert_eq!(got.is_some(), room && admissible, "a free thread works whenever it can");
        let id = got?;
        let known = self.jobs.get_mut(&id).expect("it is known");
        assert_eq!((known.run, known.lane), (Run::Waits, lane), "no job runs twice or elsewhere");
        assert!(known.stage == Stage::Examination || asked.is_some_and(|(asked, _)| asked == id && fits));
        known.run = Run::Runs;
        Some(id)
    }

    /// A run ends that took `used`: an examination with this outcome, or work.
    pub fn end(&mut self, id: JobId, used: Duration, found: Option<(Duration, u64)>) {
        let known = self.jobs[&id];
        assert_ne!(known.run, Run::Waits);
        if let (Stage::Examination, Some((cpu, memory))) = (known.stage, found) {
            let lane = self.schedule.config().lane(cpu);
            match self.schedule.place(self.now, id, used, Expected { cpu, memory, lane }) {
                Ok(()) => {
                    let placed = Known { stage: Stage::Work, lane, cpu, memory, run: Run::Waits, ..known };
                    self.jobs.insert(id, placed);
                    return;
                }
                Err(Refused::Deadline { expected_start }) => {
                    let deadline = known.arrival.deadline.expect("only a job with a deadline can miss it");
                    assert!(deadline <= self.now || self.now + expected_start > deadline);
                }
                Err(Refused::Busy { .. }) => panic!("an admitted job is never refused as busy"),
            }
        } else {
            self.schedule.ended(self.now, id, used);
        }
        self.jobs.remove(&id);
        self.finished += 1;
    }

    pub fn demote(&mut self, id: JobId) {
        self.schedule.demote(self.now, id);
        let known = self.jobs.get_mut(&id).expect("it is known");
        if known.run == Run::Runs && known.lane == Lane::Light {
            known.run = Run::Demoted;
        }
    }

    pub fn cancel(&mut self, id: JobId) {
        let known = self.jobs[&id];
        let removed = self.schedule.remove(self.now, id);
        assert_eq!(removed, (known.run == Run::Waits).then_some(known.stage));
        if removed.is_some() {
            self.jobs.remove(&id);
            self.finished += 1;
            self.blocked = self.blocked.map(|blocked| blocked.filter(|blocked| *blocked != id));
        }
    }

    pub fn threads_of_light(&mut self) -> usize {
        // Time passes before it decides.
        self.schedule.heavy_used(self.now, Duration::ZERO);
        self.schedule.light_threads()
    }

    pub fn count(&self, lane: Lane, run: Run) -> usize {
        self.jobs.values().filter(|job| job.lane == lane && job.run == run).count()
    }

    /// The nth job for which this holds, counted round.
    pub fn pick(&self, n: usize, wanted: impl Fn(&Known) -> bool) -> Option<JobId> {
        let list: Vec<JobId> = self.jobs.iter().filter(|(_, job)| wanted(job)).map(|(id, _)| *id).collect();
        list.get(n.checked_rem(list.len())?).copied()
    }

    /// The scheduler's numbers are these books' numbers.
    pub fn check(&self) {
        let seen = self.schedule.snapshot(self.now);
        let config = self.schedule.config();
        let lanes =
            [(Lane::Light, seen.light, config.cores), (Lane::Heavy, seen.heavy, config.heavy_threads)];
        for (lane, seen, threads) in lanes {
            assert_eq!(
                (seen.running, seen.queued),
                (self.count(lane, Run::Runs), self.count(lane, Run::Waits))
            );
            assert!(seen.running <= threads);
            let waits = || self.jobs.values().filter(|job| job.lane == lane && job.run == Run::Waits);
            assert_eq!(seen.expected_cpu, waits().map(|job| job.cpu).sum());
            let oldest = waits().map(|job| self.now - job.arrived).max().unwrap_or_default();
            assert!(seen.oldest_wait <= oldest);
            assert_eq!(seen.waits_for_memory, self.blocked[lane as usize].is_some());
        }
        assert_eq!(seen.heavy.demoted, self.count(Lane::Light, Run::Demoted));
        let waits = || {
            let begun = |job: &Known| job.stage == Stage::Work && job.run != Run::Waits;
            self.jobs.values().filter(move |job| !begun(job))
        };
        assert_eq!(seen.waiting_jobs, waits().count());
        assert_eq!(seen.waiting_bytes, waits().map(|job| job.arrival.bytes).sum::<u64>());
        assert_eq!(self.admitted, self.finished + self.jobs.len(), "no job is lost");
    }

    /// Lets all that was admitted end.
    pub fn drain(&mut self) {
        self.memory_fits = true;
        while !self.jobs.is_empty() {
            let before = self.finished;
            self.now += Duration::from_millis(10);
            let used = if self.count(Lane::Heavy, Run::Runs) + self.count(Lane::Light, Run::Demoted) > 0 {
                10
            } else {
                0
            };
            self.schedule.heavy_used(self.now, Duration::from_millis(used));
            while let Some(id) = self.pick(0, |job| job.run != Run::Waits) {
                let known = self.jobs[&id];
                self.end(id, known.cpu, Some((Duration::from_millis(3), 1)));
            }
            let got = [Lane::Light, Lane::Heavy].map(|lane| self.ask(lane).is_some());
            let waits = self.schedule.next_wake(self.now).is_some();
            assert!(before < self.finished || got.contains(&true) || waits || self.jobs.is_empty(), "stuck");
            self.check();
        }
    }
}
