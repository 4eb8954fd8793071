//! One run for identical jobs that are in flight at the same time.
//!
//! The first to ask for a key leads and runs; those who ask meanwhile follow and get the same answer. Everybody has a
//! seat and may leave; the run goes on for whoever is left. Must not know what a run is or how an answer travels.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Key;

/// All shared runs, for subscribers of type `S` and runs of type `R`. Every call takes one short lock.
///
/// A job with a deadline of its own must not take part: its answer may be the best so far, which is nobody else's.
#[derive(Debug)]
pub struct Flights<S, R> {
    state: Mutex<State<S, R>>,
}

#[derive(Debug)]
struct State<S, R> {
    next: u64,
    shared: u64,
    flights: HashMap<(u32, Key), Flight<S, R>>,
}

#[derive(Debug)]
struct Flight<S, R> {
    /// What the leader said of the run, for whoever has to cancel it.
    run: R,
    /// Apart from an earlier flight of the same key, whose run may still be ending.
    number: u64,
    seats: BTreeMap<u64, S>,
}

/// A place in a flight. A copy of it is as good; each is used up by the first [`Flights::leave`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    uid: u32,
    key: Key,
    flight: u64,
    id: u64,
}

/// How a job came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined<S> {
    /// The first: run the job, then [`Flights::finish`] in any case, also after an error.
    Leader(Seat),
    /// A run is under way: its end hands the subscriber out.
    Follower(Seat),
    /// A run is under way that it may not join: it gets its subscriber back and runs by itself, unshared.
    Alone(S),
}

/// What a leave meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Left<S, R> {
    /// Others still wait: the run goes on, whoever began it.
    Others(S),
    /// Nobody waits any more: cancel the run. The key is free for a new flight at once.
    Last(S, R),
    /// The seat was empty: the run has ended and its answer is on the way, or the seat was left before.
    Gone,
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlightStats {
    /// Runs under way.
    pub running: u64,
    /// Subscribers of them.
    pub waiting: u64,
    /// Jobs that shared the run of another since the start.
    pub shared: u64,
}

impl<S, R> Default for Flights<S, R> {
    fn default() -> Self {
        Self { state: Mutex::new(State { next: 0, shared: 0, flights: HashMap::new() }) }
    }
}

impl<S, R> Flights<S, R> {
    /// No runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a seat in this user's flight of `key`, or starts one: then `run` is what [`Self::leave`] gives the last.
    /// `may` says, under the lock, whether a run that is under way is one to wait for.
    pub fn join(&self, uid: u32, key: Key, subscriber: S, run: R, may: impl FnOnce(&R) -> bool) -> Joined<S> {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        if let Some(flight) = state.flights.get_mut(&(uid, key)) {
            if !may(&flight.run) {
                return Joined::Alone(subscriber);
            }
            let seat = Seat { uid, key, flight: flight.number, id };
            flight.seats.insert(id, subscriber);
            state.shared += 1;
            return Joined::Follower(seat);
        }
        let flight = Flight { run, number: id, seats: BTreeMap::from([(id, subscriber)]) };
        state.flights.insert((uid, key), flight);
        Joined::Leader(Seat { uid, key, flight: id, id })
    }

    /// Gives a seat up: a cancel, or a connection that closed. The leader's is no different.
    pub fn leave(&self, seat: &Seat) -> Left<S, R> {
        let mut state = self.lock();
        let place = (seat.uid, seat.key);
        let Some(flight) = state.flights.get_mut(&place).filter(|f| f.number == seat.flight) else {
            return Left::Gone;
        };
        let Some(subscriber) = flight.seats.remove(&seat.id) else { return Left::Gone };
        if !flight.seats.is_empty() {
            return Left::Others(subscriber);
        }
        match state.flights.remove(&place) {
            Some(flight) => Left::Last(subscriber, flight.run),
            None => Left::Gone,
        }
    }

