//! Answers that are made once: shared by identical jobs of one user in flight, and kept on disk where that is configured.

use std::sync::Arc;

use bytes::Bytes;
use squeezed_cache::{Again, Asked, Flights, InputHash, Joined, Key, Left, Put, Question, Seat, Store};
use squeezed_host::Rules;
use squeezed_plugin_api::Options;
use squeezed_protocol::{CacheRow, Outcome, Reason, Receipt, Reused, Status};

use super::receipt::ISOLATION;
use super::{Asker, JobControl};
use crate::executor::JobId;
use crate::registry::Handler;

/// A run that others may wait for.
pub struct Run {
    /// Its switches.
    pub control: Arc<JobControl>,
    /// Its number in the executor.
    pub id: JobId,
    /// The connection that it came from.
    pub connection: u64,
}

/// Runs that are shared, and results that are kept.
pub struct Reuse {
    flights: Flights<Asker, Run>,
    store: Option<Store>,
    bound: u64,
}

/// What one job is, so that another can be known as identical.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    key: Key,
    asked: Asked,
}

impl Identity {
    /// Hashes the input: some milliseconds for a large one.
    pub fn of(input: &[u8], handler: &Handler, options: &Options, rules: &Rules) -> Self {
        let description = handler.plugin.description();
        let question = Question {
            plugin: &description.id,
            plugin_version: &description.version,
            plugin_build: handler.plugin.build(),
            format: &handler.format.name,
            daemon: env!("CARGO_PKG_VERSION"),
            options,
            lossy_gain: rules.lossy_gain,
            min_savings: rules.min_savings,
        };
        let asked = question.asked();
        Self { key: Key::new(&InputHash::of(input), &asked), asked }
    }
}

impl Reuse {
    /// With a store of at most `bound` bytes, or without.
    pub fn new(store: Option<Store>, bound: u64) -> Self {
        Self { flights: Flights::new(), store, bound }
    }

    /// The answer that an identical job of this user got before.
    pub fn kept(&self, uid: u32, identity: &Identity, input_len: usize) -> Option<(Outcome, Bytes)> {
        let entry = self.store.as_ref()?.get(uid, &identity.key, input_len as u64)?;
        let mut receipt: Receipt = serde_json::from_slice(&entry.meta).ok()?;
        let body = entry.body.map(Bytes::from).unwrap_or_default();
        receipt.isolation = ISOLATION.into();
        let fits = match receipt.status {
            Status::Optimized => receipt.after == body.len() as u64 && !body.is_empty(),
            Status::Unchanged => body.is_empty(),
        };
        let outcome = Outcome { receipt: Some(receipt), ..Outcome::default() };
        (fits && receipt_is_of(&outcome, input_len)).then_some((outcome, body))
    }

    /// Keeps an answer, and what the same question about the smaller file will be answered. Never one that a deadline
    /// cut short.
    pub fn keep(&self, uid: u32, identity: &Identity, outcome: &Outcome, body: &Bytes) {
        let (Some(store), Some(receipt)) = (&self.store, &outcome.receipt) else { return };
        let Ok(meta) = serde_json::to_vec(receipt) else { return };
        if receipt.best_so_far {
            return;
        }
        let optimized = receipt.status == Status::Optimized;
        let again = optimized.then(|| serde_json::to_vec(&unchanged(receipt)).ok()).flatten();
        let again = again.map(|meta| Again { asked: identity.asked, meta: meta.into() });
        let body = optimized.then(|| body.clone());
        store.put(Put { uid, key: identity.key, meta: meta.into(), body, again });
    }

    /// Joins a run of an identical job of this user, or begins one that others may join. Not one that waits in the line
    /// of another connection: it may be the last of ten thousand there, and this one's own turn is next.
    pub fn join(&self, uid: u32, identity: &Identity, asker: Asker, run: Run) -> Joined<Asker> {
        let connection = run.connection;
        let may = |other: &Run| other.connection == connection || other.control.has_started();
        self.flights.join(uid, identity.key, asker, run, may)
    }

    /// Whoever waits for the run of this seat, in order of arrival. The run is over with that.
    pub fn finish(&self, leader: &Seat) -> Vec<Asker> {
        self.flights.finish(leader)
    }

    /// Gives up a seat. The run that nobody waits for any more is to be cancelled.
    pub fn leave(&self, seat: &Seat) -> (Option<Asker>, Option<Run>) {
        match self.flights.leave(seat) {
            Left::Others(asker) => (Some(asker), None),
            Left::Last(asker, run) => (Some(asker), Some(run)),
            Left::Gone => (None, None),
        }
    }

    /// Passes progress on to those who joined.
    pub fn each(&self, seat: &Seat, each: impl FnMut(&Asker)) {
        self.flights.visit(seat, each);
    }

    /// Jobs that shared the run of another since the start.
    pub fn shared(&self) -> u64 {
        self.flights.stats().shared
    }

    /// What the store did and holds.
    pub fn stats(&self) -> squeezed_cache::Stats {
        self.store.as_ref().map(Store::stats).unwrap_or_default()
    }

    /// The store's row for STATUS.
    pub fn row(&self) -> Option<CacheRow> {
        let s = self.store.as_ref()?.stats();
        Some(CacheRow {
            entries: s.entries,
            bytes: s.bytes,
            capacity: self.bound,
            hits: s.hits,
            misses: s.misses,
            dropped: s.torn,
        })
    }

    /// Waits until what is to be kept is on disk.
    pub fn flush(&self, limit: std::time::Duration) {
        if let Some(store) = &self.store
            && !store.flush(limit)
        {
            tracing::warn!("some results were not written to the cache in time");
        }
    }
}

fn receipt_is_of(outcome: &Outcome, input_len: usize) -> bool {
    outcome.receipt.as_ref().is_some_and(|r| r.before == input_len as u64)
}

/// The receipt for the answer of `receipt` when it comes back as an input.
fn unchanged(receipt: &Receipt) -> Receipt {
    Receipt {
        status: Status::Unchanged,
        reason: Some(Reason::AlreadyOptimal),
        detail: None,
        method: "none".into(),
        quality: None,
        pixels_identical: true,
        before: receipt.after,
        source_quality: receipt.quality.or(receipt.source_quality),
        dropped: Vec::new(),
        trials: Vec::new(),
        omitted: 0,
        judged_by: None,
        reused: Some(Reused::Cache),
        ..receipt.clone()
    }
}
