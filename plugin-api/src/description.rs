//! What a plugin says of itself.

use crate::Effort;

/// Bytes at a fixed place that mark a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magic {
    /// Where they stand.
    pub offset: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Which bits count; empty means all, else as long as `bytes`.
    pub mask: Vec<u8>,
}

impl Magic {
    /// `bytes` at `offset`, every bit counted.
    pub fn at(offset: u32, bytes: &[u8]) -> Self {
        Self { offset, bytes: bytes.to_vec(), mask: Vec::new() }
    }
    /// Whether `input` has them.
    pub fn matches(&self, input: &[u8]) -> bool {
        let start = self.offset as usize;
        let Some(at) = input.get(start..start.saturating_add(self.bytes.len())) else { return false };
        if self.mask.is_empty() {
            return at == self.bytes;
        }
        at.iter().zip(&self.bytes).zip(&self.mask).all(|((a, b), m)| a & m == b & m)
    }
}

/// A file format that a plugin handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Short name: `jpeg`, `png`.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// File name extensions, without the dot, the usual one first.
    pub extensions: Vec<String>,
    /// All of a set must match; one set is enough.
    pub magic: Vec<Vec<Magic>>,
}

impl Format {
    /// Whether `input` begins like this format.
    pub fn matches(&self, input: &[u8]) -> bool {
        self.magic.iter().any(|set| !set.is_empty() && set.iter().all(|m| m.matches(input)))
    }
}

/// What a plugin can do, by name.
pub type Capability = String;

/// What a job costs before anything was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdCost {
    /// Whether for lossy jobs.
    pub lossy: bool,
    /// At which effort.
    pub effort: Effort,
    /// CPU nanoseconds per pixel, all frames counted.
    pub ns_per_pixel: u32,
    /// Peak memory in bytes per pixel of one frame.
    pub bytes_per_pixel: u32,
}

/// What a plugin says of itself; constant over its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Stable id, `[a-z0-9-]`, also the library's name.
    pub id: String,
    /// Version; it is part of the cache key, so it changes whenever output bytes can.
    pub version: String,
    /// Licence of the whole library as an SPDX expression, dependencies included.
    pub licence: String,
    /// Versions of the codecs inside, for people.
    pub codecs: String,
    /// What it handles.
    pub formats: Vec<Format>,
    /// What it can do: `lossless`, `lossy`, `animation`, `metadata`.
    pub capabilities: Vec<Capability>,
    /// Cold-start costs.
    pub costs: Vec<ColdCost>,
}
