//! What was done to an image, kept and dropped.

use serde::{Deserialize, Serialize};

/// Most entries of a list in a receipt; the rest is counted.
pub const MAX_LIST: usize = 64;

/// How a job ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A smaller file.
    Optimized,
    /// The input is the answer.
    Unchanged,
}

/// Why a file stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing smaller was found.
    AlreadyOptimal,
    /// Something smaller was found, but it saves less than `min_savings`.
    BelowMinSavings,
    /// Only a loss that was not asked for would help.
    WouldDegrade,
    /// Content credentials would break.
    Signed,
    /// A feature that cannot be kept; `detail` names it.
    UnsupportedFeature,
    /// Every smaller candidate failed the judge: a defect of the plugin; `detail` names it.
    JudgeRejected,
    /// Metadata was to be removed and could not be.
    MetadataNotRemoved,
}

impl Reason {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Reason::AlreadyOptimal => "already_optimal",
            Reason::BelowMinSavings => "below_min_savings",
            Reason::WouldDegrade => "would_degrade",
            Reason::Signed => "signed",
            Reason::UnsupportedFeature => "unsupported_feature",
            Reason::JudgeRejected => "judge_rejected",
            Reason::MetadataNotRemoved => "metadata_not_removed",
        }
    }
}

/// A metadata item by kind and name, as `kind` and `name` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Label {
    /// Kind from the written vocabulary.
    pub kind: String,
    /// Name within the kind.
    pub name: String,
}

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialVerdict {
    /// It is the answer.
    Won,
    /// It was the best of its kind for a time.
    Kept,
    /// Something else was smaller, or a loss gained too little.
    NotSmaller,
    /// Below the floor of `max_reduction`.
    OverCap,
    /// Below `min_savings`.
    BelowMinSavings,
    /// The judge found this defect.
    #[serde(untagged)]
    Defect {
        /// The defect.
        defect: String,
    },
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// How it was made.
    pub method: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it claims identical pixels.
    pub lossless: bool,
    /// What became of it.
    pub verdict: TrialVerdict,
}

/// A plugin by id and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginId {
    /// Stable id.
    pub id: String,
    /// Version.
    pub version: String,
}

/// Whose answer it is, where it was not made for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reused {
    /// An identical request was at work.
    Run,
    /// An identical request was answered before.
    Cache,
}

/// What was done to one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// How it ended.
    pub status: Status,
    /// Why it is unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// More on the reason: the feature, the defect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Format of input and output.
    pub format: String,
    /// Method of the answer; `none` for unchanged.
    pub method: String,
    /// Quality of the answer; absent where lossless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Whether every sample of the answer is the input's.
    pub pixels_identical: bool,
    /// Bytes of the input.
    pub before: u64,
    /// Bytes of the answer.
    pub after: u64,
    /// Width in pixels, before orientation.
    pub width: u32,
    /// Height in pixels, before orientation.
    pub height: u32,
    /// Frames or pages.
    pub frames: u32,
    /// Estimated quality of the source; absent where unknown or lossless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_quality: Option<u8>,
    /// Metadata kept, at most [`MAX_LIST`].
    pub kept: Vec<Label>,
    /// Metadata dropped, at most [`MAX_LIST`].
    pub dropped: Vec<Label>,
    /// Candidates, at most [`MAX_LIST`].
    pub trials: Vec<Trial>,
    /// Entries of the three lists that were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// Who made it.
    pub plugin: PluginId,
    /// The decoder that judged it; absent where nothing was to judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<String>,
    /// Isolation in force.
    pub isolation: String,
    /// Whether time ran out and this is the best found by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub best_so_far: bool,
    /// Where the answer was made for another request of the same user: at the same time, or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Reused>,
    /// Time in the queue, in milliseconds.
    pub queue_ms: f64,
    /// Time at work, in milliseconds.
    pub run_ms: f64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
