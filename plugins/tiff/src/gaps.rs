//! What of a file nothing leads to: stretches between its parts, and bytes behind the last. Knows places, not contents.

use squeezed_plugin_api::{Error, Metadata};

use crate::directory::File;
use crate::raster::Raster;
use crate::tag::{self, Role};

/// Zeroes up to this many at the end only round a length.
const PADDING: usize = 3;

/// The parts that nothing leads to.
pub struct Gaps<'a> {
    /// Start and end of each stretch that is followed by something.
    inside: Vec<(u64, u64)>,
    /// Bytes behind the last part.
    pub trailing: &'a [u8],
}

impl<'a> Gaps<'a> {
    /// Finds them.
    pub fn of(file: &File<'a>, rasters: &[Raster<'_>]) -> Self {
        let mut used = file.used.clone();
        for raster in rasters {
            used.extend(raster.chunks.iter().map(|r| (r.start as u64, r.end as u64)));
        }
        used.sort_unstable();
        let (mut inside, mut end) = (Vec::new(), 0);
        for (start, to) in used {
            if start > end {
                inside.push((end, start));
            }
            end = end.max(to);
        }
        let trailing = usize::try_from(end).ok().and_then(|e| file.input.get(e..)).unwrap_or_default();
        let padding = trailing.len() <= PADDING && trailing.iter().all(|b| *b == 0);
        Self { inside, trailing: if padding { &[] } else { trailing } }
    }

    /// Refuses a file with a field of unknown meaning whose number is the place of something that nothing known leads to:
    /// moved, the field would lead nowhere.
    ///
    /// # Errors
    /// `UnsupportedFeature`.
    pub fn check(&self, file: &File<'_>, policy: Metadata) -> Result<(), Error> {
        if policy != Metadata::All {
            return Ok(());
        }
        let hidden = |n: u64| {
            let within = self.inside.iter().find(|(start, end)| (*start..*end).contains(&n));
            let trailing = file.input.len() as u64 - self.trailing.len() as u64;
            let slice = |from: u64, to: u64| file.input.get(from as usize..to as usize).unwrap_or_default();
            within.is_some_and(|(_, end)| slice(n, *end).iter().any(|b| *b != 0))
                || (!self.trailing.is_empty() && (trailing..file.input.len() as u64).contains(&n))
        };
        for entry in file.pages.iter().flat_map(|p| &p.entries) {
            let unknown = tag::role(entry.tag) == Role::Unknown && entry.children.is_empty();
            if unknown
                && matches!(entry.kind, 4 | 16)
                && entry.count <= 4
                && entry.numbers(file.header.order).any(hidden)
            {
                return Err(Error::unsupported(format!("tag {} may point at private data", entry.tag)));
            }
        }
        Ok(())
    }
}
