//! Chunks: the walk over a file and the writing of one. Knows lengths and checksums; nothing of what chunks mean.

use squeezed_plugin_api::Error;

/// The eight bytes every PNG begins with.
pub const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Bytes of a chunk beside its data: length, type, checksum.
pub const OVERHEAD: usize = 12;

/// One chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its type.
    pub name: [u8; 4],
    /// Its data.
    pub data: &'a [u8],
    /// The whole chunk as it stands in the file, length and checksum included.
    pub raw: &'a [u8],
    /// Whether the checksum holds.
    pub intact: bool,
}

impl Chunk<'_> {
    /// Whether a decoder must know it: the first letter is a capital.
    pub fn critical(&self) -> bool {
        self.name[0].is_ascii_uppercase()
    }
    /// The type as text; the walk lets only letters through.
    pub fn label(&self) -> String {
        label(self.name)
    }
}

/// A chunk type as text.
pub fn label(name: [u8; 4]) -> String {
    name.iter().map(|b| char::from(*b)).collect()
}

/// Steps through the chunks of a file up to and with IEND. Ends after the first error.
pub struct Walk<'a> {
    rest: &'a [u8],
    done: bool,
}

impl<'a> Walk<'a> {
    /// Starts behind the signature.
    ///
    /// # Errors
    /// `BadImage` where the signature is missing.
    pub fn new(input: &'a [u8]) -> Result<Self, Error> {
        match input.strip_prefix(&SIGNATURE) {
            Some(rest) => Ok(Self { rest, done: false }),
            None => Err(Error::bad_image("not a PNG: the signature is missing")),
        }
    }
    /// What stands behind IEND; meaningful once the walk has ended.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
    fn step(&mut self) -> Result<Chunk<'a>, Error> {
        let Some((head, _)) = self.rest.split_first_chunk::<8>() else {
            return Err(Error::bad_image("the file ends before IEND"));
        };
        let length = be32(&head[..4]);
        let name = [head[4], head[5], head[6], head[7]];
        if !name.iter().all(u8::is_ascii_alphabetic) {
            return Err(Error::bad_image("a chunk type is not made of letters"));
        }
        let length = usize::try_from(length).ok().filter(|l| *l <= 0x7fff_ffff);
        let Some(length) = length else {
            return Err(Error::bad_image(format!("chunk {} has an impossible length", label(name))));
        };
        let Some((raw, rest)) = self.rest.split_at_checked(length.saturating_add(OVERHEAD)) else {
            return Err(Error::bad_image(format!("the file ends inside chunk {}", label(name))));
        };
        self.rest = rest;
        let (body, sum) = raw.split_at(raw.len() - 4);
        let chunk = Chunk { name, data: &body[8..], raw, intact: crc(&body[4..]) == be32(sum) };
        self.done = name == *b"IEND";
        Ok(chunk)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Chunk<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done |= step.is_err();
        Some(step)
    }
}

/// Appends a chunk. `parts` are joined to its data.
pub fn push(out: &mut Vec<u8>, name: [u8; 4], parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    // A chunk longer than 2 GiB cannot be written; callers hold pictures bounded by their limits, far below it.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&name);
    for part in parts {
        out.extend_from_slice(part);
    }
    let sum = crc(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// A big-endian number from the first four bytes of `b`; missing bytes count as zero.
pub fn be32(b: &[u8]) -> u32 {
    b.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b))
}

/// A big-endian number from the first two bytes of `b`; missing bytes count as zero.
pub fn be16(b: &[u8]) -> u16 {
    b.first_chunk::<2>().map_or(0, |b| u16::from_be_bytes(*b))
}

fn crc(data: &[u8]) -> u32 {
    libdeflater::crc32(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_what_it_wrote_and_finds_a_wrong_checksum() {
        let mut file = SIGNATURE.to_vec();
        push(&mut file, *b"teSt", &[b"ab", b"c"]);
        push(&mut file, *b"IEND", &[]);
        file.extend_from_slice(b"tail");
        let mut walk = Walk::new(&file).unwrap();
        let first = walk.next().unwrap().unwrap();
        assert_eq!((first.data, first.intact, first.critical()), (&b"abc"[..], true, false));
        assert_eq!(walk.next().unwrap().unwrap().name, *b"IEND");
        assert!(walk.next().is_none());
        assert_eq!(walk.rest(), b"tail");
        file[18] ^= 1;
        assert!(!Walk::new(&file).unwrap().next().unwrap().unwrap().intact);
    }

    #[test]
    fn every_cut_is_an_error() {
        let mut file = SIGNATURE.to_vec();
        push(&mut file, *b"teSt", &[b"abc"]);
        push(&mut file, *b"IEND", &[]);
        for cut in 0..file.len() {
            let whole = Walk::new(&file[..cut]).is_ok_and(|w| w.into_iter().all(|c| c.is_ok()));
            assert!(!whole, "cut at {cut}");
        }
    }
}
