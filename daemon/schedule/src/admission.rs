//! Whether a job may wait: bounds on number and bytes, with room left for those who have little. Knows no order.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::job::Arrival;

/// A connection may hold this many times what is still free, a user twice that: one that floods the daemon leaves a
/// 17th of the queue to others, and queues of up to 16 are filled to the last place.
const CONNECTION_PART: u64 = 16;
const USER_PART: u64 = 32;

/// Who waits with how much, from admission until the work begins.
#[derive(Debug)]
pub(crate) struct Admission {
    most: Waiting,
    all: Waiting,
    users: BTreeMap<u32, Waiting>,
    connections: BTreeMap<(u32, u64), Waiting>,
}

/// Jobs and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub jobs: u64,
    pub bytes: u64,
}

impl Admission {
    pub fn new(config: &Config) -> Self {
        Self {
            most: Waiting { jobs: config.queue_jobs as u64, bytes: config.queue_bytes },
            all: Waiting::default(),
            users: BTreeMap::new(),
            connections: BTreeMap::new(),
        }
    }

    /// All that wait.
    pub fn waiting(&self) -> Waiting {
        self.all
    }

    /// Lets a job wait.
    ///
    /// # Errors
    /// There is no room; what must leave before another try makes sense.
    pub fn enter(&mut self, arrival: &Arrival, idle_threads: usize) -> Result<(), Waiting> {
        let user = self.users.get(&arrival.uid).copied().unwrap_or_default();
        let key = (arrival.uid, arrival.connection);
        let connection = self.connections.get(&key).copied().unwrap_or_default();
        let free = Waiting {
            jobs: self.most.jobs.saturating_add(idle_threads as u64).saturating_sub(self.all.jobs),
            bytes: self.most.bytes.saturating_sub(self.all.bytes),
        };
        let jobs_fit = free.jobs > 0
            && user.jobs < free.jobs.saturating_mul(USER_PART)
            && connection.jobs < free.jobs.saturating_mul(CONNECTION_PART);
        let bytes_fit = self.all.bytes == 0
            || arrival.bytes <= free.bytes
                && user.bytes <= free.bytes.saturating_mul(USER_PART)
                && connection.bytes <= free.bytes.saturating_mul(CONNECTION_PART);
        if !jobs_fit || !bytes_fit {
            let quarter = self.all.bytes / 4;
            return Err(Waiting {
                jobs: if jobs_fit { 0 } else { (self.all.jobs / 4).max(1) },
                bytes: if bytes_fit { 0 } else { quarter.max(arrival.bytes.saturating_sub(free.bytes)) },
            });
        }
        self.all.add(arrival.bytes);
        self.users.entry(arrival.uid).or_default().add(arrival.bytes);
        self.connections.entry(key).or_default().add(arrival.bytes);
        Ok(())
    }

    /// A job does not wait any more.
    pub fn leave(&mut self, uid: u32, connection: u64, bytes: u64) {
        self.all.subtract(bytes);
        let key = (uid, connection);
        if self.users.get_mut(&uid).is_some_and(|user| user.subtract(bytes)) {
            self.users.remove(&uid);
        }
        if self.connections.get_mut(&key).is_some_and(|connection| connection.subtract(bytes)) {
            self.connections.remove(&key);
        }
    }
}

impl Waiting {
    fn add(&mut self, bytes: u64) {
        self.jobs += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether nothing is left.
    fn subtract(&mut self, bytes: u64) -> bool {
        self.jobs = self.jobs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.jobs == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn arrival(uid: u32, connection: u64, bytes: u64) -> Arrival {
        Arrival { uid, connection, bytes, expected: Duration::ZERO, deadline: None }
    }

    fn admission(queue_jobs: usize, queue_bytes: u64) -> Admission {
        Admission::new(&Config { queue_jobs, queue_bytes, ..Config::for_cores(1) })
    }

    #[test]
    fn a_short_queue_fills_to_the_last_place_and_idle_threads_add_places() {
        let mut admission = admission(15, u64::MAX);
        (0..16).for_each(|_| admission.enter(&arrival(1, 1, 10), 1).unwrap());
        assert_eq!(admission.enter(&arrival(1, 1, 10), 1), Err(Waiting { jobs: 4, bytes: 0 }));
        admission.leave(1, 1, 10);
        admission.enter(&arrival(2, 2, 10), 1).unwrap();
    }

    #[test]
    fn one_that_floods_leaves_room_to_others() {
        let mut admission = admission(1024, u64::MAX);
        let flood = (0..2000).filter(|_| admission.enter(&arrival(1, 1, 10), 0).is_ok()).count();
        assert!((950..1000).contains(&flood), "{flood}");
        admission.enter(&arrival(1, 2, 10), 0).unwrap();
        admission.enter(&arrival(2, 3, 10), 0).unwrap();
    }

    #[test]
    fn bytes_are_bounded_but_one_large_job_is_taken() {
        let mut admission = admission(1024, 100);
        admission.enter(&arrival(1, 1, 500), 0).unwrap();
        assert_eq!(admission.enter(&arrival(2, 2, 1), 0), Err(Waiting { jobs: 0, bytes: 125 }));
        admission.leave(1, 1, 500);
        (0..4).for_each(|_| admission.enter(&arrival(2, 2, 25), 0).unwrap());
        assert!(admission.enter(&arrival(3, 3, 1), 0).is_err());
        assert_eq!(admission.waiting(), Waiting { jobs: 4, bytes: 100 });
    }
}
