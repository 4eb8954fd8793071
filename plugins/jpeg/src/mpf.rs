//! The multi-picture index (CIPA DC-007): where the other pictures of the file lie, and how to write that anew.

use std::ops::Range;

use squeezed_plugin_api::Error;

/// The index of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    big_endian: bool,
    /// Where the entries stand, from the byte behind the signature.
    entries_at: usize,
    entries: Vec<Entry>,
}

/// One picture of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    attribute: u32,
    size: u32,
    offset: u32,
}

const ENTRY: usize = 16;
const TAG_ENTRIES: u16 = 0xb002;

impl Index {
    /// Reads the value of an MPF segment. `None` if it holds no list of pictures, as in the segments of the pictures
    /// themselves.
    ///
    /// # Errors
    /// `UnsupportedFeature` if it cannot be read.
    pub fn parse(value: &[u8]) -> Result<Option<Self>, Error> {
        let big_endian = match value.get(..4) {
            Some(b"MM\0*") => true,
            Some(b"II*\0") => false,
            _ => return Err(mismatch()),
        };
        let r = Reader { value, big_endian };
        let ifd = r.u32(4)? as usize;
        let count = usize::from(r.u16(ifd)?);
        for i in 0..count {
            let at = ifd.checked_add(2 + 12 * i).ok_or_else(mismatch)?;
            if r.u16(at)? != TAG_ENTRIES {
                continue;
            }
            let bytes = r.u32(at + 4)? as usize;
            let entries_at = r.u32(at + 8)? as usize;
            let end = entries_at.checked_add(bytes).ok_or_else(mismatch)?;
            if !bytes.is_multiple_of(ENTRY) || end > value.len() {
                return Err(mismatch());
            }
            let entry = |at: usize| {
                Ok::<_, Error>(Entry { attribute: r.u32(at)?, size: r.u32(at + 4)?, offset: r.u32(at + 8)? })
            };
            let entries: Result<Vec<_>, _> = (entries_at..end).step_by(ENTRY).map(entry).collect();
            return Ok(Some(Self { big_endian, entries_at, entries: entries? }));
        }
        Ok(None)
    }

    /// Where the pictures behind the first one lie in the file, in index order. `base` is where the value of the segment
    /// begins, `end` the first byte behind the primary picture.
    ///
    /// # Errors
    /// `UnsupportedFeature` if they are not where the index says, `BadImage` if one begins there and is cut off.
    pub fn pictures(&self, input: &[u8], base: usize, end: usize) -> Result<Vec<Range<usize>>, Error> {
        let mut all = Vec::new();
        for e in self.entries.iter().skip(1) {
            let start = base.checked_add(e.offset as usize).ok_or_else(mismatch)?;
            let range = start..start.checked_add(e.size as usize).ok_or_else(mismatch)?;
            let begins = input.get(start..).is_some_and(|rest| rest.starts_with(&[0xff, 0xd8]));
            if start < end || !begins {
                return Err(mismatch());
            }
            if range.end > input.len() {
                return Err(Error::bad_image("the file ends inside a further picture"));
            }
            all.push(range);
        }
        let mut sorted = all.clone();
        sorted.sort_by_key(|r| r.start);
        if sorted.is_sorted_by(|a, b| a.end <= b.start) { Ok(all) } else { Err(mismatch()) }
    }

    /// Whether all further pictures are only large thumbnails of the first.
    pub fn only_previews(&self) -> bool {
        self.entries.len() > 1
            && self.entries.iter().skip(1).all(|e| e.attribute & 0x00ff_0000 == 0x0001_0000)
    }

    /// Writes sizes and places into a finished file: the primary picture ends at `end`, the others lie at `pictures`, the
    /// value of the segment begins at `base`.
    ///
    /// # Errors
    /// `UnsupportedFeature` if a place does not fit into the index.
    pub fn patch(
        &self,
        file: &mut [u8],
        base: usize,
        end: usize,
        pictures: &[Range<usize>],
    ) -> Result<(), Error> {
        let first = 0..end;
        let places = std::iter::once(&first).chain(pictures);
        for (i, place) in places.enumerate().take(self.entries.len()) {
            let offset = if i == 0 { 0 } else { place.start.checked_sub(base).ok_or_else(mismatch)? };
            let fields = [place.len(), offset];
            for (k, field) in fields.into_iter().enumerate() {
                let number = u32::try_from(field).map_err(|_| mismatch())?;
                let bytes = if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
                let at = base + self.entries_at + ENTRY * i + 4 + 4 * k;
                file.get_mut(at..at + 4).ok_or_else(mismatch)?.copy_from_slice(&bytes);
            }
        }
        Ok(())
    }
}

/// The one answer to an index that cannot be followed.
pub fn mismatch() -> Error {
    Error::unsupported("multi-picture index that does not match the file")
}

struct Reader<'a> {
    value: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn u16(&self, at: usize) -> Result<u16, Error> {
        let bytes = self.value.get(at..).and_then(<[u8]>::first_chunk::<2>).ok_or_else(mismatch)?;
        Ok(if self.big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    }
    fn u32(&self, at: usize) -> Result<u32, Error> {
        let bytes = self.value.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(mismatch)?;
        Ok(if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
    }
}
