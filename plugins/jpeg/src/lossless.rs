//! Lossless recompression: the same coefficients, coded anew in the scan orders that the options allow.

use squeezed_plugin_api::{Effort, Error, Progressive};

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
pub fn code(c: &Coefficients<'_>, order: Progressive, search: Search) -> Result<Vec<Coded>, Error> {
    let mut all = Vec::new();
    if order != Progressive::On {
        all.push(Coded { stream: c.write(&scans::sequential(c)).map_err(refused)?, progressive: false });
    }
    if order != Progressive::Off {
        // Each search is greedy, so neither a wider one nor any always wins.
        let mut scripts = vec![scans::fixed(c)];
        if search != Search::Fixed {
            scripts.push(scans::search(c, false).map_err(refused)?);
        }
        if search == Search::Wide {
            scripts.push(scans::search(c, true).map_err(refused)?);
        }
        scripts.dedup();
        let streams: Result<Vec<_>, _> = scripts.iter().map(|s| c.write(s)).collect();
        if let Some(stream) = streams.map_err(refused)?.into_iter().min_by_key(Vec::len) {
            all.push(Coded { stream, progressive: true });
        }
    }
    Ok(all)
}

/// The smallest of them.
///
/// # Errors
/// As [`code`].
pub fn smallest(c: &Coefficients<'_>, order: Progressive, search: Search) -> Result<Coded, Error> {
    let best = code(c, order, search)?.into_iter().min_by_key(|coded| coded.stream.len());
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
