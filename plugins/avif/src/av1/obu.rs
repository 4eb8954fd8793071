//! Walks the units (OBUs) that a coded picture consists of.

use super::bits::Bits;

/// Types of units.
pub mod kind {
    /// A sequence header.
    pub const SEQUENCE: u8 = 1;
    /// A temporal delimiter, which says nothing inside a container.
    pub const DELIMITER: u8 = 2;
    /// A frame header on its own.
    pub const FRAME_HEADER: u8 = 3;
    /// Light levels and the like.
    pub const METADATA: u8 = 5;
    /// A frame: header and tiles.
    pub const FRAME: u8 = 6;
    /// Padding.
    pub const PADDING: u8 = 15;
}

/// One unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// Its type.
    pub kind: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// Spatial layer.
    pub spatial: u8,
    /// Whether it says its length, so that another may follow.
    pub has_size: bool,
    /// Header and payload.
    pub whole: &'a [u8],
    /// What follows its header.
    pub payload: &'a [u8],
}

/// Splits a temporal unit; `None` where a length is wrong.
pub fn split(mut data: &[u8]) -> Option<Vec<Obu<'_>>> {
    let mut all = Vec::new();
    while !data.is_empty() {
        let (obu, rest) = one(data)?;
        all.push(obu);
        data = rest;
    }
    Some(all)
}

fn one(data: &[u8]) -> Option<(Obu<'_>, &[u8])> {
    let mut bits = Bits::new(data);
    let forbidden = bits.flag()?;
    let kind = bits.number(4)? as u8;
    let (has_extension, has_size) = (bits.flag()?, bits.flag()?);
    bits.flag()?;
    let (temporal, spatial) = if has_extension {
        let layers = (bits.number(3)? as u8, bits.number(2)? as u8);
        bits.number(3)?;
        layers
    } else {
        (0, 0)
    };
    if forbidden {
        return None;
    }
    let header = 1 + usize::from(has_extension);
    let after = data.get(header..)?;
    let (length, size_bytes) = if has_size { leb128(after)? } else { (after.len(), 0) };
    let start = header + size_bytes;
    let end = start.checked_add(length)?;
    let obu =
        Obu { kind, temporal, spatial, has_size, whole: data.get(..end)?, payload: data.get(start..end)? };
    Some((obu, data.get(end..)?))
}

/// A length and the bytes it takes.
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (i, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_split_and_wrong_lengths_are_not() {
        let data = [0x12, 0x00, 0x0a, 0x02, 7, 8, 0x30, 9];
        let all = split(&data).unwrap();
        assert_eq!(
            all.iter().map(|o| o.kind).collect::<Vec<_>>(),
            [kind::DELIMITER, kind::SEQUENCE, kind::FRAME]
        );
        assert_eq!((all[1].payload, all[2].payload), (&[7u8, 8][..], &[9u8][..]));
        assert_eq!(split(&[0x0a, 0x05, 1]), None);
        assert_eq!(split(&[0x80, 0x00]), None);
        assert_eq!(split(&[0x0a, 0x80]), None);
    }
}
