//! What became of the jobs: slowdown by size class.

use super::{Job, MS, Workload};

/// How large a job is, by its own CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Under 10 ms.
    Small,
    /// Up to 100 ms.
    Medium,
    /// Above.
    Large,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    fn of(job: &Job) -> Self {
        match job.examination + job.work {
            cpu if cpu < 10 * MS => Self::Small,
            cpu if cpu <= 100 * MS => Self::Medium,
            _ => Self::Large,
        }
    }
}

/// What became of the jobs.
#[derive(Debug, Default)]
pub struct Outcome {
    slowdowns: [Vec<f64>; 3],
    all: Vec<f64>,
    /// Jobs that ended.
    pub ended: usize,
    /// Jobs that were refused.
    pub refused: usize,
    /// CPU of the greedy client that was done before the last of the others arrived, as a share of all cores.
    pub greedy_share: f64,
    /// When the last job ended, in nanoseconds.
    pub end: u64,
    /// When the first job of the greedy client ended.
    pub first_greedy_end: Option<u64>,
    greedy_cpu: u64,
}

impl Outcome {
    /// A job ended that had arrived at `from`.
    pub fn ended(&mut self, job: &Job, greedy: bool, from: u64, now: u64, load: &Workload) {
        self.ended += 1;
        self.end = self.end.max(now);
        let cpu = job.examination + job.work;
        if greedy {
            self.first_greedy_end.get_or_insert(now);
            if load.open.last().is_some_and(|last| now <= last.at) {
                self.greedy_cpu += cpu;
            }
            return;
        }
        let slowdown = (now - from) as f64 / cpu as f64;
        self.slowdowns[Class::of(job) as usize].push(slowdown);
        self.all.push(slowdown);
    }

    /// Brings the numbers in order.
    pub fn finish(mut self, load: &Workload, cores: usize) -> Self {
        let sort = |list: &mut Vec<f64>| list.sort_by(f64::total_cmp);
        self.slowdowns.iter_mut().for_each(sort);
        sort(&mut self.all);
        let time = load.open.last().map_or(1, |last| last.at.max(1));
        self.greedy_share = self.greedy_cpu as f64 / time as f64 / cores as f64;
        self
    }

    /// Jobs of the class.
    pub fn count(&self, class: Class) -> usize {
        self.slowdowns[class as usize].len()
    }

    /// Mean slowdown: time from arrival to end over own CPU.
    pub fn mean(&self, class: Class) -> f64 {
        mean(&self.slowdowns[class as usize])
    }

    /// Its 99th percentile.
    pub fn p99(&self, class: Class) -> f64 {
        let list = &self.slowdowns[class as usize];
        list.get(list.len().saturating_mul(99) / 100).copied().unwrap_or(f64::NAN)
    }

    /// Mean slowdown of all jobs.
    pub fn mean_of_all(&self) -> f64 {
        mean(&self.all)
    }
}

fn mean(list: &[f64]) -> f64 {
    list.iter().sum::<f64>() / list.len() as f64
}
