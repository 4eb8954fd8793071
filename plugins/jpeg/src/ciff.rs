//! Canon's CIFF in an APP0 segment, as its cameras wrote before EXIF: a heap of records that directories name. Knows where
//! it tells the capture time, nothing of segments.
//!
//! Form: Canon, "CIFF: Specification on Image Data File", version 1.0, sections 2 and 3. A heap ends with the offset of
//! its directory; a record is tag, size and offset within the heap; tags 0x28xx and 0x30xx are heaps in the heap.

use squeezed_plugin_api::{Kind, MetadataItem};

const SIGNATURE: &[u8] = b"HEAPJPGM";
/// Bytes before the heap: byte order, their own length, signature, version, eight reserved ones.
const HEADER: usize = 26;
/// "ImageProperties", the heap that holds the time.
const PROPERTIES: u16 = 0x300a;
/// "CapturedTime": seconds since 1970, time zone, flags.
const TIME: u16 = 0x180e;
const TIME_LEN: usize = 12;
const ENTRY: usize = 10;
/// Real files nest three deep.
const MAX_DEPTH: u32 = 8;

/// Whether an APP0 segment is one.
pub fn is_ciff(body: &[u8]) -> bool {
    body.get(6..14) == Some(SIGNATURE) && (body.starts_with(b"II") || body.starts_with(b"MM"))
}

/// The capture time and the rest.
pub fn items(body: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    if let Some(time) = time(body) {
        out(MetadataItem::new(Kind::CaptureTime, "ciff-time", &time));
    }
    if display(body).is_none_or(|kept| kept != body) {
        out(MetadataItem::new(Kind::MakerNote, "ciff", body));
    }
}

/// The body with the capture time alone; nothing where it tells none.
pub fn display(body: &[u8]) -> Option<Vec<u8>> {
    let time = time(body)?;
    let big = body.starts_with(b"MM");
    let u16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let u32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let heap = |tag: u16, record: &[u8]| {
        let at = record.len() as u32;
        [record, &u16(1), &u16(tag), &u32(at), &u32(0), &u32(at)].concat()
    };
    let mut out = body.get(..2)?.to_vec();
    out.extend(u32(HEADER as u32));
    out.extend_from_slice(SIGNATURE);
    out.extend(u32(0x0001_0000));
    out.extend_from_slice(&[0; 8]);
    out.extend(heap(PROPERTIES, &heap(TIME, &time)));
    Some(out)
}

fn time(body: &[u8]) -> Option<[u8; TIME_LEN]> {
    if !is_ciff(body) {
        return None;
    }
    let big = body.starts_with(b"MM");
    let start = usize::try_from(u32_at(body, 2, big)?).ok()?;
    find(body.get(start..)?, big, 0)?.try_into().ok()
}

/// The record of the time in a heap or the heaps within.
fn find(heap: &[u8], big: bool, depth: u32) -> Option<&[u8]> {
    let end = heap.len().checked_sub(4)?;
    let directory = usize::try_from(u32_at(heap, end, big)?).ok()?;
    let count = u16_at(heap, directory, big)?;
    let entries = heap.get(directory.checked_add(2)?..end)?;
    for entry in entries.chunks_exact(ENTRY).take(usize::from(count)) {
        let tag = u16_at(entry, 0, big)?;
        let is_heap = matches!(tag & 0xf800, 0x2800 | 0x3000);
        if tag != TIME && !is_heap {
            continue;
        }
        let size = usize::try_from(u32_at(entry, 2, big)?).ok()?;
        let offset = usize::try_from(u32_at(entry, 6, big)?).ok()?;
        let Some(record) = heap.get(offset..offset.saturating_add(size)) else { continue };
        if tag == TIME && size == TIME_LEN {
            return Some(record);
        }
        // A heap within is smaller than what holds it, so that loops end; wide ones are cut by the depth.
        if is_heap
            && depth < MAX_DEPTH
            && record.len() < heap.len()
            && let Some(found) = find(record, big, depth + 1)
        {
            return Some(found);
        }
    }
    None
}

fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let b = bytes.get(at..)?.first_chunk::<2>()?;
    Some(if big { u16::from_be_bytes(*b) } else { u16::from_le_bytes(*b) })
}

fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let b = bytes.get(at..)?.first_chunk::<4>()?;
    Some(if big { u32::from_be_bytes(*b) } else { u32::from_le_bytes(*b) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimal(order: &[u8]) -> Vec<u8> {
        // Built by hand: a heap in a heap, the time in the inner one after a record of another tag.
        let big = order == b"MM";
        let u16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let u32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut inner = b"camera!!".to_vec();
        inner.extend([7u8; TIME_LEN]);
        inner.extend(u16(2));
        inner.extend([&u16(0x080a)[..], &u32(8), &u32(0)].concat());
        inner.extend([&u16(TIME)[..], &u32(12), &u32(8)].concat());
        inner.extend(u32(20));
        let mut out = [order, &u32(26), SIGNATURE, &[0; 12]].concat();
        let size = inner.len() as u32;
        out.extend(&inner);
        out.extend([&u16(1)[..], &u16(PROPERTIES), &u32(size), &u32(0), &u32(size)].concat());
        out
    }

    #[test]
    fn what_display_keeps_is_the_capture_time_of_the_whole() {
        for order in [b"II", b"MM"] {
            let body = minimal(order);
            assert_eq!(time(&body), Some([7; TIME_LEN]));
            let kept = display(&body).unwrap();
            let list = |b: &[u8]| {
                let mut all = Vec::new();
                items(b, &mut |i| all.push(i));
                all
            };
            let (whole, thin) = (list(&body), list(&kept));
            assert_eq!((whole.len(), thin.len()), (2, 1));
            assert_eq!(whole[0], thin[0]);
            assert_eq!(display(&kept), Some(kept.clone()));
        }
    }

    #[test]
    fn broken_heaps_tell_nothing() {
        let body = minimal(b"II");
        for cut in 0..body.len() {
            let _ = display(&body[..cut]);
        }
        for at in 0..body.len() {
            let mut bad = body.clone();
            bad[at] ^= 0xff;
            let _ = display(&bad);
        }
    }
}
