//! Which candidate becomes the answer: the best that the judge passes.

use squeezed_judge::{Claim, Judge, Refusal, Source};
use squeezed_plugin_api::Options;

use crate::offers::{Held, set};
use crate::{Answer, JobError, Ran, Reason, Rules, TrialVerdict};

/// Lets the judge look at the candidates, best first, until one passes.
pub fn choose(
    ran: &mut Ran,
    mut held: Vec<Held>,
    source: Source<'_>,
    options: &Options,
    rules: &Rules,
    must_clean: bool,
) -> Result<(), JobError> {
    let before = source.bytes.len() as f64;
    let mut judge = Judge::new(source);
    // The floor of a capped job was measured against the best lossless candidate, so a lossy one may win only if that
    // is what it claims to be.
    let mut base = None;
    let at = held.iter().position(|h| h.lossless).filter(|at| *at > 0 && options.max_reduction.is_some());
    if let Some(at) = at {
        match judge.check(&Claim { bytes: &held[at].bytes, lossless: true }) {
            Ok(verified) => base = Some(verified),
            Err(Refusal::Defect(defect)) => {
                let h = held.remove(at);
                reject(ran, &h, &defect.to_string());
                let floor = options.max_reduction.map_or(0.0, |cap| before * (1.0 - cap / 100.0));
                for h in held.extract_if(.., |h| !h.lossless && (h.bytes.len() as f64) < floor) {
                    set(&mut ran.trials, h.trial, TrialVerdict::OverCap);
                }
            }
            Err(Refusal::SourceUnreadable(why)) => return Err(JobError::BadImage(why)),
            Err(Refusal::Stopped) => return Err(JobError::Cancelled),
        }
    }
    for h in held {
        let savings = (before - h.bytes.len() as f64) / before * 100.0;
        if savings < rules.min_savings && !(must_clean && h.lossless) {
            set(&mut ran.trials, h.trial, TrialVerdict::BelowMinSavings);
            ran.end = Err(Reason::BelowMinSavings);
            continue;
        }
        let checked = match base.filter(|_| h.lossless) {
            Some(verified) => Ok(verified),
            None => judge.check(&Claim { bytes: &h.bytes, lossless: h.lossless }),
        };
        match checked {
            Ok(verified) => {
                set(&mut ran.trials, h.trial, TrialVerdict::Won);
                ran.end = Ok(Answer {
                    bytes: h.bytes,
                    method: h.method,
                    quality: h.quality,
                    lossless: h.lossless,
                    judged_by: verified.decoder,
                });
                return Ok(());
            }
            Err(Refusal::Defect(defect)) => reject(ran, &h, &defect.to_string()),
            Err(Refusal::SourceUnreadable(why)) => return Err(JobError::BadImage(why)),
            Err(Refusal::Stopped) => return Err(JobError::Cancelled),
        }
    }
    Ok(())
}

/// Drops a candidate and says why.
fn reject(ran: &mut Ran, held: &Held, defect: &str) {
    set(&mut ran.trials, held.trial, TrialVerdict::Defect(defect.to_owned()));
    ran.defects.push(format!("{}: {defect}", held.method));
    ran.end = Err(Reason::JudgeRejected(format!("{}: {defect}", held.method)));
}
