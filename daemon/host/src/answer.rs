//! What came of a job, in terms of the plugin contract.

use squeezed_plugin_api::Kind;

/// Rules that the host enforces for all formats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// What a lossy candidate must gain over the best lossless one, as a share: 0.05.
    pub lossy_gain: f64,
    /// Savings below this many percent are not worth a rewrite.
    pub min_savings: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { lossy_gain: 0.05, min_savings: 0.0 }
    }
}

/// Why a file stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing smaller was found.
    AlreadyOptimal,
    /// What was found saves less than asked for.
    BelowMinSavings,
    /// Only a loss not asked for would help; why.
    WouldDegrade(String),
    /// Content credentials would break.
    Signed,
    /// A feature that cannot be kept; its name.
    UnsupportedFeature(String),
    /// Every smaller candidate had a defect; the last one's.
    JudgeRejected(String),
    /// Metadata was to go and could not; why.
    MetadataNotRemoved(String),
}

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The host or the judge found a defect; its text.
    Defect(String),
}

/// One candidate, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// How it was made.
    pub method: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it claims identical pixels.
    pub lossless: bool,
    /// What became of it.
    pub verdict: TrialVerdict,
}

/// A file that won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// How it was made.
    pub method: String,
    /// The quality used; 0 for lossless.
    pub quality: u8,
    /// Whether every sample is the source's.
    pub lossless: bool,
    /// The decoder that judged it.
    pub judged_by: &'static str,
}

/// What came of a job that ended well.
#[derive(Debug)]
pub struct Ran {
    /// The smaller file, or why there is none.
    pub end: Result<Answer, Reason>,
    /// Every candidate in order of arrival, at most 1024.
    pub trials: Vec<Trial>,
    /// Candidates beyond those.
    pub trials_omitted: u64,
    /// Metadata of the answer (or of the source, if unchanged).
    pub kept: Vec<(Kind, String)>,
    /// Metadata of the source that the answer lacks.
    pub dropped: Vec<(Kind, String)>,
    /// Defects that the judge found, each with the method of its candidate.
    pub defects: Vec<String>,
    /// Whether time ran out before the plugin was done.
    pub best_so_far: bool,
}

/// Why a job did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The input is damaged.
    #[error("{0}")]
    BadImage(String),
    /// The format has a relative that the plugin does not handle.
    #[error("{0}")]
    UnsupportedFormat(String),
    /// A limit is exceeded; the text names its key.
    #[error("{0}")]
    TooLarge(String),
    /// An option is not known to the plugin.
    #[error("{0}")]
    BadOption(String),
    /// The client cancelled or left.
    #[error("cancelled")]
    Cancelled,
    /// Time ran out before anything was found.
    #[error("the deadline passed before anything smaller was found")]
    Deadline,
    /// The plugin failed or panicked.
    #[error("{0}")]
    PluginFailed(String),
}
