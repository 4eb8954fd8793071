//! Turns what the host found into what travels.

use std::time::Duration;

use squeezed_host as host;
use squeezed_host::{Examined, JobError, Ran};
use squeezed_plugin_api::{AlphaKind, ColorModel, Kind};
use squeezed_protocol::{
    ErrorCode, ErrorReply, ImageInfo, Label, MAX_LIST, MAX_META, PluginId, Reason, Receipt, Status, Trial,
    TrialVerdict,
};

use crate::executor::Refused;
use crate::registry::Handler;

/// The isolation in force: plugins run inside the daemon.
pub const ISOLATION: &str = "none";

/// The receipt of a job that ended well.
pub fn receipt(
    ran: &Ran,
    handler: &Handler,
    seen: &Examined,
    input_len: u64,
    times: (Duration, Duration),
) -> Receipt {
    let (kept, kept_left) = labels(&ran.kept);
    let (dropped, dropped_left) = labels(&ran.dropped);
    let trials: Vec<Trial> = ran.trials.iter().take(MAX_LIST).map(trial).collect();
    let trials_left = (ran.trials.len() - trials.len()) as u64 + ran.trials_omitted;
    let (status, reason, detail) = match &ran.end {
        Ok(_) => (Status::Optimized, None, None),
        Err(why) => {
            let (reason, detail) = reason(why);
            (Status::Unchanged, Some(reason), detail)
        }
    };
    let answer = ran.end.as_ref().ok();
    let description = handler.plugin.description();
    Receipt {
        status,
        reason,
        detail,
        format: handler.format.name.clone(),
        method: answer.map_or_else(|| "none".into(), |a| a.method.clone()),
        quality: answer.filter(|a| !a.lossless).map(|a| a.quality),
        pixels_identical: answer.is_none_or(|a| a.lossless),
        before: input_len,
        after: answer.map_or(input_len, |a| a.bytes.len() as u64),
        width: seen.info.width,
        height: seen.info.height,
        frames: seen.info.frames,
        source_quality: Some(seen.info.source_quality).filter(|q| *q > 0),
        kept,
        dropped,
        trials,
        omitted: kept_left + dropped_left + trials_left,
        plugin: PluginId { id: description.id.clone(), version: description.version.clone() },
        judged_by: answer.map(|a| a.judged_by.to_owned()),
        isolation: ISOLATION.into(),
        best_so_far: ran.best_so_far,
        reused: None,
        queue_ms: millis(times.0),
        run_ms: millis(times.1),
    }
}

/// Shortens the lists until the receipt fits a frame, whatever the names in it are made of.
pub fn fit(mut receipt: Receipt) -> Receipt {
    let room = MAX_META - 1024;
    while serde_json::to_vec(&receipt).is_ok_and(|json| json.len() > room) {
        let lists = [receipt.kept.len(), receipt.dropped.len(), receipt.trials.len()];
        let longest = lists.into_iter().max().unwrap_or(0);
        if longest == 0 {
            break;
        }
        // By halves, so that it takes a few rounds only.
        let keep = longest / 2;
        receipt.omitted += lists.into_iter().map(|n| n.saturating_sub(keep) as u64).sum::<u64>();
        receipt.kept.truncate(keep);
        receipt.dropped.truncate(keep);
        receipt.trials.truncate(keep);
    }
    receipt
}

/// What INSPECT answers.
pub fn info(handler: &Handler, seen: &Examined) -> ImageInfo {
    let i = &seen.info;
    let flags = [
        ("signed", i.flags.signed),
        ("gain_map", i.flags.gain_map),
        ("motion_photo", i.flags.motion_photo),
        ("damaged", i.flags.damaged),
    ];
    let mut items: Vec<_> = seen.items.iter().map(|m| m.label()).collect();
    items.sort();
    items.dedup();
    ImageInfo {
        format: handler.format.name.clone(),
        width: i.width,
        height: i.height,
        frames: i.frames,
        frames_at_least: i.flags.frames_at_least,
        loop_count: i.loop_count,
        orientation: i.orientation,
        color: match i.color {
            ColorModel::Grey => "grey",
            ColorModel::Rgb => "rgb",
            ColorModel::Cmyk => "cmyk",
            ColorModel::Lab => "lab",
            ColorModel::Other => "other",
        }
        .into(),
        channels: i.channels,
        bits: i.bits,
        alpha: match i.alpha {
            AlphaKind::None => "none",
            AlphaKind::Straight => "straight",
            AlphaKind::Premultiplied => "premultiplied",
        }
        .into(),
        source_quality: Some(i.source_quality).filter(|q| *q > 0),
        flags: flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned()).collect(),
        metadata: labels(&items).0,
    }
}

/// The error that a client sees for a job that did not end well.
pub fn error(e: &JobError) -> ErrorReply {
    let code = match e {
        JobError::BadImage(_) => ErrorCode::BadImage,
        JobError::UnsupportedFormat(_) => ErrorCode::UnsupportedFormat,
        JobError::TooLarge(_) => ErrorCode::TooLarge,
        JobError::BadOption(_) => ErrorCode::BadRequest,
        JobError::Cancelled => ErrorCode::Cancelled,
        JobError::Deadline => ErrorCode::Deadline,
        JobError::PluginFailed(_) => ErrorCode::PluginFailed,
    };
    ErrorReply::new(code, e.to_string())
}

/// The error that a client sees for a job that was not taken.
pub fn refused(why: &Refused) -> ErrorReply {
    match why {
        Refused::Busy { retry_after } => {
            let ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
            ErrorReply::new(ErrorCode::Busy, "the queue is full; try again later").retry_after(ms)
        }
        Refused::Deadline { .. } => ErrorReply::new(ErrorCode::Deadline, why.to_string()),
    }
}

fn reason(why: &host::Reason) -> (Reason, Option<String>) {
    match why {
        host::Reason::AlreadyOptimal => (Reason::AlreadyOptimal, None),
        host::Reason::BelowMinSavings => (Reason::BelowMinSavings, None),
        host::Reason::WouldDegrade(d) => (Reason::WouldDegrade, Some(d.clone())),
        host::Reason::Signed => (Reason::Signed, None),
        host::Reason::UnsupportedFeature(d) => (Reason::UnsupportedFeature, Some(d.clone())),
        host::Reason::JudgeRejected(d) => (Reason::JudgeRejected, Some(d.clone())),
        host::Reason::MetadataNotRemoved(d) => (Reason::MetadataNotRemoved, Some(d.clone())),
    }
}

fn trial(t: &host::Trial) -> Trial {
    let verdict = match &t.verdict {
        host::TrialVerdict::Won => TrialVerdict::Won,
        host::TrialVerdict::Kept => TrialVerdict::Kept,
        host::TrialVerdict::NotSmaller => TrialVerdict::NotSmaller,
        host::TrialVerdict::OverCap => TrialVerdict::OverCap,
        host::TrialVerdict::BelowMinSavings => TrialVerdict::BelowMinSavings,
        host::TrialVerdict::Defect(defect) => TrialVerdict::Defect { defect: cut(defect) },
    };
    Trial { method: t.method.clone(), bytes: t.bytes, lossless: t.lossless, verdict }
}

/// Keeps 64 trials with their defects far below the 64 KiB of a frame's meta.
fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

fn labels(list: &[(Kind, String)]) -> (Vec<Label>, u64) {
    let first = list.iter().take(MAX_LIST).map(|(k, n)| Label { kind: k.name().into(), name: n.clone() });
    (first.collect(), list.len().saturating_sub(MAX_LIST) as u64)
}

fn millis(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e3
}
