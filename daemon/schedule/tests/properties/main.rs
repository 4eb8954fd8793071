//! The bounds that `docs/scheduling.md` states, each over arbitrary sequences of events.

mod executor;
mod fairness;
mod invariants;
