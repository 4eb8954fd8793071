//! Fair turns between peers by the CPU they used: deficit round robin with payment afterwards.
//!
//! A peer in turn runs one job and is charged for it. One that used up its quantum waits until all others with work did;
//! then everyone gets as many quanta as the first needs. This is kept as an account of what each peer was *served*: the
//! round it may run in is `served / quantum`, so giving everyone quanta costs nothing and each step is O(log n).
//!
//! Knows peers by their key only: the same code goes round users and round the connections of a user.

use std::collections::{BTreeMap, BTreeSet};

/// Most peers without work whose debt is remembered; beyond it the smallest is forgiven.
const DEBTORS: usize = 4096;
/// Most debt in CPU that a peer without work keeps, in nanoseconds: 60 s.
const DEBT: u64 = 60_000_000_000;

/// Peers of one level that share a lane.
#[derive(Debug)]
pub(crate) struct Round<K> {
    quantum: u64,
    accounts: BTreeMap<K, Account>,
    /// Peers with work: by round, in a round by who had its turn longest ago.
    turns: BTreeSet<(u64, u64, K)>,
    /// Peers that just got work and owe nothing: they go before the others of the round.
    newcomers: BTreeSet<(u64, K)>,
    /// Peers without work that used more than their part so far.
    debtors: BTreeSet<(u64, K)>,
    /// The round of the last turn. Someone new has been served that much.
    current: u64,
    /// CPU by which newcomers went before others, less what those got since.
    jumped: i64,
    in_flight: usize,
    sequence: u64,
}

#[derive(Debug)]
struct Account {
    served: u64,
    in_flight: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Away,
    Newcomer(u64),
    Turn(u64, u64),
}

impl<K: Copy + Ord> Round<K> {
    pub fn new(quantum: u64) -> Self {
        Self {
            quantum: quantum.max(1),
            accounts: BTreeMap::new(),
            turns: BTreeSet::new(),
            newcomers: BTreeSet::new(),
            debtors: BTreeSet::new(),
            current: 0,
            jumped: 0,
            in_flight: 0,
            sequence: 0,
        }
    }

    /// Nobody has work here, waiting or running.
    pub fn is_quiet(&self) -> bool {
        self.in_flight == 0 && self.turns.is_empty() && self.newcomers.is_empty()
    }

    /// The peer has work that waits, and had none before.
    pub fn enter(&mut self, peer: K) {
        let level = self.level();
        let account = self.account(peer);
        if account.place != Place::Away {
            return;
        }
        let served = account.served;
        self.debtors.remove(&(served, peer));
        let served = served.max(level.saturating_mul(self.quantum));
        self.set_served(peer, served);
        let sequence = self.sequence();
        self.put(
            peer,
            if self.round(served) <= self.current {
                Place::Newcomer(sequence)
            } else {
                self.turn(served, sequence)
            },
        );
    }

    /// The peer has no work that waits any more.
    pub fn leave(&mut self, peer: K) {
        if self.accounts.contains_key(&peer) {
            self.put(peer, Place::Away);
            self.settle_up(peer);
        }
    }

    /// Whose turn it is among the peers that are wanted.
    pub fn first(&self, wanted: impl Fn(K) -> bool) -> Option<K> {
        let new = self.newcomers.iter().map(|(_, peer)| *peer).find(|peer| wanted(*peer));
        if new.is_some() && self.jumped < i64::try_from(self.quantum).unwrap_or(i64::MAX) {
            return new;
        }
        self.turns.iter().map(|(_, _, peer)| *peer).find(|peer| wanted(*peer)).or(new)
    }

    /// The peer runs a job of this expected CPU; `more` tells whether it has others that wait.
    pub fn charge(&mut self, peer: K, cpu: u64, more: bool) {
        let account = self.account(peer);
        account.in_flight += 1;
        let (served, place) = (account.served, account.place);
        self.in_flight += 1;
        self.put(peer, Place::Away);
        let (cost, nobody_new) = (i64::try_from(cpu).unwrap_or(i64::MAX), self.newcomers.is_empty());
        self.jumped = match place {
            Place::Newcomer(_) if self.turns.is_empty() => 0,
            Place::Newcomer(_) => self.jumped.saturating_add(cost),
            // Only what goes before someone new is credit for the new.
            _ if nobody_new => self.jumped.saturating_sub(cost).max(self.jumped.min(0)),
            Place::Turn(..) | Place::Away => self.jumped.saturating_sub(cost),
        };
        if place != Place::Away {
            self.current = self.current.max(self.round(served));
            self.forgive();
        }
        let served = served.saturating_add(cpu);
        self.set_served(peer, served);
        if more {
            let sequence = self.sequence();
            self.put(peer, self.turn(served, sequence));
        }
    }

    /// A job that runs already is counted here from now on, with this much charged.
    pub fn adopt(&mut self, peer: K, cpu: u64) {
        let level = self.level().saturating_mul(self.quantum);
        let account = self.account(peer);
        account.in_flight += 1;
        let (place, served) = (account.place, account.served);
        self.in_flight += 1;
        if place == Place::Away {
            self.debtors.remove(&(served, peer));
        }
        self.correct(peer, served.max(level).saturating_add(cpu));
    }

    /// A job ended that was charged `charged` and used `used`.
    pub fn settle(&mut self, peer: K, charged: u64, used: u64) {
        let Some(account) = self.accounts.get_mut(&peer) else { return };
        account.in_flight = account.in_flight.saturating_sub(1);
        let served = account.served.saturating_sub(charged).saturating_add(used);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.correct(peer, served);
        self.settle_up(peer);
    }

