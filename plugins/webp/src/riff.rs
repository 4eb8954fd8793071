//! RIFF chunks: walking them with every length checked, and writing them. Knows nothing of what they mean.

/// A chunk's four letters and its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The four letters.
    pub id: [u8; 4],
    /// The payload, without padding.
    pub data: &'a [u8],
}

/// Why chunks could not be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The bytes end before the chunk does.
    Truncated,
    /// Not a RIFF file of type WEBP.
    Header,
}

/// The body of a WEBP file (its chunks), and the bytes behind its end.
pub fn open(file: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    let rest = file.strip_prefix(b"RIFF").ok_or(Broken::Header)?;
    let (size, rest) = rest.split_first_chunk::<4>().ok_or(Broken::Header)?;
    if !rest.starts_with(b"WEBP") {
        return Err(Broken::Header);
    }
    let size = u32::from_le_bytes(*size) as usize;
    let (form, trailing) = rest.split_at_checked(size).ok_or(Broken::Truncated)?;
    let body = form.get(4..).ok_or(Broken::Header)?;
    // Some writers leave the last chunk's padding out of the size; it is not trailing data then.
    let trailing = match trailing {
        [0, rest @ ..] if size % 2 == 1 => rest,
        other => other,
    };
    Ok((body, trailing))
}

/// The chunks of `body`, in order. The last one may lack its padding.
pub fn chunks(body: &[u8]) -> impl Iterator<Item = Result<Chunk<'_>, Broken>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match split(rest) {
            Some((chunk, next)) => {
                rest = next;
                Some(Ok(chunk))
            }
            None => {
                rest = &[];
                Some(Err(Broken::Truncated))
            }
        }
    })
}

fn split(data: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (id, rest) = data.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (data, rest) = rest.split_at_checked(u32::from_le_bytes(*size) as usize)?;
    let rest = rest.get(data.len() % 2..).unwrap_or_default();
    Some((Chunk { id: *id, data }, rest))
}

/// Appends a chunk with its padding. `None` where the payload is too long for one.
pub fn write(out: &mut Vec<u8>, id: [u8; 4], data: &[u8]) -> Option<()> {
    out.extend_from_slice(&id);
    out.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Some(())
}

/// A whole file of these chunks. `None` beyond 4 GiB.
pub fn file(body: &[u8], trailing: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(body.len().checked_add(4)?).ok()?;
    let mut out = Vec::with_capacity(body.len().checked_add(12)?.checked_add(trailing.len())?);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(b"WEBP");
    out.extend_from_slice(body);
    out.extend_from_slice(trailing);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut body = Vec::new();
        write(&mut body, *b"ABCD", b"odd").unwrap();
        write(&mut body, *b"EFGH", b"even").unwrap();
        let file = file(&body, b"more").unwrap();
        let (read, trailing) = open(&file).unwrap();
        assert_eq!((read, trailing), (body.as_slice(), b"more".as_slice()));
        let all: Vec<_> = chunks(read).map(|c| c.unwrap()).collect();
        assert_eq!(all, [Chunk { id: *b"ABCD", data: b"odd" }, Chunk { id: *b"EFGH", data: b"even" }]);
    }

    #[test]
    fn lengths_that_lie_are_found() {
        assert_eq!(open(b"RIFF\xff\xff\xff\xffWEBP"), Err(Broken::Truncated));
        assert_eq!(open(b"RIFF\x02\0\0\0WEBP"), Err(Broken::Header));
        assert_eq!(open(b"RIFF\x04\0\0\0WAVE"), Err(Broken::Header));
        assert_eq!(chunks(b"ABCD\x05\0\0\0four").next(), Some(Err(Broken::Truncated)));
        assert_eq!(chunks(b"ABCD\x03\0\0\0odd").count(), 1, "no padding at the end");
        assert_eq!(chunks(b"ABC").next(), Some(Err(Broken::Truncated)));
    }
}
