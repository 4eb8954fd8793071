//! The candidates of one job: which of them are kept, and which may still win.

use std::sync::{Mutex, MutexGuard, PoisonError};

use squeezed_plugin_api::{Candidate, Mode, Options, Verdict};

use crate::{Rules, Trial, TrialVerdict};

const MAX_TRIALS: usize = 1024;

/// A candidate that is kept, with its bytes.
#[derive(Debug, Clone)]
pub struct Held {
    pub bytes: Vec<u8>,
    pub method: String,
    pub quality: u8,
    pub lossless: bool,
    pub rank: u32,
    /// Its place in the list of trials, if it still fit.
    pub trial: usize,
}

/// All candidates of one job. Shared by the threads of the job.
pub struct Offers<'a> {
    options: &'a Options,
    rules: &'a Rules,
    input_len: u64,
    /// Whether the source holds metadata that must go, so that it cannot be its own best lossless form.
    must_clean: bool,
    looks_right: &'a (dyn Fn(&[u8]) -> bool + Sync),
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lossless: Option<Held>,
    lossy: Option<Held>,
    trials: Vec<Trial>,
    omitted: u64,
}

impl<'a> Offers<'a> {
    pub fn new(
        options: &'a Options,
        rules: &'a Rules,
        input_len: usize,
        must_clean: bool,
        looks_right: &'a (dyn Fn(&[u8]) -> bool + Sync),
    ) -> Self {
        Self { options, rules, input_len: input_len as u64, must_clean, looks_right, state: Mutex::default() }
    }

    /// Takes or refuses a candidate.
    pub fn offer(&self, c: &Candidate<'_>) -> Verdict {
        let mut state = self.lock();
        let size = c.bytes.len() as u64;
        let (verdict, trial) = self.decide(&state, c, size);
        let at = state.trials.len();
        if at < MAX_TRIALS {
            state.trials.push(Trial {
                method: c.method.into(),
                bytes: size,
                lossless: c.lossless,
                verdict: trial,
            });
        } else {
            state.omitted += 1;
        }
        if verdict == Verdict::Kept {
            let held = Held {
                bytes: c.bytes.to_vec(),
                method: c.method.into(),
                quality: c.quality,
                lossless: c.lossless,
                rank: c.rank,
                trial: at,
            };
            *(if c.lossless { &mut state.lossless } else { &mut state.lossy }) = Some(held);
        }
        verdict
    }

    fn decide(&self, state: &State, c: &Candidate<'_>, size: u64) -> (Verdict, TrialVerdict) {
        if c.bytes.is_empty() || !(self.looks_right)(c.bytes) {
            return (Verdict::Rejected, TrialVerdict::Defect("format".into()));
        }
        if !c.lossless && self.options.mode == Mode::Lossless {
            return (Verdict::Rejected, TrialVerdict::Defect("lossy candidate for a lossless job".into()));
        }
        if !c.lossless && size < self.floor_in(state) {
            return (Verdict::OverCap, TrialVerdict::OverCap);
        }
        let held = if c.lossless { &state.lossless } else { &state.lossy };
        let wins_tie = held.as_ref().is_some_and(|h| h.bytes.len() as u64 == size && c.rank < h.rank);
        if size < self.to_beat_in(state, c.lossless) || wins_tie {
            (Verdict::Kept, TrialVerdict::Kept)
        } else {
            (Verdict::NotSmaller, TrialVerdict::NotSmaller)
        }
    }

    /// The size that the next candidate must be below.
    pub fn bytes_to_beat(&self, lossless: bool) -> u64 {
        self.to_beat_in(&self.lock(), lossless)
    }

    /// The size that a lossy candidate must not be below.
    pub fn floor(&self) -> u64 {
        self.floor_in(&self.lock())
    }

    /// The smallest candidate so far; 0 for none.
    pub fn best_bytes(&self) -> u64 {
        let state = self.lock();
        [&state.lossless, &state.lossy].into_iter().flatten().map(|h| h.bytes.len() as u64).min().unwrap_or(0)
    }

    /// The candidates that may be the answer, best first, and the trials.
    pub fn finish(self) -> (Vec<Held>, Vec<Trial>, u64) {
        let limit = self.lossy_limit(best_lossless(self.input_len, &self.lock()));
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(lossy) = state.lossy.take_if(|h| h.bytes.len() as u64 > limit) {
            set(&mut state.trials, lossy.trial, TrialVerdict::NotSmaller);
        }
        let mut held: Vec<Held> = [state.lossy, state.lossless].into_iter().flatten().collect();
        held.sort_by_key(|h| (h.bytes.len(), !h.lossless, h.rank));
        (held, state.trials, state.omitted)
    }

