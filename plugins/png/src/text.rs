//! Text chunks and compressed payloads: tEXt, zTXt, iTXt, iCCP, and the hexadecimal profiles that ImageMagick keeps in
//! texts. Inflates within a budget only.

use squeezed_plugin_api::Error;

use crate::chunk::Chunk;

/// How many times longer deflated data can get, rounded up.
const DEFLATE_MOST: u64 = 1033;

/// Bytes that may still be inflated. A payload above it stays closed, it is never an allocation.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    exceeded: bool,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { left: bytes, exceeded: false }
    }
    /// Whether the last payload was too large for it, and not merely broken.
    pub fn exceeded(&self) -> bool {
        self.exceeded
    }
    /// Inflates a zlib stream of unknown size; `None` where it is broken or above the budget.
    pub fn inflate(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.exceeded = false;
        let mut size = data.len().saturating_mul(4).clamp(1024, 1 << 20).min(most);
        loop {
            let mut out = vec![0; size];
            match libdeflater::Decompressor::new().zlib_decompress(data, &mut out) {
                Ok(length) => {
                    out.truncate(length);
                    self.left = self.left.saturating_sub(length as u64);
                    return Some(out);
                }
                Err(libdeflater::DecompressionError::InsufficientSpace) if size < most => {
                    size = size.saturating_mul(4).min(most);
                }
                Err(error) => {
                    self.exceeded = matches!(error, libdeflater::DecompressionError::InsufficientSpace);
                    return None;
                }
            }
        }
    }
}

/// A text chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its keyword, which is Latin-1.
    pub keyword: String,
    /// Its text as stored (Latin-1, or UTF-8 in iTXt), inflated; `None` where that could not be done.
    pub value: Option<Vec<u8>>,
}

/// The keyword of a text chunk or the profile name of iCCP, and what follows its terminator.
fn keyword<'a>(chunk: &Chunk<'a>) -> Option<(String, &'a [u8])> {
    let end = chunk.data.iter().take(80).position(|b| *b == 0)?;
    let name = chunk.data[..end].iter().map(|b| char::from(*b)).collect();
    Some((name, &chunk.data[end + 1..]))
}

/// Reads the keyword of a tEXt, zTXt or iTXt chunk.
pub fn key(chunk: &Chunk<'_>) -> Option<String> {
    keyword(chunk).map(|k| k.0)
}

/// Reads a tEXt, zTXt or iTXt chunk; `None` where it has no such form.
pub fn read(chunk: &Chunk<'_>, budget: &mut Budget) -> Option<Text> {
    let (keyword, rest) = keyword(chunk)?;
    let value = match (&chunk.name, rest) {
        (b"tEXt", text) => Some(text.to_vec()),
        (b"zTXt", [0, data @ ..]) => budget.inflate(data),
        (b"iTXt", [compressed, 0, rest @ ..]) => {
            let mut parts = rest.splitn(3, |b| *b == 0);
            let text = parts.nth(2)?;
            if *compressed == 0 { Some(text.to_vec()) } else { budget.inflate(text) }
        }
        _ => return None,
    };
    Some(Text { keyword, value })
}

/// The ICC profile inside iCCP; `None` where it cannot be inflated.
pub fn profile(chunk: &Chunk<'_>, budget: &mut Budget) -> Option<Vec<u8>> {
    match keyword(chunk)?.1 {
        [0, data @ ..] => budget.inflate(data),
        _ => None,
    }
}

/// The zlib stream inside iCCP, zTXt or a compressed iTXt.
fn stream<'a>(chunk: &Chunk<'a>) -> Option<&'a [u8]> {
    match (&chunk.name, keyword(chunk)?.1) {
        (b"iCCP" | b"zTXt", [0, data @ ..]) => Some(data),
        (b"iTXt", [1, 0, rest @ ..]) => rest.splitn(3, |b| *b == 0).nth(2),
        _ => None,
    }
}

