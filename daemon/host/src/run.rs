//! One job from inspection to answer: the plugin proposes, the judge checks, the smallest that passes wins.

use squeezed_judge::{Claim, Judge, Refusal, Source};
use squeezed_plugin_api::{
    Candidate, Error, ErrorCode, Estimate, Format, FrameHeader, FrameSink, Host, ImageHeader, ImageInfo, Job,
    Kind, Limits, LogLevel, Metadata, MetadataItem, Optimizer, Options, Plan, Stop, StopReason, Verdict,
};

use crate::offers::{Held, Offers, set};
use crate::{Answer, JobError, Ran, Reason, Rules, TrialVerdict};

/// What the caller does for a running job. Called from any thread of the job.
pub trait Control: Sync {
    /// Why to stop, if the job should.
    fn stop(&self) -> Option<StopReason>;
    /// How far the job is, 0 to 1000, and the smallest candidate so far in bytes (0 for none).
    fn progress(&self, permille: u32, best_bytes: u64);
    /// How many threads the job may use.
    fn max_threads(&self) -> u32;
    /// Asks for more memory than the plan said.
    fn reserve(&self, bytes: u64) -> bool;
    /// A line from the plugin.
    fn log(&self, level: LogLevel, text: &str);
}

/// What `inspect` found.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The picture.
    pub info: ImageInfo,
    /// Its metadata.
    pub items: Vec<MetadataItem>,
}

/// Looks at headers and checks the limits.
///
/// # Errors
/// A damaged or too large image, or a plugin that failed.
pub fn examine(plugin: &dyn Optimizer, input: &[u8], limits: &Limits) -> Result<Examined, JobError> {
    let mut items = Vec::new();
    let info = plugin.inspect(input, &mut |i| items.push(i)).map_err(|e| match e.code {
        ErrorCode::UnsupportedFeature => JobError::UnsupportedFormat(e.message),
        _ => fatal(e),
    })?;
    let pixels = u64::from(info.width) * u64::from(info.height);
    let frames = u64::from(info.frames);
    let checks = [
        ("pixels", pixels, limits.pixels),
        ("frames", frames, limits.frames),
        ("total_pixels", pixels.saturating_mul(frames), limits.total_pixels),
    ];
    match checks.into_iter().find(|(_, n, most)| n > most) {
        None => Ok(Examined { info, items }),
        Some((key, n, most)) => Err(JobError::TooLarge(format!(
            "the image has {n} {}, more than limits.{key} = {most}; raise it in the configuration",
            key.replace('_', " ")
        ))),
    }
}

/// What a job will need.
///
/// # Errors
/// As the plugin says.
pub fn plan(
    plugin: &dyn Optimizer,
    input: &[u8],
    examined: &Examined,
    options: &Options,
    control: &dyn Control,
) -> Result<Plan, JobError> {
    let host = Bare { control };
    plugin.plan(&Job::new(input, &examined.info, options, &host)).map_err(fatal)
}

/// A guess at the result. Without one of the plugin's own: `optimize` at effort fast, not judged.
///
/// # Errors
/// As [`optimize`].
pub fn estimate(
    plugin: &dyn Optimizer,
    input: &[u8],
    examined: &Examined,
    options: &Options,
    rules: &Rules,
    control: &dyn Control,
) -> Result<Estimate, JobError> {
    let options = Options { effort: squeezed_plugin_api::Effort::Fast, ..options.clone() };
    let unchanged = Estimate { bytes: input.len() as u64, lossless: true };
    if examined.info.flags.signed && options.metadata == Metadata::All {
        return Ok(unchanged);
    }
    let offers =
        Offers::new(&options, rules, input.len(), must_clean(&examined.items, options.metadata), &|_| true);
    let host = JobHost { offers: &offers, control };
    let job = Job::new(input, &examined.info, &options, &host);
    let guess = match plugin.estimate(&job) {
        Ok(None) => plugin.optimize(&job).map(|()| None),
        other => other,
    };
    let guess = match guess {
        Ok(guess) => guess,
        Err(e) => match (e.code, control.stop()) {
            (ErrorCode::UnsupportedFeature | ErrorCode::WouldDegrade, _) => None,
            // What was found by the deadline is a guess as good as any.
            (ErrorCode::Stopped, Some(StopReason::Deadline)) if offers.best_bytes() > 0 => None,
            _ => return Err(stopped(control).unwrap_or_else(|| fatal(e))),
        },
    };
    let (held, ..) = offers.finish();
    let found = held.first().map(|h| Estimate { bytes: h.bytes.len() as u64, lossless: h.lossless });
    let guess = guess.or(found).filter(|g| g.bytes < unchanged.bytes);
    let worth = |g: &Estimate| 100.0 - g.bytes as f64 / input.len() as f64 * 100.0 >= rules.min_savings;
    Ok(guess.filter(worth).unwrap_or(unchanged))
}

