//! The order in which a candidate is examined. Knows what to compare, not how anything is decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squeezed_plugin_api::{ErrorCode, ImageInfo, Limits, Metadata, MetadataItem, Optimizer};

use crate::decoders::{Aside, Decoder};
use crate::digest::{Digest, Trouble};
use crate::{Defect, Distance, compare, items, look};

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

type Decoded = (Digest, Aside);
type Inspected = (ImageInfo, Vec<MetadataItem>);

/// Compares candidates with one source, which is decoded at most once, and only when first needed. (Once more by the
/// plugin, if the independent decoder fails on it.)
pub struct Judge<'a> {
    source: Source<'a>,
    inspected: Option<Result<Inspected, String>>,
    independent: Option<Result<Decoded, String>>,
    by_plugin: Option<Result<Decoded, String>>,
}

impl<'a> Judge<'a> {
    /// A judge of candidates for this source. Nothing is read yet.
    pub fn new(source: Source<'a>) -> Self {
        Self { source, inspected: None, independent: None, by_plugin: None }
    }

    /// Compares one candidate with the source.
    ///
    /// # Errors
    /// The first defect found; or the source cannot be read; or the host wants to stop.
    pub fn check(&mut self, claim: &Claim<'_>) -> Result<Verified, Refusal> {
        let Pair { source, candidate, decoder } = self.pair(claim.bytes)?;
        compare::frames(&source.0, &candidate.0)?;
        if source.1.meaning != candidate.1.meaning {
            return Err(Defect::ColorModel(0).into());
        }
        items::compare_profiles(source.1.icc.as_deref(), candidate.1.icc.as_deref())?;
        if claim.lossless {
            compare::samples(&source.0, &candidate.0)?;
        } else {
            for (frame, (s, c)) in source.0.frames.iter().zip(&candidate.0.frames).enumerate() {
                if look::lost_alpha(s, c) {
                    return Err(Defect::AlphaLost(frame).into());
                }
                if let Some(place) =
                    look::distance(&source.0, &candidate.0, candidate.1.coarse, frame).verdict()
                {
                    return Err(Defect::LooksDifferent { frame, place }.into());
                }
            }
        }
        Ok(Verified { decoder })
    }

    /// How far each frame of a lossy candidate is from the source, whatever the bounds say.
    ///
    /// # Errors
    /// As [`Self::check`], but for `looks-different`.
    pub fn distances(&mut self, candidate: &[u8]) -> Result<Vec<Distance>, Refusal> {
        let pair = self.pair(candidate)?;
        compare::frames(&pair.source.0, &pair.candidate.0)?;
        let frames = 0..pair.source.0.frames.len();
        let (digest, aside) = &pair.candidate;
        Ok(frames.map(|i| look::distance(&pair.source.0, digest, aside.coarse, i)).collect())
    }

    /// Compares structure and metadata, then decodes both files by the same decoder.
    fn pair(&mut self, bytes: &[u8]) -> Result<Pair<'_>, Refusal> {
        self.inspect(bytes)?;
        let Source { format, limits, stop, plugin, .. } = self.source;
        if let Some(own) = Decoder::independent(format) {
            read(&mut self.independent, &own, &self.source)?;
            if let Some(Ok(source)) = &self.independent {
                // What reads the source must read the candidate: the plugin's own decoder may forgive its own faults.
                let candidate = own.digest(bytes, &limits, stop).map_err(|t| undecodable(own.name(), t))?;
                return Ok(Pair { source, candidate, decoder: own.name() });
            }
        }
        let theirs = Decoder::Plugin(plugin, format);
        read(&mut self.by_plugin, &theirs, &self.source)?;
        match self.by_plugin.as_ref() {
            Some(Ok(source)) => {
                let candidate =
                    theirs.digest(bytes, &limits, stop).map_err(|t| undecodable(theirs.name(), t))?;
                Ok(Pair { source, candidate, decoder: theirs.name() })
            }
            Some(Err(text)) => Err(Refusal::SourceUnreadable(text.clone())),
            None => Err(Refusal::Stopped),
        }
    }

    /// Compares what `inspect` says of both.
    fn inspect(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Source { plugin, policy, .. } = self.source;
        if (self.source.stop)() {
            return Err(Refusal::Stopped);
        }
        let formats = catch_unwind(AssertUnwindSafe(|| plugin.describe().formats)).unwrap_or_default();
        if formats.iter().any(|f| f.name == self.source.format && !f.matches(bytes)) {
            return Err(Defect::Format.into());
        }
        let source = self.inspected.get_or_insert_with(|| inspect(plugin, self.source.bytes));
        let (source, source_items) = source.as_ref().map_err(|e| Refusal::SourceUnreadable(e.clone()))?;
        let (candidate, candidate_items) = inspect(plugin, bytes).map_err(Defect::Undecodable)?;
        compare::infos(source, &candidate, policy)?;
        Ok(items::compare(source_items, &candidate_items, policy)?)
    }
}

struct Pair<'a> {
    source: &'a Decoded,
    candidate: Decoded,
    decoder: &'static str,
}

fn undecodable(decoder: &str, trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::Stopped => Refusal::Stopped,
        Trouble::Unreadable(text) => Defect::Undecodable(format!("{decoder}: {text}")).into(),
    }
}

/// Decodes the source if that was not tried yet. What stopped on its way is not kept.
fn read(
    kept: &mut Option<Result<Decoded, String>>,
    decoder: &Decoder<'_>,
    source: &Source<'_>,
) -> Result<(), Refusal> {
    if kept.is_none() {
        *kept = Some(match decoder.digest(source.bytes, &source.limits, source.stop) {
            Ok(decoded) => Ok(decoded),
            Err(Trouble::Unreadable(text)) => Err(text),
            Err(Trouble::Stopped) => return Err(Refusal::Stopped),
        });
    }
    Ok(())
}

fn inspect(plugin: &dyn Optimizer, bytes: &[u8]) -> Result<Inspected, String> {
    let mut items = Vec::new();
    match catch_unwind(AssertUnwindSafe(|| plugin.inspect(bytes, &mut |item| items.push(item)))) {
        Ok(Ok(info)) => Ok((info, items)),
        Ok(Err(e)) if e.code == ErrorCode::Panicked => Err(format!("inspect panicked: {e}")),
        Ok(Err(e)) => Err(e.message),
        Err(_) => Err("inspect panicked".into()),
    }
}
