//! One run for identical jobs, and results that outlive the daemon.
//!
//! [`Key`] says when two jobs are identical: same input, same question ([`Question`]), same versions. [`Flights`] lets
//! identical jobs that are in flight at the same time share one run. [`Store`] keeps results on disk, bounded in
//! bytes, the least recently used going first.
//!
//! Everything is kept apart by uid: whether an answer comes fast would tell one user what another has. Knows no
//! runtime, no socket and no plugin; what an answer means (its receipt) is opaque bytes here.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod complaint;
mod entry;
mod flight;
mod folder;
mod index;
mod key;
mod place;
mod queue;
mod store;
mod writer;

pub use entry::{Entry, MAX_META};
pub use flight::{FlightStats, Flights, Joined, Left, Seat};
pub use folder::OpenError;
pub use key::{Asked, InputHash, Key, Question};
pub use place::default_folder;
pub use store::{Again, Put, Stats, Store};
