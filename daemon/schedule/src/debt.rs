//! Heavy's floor: what Light owes Heavy, and when Light must give way. Knows no jobs.
//!
//! While Heavy has work it is due a share of one core; what it was measured to get is subtracted. From a limit on, Light
//! leaves one core alone until a slice of the debt is paid. A slice, not all of it: on one core a pause is then some tens
//! of milliseconds, and Heavy still is never behind by more than the limit and what Light's running jobs take to end.

use std::time::Duration;

use crate::time::Time;

/// How much is paid at a time.
const SLICE: f64 = 0.025;
/// Measurements come late by about this much.
const LAG: f64 = 0.02;

/// What Light owes Heavy, in seconds of CPU.
#[derive(Debug)]
pub(crate) struct Debt {
    share: f64,
    limit: f64,
    paid_at: f64,
    at: Time,
    owed: f64,
    phase: Option<Phase>,
}

/// Light gives way.
#[derive(Debug, Clone, Copy)]
struct Phase {
    /// How long a core has been left to Heavy.
    offered: f64,
    /// For how long it is at most: twice what paying takes at full speed. A heavy job that sleeps cannot hold up Light.
    patience: f64,
}

impl Debt {
    pub fn new(share: f64, limit: Duration) -> Self {
        let limit = limit.as_secs_f64();
        Self { share, limit, paid_at: (limit - SLICE).max(0.0), at: Time::ZERO, owed: 0.0, phase: None }
    }

    /// Time passed. `hungry`: Heavy had work that could run. `open`: Light used fewer threads than there are cores.
    pub fn advance(&mut self, now: Time, hungry: bool, open: bool) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        // What nobody waits for is forgotten as fast as it grew.
        self.owed = (self.owed + if hungry { passed } else { -passed } * self.share).max(0.0);
        let patience = self.patience();
        match &mut self.phase {
            Some(phase) if open => phase.offered += passed,
            Some(phase) => phase.patience = patience,
            None => {}
        }
        self.decide();
    }

    /// Heavy was measured to get this much CPU.
    pub fn paid(&mut self, cpu: Duration) {
        self.owed = (self.owed - cpu.as_secs_f64()).max(0.0);
        self.decide();
    }

    /// Whether Light must leave a core alone.
    pub fn is_due(&self) -> bool {
        self.phase.is_some()
    }

    pub fn owed(&self) -> Duration {
        Duration::try_from_secs_f64(self.owed).unwrap_or(Duration::MAX)
    }

    /// How long Light gives way from now on, at least.
    pub fn time_to_pay(&self) -> Option<Duration> {
        let phase = self.phase?;
        let seconds = ((self.owed - self.paid_at) / (1.0 - self.share)).min(phase.patience - phase.offered);
        Some(Duration::try_from_secs_f64(seconds).unwrap_or_default().max(Duration::from_millis(1)))
    }

    fn patience(&self) -> f64 {
        2.0 * (self.owed - self.paid_at).max(0.0) / (1.0 - self.share) + LAG
    }

    fn decide(&mut self) {
        match self.phase {
            None if self.owed >= self.limit && self.owed > 0.0 => {
                self.phase = Some(Phase { offered: 0.0, patience: self.patience() });
            }
            Some(_) if self.owed <= self.paid_at => self.phase = None,
            Some(phase) if phase.offered >= phase.patience => {
                self.owed = self.owed.min(self.paid_at);
                self.phase = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn light_gives_way_at_the_limit_until_a_slice_is_paid() {
        let mut debt = Debt::new(0.25, MS(250));
        debt.advance(MS(990), true, false);
        assert!(!debt.is_due());
        debt.advance(MS(1010), true, false);
        assert!(debt.is_due());
        debt.advance(MS(1020), true, true);
        debt.paid(MS(10));
        assert!(debt.is_due() && debt.time_to_pay().unwrap() >= MS(20));
        debt.advance(MS(1050), true, true);
        debt.paid(MS(30));
        assert!(!debt.is_due());
        assert_eq!(debt.time_to_pay(), None);
    }

    #[test]
    fn a_sleeping_heavy_job_does_not_hold_up_light() {
        let mut debt = Debt::new(0.25, MS(250));
        let mut due = 0;
        for ms in 0..10_000 {
            debt.advance(MS(ms), true, true);
            due += u32::from(debt.is_due());
        }
        assert!(due < 6_000, "{due} of 10000 ms");
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let mut debt = Debt::new(0.25, MS(250));
        debt.advance(MS(2000), true, false);
        assert!(debt.is_due());
        debt.advance(MS(4100), false, false);
        assert!(!debt.is_due() && debt.owed() == Duration::ZERO);
    }
}
