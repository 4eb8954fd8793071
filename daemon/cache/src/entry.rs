//! How one entry looks in its file, and how what came back from the disk is checked before anybody believes it.
//!
//! ```text
//! magic 8 | version u32 | flags u32 | uid u32 | meta length u32 | body length u64 | key 32 | meta | body | BLAKE3 32
//! ```
//!
//! Numbers are little-endian. The hash is over everything before it, so a torn, altered, renamed or foreign file is
//! known as such. Must not know where files are.

use std::fs::File;
use std::io::{self, Read, Write};

use crate::Key;

const MAGIC: &[u8; 8] = b"SQZCACHE";
const VERSION: u32 = 1;
/// The entry has a body; without this flag it says `unchanged`.
const HAS_BODY: u32 = 1;
const HEADER: usize = 64;
const HASH: usize = 32;
const AROUND: u64 = (HEADER + HASH) as u64;

/// The most bytes that the caller's own part of an entry may have.
pub const MAX_META: usize = 1 << 20;

/// What was kept of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The caller's own bytes, such as a receipt.
    pub meta: Vec<u8>,
    /// The file; `None` where the answer was `unchanged`.
    pub body: Option<Vec<u8>>,
}

/// Why a file gives no entry.
#[derive(Debug)]
pub(crate) enum Bad {
    /// It is not what was written: drop it.
    Torn,
    /// It could not be read: leave it.
    Io(io::Error),
}

/// Length of the file of an entry.
pub(crate) fn file_len(meta: &[u8], body: Option<&[u8]>) -> u64 {
    AROUND + meta.len() as u64 + body.map_or(0, |b| b.len() as u64)
}

/// Writes an entry.
pub(crate) fn write(
    file: &mut impl Write,
    uid: u32,
    key: &Key,
    meta: &[u8],
    body: Option<&[u8]>,
) -> io::Result<()> {
    let meta_len = u32::try_from(meta.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = if body.is_some() { HAS_BODY } else { 0 };
    let body = body.unwrap_or_default();
    let mut head = Vec::with_capacity(HEADER + meta.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&flags.to_le_bytes());
    head.extend_from_slice(&uid.to_le_bytes());
    head.extend_from_slice(&meta_len.to_le_bytes());
    head.extend_from_slice(&(body.len() as u64).to_le_bytes());
    head.extend_from_slice(key.as_bytes());
    head.extend_from_slice(meta);
    let mut hash = blake3::Hasher::new();
    hash.update(&head).update(body);
    file.write_all(&head)?;
    file.write_all(body)?;
    file.write_all(hash.finalize().as_bytes())
}

/// Reads an entry of `len` bytes whose body must be below `below` bytes: an answer is never as large as its input.
pub(crate) fn read(file: &mut File, len: u64, uid: u32, key: &Key, below: u64) -> Result<Entry, Bad> {
    let mut head = [0; HEADER];
    fill(file, &mut head)?;
    let (meta_len, body_len) = check(&head, uid, key).ok_or(Bad::Torn)?;
    let whole = AROUND.checked_add(meta_len).and_then(|n| n.checked_add(body_len.unwrap_or(0)));
    let fits = meta_len <= MAX_META as u64 && body_len.is_none_or(|n| n < below);
    // Before anything is allocated: nothing larger than the input, whatever the header says.
    if whole != Some(len) || !fits {
        return Err(Bad::Torn);
    }
    let meta = exactly(file, meta_len)?;
    let body = body_len.map(|n| exactly(file, n)).transpose()?;
    let mut found = [0; HASH];
    fill(file, &mut found)?;
    let mut hash = blake3::Hasher::new();
    hash.update(&head).update(&meta).update(body.as_deref().unwrap_or_default());
    if hash.finalize() != blake3::Hash::from_bytes(found) {
        return Err(Bad::Torn);
    }
    Ok(Entry { meta, body })
}

/// The lengths of meta and body, if this is the header of this entry.
fn check(head: &[u8; HEADER], uid: u32, key: &Key) -> Option<(u64, Option<u64>)> {
    let (magic, rest) = head.split_first_chunk::<8>()?;
    let mut words = rest.chunks_exact(4).filter_map(|w| w.try_into().ok().map(u32::from_le_bytes));
    let mut word = || words.next();
    let (version, flags, owner, meta_len) = (word()?, word()?, word()?, word()?);
    let body_len = u64::from(word()?) | u64::from(word()?) << 32;
    let ours = magic == MAGIC && version == VERSION && owner == uid && head.ends_with(key.as_bytes());
    match flags {
        HAS_BODY if ours => Some((u64::from(meta_len), Some(body_len))),
        0 if ours && body_len == 0 => Some((u64::from(meta_len), None)),
        _ => None,
    }
}

fn fill(file: &mut File, to: &mut [u8]) -> Result<(), Bad> {
    file.read_exact(to).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Bad::Torn,
        _ => Bad::Io(e),
    })
}

fn exactly(file: &File, len: u64) -> Result<Vec<u8>, Bad> {
    let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(|_| Bad::Torn)?);
    // Through `take`, which reads into the spare room without clearing it first.
    file.take(len).read_to_end(&mut bytes).map_err(Bad::Io)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(Bad::Torn) }
}
