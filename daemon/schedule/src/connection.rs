//! The jobs that wait on one connection: shortest first, with ageing. Knows no other connection.

use std::collections::BTreeSet;

use crate::job::{Job, JobId, Stage};
use crate::time::nanos;

/// Size classes by powers of two of nanoseconds, up to a day.
const CLASSES: usize = 48;

/// What is known of a job that waits, in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub id: JobId,
    pub uid: u32,
    pub connection: u64,
    /// Its place among the jobs of its connection: arrival plus stretch times expected CPU, in nanoseconds.
    pub key: u64,
    /// Expected CPU in nanoseconds.
    pub cpu: u64,
    pub stage: Stage,
}

impl Entry {
    pub fn new(id: JobId, job: &Job, stretch: u32) -> Self {
        let key = nanos(job.arrived).saturating_add(job.cpu.saturating_mul(u64::from(stretch)));
        Self { id, uid: job.uid, connection: job.connection, key, cpu: job.cpu, stage: job.stage }
    }
}

/// The jobs of one connection in one lane.
#[derive(Debug)]
pub(crate) struct Connection {
    examinations: BTreeSet<(u64, JobId)>,
    work: BTreeSet<(u64, JobId)>,
    cpu: u64,
    by_class: [u64; CLASSES],
}

impl Connection {
    pub fn new() -> Self {
        Self { examinations: BTreeSet::new(), work: BTreeSet::new(), cpu: 0, by_class: [0; CLASSES] }
    }

    pub fn push(&mut self, entry: &Entry) {
        self.stage(entry.stage).insert((entry.key, entry.id));
        self.cpu += entry.cpu;
        self.by_class[class(entry.cpu)] += entry.cpu;
    }

    pub fn remove(&mut self, entry: &Entry) -> bool {
        let was = self.stage(entry.stage).remove(&(entry.key, entry.id));
        if was {
            self.cpu -= entry.cpu;
            self.by_class[class(entry.cpu)] -= entry.cpu;
        }
        was
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<JobId> {
        let both = [self.examinations.first(), self.work.first()];
        both.into_iter().flatten().min().map(|(_, id)| *id)
    }

    /// Whose turn it is among the jobs that need no memory.
    pub fn first_examination(&self) -> Option<JobId> {
        self.examinations.first().map(|(_, id)| *id)
    }

    pub fn is_empty(&self) -> bool {
        self.examinations.is_empty() && self.work.is_empty()
    }

    /// Expected CPU of all that waits.
    pub fn cpu(&self) -> u64 {
        self.cpu
    }

    /// Expected CPU of what surely goes before a job of this size that comes now: smaller classes only.
    pub fn cpu_before(&self, cpu: u64) -> u64 {
        self.by_class[..class(cpu)].iter().sum()
    }

    fn stage(&mut self, stage: Stage) -> &mut BTreeSet<(u64, JobId)> {
        match stage {
            Stage::Examination => &mut self.examinations,
            Stage::Work => &mut self.work,
        }
    }
}

fn class(cpu: u64) -> usize {
    ((u64::BITS - cpu.leading_zeros()) as usize).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, key: u64, cpu: u64, stage: Stage) -> Entry {
        Entry { id: JobId(id), uid: 0, connection: 0, key, cpu, stage }
    }

    #[test]
    fn the_smallest_key_goes_first_and_ties_go_to_the_earlier() {
        let mut line = Connection::new();
        for e in
            [entry(1, 9, 4, Stage::Work), entry(2, 5, 4, Stage::Examination), entry(3, 5, 1, Stage::Work)]
        {
            line.push(&e);
        }
        assert_eq!((line.first(), line.cpu()), (Some(JobId(2)), 9));
        assert!(line.remove(&entry(2, 5, 4, Stage::Examination)));
        assert!(!line.remove(&entry(2, 5, 4, Stage::Examination)));
        assert_eq!((line.first(), line.first_examination()), (Some(JobId(3)), None));
        assert_eq!((line.cpu_before(4), line.cpu_before(1), line.cpu_before(u64::MAX)), (1, 0, 5));
    }
}
