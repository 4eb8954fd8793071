//! PackBits, Apple's run lengths (TIFF 6.0, section 9).

/// The first `wanted` bytes; `None` where there are fewer.
pub fn decode(mut data: &[u8], wanted: usize) -> Option<Vec<u8>> {
    // Two bytes make at most 128.
    if wanted / 64 > data.len() {
        return None;
    }
    let mut out = Vec::with_capacity(wanted);
    while out.len() < wanted {
        let (head, rest) = data.split_first()?;
        data = rest;
        match *head as i8 {
            -128 => {}
            n @ 0.. => {
                let (copied, rest) = data.split_at_checked(usize::from(n as u8) + 1)?;
                out.extend_from_slice(copied);
                data = rest;
            }
            n => {
                let (value, rest) = data.split_first()?;
                out.resize(out.len() + usize::from(n.unsigned_abs()) + 1, *value);
                data = rest;
            }
        }
    }
    out.truncate(wanted);
    Some(out)
}

/// Codes rows of `row` bytes, each by itself as the specification wants it.
pub fn encode(data: &[u8], row: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 2);
    data.chunks(row).for_each(|row| encode_row(row, &mut out));
    out
}

fn encode_row(row: &[u8], out: &mut Vec<u8>) {
    let mut literal: &[u8] = &[];
    let mut rest = row;
    while let Some(first) = rest.first() {
        let run = rest.iter().take(128).take_while(|b| *b == first).count();
        // Two equal bytes inside a literal cost nothing there.
        if run >= 3 || (run == 2 && literal.is_empty()) {
            flush(literal, out);
            out.push((257 - run) as u8);
            out.push(*first);
            rest = &rest[run..];
            literal = &[];
        } else {
            let start = row.len() - rest.len() - literal.len();
            literal = &row[start..start + literal.len() + run];
            rest = &rest[run..];
        }
    }
    flush(literal, out);
}

fn flush(literal: &[u8], out: &mut Vec<u8>) {
    for part in literal.chunks(128) {
        out.push((part.len() - 1) as u8);
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example_is_read() {
        let packed =
            [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
        let out = decode(&packed, 24).unwrap();
        assert_eq!(out[..6], [0xaa, 0xaa, 0xaa, 0x80, 0, 0x2a]);
        assert_eq!(out[14..], [0xaa; 10]);
        assert!(decode(&packed, 25).is_none());
    }

    #[test]
    fn rows_of_all_kinds_survive() {
        for seed in 0..200_usize {
            let data: Vec<u8> =
                (0..seed * 3).map(|i| ((i * i / (seed % 7 + 1)) >> (seed % 5)) as u8).collect();
            let packed = encode(&data, 50);
            assert_eq!(decode(&packed, data.len()).unwrap(), data, "{seed}");
        }
        assert_eq!(encode(&[7; 300], 300).len(), 6);
    }
}