/// Refuses chunks that together inflate to more than `limit` bytes, and holds no more than that to find out. Broken
/// streams do not count: nobody inflates them.
///
/// # Errors
/// `TooLarge`.
pub fn check_limit<'a, 'b: 'a>(
    chunks: impl Iterator<Item = &'a Chunk<'b>> + Clone,
    limit: u64,
) -> Result<(), Error> {
    let streams = chunks.filter_map(stream);
    let most: u64 = streams.clone().map(|s| (s.len() as u64).saturating_mul(DEFLATE_MOST)).sum();
    if most <= limit {
        return Ok(());
    }
    let mut budget = Budget::new(limit);
    for stream in streams {
        if budget.inflate(stream).is_none() && budget.exceeded() {
            return Err(above(limit));
        }
    }
    Ok(())
}

/// The error for metadata above the limit.
pub fn above(limit: u64) -> Error {
    Error::too_large(format!(
        "the metadata inflates to more than limits.metadata_bytes = {limit}; raise it in the configuration"
    ))
}

/// The data of iCCP with its profile compressed again, if that is shorter. The profile's name stays.
pub fn shorter_profile(chunk: &Chunk<'_>, profile: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = keyword(chunk)?;
    let head = &chunk.data[..chunk.data.len() - rest.len() + 1];
    let level = libdeflater::CompressionLvl::new(12).ok()?;
    let mut packed = vec![0; rest.len().checked_sub(2)?];
    let length = libdeflater::Compressor::new(level).zlib_compress(profile, &mut packed).ok()?;
    Some([head, &packed[..length]].concat())
}

/// What a raw profile's text holds: a type, a length, and so many bytes in hexadecimal.
pub fn raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"\n")?;
    let mut lines = text.splitn(3, |b| *b == b'\n');
    let _type = lines.next()?;
    let length: usize = std::str::from_utf8(lines.next()?).ok()?.trim().parse().ok()?;
    let mut digits = lines.next()?.iter().filter_map(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(length.min(text.len() / 2));
    while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    (out.len() == length).then_some(out)
}

/// The text of a raw profile.
pub fn to_raw_profile(kind: &str, data: &[u8]) -> Vec<u8> {
    let mut out = format!("\n{kind}\n{:8}", data.len()).into_bytes();
    for (i, byte) in data.iter().enumerate() {
        if i % 36 == 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{SIGNATURE, Walk, push};

    fn with_chunk(name: [u8; 4], data: &[u8], check: impl FnOnce(&Chunk<'_>)) {
        let mut file = SIGNATURE.to_vec();
        push(&mut file, name, &[data]);
        check(&Walk::new(&file).unwrap().next().unwrap().unwrap());
    }

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; data.len() + 100];
        let mut c = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(1).unwrap());
        let n = c.zlib_compress(data, &mut out).unwrap();
        out.truncate(n);
        out
    }

    #[test]
    fn reads_all_three_kinds() {
        let packed = deflated(b"hello");
        for (name, data) in [
            (*b"tEXt", b"Title\0hello".to_vec()),
            (*b"zTXt", [b"Title\0\0", &packed[..]].concat()),
            (*b"iTXt", b"Title\0\0\0en\0Titel\0hello".to_vec()),
            (*b"iTXt", [b"Title\0\x01\0\0\0", &packed[..]].concat()),
        ] {
            with_chunk(name, &data, |c| {
                let text = read(c, &mut Budget::new(100)).unwrap();
                assert_eq!((text.keyword.as_str(), text.value.as_deref()), ("Title", Some(&b"hello"[..])));
            });
        }
    }

    #[test]
    fn a_bomb_stays_closed() {
        let bomb = deflated(&vec![0; 10 << 20]);
        with_chunk(*b"zTXt", &[b"a\0\0", &bomb[..]].concat(), |c| {
            assert_eq!(read(c, &mut Budget::new(1 << 20)).unwrap().value, None);
            assert_eq!(read(c, &mut Budget::new(16 << 20)).unwrap().value.map(|v| v.len()), Some(10 << 20));
        });
    }

    #[test]
    fn raw_profiles_go_there_and_back() {
        let data: Vec<u8> = (0..=255).collect();
        assert_eq!(raw_profile(&to_raw_profile("exif", &data)), Some(data));
        assert_eq!(raw_profile(b"\nexif\n  99999999999\nab"), None);
        assert_eq!(raw_profile(b""), None);
    }
}
