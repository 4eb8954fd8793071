//! One job from inspection to answer: the plugin proposes, the judge checks, the smallest that passes wins.

use squeezed_judge::Source;
use squeezed_plugin_api::{
    Error, ErrorCode, Estimate, Format, ImageInfo, Job, Kind, Limits, LogLevel, Metadata, MetadataItem,
    Optimizer, Options, Plan, StopReason,
};

use crate::choice::choose;
use crate::hosts::{Bare, JobHost, Nowhere};
use crate::offers::Offers;
use crate::{JobError, Ran, Reason, Rules};

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
