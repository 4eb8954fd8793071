//! What arrives when: three patterns of the same jobs. Knows no policy.

use fastrand::Rng;

use super::MS;

/// One job.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// When it arrives, in nanoseconds.
    pub at: u64,
    pub uid: u32,
    pub connection: u64,
    /// CPU of its examination.
    pub examination: u64,
    /// CPU of its work.
    pub work: u64,
    /// What the daemon expects the work to take.
    pub expected: u64,
}

/// How jobs arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// One by one at random, 80 % load, from 20 connections of 4 users.
    HeavyTail,
    /// A hundred or so at once on one connection, 70 % load.
    Bursts,
    /// One client keeps 256 jobs in flight; the others, at random, ask for 30 %.
    Greedy,
}

/// A list of jobs.
#[derive(Debug)]
pub struct Workload {
    /// Jobs that arrive by the clock, in order.
    pub open: Vec<Job>,
    /// Jobs of the greedy client: the next arrives when one of its own ends.
    pub closed: Vec<Job>,
    /// How many of these it keeps in flight.
    pub depth: usize,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HeavyTail, Self::Bursts, Self::Greedy];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::HeavyTail => "heavy tail",
            Self::Bursts => "bursts",
            Self::Greedy => "one greedy client",
        }
    }

    /// Its jobs.
    pub fn workload(self, jobs: usize, cores: usize, seed: u64) -> Workload {
        let mut rng = Rng::with_seed(seed);
        let (open, load, burst) = match self {
            Self::HeavyTail => (jobs, 0.8, 1.0),
            Self::Bursts => (jobs, 0.7, 100.0),
            Self::Greedy => (jobs * 3 / 10, 0.3, 1.0),
        };
        let mut list: Vec<Job> = (0..jobs).map(|_| Job::random(&mut rng)).collect();
        let closed = list.split_off(open);
        let cpu: u64 = list.iter().map(|job| job.examination + job.work).sum();
        let gap = cpu as f64 / open.max(1) as f64 / (load * cores as f64) * burst;
        let (mut at, mut left, mut connection) = (0.0, 0_u32, 0);
        for job in &mut list {
            if left == 0 {
                at += -gap * (1.0 - rng.f64()).ln();
                left = (-burst * (1.0 - rng.f64()).ln()).ceil().max(1.0) as u32;
                left = if burst > 1.0 { left } else { 1 };
                connection = rng.u64(1..=20);
            }
            left -= 1;
            (job.at, job.connection, job.uid) = (at as u64, connection, (connection % 4) as u32);
        }
        Workload { open: list, closed, depth: 256 }
    }

    /// Small jobs only, at this load: what Heavy must survive.
    pub fn light_only(seconds: u64, cores: usize, load: f64, seed: u64) -> Workload {
        let mut rng = Rng::with_seed(seed);
        let gap = 21.0 * MS as f64 / (load * cores as f64);
        let (mut at, mut list) = (0.0, Vec::new());
        while at < (seconds * 1000 * MS) as f64 {
            let work = rng.u64(5 * MS..35 * MS);
            let (connection, examination) = (rng.u64(1..=20), MS);
            let uid = (connection % 4) as u32;
            list.push(Job { at: at as u64, uid, connection, examination, work, expected: work });
            at += -gap * (1.0 - rng.f64()).ln();
        }
        Workload { open: list, closed: Vec::new(), depth: 0 }
    }
}

impl Job {
    /// Pareto between 2 ms and 20 s with exponent 1.1: half of the CPU is in the largest 1 %. Estimates are off by up to
    /// 1.65 x each way, and one in a hundred by 10 x.
    fn random(rng: &mut Rng) -> Self {
        let (least, most, alpha) = (2.0_f64, 20_000.0_f64, 1.1_f64);
        let tail = 1.0 - (least / most).powf(alpha);
        let work = (least / (1.0 - rng.f64() * tail).powf(1.0 / alpha) * MS as f64) as u64;
        let examination = MS / 5 + (work / 50).min(5 * MS);
        let error = if rng.u32(0..100) == 0 { 0.1 } else { (rng.f64() - 0.5).exp() };
        let expected = (work as f64 * error) as u64;
        Self { at: 0, uid: 9, connection: 99, examination, work, expected }
    }
}
