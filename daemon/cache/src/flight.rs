//! One run for identical jobs that are in flight at the same time.
//!
//! The first to ask for a key leads and runs; those who ask meanwhile follow and get the same answer. Everybody has a
//! seat and may leave; the run goes on for whoever is left. Must not know what a run is or how an answer travels.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Key;

/// All shared runs, for subscribers of type `S`. Every call takes one short lock.
///
/// A job with a deadline of its own must not take part: its answer may be the best so far, which is nobody else's.
#[derive(Debug)]
pub struct Flights<S> {
    state: Mutex<State<S>>,
}

#[derive(Debug)]
struct State<S> {
    next: u64,
    shared: u64,
    flights: HashMap<(u32, Key), Flight<S>>,
}

#[derive(Debug)]
struct Flight<S> {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The first: run the job, then [`Flights::finish`] in any case, also after an error.
    Leader(Seat),
    /// A run is under way: its end hands the subscriber out.
    Follower(Seat),
}

/// What a leave meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Left<S> {
    /// Others still wait: the run goes on, whoever began it.
    Others(S),
    /// Nobody waits any more: cancel the run. The key is free for a new flight at once.
    Last(S),
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

impl<S> Default for Flights<S> {
    fn default() -> Self {
        Self { state: Mutex::new(State { next: 0, shared: 0, flights: HashMap::new() }) }
    }
}

impl<S> Flights<S> {
    /// No runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a seat in this user's flight of `key`, or starts one.
    pub fn join(&self, uid: u32, key: Key, subscriber: S) -> Joined {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        if let Some(flight) = state.flights.get_mut(&(uid, key)) {
            let seat = Seat { uid, key, flight: flight.number, id };
            flight.seats.insert(id, subscriber);
            state.shared += 1;
            return Joined::Follower(seat);
        }
        let flight = Flight { number: id, seats: BTreeMap::from([(id, subscriber)]) };
        state.flights.insert((uid, key), flight);
        Joined::Leader(Seat { uid, key, flight: id, id })
    }

    /// Gives a seat up: a cancel, or a connection that closed. The leader's is no different.
    pub fn leave(&self, seat: &Seat) -> Left<S> {
        let mut state = self.lock();
        let place = (seat.uid, seat.key);
        let Some(flight) = state.flights.get_mut(&place).filter(|f| f.number == seat.flight) else {
            return Left::Gone;
        };
        let Some(subscriber) = flight.seats.remove(&seat.id) else { return Left::Gone };
        if !flight.seats.is_empty() {
            return Left::Others(subscriber);
        }
        state.flights.remove(&place);
        Left::Last(subscriber)
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

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
