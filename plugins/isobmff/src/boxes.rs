//! Boxes: length, type, body. Knows how they nest and not what they mean.

use crate::reader::Reader;
use crate::{Broken, FourCc};

/// One box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxRef<'a> {
    /// Its type.
    pub kind: FourCc,
    /// The extended type of a `uuid` box.
    pub uuid: Option<[u8; 16]>,
    /// Where it starts, counted from the start of what was walked.
    pub start: usize,
    /// The whole of it, header included.
    pub whole: &'a [u8],
    /// What follows the header (and the extended type).
    pub body: &'a [u8],
}

impl<'a> BoxRef<'a> {
    /// Where the body starts, counted as `start` is.
    pub fn body_start(&self) -> usize {
        self.start.saturating_add(self.whole.len() - self.body.len())
    }

    /// Version, flags and the rest of the body of a full box.
    ///
    /// # Errors
    /// The body is too short.
    pub fn full(&self) -> Result<(u8, u32, &'a [u8]), Broken> {
        let mut r = Reader::new(self.body);
        let head = r.u32()?;
        Ok(((head >> 24) as u8, head & 0x00ff_ffff, r.rest()))
    }
}

/// The boxes in a row of bytes.
#[derive(Debug, Clone)]
pub struct Boxes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Boxes<'a> {
    /// Walks `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, at: 0 }
    }

    /// What was not walked yet.
    pub fn rest(&self) -> &'a [u8] {
        self.all.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<BoxRef<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let found = first(rest, self.at);
        self.at = match &found {
            Ok(b) => self.at.saturating_add(b.whole.len()),
            Err(_) => self.all.len(),
        };
        Some(found)
    }
}

fn first(bytes: &[u8], start: usize) -> Result<BoxRef<'_>, Broken> {
    let mut r = Reader::new(bytes);
    let (short, kind) = (r.u32()?, FourCc(r.array()?));
    let size = match short {
        0 => bytes.len() as u64,
        1 => r.u64()?,
        n => u64::from(n),
    };
    let uuid = if &kind.0 == b"uuid" { Some(r.array()?) } else { None };
    let header = bytes.len() - r.rest().len();
    let size = usize::try_from(size).map_err(|_| Broken::Truncated)?;
    if size < header {
        return Err(Broken::Size(kind));
    }
    let whole = bytes.get(..size).ok_or(Broken::Truncated)?;
    Ok(BoxRef { kind, uuid, start, whole, body: &whole[header..] })
}

/// Appends a box with this body.
pub(crate) fn write(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    body(out);
    // Bodies that are larger than 4 GiB are never made here: inputs are bounded far below.
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(head) = out.get_mut(start..start + 4) {
        head.copy_from_slice(&size.to_be_bytes());
    }
}

/// Appends a full box with this body.
pub(crate) fn write_full(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut Vec<u8>),
) {
    write(out, kind, |out| {
        out.extend_from_slice(&(u32::from(version) << 24 | flags & 0x00ff_ffff).to_be_bytes());
        body(out);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_of_all_kinds_are_walked() {
        let mut v = Vec::new();
        write(&mut v, b"ftyp", |o| o.extend_from_slice(b"heic"));
        v.extend_from_slice(&[0, 0, 0, 1]);
        v.extend_from_slice(b"mdat\0\0\0\0\0\0\0\x12xy");
        v.extend_from_slice(b"\0\0\0\0freeto the end");
        let all: Vec<_> = Boxes::new(&v).map(Result::unwrap).collect();
        assert_eq!(all.iter().map(|b| b.body).collect::<Vec<_>>(), [&b"heic"[..], b"xy", b"to the end"]);
        assert_eq!(all[1].start, 12);
        assert_eq!(all[1].body_start(), 28);
    }

    #[test]
    fn a_box_beyond_the_end_is_truncated() {
        let last = Boxes::new(b"\0\0\0\x0cmdatabc").last().unwrap();
        assert_eq!(last, Err(Broken::Truncated));
        assert_eq!(Boxes::new(b"\0\0\0\x07mdatabc").next().unwrap(), Err(Broken::Size(FourCc(*b"mdat"))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked(data: Vec<u8>) {
            let _ = Boxes::new(&data).count();
        }
    }
}
