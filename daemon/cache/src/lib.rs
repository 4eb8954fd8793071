//! One run for identical jobs, and results that outlive the daemon.
//!
//! [`Key`] says when two jobs are identical: same input, same question ([`Question`]), same versions. [`Flights`] lets
//! identical jobs that are in flight at the same time share one run. [`Store`] keeps results on disk, bounded in
//! bytes, the least recently used going first.
//!
//! Everything is kept apart by uid: whether an answer comes fast would tell one user what another has. Knows no
//! runtime, no socket and no plugin; what an answer means (its receipt) is opaque bytes here.
//!
//! ```
//! use squeezed_cache::{Again, Flights, InputHash, Joined, Key, Put, Question, Store};
//! # let folder = tempfile::tempdir()?;
//! # let (uid, input, options) = (1000, b"an image".to_vec(), squeezed_plugin_api::Options::default());
//! let store = Store::open(&folder.path().join("squeezed"), 1 << 30)?;
//! let flights = Flights::new();
//!
//! // On a lane's thread, once the plugin is known:
//! let question = Question {
//!     plugin: "png", plugin_version: "1.0", plugin_build: b"", format: "png", daemon: "0.1.0",
//!     options: &options, lossy_gain: 0.05, min_savings: 0.0,
//! };
//! let asked = question.asked();
//! let key = Key::new(&InputHash::of(&input), &asked);
//! if let Some(entry) = store.get(uid, &key, input.len() as u64) {
//!     // Answer from entry.meta and entry.body.
//! }
//! // Not for a job with a deadline. The subscriber is whatever it takes to answer.
//! match flights.join(uid, key, "stream 1", "run 1", |_run| true) {
//!     // A run is under way and its end answers: give the thread back.
//!     Joined::Follower(seat) => drop(seat),
//!     Joined::Leader(seat) => {
//!         let body = bytes::Bytes::from_static(b"smaller");
//!         for _subscriber in flights.finish(&seat) { /* answer it */ }
//!         // Only an answer that is whole: never the best so far, never an error.
//!         let again = Some(Again { asked, meta: "a receipt that says unchanged".into() });
//!         store.put(Put { uid, key, meta: "a receipt".into(), body: Some(body), again });
//!     }
//! }
//! // At the end of a drain:
//! store.flush(std::time::Duration::from_secs(5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