/// Runs one job to its end.
///
/// # Errors
/// A damaged image, a limit, a stop without anything found, or a plugin that failed.
pub fn optimize(
    plugin: &dyn Optimizer,
    format: &Format,
    input: &[u8],
    examined: &Examined,
    options: &Options,
    rules: &Rules,
    control: &dyn Control,
) -> Result<Ran, JobError> {
    let must_clean = must_clean(&examined.items, options.metadata);
    if examined.info.flags.signed && options.metadata == Metadata::All {
        // Nothing will be rewritten, but a damaged picture is told as such.
        return match plugin.decode(input, &mut Nowhere { control }) {
            Err(e) if e.code == ErrorCode::BadImage => Err(fatal(e)),
            Err(e) if e.code == ErrorCode::Stopped => Err(stopped(control).unwrap_or_else(|| fatal(e))),
            _ => Ok(unchanged(Reason::Signed, examined)),
        };
    }
    let looks_right = |bytes: &[u8]| format.matches(bytes);
    let offers = Offers::new(options, rules, input.len(), must_clean, &looks_right);
    let ended = {
        let host = JobHost { offers: &offers, control };
        plugin.optimize(&Job::new(input, &examined.info, options, &host))
    };
    let mut best_so_far = false;
    let refused = match ended {
        Ok(()) => None,
        Err(e) => match e.code {
            ErrorCode::UnsupportedFeature => Some(Reason::UnsupportedFeature(e.message)),
            ErrorCode::WouldDegrade => Some(Reason::WouldDegrade(e.message)),
            ErrorCode::Stopped if control.stop() == Some(StopReason::Deadline) => {
                best_so_far = true;
                None
            }
            ErrorCode::Stopped => return Err(stopped(control).unwrap_or_else(|| fatal(e))),
            _ => return Err(fatal(e)),
        },
    };
    if control.stop() == Some(StopReason::Cancelled) {
        return Err(JobError::Cancelled);
    }
    let (held, trials, trials_omitted) = offers.finish();
    if best_so_far && held.is_empty() {
        return Err(JobError::Deadline);
    }
    let mut ran = Ran {
        end: Err(refused.unwrap_or(Reason::AlreadyOptimal)),
        trials,
        trials_omitted,
        kept: Vec::new(),
        dropped: Vec::new(),
        defects: Vec::new(),
        best_so_far,
    };
    let cancelled = || control.stop() == Some(StopReason::Cancelled);
    let source = Source {
        format: &format.name,
        bytes: input,
        plugin,
        policy: options.metadata,
        limits: options.limits,
        stop: &cancelled,
    };
    choose(&mut ran, held, source, options, rules, must_clean)?;
    if ran.end.is_err() && must_clean {
        let why = match &ran.end {
            Err(Reason::UnsupportedFeature(f)) => format!("unsupported feature: {f}"),
            Err(Reason::WouldDegrade(f) | Reason::JudgeRejected(f)) => f.clone(),
            _ => "the plugin offered no file without it".into(),
        };
        ran.end = Err(Reason::MetadataNotRemoved(why));
    }
    settle_metadata(&mut ran, plugin, examined);
    Ok(ran)
}

