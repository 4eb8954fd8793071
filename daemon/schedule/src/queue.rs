//! The jobs that wait in one lane, in fair order: turns go round users, then round the connections of the user in
//! turn, then to the shortest job of the connection, with ageing. Knows no threads and no memory.

use std::collections::BTreeMap;

use crate::connection::{Connection, Entry};
use crate::job::{JobId, Stage};
use crate::round::Round;

/// One lane's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    quantum: u64,
    round: Round<u32>,
    users: BTreeMap<u32, User>,
    len: usize,
    examinations: usize,
    cpu: u64,
}

#[derive(Debug)]
struct User {
    round: Round<u64>,
    connections: BTreeMap<u64, Connection>,
    examinations: usize,
    cpu: u64,
}

impl Queue {
    pub fn new(quantum: u64) -> Self {
        Self { quantum, round: Round::new(quantum), users: BTreeMap::new(), len: 0, examinations: 0, cpu: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Expected CPU of all that waits, in nanoseconds.
    pub fn cpu(&self) -> u64 {
        self.cpu
    }

    pub fn push(&mut self, entry: &Entry) {
        let quantum = self.quantum;
        let user = self.users.entry(entry.uid).or_insert_with(|| User::new(quantum));
        if user.connections.is_empty() {
            self.round.enter(entry.uid);
        }
        user.push(entry);
        self.len += 1;
        self.examinations += usize::from(entry.stage == Stage::Examination);
        self.cpu += entry.cpu;
    }

    /// The job whose turn it is.
    pub fn first(&self) -> Option<JobId> {
        let user = self.users.get(&self.round.first(|_| true)?)?;
        user.connections.get(&user.round.first(|_| true)?)?.first()
    }

    /// The examination whose turn it is. Looks at each peer in the worst case, so it is for lanes that wait.
    pub fn first_examination(&self) -> Option<JobId> {
        if self.examinations == 0 {
            return None;
        }
        let user = |uid| self.users.get(&uid).filter(|user| user.examinations > 0);
        let user = user(self.round.first(|uid| user(uid).is_some())?)?;
        let first = |id| user.connections.get(&id).and_then(Connection::first_examination);
        first(user.round.first(|id| first(id).is_some())?)
    }

    /// Takes a job out without a turn.
    pub fn remove(&mut self, entry: &Entry) -> bool {
        let was = self.take_out(entry, None);
        self.tidy(entry.uid);
        was
    }

    /// Takes a job out to run it; its peers are charged for it until [`Self::settle`].
    pub fn start(&mut self, entry: &Entry) -> bool {
        self.take_out(entry, Some(entry.cpu))
    }

    /// A job that runs already belongs to this lane from now on.
    pub fn adopt(&mut self, uid: u32, connection: u64) {
        let quantum = self.quantum;
        self.users.entry(uid).or_insert_with(|| User::new(quantum)).round.adopt(connection, 0);
        self.round.adopt(uid, 0);
    }

    /// A job that was charged ended, or is no longer of this lane.
    pub fn settle(&mut self, uid: u32, connection: u64, charged: u64, used: u64) {
        if let Some(user) = self.users.get_mut(&uid) {
            user.round.settle(connection, charged, used);
        }
        self.round.settle(uid, charged, used);
        self.tidy(uid);
    }

    /// Expected CPU of what goes before a job of this size that came now, as far as it surely does: shorter ones of its
    /// connection, and as much of each other connection and user as fair turns give them meanwhile.
    pub fn cpu_before(&self, uid: u32, connection: u64, cpu: u64) -> u64 {
        let Some(user) = self.users.get(&uid) else { return 0 };
        let own = user.connections.get(&connection).map_or(0, |line| line.cpu_before(cpu));
        if own == 0 {
            return 0;
        }
        let beside =
            user.connections.iter().filter(|(id, _)| **id != connection).map(|(_, line)| line.cpu().min(own));
        let of_user = own + beside.sum::<u64>();
        let others = self.users.iter().filter(|(id, _)| **id != uid).map(|(_, user)| user.cpu.min(of_user));
        of_user + others.sum::<u64>()
    }

    fn take_out(&mut self, entry: &Entry, charge: Option<u64>) -> bool {
        let Some(user) = self.users.get_mut(&entry.uid) else { return false };
        if !user.take_out(entry, charge) {
            return false;
        }
        let more = !user.connections.is_empty();
        if let Some(cpu) = charge {
            self.round.charge(entry.uid, cpu, more);
        }
        if !more {
            self.round.leave(entry.uid);
        }
        self.len -= 1;
        self.examinations -= usize::from(entry.stage == Stage::Examination);
        self.cpu -= entry.cpu;
        true
    }

    /// Forgets a user that has nothing here, waiting or running. What it owes the others stays in the round.
    fn tidy(&mut self, uid: u32) {
        if self.users.get(&uid).is_some_and(|user| user.round.is_quiet()) {
            self.users.remove(&uid);
        }
    }
}

impl User {
    fn new(quantum: u64) -> Self {
        Self { round: Round::new(quantum), connections: BTreeMap::new(), examinations: 0, cpu: 0 }
    }

    fn push(&mut self, entry: &Entry) {
        let line = self.connections.entry(entry.connection).or_insert_with(|| {
            self.round.enter(entry.connection);
            Connection::new()
        });
        line.push(entry);
        self.examinations += usize::from(entry.stage == Stage::Examination);
        self.cpu += entry.cpu;
    }

    fn take_out(&mut self, entry: &Entry, charge: Option<u64>) -> bool {
        let Some(line) = self.connections.get_mut(&entry.connection) else { return false };
        if !line.remove(entry) {
            return false;
        }
        let more = !line.is_empty();
        if let Some(cpu) = charge {
            self.round.charge(entry.connection, cpu, more);
        }
        if !more {
            self.connections.remove(&entry.connection);
            self.round.leave(entry.connection);
        }
        self.examinations -= usize::from(entry.stage == Stage::Examination);
        self.cpu -= entry.cpu;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, uid: u32, connection: u64, cpu: u64) -> Entry {
        Entry { id: JobId(id), uid, connection, key: id, cpu, stage: Stage::Work }
    }

    #[test]
    fn turns_go_round_users_then_connections() {
        let mut queue = Queue::new(10);
        let mut entries = Vec::new();
        for n in 0..4 {
            entries.push(entry(n, 1, 1, 10));
            entries.push(entry(10 + n, 1, 2, 10));
            entries.push(entry(20 + n, 2, 3, 10));
        }
        entries.iter().for_each(|entry| queue.push(entry));
        assert_eq!((queue.len(), queue.cpu()), (12, 120));
        let order: Vec<u64> = std::iter::from_fn(|| {
            let id = queue.first()?;
            let entry = entries.iter().find(|entry| entry.id == id).unwrap();
            assert!(queue.start(entry));
            Some(id.0)
        })
        .collect();
        assert_eq!(order, [0, 20, 10, 21, 1, 22, 11, 23, 2, 12, 3, 13]);
        entries.iter().for_each(|entry| queue.settle(entry.uid, entry.connection, 10, 10));
        assert!(queue.users.is_empty() && queue.round.is_quiet() && queue.cpu() == 0);
    }

    #[test]
    fn what_goes_before_is_counted_by_fair_turns() {
        let mut queue = Queue::new(10);
        (0..10).for_each(|n| queue.push(&entry(n, 1, 1, 100)));
        (10..20).for_each(|n| queue.push(&entry(n, 2, 2, 1000)));
        (20..30).for_each(|n| queue.push(&entry(n, 1, 3, 30)));
        assert_eq!(queue.cpu_before(1, 1, 1000), 2 * (1000 + 300));
        assert_eq!(queue.cpu_before(1, 1, 50), 0);
        assert_eq!(queue.cpu_before(3, 9, 1_000_000), 0, "a newcomer is next");
    }
}