    fn correct(&mut self, peer: K, served: u64) {
        let place = self.account(peer).place;
        self.set_served(peer, served);
        match place {
            Place::Turn(_, sequence) => self.put(peer, self.turn(served, sequence)),
            Place::Newcomer(sequence) if self.round(served) > self.current => {
                self.put(peer, self.turn(served, sequence));
            }
            Place::Newcomer(_) | Place::Away => {}
        }
    }

    /// Decides what is remembered of a peer that has nothing to do with the lane any more.
    fn settle_up(&mut self, peer: K) {
        if self.is_quiet() {
            self.accounts.clear();
            self.debtors.clear();
            self.jumped = 0;
            return;
        }
        let Some(account) = self.accounts.get_mut(&peer) else { return };
        if account.place != Place::Away || account.in_flight > 0 {
            return;
        }
        let floor = self.current.saturating_mul(self.quantum);
        account.served = account.served.min(floor.saturating_add(DEBT));
        let served = account.served;
        if self.round(served) < self.current || served == floor {
            self.accounts.remove(&peer);
            return;
        }
        self.debtors.insert((served, peer));
        if self.debtors.len() > DEBTORS
            && let Some((_, least)) = self.debtors.pop_first()
        {
            self.accounts.remove(&least);
        }
    }

    /// Forgets those whose debt the others have caught up with.
    fn forgive(&mut self) {
        while let Some((served, peer)) = self.debtors.first().copied() {
            if self.round(served) >= self.current {
                return;
            }
            self.debtors.pop_first();
            self.accounts.remove(&peer);
        }
    }

    /// The round that a newcomer enters.
    fn level(&self) -> u64 {
        self.turns.first().map_or(self.current, |(round, ..)| self.current.min(*round))
    }

    fn account(&mut self, peer: K) -> &mut Account {
        self.accounts.entry(peer).or_insert(Account { served: 0, in_flight: 0, place: Place::Away })
    }

    fn set_served(&mut self, peer: K, served: u64) {
        self.account(peer).served = served;
    }

    fn put(&mut self, peer: K, place: Place) {
        let old = std::mem::replace(&mut self.account(peer).place, place);
        match old {
            Place::Newcomer(sequence) => self.newcomers.remove(&(sequence, peer)),
            Place::Turn(round, sequence) => self.turns.remove(&(round, sequence, peer)),
            Place::Away => false,
        };
        match place {
            Place::Newcomer(sequence) => self.newcomers.insert((sequence, peer)),
            Place::Turn(round, sequence) => self.turns.insert((round, sequence, peer)),
            Place::Away => false,
        };
    }

    fn turn(&self, served: u64, sequence: u64) -> Place {
        Place::Turn(self.round(served), sequence)
    }

    fn round(&self, served: u64) -> u64 {
        served / self.quantum
    }

    fn sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the next turn for a job of this cost.
    fn turn(round: &mut Round<char>, cpu: u64, more: bool) -> char {
        let peer = round.first(|_| true).unwrap();
        round.charge(peer, cpu, more);
        if !more {
            round.leave(peer);
        }
        peer
    }

    #[test]
    fn peers_take_turns_and_the_one_in_debt_waits() {
        let mut round = Round::new(10);
        round.enter('a');
        round.enter('b');
        assert_eq!(turn(&mut round, 30, true), 'a');
        let turns: String = (0..3).map(|_| turn(&mut round, 10, true)).collect();
        assert_eq!(turns, "bbb");
        // Both have been served 30 now; the last turn was b's.
        assert_eq!(turn(&mut round, 10, true), 'a');
        assert_eq!(turn(&mut round, 10, true), 'b');
    }

    #[test]
    fn a_newcomer_goes_first_but_a_returner_with_debt_does_not() {
        let mut round = Round::new(10);
        round.enter('a');
        assert_eq!(turn(&mut round, 5, true), 'a');
        round.enter('b');
        assert_eq!(turn(&mut round, 25, false), 'b');
        assert_eq!(turn(&mut round, 5, true), 'a');
        round.enter('b');
        let turns: String = (0..3).map(|_| turn(&mut round, 5, true)).collect();
        assert_eq!(turns, "aab", "b had used up the round that a was in");
    }

    #[test]
    fn endless_newcomers_get_no_more_than_half() {
        let mut round = Round::new(10);
        round.enter('a');
        turn(&mut round, 5, true);
        let mut served = 0;
        for n in 0..100_u32 {
            let peer = char::from_u32(0x4E00 + n).unwrap();
            round.enter(peer);
            while turn(&mut round, 5, false) == 'a' {
                round.enter('a');
                served += 1;
            }
        }
        assert!(served >= 48, "{served}");
    }

    #[test]
    fn what_was_charged_too_much_is_given_back() {
        let mut round = Round::new(10);
        round.enter('a');
        round.enter('b');
        turn(&mut round, 100, true);
        round.settle('a', 100, 5);
        turn(&mut round, 5, true);
        assert_eq!(turn(&mut round, 5, true), 'a');
    }

    #[test]
    fn a_quiet_lane_remembers_nobody() {
        let mut round = Round::new(10);
        round.enter('a');
        turn(&mut round, 100, false);
        assert!(!round.is_quiet());
        round.settle('a', 100, 100);
        assert!(round.is_quiet() && round.accounts.is_empty() && round.debtors.is_empty());
    }
}