/// Lets the judge look at the candidates, best first, until one passes.
fn choose(
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

/// Names what the answer has and lacks, by looking at it rather than by believing the plugin.
fn settle_metadata(ran: &mut Ran, plugin: &dyn Optimizer, examined: &Examined) {
    let label = |i: &MetadataItem| i.label();
    let mut kept: Vec<(Kind, String)> = match &ran.end {
        Err(_) => examined.items.iter().map(label).collect(),
        Ok(answer) => {
            let mut items = Vec::new();
            // The judge has inspected it already; should it fail now, nothing is claimed to be kept.
            let _ = plugin.inspect(&answer.bytes, &mut |i| items.push(i.label()));
            items
        }
    };
    dedup(&mut kept);
    let mut source: Vec<(Kind, String)> = examined.items.iter().map(label).collect();
    dedup(&mut source);
    ran.dropped = source.into_iter().filter(|l| kept.binary_search(l).is_err()).collect();
    ran.kept = kept;
}

fn dedup(list: &mut Vec<(Kind, String)>) {
    list.sort();
    list.dedup();
}

fn must_clean(items: &[MetadataItem], policy: Metadata) -> bool {
    policy == Metadata::Display && items.iter().any(|i| !i.kind.is_display())
}

fn unchanged(reason: Reason, examined: &Examined) -> Ran {
    let mut kept: Vec<_> = examined.items.iter().map(MetadataItem::label).collect();
    dedup(&mut kept);
    Ran {
        end: Err(reason),
        trials: Vec::new(),
        trials_omitted: 0,
        kept,
        dropped: Vec::new(),
        defects: Vec::new(),
        best_so_far: false,
    }
}

fn stopped(control: &dyn Control) -> Option<JobError> {
    control.stop().map(|r| match r {
        StopReason::Cancelled => JobError::Cancelled,
        StopReason::Deadline => JobError::Deadline,
    })
}

fn fatal(e: Error) -> JobError {
    match e.code {
        ErrorCode::BadImage => JobError::BadImage(e.message),
        ErrorCode::TooLarge => JobError::TooLarge(e.message),
        ErrorCode::BadOption => JobError::BadOption(e.message),
        ErrorCode::Panicked => JobError::PluginFailed(format!("the plugin panicked: {}", e.message)),
        _ => JobError::PluginFailed(e.message),
    }
}

/// A sink for pictures that nobody looks at.
struct Nowhere<'a> {
    control: &'a dyn Control,
}

impl Nowhere<'_> {
    fn go_on(&self) -> Result<(), Stop> {
        if self.control.stop().is_some() { Err(Stop) } else { Ok(()) }
    }
}

impl FrameSink for Nowhere<'_> {
    fn image(&mut self, _: &ImageHeader) -> Result<(), Stop> {
        self.go_on()
    }
    fn frame(&mut self, _: &FrameHeader) -> Result<(), Stop> {
        self.go_on()
    }
    fn rows(&mut self, _: u32, _: usize, _: &[u8]) -> Result<(), Stop> {
        self.go_on()
    }
}

/// The host of a running job.
struct JobHost<'a> {
    offers: &'a Offers<'a>,
    control: &'a dyn Control,
}

impl Host for JobHost<'_> {
    fn offer(&self, candidate: &Candidate<'_>) -> Verdict {
        let verdict = self.offers.offer(candidate);
        if self.control.stop().is_some() { Verdict::Stop } else { verdict }
    }
    fn bytes_to_beat(&self, lossless: bool) -> u64 {
        self.offers.bytes_to_beat(lossless)
    }
    fn floor(&self) -> u64 {
        self.offers.floor()
    }
    fn stop(&self) -> Option<StopReason> {
        self.control.stop()
    }
    fn progress(&self, permille: u32) {
        self.control.progress(permille, self.offers.best_bytes());
    }
    fn max_threads(&self) -> u32 {
        self.control.max_threads()
    }
    fn reserve(&self, bytes: u64) -> bool {
        self.control.reserve(bytes)
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, level: LogLevel, text: &str) {
        self.control.log(level, text);
    }
}

/// The host while a plan is made: takes no offers.
struct Bare<'a> {
    control: &'a dyn Control,
}

impl Host for Bare<'_> {
    fn offer(&self, _: &Candidate<'_>) -> Verdict {
        Verdict::Rejected
    }
    fn bytes_to_beat(&self, _: bool) -> u64 {
        0
    }
    fn floor(&self) -> u64 {
        0
    }
    fn stop(&self) -> Option<StopReason> {
        self.control.stop()
    }
    fn progress(&self, _: u32) {}
    fn max_threads(&self) -> u32 {
        self.control.max_threads()
    }
    fn reserve(&self, _: u64) -> bool {
        false
    }
    fn score(&self, _: &[u8]) -> Option<f32> {
        None
    }
    fn log(&self, level: LogLevel, text: &str) {
        self.control.log(level, text);
    }
}