    fn to_beat_in(&self, state: &State, lossless: bool) -> u64 {
        let base = best_lossless(self.input_len, state);
        if lossless {
            let source_counts = state.lossless.is_none() && self.must_clean;
            return if source_counts { base.saturating_add(1) } else { base };
        }
        let held = state.lossy.as_ref().map_or(u64::MAX, |h| h.bytes.len() as u64);
        held.min(self.lossy_limit(base).saturating_add(1))
    }

    /// The largest lossy size that is worth its loss against this lossless size.
    fn lossy_limit(&self, lossless: u64) -> u64 {
        (lossless as f64 * (1.0 - self.rules.lossy_gain)).floor() as u64
    }

    fn floor_in(&self, state: &State) -> u64 {
        let Some(cap) = self.options.max_reduction else { return 0 };
        (best_lossless(self.input_len, state) as f64 * (1.0 - cap / 100.0)).ceil() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The best lossless size under the same metadata policy, the source's own included.
fn best_lossless(input_len: u64, state: &State) -> u64 {
    state.lossless.as_ref().map_or(input_len, |h| h.bytes.len() as u64)
}

/// Changes the verdict of a trial that is still in the list.
pub fn set(trials: &mut [Trial], at: usize, verdict: TrialVerdict) {
    if let Some(t) = trials.get_mut(at) {
        t.verdict = verdict;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers<'a>(options: &'a Options, rules: &'a Rules, must_clean: bool) -> Offers<'a> {
        Offers::new(options, rules, 1000, must_clean, &|b| b.first() == Some(&b'x'))
    }
    fn file(len: usize) -> Vec<u8> {
        vec![b'x'; len]
    }

    #[test]
    fn never_larger_and_ties_go_to_rank() {
        let (options, rules) = (Options::default(), Rules::default());
        let o = offers(&options, &rules, false);
        assert_eq!(o.offer(&Candidate::lossless(&file(1000), "same")), Verdict::NotSmaller);
        assert_eq!(o.offer(&Candidate::lossless(&file(900), "a").with_rank(2)), Verdict::Kept);
        assert_eq!(o.offer(&Candidate::lossless(&file(900), "b").with_rank(1)), Verdict::Kept);
        assert_eq!(o.offer(&Candidate::lossless(&file(900), "c").with_rank(1)), Verdict::NotSmaller);
        assert_eq!(o.offer(&Candidate::lossless(b"", "empty")), Verdict::Rejected);
        assert_eq!(o.offer(&Candidate::lossless(b"y", "alien")), Verdict::Rejected);
        assert_eq!(o.finish().0[0].method, "b");
    }

    #[test]
    fn a_loss_must_gain_five_percent_over_the_best_lossless() {
        let (options, rules) = (Options { mode: Mode::Quality(80), ..Default::default() }, Rules::default());
        let o = offers(&options, &rules, false);
        assert_eq!(o.offer(&Candidate::lossy(&file(951), "small gain", 80)), Verdict::NotSmaller);
        assert_eq!(o.offer(&Candidate::lossy(&file(950), "enough", 80)), Verdict::Kept);
        assert_eq!(o.offer(&Candidate::lossless(&file(960), "lossless")), Verdict::Kept);
        assert_eq!(o.bytes_to_beat(false), 913);
        let (held, trials, _) = o.finish();
        assert_eq!(held.len(), 1, "the lossless result came later and made the loss too small a gain");
        assert_eq!(trials[1].verdict, TrialVerdict::NotSmaller);
    }

    #[test]
    fn lossy_is_refused_in_a_lossless_job_and_below_the_cap() {
        let (lossless, rules) = (Options::default(), Rules::default());
        assert_eq!(
            offers(&lossless, &rules, false).offer(&Candidate::lossy(&file(1), "l", 80)),
            Verdict::Rejected
        );
        let capped = Options { mode: Mode::Quality(80), max_reduction: Some(30.0), ..Default::default() };
        let o = offers(&capped, &rules, false);
        assert_eq!(o.floor(), 700);
        assert_eq!(o.offer(&Candidate::lossy(&file(699), "l", 80)), Verdict::OverCap);
        assert_eq!(o.offer(&Candidate::lossy(&file(700), "l", 82)), Verdict::Kept);
    }

    #[test]
    fn a_clean_file_of_equal_size_is_kept_where_metadata_must_go() {
        let (options, rules) = (Options::default(), Rules::default());
        let o = offers(&options, &rules, true);
        assert_eq!(o.offer(&Candidate::lossless(&file(1001), "larger")), Verdict::NotSmaller);
        assert_eq!(o.offer(&Candidate::lossless(&file(1000), "equal")), Verdict::Kept);
    }
}