    /// Ends the run that the leader of this seat began: whoever is in it, in order of arrival, the leader too unless it
    /// left. Empty if all had left. Whoever asks from now on starts a new run.
    pub fn finish(&self, leader: &Seat) -> Vec<S> {
        let mut state = self.lock();
        let place = (leader.uid, leader.key);
        if state.flights.get(&place).is_none_or(|f| f.number != leader.flight) {
            return Vec::new();
        }
        state.flights.remove(&place).map_or_else(Vec::new, |f| f.seats.into_values().collect())
    }

    /// Looks at everybody in the flight of this seat, for progress. Under the lock: `each` must be short and must not
    /// call back.
    pub fn visit(&self, seat: &Seat, each: impl FnMut(&S)) {
        let state = self.lock();
        if let Some(flight) = state.flights.get(&(seat.uid, seat.key)).filter(|f| f.number == seat.flight) {
            flight.seats.values().for_each(each);
        }
    }

    /// What is going on.
    pub fn stats(&self) -> FlightStats {
        let state = self.lock();
        FlightStats {
            running: state.flights.len() as u64,
            waiting: state.flights.values().map(|f| f.seats.len() as u64).sum(),
            shared: state.shared,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 32])
    }

    fn lead<S>(joined: Joined<S>) -> Seat {
        match joined {
            Joined::Leader(seat) => seat,
            Joined::Follower(_) | Joined::Alone(_) => panic!("a flight was there"),
        }
    }

    fn follow<S>(joined: Joined<S>) -> Seat {
        match joined {
            Joined::Follower(seat) => seat,
            Joined::Leader(_) | Joined::Alone(_) => panic!("no flight was there"),
        }
    }

    #[test]
    fn one_leads_the_others_follow_and_all_get_the_end() {
        let flights = Flights::new();
        let leader = lead(flights.join(1, key(1), "a", (), |_| true));
        follow(flights.join(1, key(1), "b", (), |_| true));
        follow(flights.join(1, key(1), "c", (), |_| true));
        let other = lead(flights.join(1, key(2), "x", (), |_| true));
        assert_eq!(flights.stats(), FlightStats { running: 2, waiting: 4, shared: 2 });
        let mut seen = Vec::new();
        flights.visit(&leader, |s| seen.push(*s));
        assert_eq!(seen, ["a", "b", "c"]);
        assert_eq!(flights.finish(&leader), ["a", "b", "c"]);
        assert_eq!(flights.finish(&leader), [""; 0]);
        assert_eq!(flights.finish(&other), ["x"]);
        lead(flights.join(1, key(1), "d", (), |_| true));
    }

    #[test]
    fn a_run_that_is_not_worth_waiting_for_is_left_alone() {
        let flights = Flights::new();
        let leader = lead(flights.join(1, key(1), "a", 7, |_| true));
        assert_eq!(flights.join(1, key(1), "b", 8, |run| *run != 7), Joined::Alone("b"));
        assert_eq!(flights.finish(&leader), ["a"]);
    }

    #[test]
    fn users_never_share() {
        let flights = Flights::new();
        let one = lead(flights.join(1, key(1), 1, (), |_| true));
        let two = lead(flights.join(2, key(1), 2, (), |_| true));
        assert_eq!((flights.finish(&one), flights.finish(&two)), (vec![1], vec![2]));
    }

    #[test]
    fn the_run_goes_on_for_whoever_is_left() {
        let flights = Flights::new();
        let leader = lead(flights.join(1, key(1), "a", (), |_| true));
        let follower = follow(flights.join(1, key(1), "b", (), |_| true));
        assert_eq!(flights.leave(&leader), Left::Others("a"));
        assert_eq!(flights.leave(&leader), Left::Gone);
        follow(flights.join(1, key(1), "c", (), |_| true));
        assert_eq!(flights.leave(&follower), Left::Others("b"));
        assert_eq!(flights.finish(&leader), ["c"]);
    }

    #[test]
    fn the_last_to_leave_ends_the_run_and_its_end_is_not_the_next_ones() {
        let flights = Flights::new();
        let first = lead(flights.join(1, key(1), "a", (), |_| true));
        assert_eq!(flights.leave(&first), Left::Last("a", ()));
        let second = lead(flights.join(1, key(1), "b", (), |_| true));
        assert!(flights.finish(&first).is_empty());
        assert_eq!(flights.leave(&first), Left::Gone);
        assert_eq!(flights.finish(&second), ["b"]);
    }

    #[test]
    fn from_many_threads_everybody_gets_exactly_one_answer() {
        let flights = Flights::new();
        let (answers, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|s| {
            for t in 0..8_u8 {
                let (flights, answers, runs) = (&flights, &answers, &runs);
                s.spawn(move || {
                    for i in 0..2000_u32 {
                        let k = key((i % 3) as u8);
                        match flights.join(u32::from(t % 2), k, (), (), |_| true) {
                            Joined::Leader(seat) => {
                                runs.fetch_add(1, Ordering::Relaxed);
                                if i % 5 == 0 {
                                    std::thread::yield_now();
                                }
                                answers.fetch_add(flights.finish(&seat).len(), Ordering::Relaxed);
                            }
                            Joined::Follower(seat) if i % 4 == 0 => match flights.leave(&seat) {
                                // It answers itself; so does whoever finds the flight gone with nobody in it.
                                Left::Others(()) | Left::Last((), ()) => {
                                    let _ = answers.fetch_add(1, Ordering::Relaxed);
                                }
                                Left::Gone => {}
                            },
                            Joined::Follower(_) | Joined::Alone(()) => {}
                        }
                    }
                });
            }
        });
        assert_eq!(answers.into_inner(), 16_000);
        let stats = flights.stats();
        assert_eq!((stats.running, stats.waiting), (0, 0));
        assert_eq!(stats.shared as usize, 16_000 - runs.into_inner());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join(u32, u8),
        Leave(usize),
        Finish(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..2_u32, 0..3_u8).prop_map(|(u, k)| Step::Join(u, k)),
            any::<usize>().prop_map(Step::Leave),
            any::<usize>().prop_map(Step::Finish),
        ]
    }

    proptest! {
        /// Against a plain list of runs: who is in which, who leads, who is told what.
        #[test]
        fn as_a_list_of_runs(steps in prop::collection::vec(step(), 1..120)) {
            struct Run { uid: u32, key: u8, leader: Seat, riders: Vec<usize>, over: bool }
            let flights = Flights::new();
            let mut runs: Vec<Run> = Vec::new();
            let mut seats: Vec<Seat> = Vec::new();
            for s in steps {
                match s {
                    Step::Join(uid, k) => {
                        let id = seats.len();
                        let known = runs.iter_mut().find(|r| !r.over && (r.uid, r.key) == (uid, k));
                        match (flights.join(uid, key(k), id, (), |_| true), known) {
                            (Joined::Leader(seat), None) => {
                                runs.push(Run { uid, key: k, leader: seat, riders: vec![id], over: false });
                                seats.push(seat);
                            }
                            (Joined::Follower(seat), Some(run)) => {
                                run.riders.push(id);
                                seats.push(seat);
                            }
                            (joined, _) => prop_assert!(false, "{:?}", joined),
                        }
                    }
                    Step::Leave(n) if !seats.is_empty() => {
                        let id = n % seats.len();
                        let run = runs.iter_mut().find(|r| !r.over && r.riders.contains(&id));
                        let left = flights.leave(&seats[id]);
                        match run {
                            None => prop_assert_eq!(left, Left::Gone),
                            Some(run) => {
                                run.riders.retain(|r| *r != id);
                                run.over = run.riders.is_empty();
                                prop_assert_eq!(left, if run.over { Left::Last(id, ()) } else { Left::Others(id) });
                            }
                        }
                    }
                    Step::Finish(n) if !runs.is_empty() => {
                        let at = n % runs.len();
                        let run = &mut runs[at];
                        let told = flights.finish(&run.leader);
                        let wanted = if run.over { Vec::new() } else { std::mem::take(&mut run.riders) };
                        run.over = true;
                        prop_assert_eq!(told, wanted);
                    }
                    _ => {}
                }
                let (running, waiting) = runs.iter().filter(|r| !r.over).fold((0, 0), |(n, w), r| (n + 1, w + r.riders.len() as u64));
                prop_assert_eq!((flights.stats().running, flights.stats().waiting), (running, waiting));
            }
        }
    }
}
