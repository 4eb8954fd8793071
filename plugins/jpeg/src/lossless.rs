//! Lossless recompression: the same coefficients, coded anew in the scan orders that the options allow.

use squeezed_plugin_api::{Effort, Error, Job, Progressive};

use crate::codec::{CodecError, Coefficients};
use crate::scans;

/// A codestream and the order of its scans.
pub struct Coded {
    /// From SOI to EOI, without segments.
    pub stream: Vec<u8>,
    /// Whether its scans are progressive.
    pub progressive: bool,
}

/// How far to look for a progressive script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// One written script.
    Fixed,
    /// The usual search.
    Usual,
    /// More of it.
    Wide,
}

impl Search {
    /// What an effort pays for.
    pub fn of(effort: Effort) -> Self {
        match effort {
            Effort::Fast => Self::Fixed,
            Effort::Balanced => Self::Usual,
            Effort::Best => Self::Wide,
        }
    }
}

/// All codings that the options allow, cheapest first.
///
/// # Errors
/// `Stopped`; `UnsupportedFeature` where libjpeg cannot write these coefficients.
pub fn code(
    job: &Job<'_>,
    c: &Coefficients<'_>,
    order: Progressive,
    search: Search,
) -> Result<Vec<Coded>, Error> {
    let mut scripts = Vec::new();
    if order != Progressive::Off {
        scripts.push(scans::fixed(c));
        if search != Search::Fixed {
            scripts.extend(scans::search(job, c, search == Search::Wide)?);
        }
        scripts.dedup();
    }
    let sequential = (order != Progressive::On).then(|| scans::sequential(c));
    let all: Vec<_> = sequential.iter().chain(&scripts).map(Vec::as_slice).collect();
    let mut streams = scans::write(job, c, &all)?.into_iter();
    let coded = |progressive| move |stream| Coded { stream, progressive };
    let sequential = sequential.and_then(|_| streams.next()).map(coded(false));
    let progressive = streams.min_by_key(Vec::len).map(coded(true));
    Ok(sequential.into_iter().chain(progressive).collect())
}

/// The smallest of them.
///
/// # Errors
/// As [`code`].
pub fn smallest(
    job: &Job<'_>,
    c: &Coefficients<'_>,
    order: Progressive,
    search: Search,
) -> Result<Coded, Error> {
    let best = code(job, c, order, search)?.into_iter().min_by_key(|coded| coded.stream.len());
    best.ok_or_else(|| Error::failed("no scan order was tried"))
}

/// What the codec says, as the contract wants it.
pub fn refused(error: CodecError) -> Error {
    match error {
        CodecError::Damaged(text) => Error::bad_image(text),
        CodecError::Refused(text) => Error::unsupported(text),
        CodecError::Stopped => squeezed_plugin_api::Stop.into(),
    }
}
