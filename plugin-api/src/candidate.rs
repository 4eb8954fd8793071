//! What a plugin proposes and what the host thinks of it.

use crate::{Kind, MetadataItem};

/// One encoding that a plugin proposes as the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// How it was made, in one word for the receipt: `transcode-progressive`, `mozjpeg-q80`, `palette-128`.
    pub method: &'a str,
    /// The quality used; 0 for lossless.
    pub quality: u8,
    /// Whether every sample of every rendered canvas equals the source's. The judge checks it.
    pub lossless: bool,
    /// Among candidates of equal size the lowest rank wins, never the first to arrive.
    pub rank: u32,
    /// What was kept, as (kind, name).
    pub kept: &'a [(Kind, String)],
    /// What was dropped, as (kind, name).
    pub dropped: &'a [(Kind, String)],
}

impl<'a> Candidate<'a> {
    /// A lossless candidate of rank 0 that names no metadata.
    pub fn lossless(bytes: &'a [u8], method: &'a str) -> Self {
        Self { bytes, method, quality: 0, lossless: true, rank: 0, kept: &[], dropped: &[] }
    }
    /// A lossy candidate of rank 0 that names no metadata.
    pub fn lossy(bytes: &'a [u8], method: &'a str, quality: u8) -> Self {
        Self { bytes, method, quality, lossless: false, rank: 0, kept: &[], dropped: &[] }
    }
    /// The same with its metadata named.
    pub fn with_metadata(self, kept: &'a [(Kind, String)], dropped: &'a [(Kind, String)]) -> Self {
        Self { kept, dropped, ..self }
    }
    /// The same with this rank.
    pub fn with_rank(self, rank: u32) -> Self {
        Self { rank, ..self }
    }
}

/// The host's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// The best of its kind so far.
    Kept = 1,
    /// Not smaller than what is kept, or lossy without the 5 % that a loss must gain.
    NotSmaller = 2,
    /// Lossy and below the floor of `max_reduction`: try a higher quality.
    OverCap = 3,
    /// Not an answer at all (empty, or of another format).
    Rejected = 4,
    /// Stop now: cancelled or out of time. The offer itself was still counted.
    Stop = 5,
}

impl Verdict {
    /// The verdict with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        use Verdict::*;
        [Kept, NotSmaller, OverCap, Rejected, Stop].into_iter().find(|v| *v as u32 == n)
    }
}

impl MetadataItem {
    /// The pair that candidates and receipts carry.
    pub fn label(&self) -> (Kind, String) {
        (self.kind, self.name.clone())
    }
}
