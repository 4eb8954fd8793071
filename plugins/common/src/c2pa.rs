//! Recognizes content credentials. Knows the shape of JUMBF boxes (ISO 19566-5) and the one type that C2PA gives its
//! manifest stores; verifies nothing.

/// `c2pa` followed by the ISO base of JUMBF content types.
const MANIFEST_STORE: [u8; 16] = *b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";

/// Whether a sequence of JUMBF boxes holds a C2PA manifest store: a `jumb` superbox at the top whose description box
/// (`jumd`) has the manifest store's type.
pub fn is_manifest_store(boxes: &[u8]) -> bool {
    let mut rest = boxes;
    while let Some((kind, body, next)) = split_box(rest) {
        if &kind == b"jumb"
            && let Some((inner, description, _)) = split_box(body)
            && &inner == b"jumd"
            && description.starts_with(&MANIFEST_STORE)
        {
            return true;
        }
        rest = next;
    }
    false
}

/// Type and body of the first box, and what follows it. A body that is cut off still counts: half a signature is a
/// signature.
fn split_box(data: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (size, rest) = data.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (body, after) = match u32::from_be_bytes(*size) {
        0 => (rest, 0),
        1 => {
            let (large, rest) = rest.split_first_chunk::<8>()?;
            (rest, u64::from_be_bytes(*large).checked_sub(16)?)
        }
        n => (rest, u64::from(n).checked_sub(8)?),
    };
    if after == 0 {
        return Some((*kind, body, &[]));
    }
    let end = usize::try_from(after).unwrap_or(usize::MAX).min(body.len());
    let (body, next) = body.split_at(end);
    Some((*kind, body, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut v = (body.len() as u32 + 8).to_be_bytes().to_vec();
        v.extend_from_slice(kind);
        v.extend_from_slice(body);
        v
    }

    #[test]
    fn a_manifest_store_is_recognized_behind_other_boxes() {
        let mut description = MANIFEST_STORE.to_vec();
        description.extend_from_slice(b"\x03c2pa\0");
        let store = boxed(b"jumb", &boxed(b"jumd", &description));
        assert!(is_manifest_store(&store));
        let mut two = boxed(b"free", b"xyz");
        two.extend_from_slice(&store);
        assert!(is_manifest_store(&two));
        assert!(is_manifest_store(&store[..34]), "cut off");
    }

    #[test]
    fn other_jumbf_is_not_signed() {
        let other = boxed(b"jumb", &boxed(b"jumd", b"json\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"));
        assert!(!is_manifest_store(&other));
        assert!(!is_manifest_store(b""));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(data: Vec<u8>) {
            is_manifest_store(&data);
        }
    }
}
