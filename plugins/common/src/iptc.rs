//! Photoshop's image resources and the IPTC datasets in one of them: rights and dates stay, captions and places go.
//!
//! Works on the resource blocks themselves (what follows `Photoshop 3.0\0` in a JPEG segment). Kept blocks and datasets are
//! copied byte for byte.

use squeezed_plugin_api::{Kind, MetadataItem};

const IPTC: u16 = 0x0404;
const COPYRIGHT_FLAG: u16 = 0x040a;
const COPYRIGHT_URL: u16 = 0x040b;
const THUMBNAILS: [u16; 2] = [0x0409, 0x040c];

/// Coded character set: without it the texts that are kept could not be read.
const CHARSET: (u8, u8) = (1, 90);

/// The datasets that stay.
const KEPT: [((u8, u8), Kind, &str); 5] = [
    ((2, 116), Kind::Rights, "iptc-copyright"),
    ((2, 80), Kind::Rights, "iptc-byline"),
    ((2, 110), Kind::Rights, "iptc-credit"),
    ((2, 55), Kind::CaptureTime, "iptc-date-created"),
    ((2, 60), Kind::CaptureTime, "iptc-time-created"),
];

/// One `8BIM` block.
struct Resource<'a> {
    id: u16,
    data: &'a [u8],
}

/// The blocks up to the first that is broken, and what follows them.
fn resources(block: &[u8]) -> (Vec<Resource<'_>>, &[u8]) {
    let mut rest = block;
    let mut all = Vec::new();
    while let Some((resource, next)) = resource(rest) {
        all.push(resource);
        rest = next;
    }
    (all, rest)
}

fn resource(block: &[u8]) -> Option<(Resource<'_>, &[u8])> {
    let rest = block.strip_prefix(b"8BIM")?;
    let (id, rest) = rest.split_first_chunk::<2>()?;
    let name = usize::from(*rest.first()?) + 1;
    let rest = rest.get(name + name % 2..)?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (data, rest) = rest.split_at_checked(u32::from_be_bytes(*size) as usize)?;
    // The last block often lacks its padding.
    let rest = rest.get(data.len() % 2..).unwrap_or_default();
    Some((Resource { id: u16::from_be_bytes(*id), data }, rest))
}

/// One dataset: its number, its value, and all of its bytes.
struct Dataset<'a> {
    id: (u8, u8),
    value: &'a [u8],
    whole: &'a [u8],
}

fn datasets(data: &[u8]) -> (Vec<Dataset<'_>>, &[u8]) {
    let mut rest = data;
    let mut all = Vec::new();
    while let Some(set) = dataset(rest) {
        rest = &rest[set.whole.len()..];
        all.push(set);
    }
    (all, rest)
}

fn dataset(data: &[u8]) -> Option<Dataset<'_>> {
    let [0x1c, record, number, high, low, rest @ ..] = data else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    // Lengths from 0x8000 on are those of a longer length field; nothing that is kept is so long.
    let value = rest.get(..length).filter(|_| length < 0x8000)?;
    Some(Dataset { id: (*record, *number), value, whole: &data[..5 + length] })
}

fn kept(set: &Dataset<'_>) -> Option<(Kind, &'static str)> {
    let blank = set.value.iter().all(|b| matches!(b, 0 | b' '));
    KEPT.iter().find(|k| k.0 == set.id && !blank).map(|k| (k.1, k.2))
}

/// Reports what the blocks hold, one item for each thing that is for something.
pub fn items(block: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    let (all, broken) = resources(block);
    let mut rest = broken.to_vec();
    let mut values: Vec<(Kind, &str, Vec<u8>)> = Vec::new();
    let mut add = |kind, name, value: &[u8]| match values.iter_mut().find(|v| v.1 == name) {
        Some(v) => v.2.extend_from_slice(value),
        None => values.push((kind, name, value.to_vec())),
    };
    for r in &all {
        match r.id {
            IPTC => {
                let (sets, broken) = datasets(r.data);
                for set in &sets {
                    match kept(set) {
                        Some((kind, name)) => add(kind, name, set.whole),
                        // The version of a record tells nothing.
                        None if set.id == CHARSET || set.id.1 == 0 => {}
                        None => rest.extend_from_slice(set.whole),
                    }
                }
                rest.extend_from_slice(broken);
            }
            COPYRIGHT_FLAG if says_copyright(r.data) => add(Kind::Rights, "photoshop-copyright-flag", r.data),
            COPYRIGHT_URL if !r.data.is_empty() => add(Kind::Rights, "photoshop-copyright-url", r.data),
            id if THUMBNAILS.contains(&id) => add(Kind::Thumbnail, "photoshop-thumbnail", r.data),
            id => {
                rest.extend_from_slice(&id.to_be_bytes());
                rest.extend_from_slice(r.data);
            }
        }
    }
    if !rest.is_empty() {
        add(Kind::Iptc, "iptc", &rest);
    }
    values.into_iter().for_each(|(kind, name, value)| out(MetadataItem::new(kind, name, &value)));
}

fn says_copyright(flag: &[u8]) -> bool {
    flag.iter().any(|b| *b != 0)
}

/// New blocks with only what `metadata = display` keeps; `None` if nothing is left.
///
/// [`items`] of them are exactly those items of `block` whose kind is for display. Doing it again changes nothing.
pub fn display(block: &[u8]) -> Option<Vec<u8>> {
    let (all, _) = resources(block);
    let mut out = Vec::new();
    let mut iptc = Vec::new();
    let mut charset = None;
    for r in &all {
        match r.id {
            IPTC => {
                for set in &datasets(r.data).0 {
                    if kept(set).is_some() {
                        iptc.extend_from_slice(set.whole);
                    } else if set.id == CHARSET {
                        charset = charset.or(Some(set.whole));
                    }
                }
            }
            COPYRIGHT_FLAG if says_copyright(r.data) => write(&mut out, r.id, r.data)?,
            COPYRIGHT_URL if !r.data.is_empty() => write(&mut out, r.id, r.data)?,
            _ => {}
        }
    }
    if !iptc.is_empty() {
        let mut data = charset.unwrap_or_default().to_vec();
        data.append(&mut iptc);
        write(&mut out, IPTC, &data)?;
    }
    (!out.is_empty()).then_some(out)
}

fn write(out: &mut Vec<u8>, id: u16, data: &[u8]) -> Option<()> {
    out.extend_from_slice(b"8BIM");
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&u32::try_from(data.len()).ok()?.to_be_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(record: u8, number: u8, value: &[u8]) -> Vec<u8> {
        let mut v = vec![0x1c, record, number];
        v.extend((value.len() as u16).to_be_bytes());
        v.extend(value);
        v
    }

    fn all(block: &[u8]) -> Vec<MetadataItem> {
        let mut v = Vec::new();
        items(block, &mut |i| v.push(i));
        v.sort();
        v
    }

    fn check(block: &[u8]) {
        let want: Vec<_> = all(block).into_iter().filter(|i| i.kind.is_display()).collect();
        let shown = display(block);
        assert_eq!(shown.as_deref().map(all).unwrap_or_default(), want);
        assert_eq!(shown.as_deref().and_then(display), shown);
    }

    fn press_photo() -> Vec<u8> {
        let iptc = [
            set(1, 90, b"\x1b%G"),
            set(2, 0, b"\0\x04"),
            set(2, 80, b"A. Person"),
            set(2, 80, b"B. Person"),
            set(2, 90, b"Some Town"),
            set(2, 55, b"20240506"),
            set(2, 116, b"(c) A. Person"),
        ]
        .concat();
        let mut block = Vec::new();
        write(&mut block, 0x03ed, &[1; 16]).unwrap();
        write(&mut block, IPTC, &iptc).unwrap();
        write(&mut block, 0x040c, &[7; 33]).unwrap();
        write(&mut block, COPYRIGHT_FLAG, &[1]).unwrap();
        write(&mut block, COPYRIGHT_URL, b"https://example.org/licence").unwrap();
        block
    }

    #[test]
    fn rights_and_dates_stay() {
        let block = press_photo();
        check(&block);
        let names: Vec<_> = all(&block).into_iter().map(|i| i.name).collect();
        let want = [
            "iptc-byline",
            "iptc-copyright",
            "photoshop-copyright-flag",
            "photoshop-copyright-url",
            "iptc-date-created",
            "photoshop-thumbnail",
            "iptc",
        ];
        assert_eq!(names, want);
        let shown = display(&block).unwrap();
        assert!(!shown.windows(9).any(|w| w == b"Some Town"));
        assert!(shown.windows(3).any(|w| w == b"\x1b%G"));
    }

    #[test]
    fn nothing_to_keep_is_nothing() {
        let mut block = Vec::new();
        write(&mut block, IPTC, &set(2, 90, b"Some Town")).unwrap();
        write(&mut block, COPYRIGHT_FLAG, &[0]).unwrap();
        assert_eq!(display(&block), None);
    }

    #[test]
    fn damage_leaves_what_is_readable() {
        let block = press_photo();
        for end in 0..block.len() {
            check(&block[..end]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(data: Vec<u8>) {
            check(&data);
            let mut block = Vec::new();
            write(&mut block, IPTC, &data).unwrap();
            check(&block);
        }

        #[test]
        fn flipped_blocks_get_an_answer(at in 0usize..400, bits: u8) {
            let mut block = press_photo();
            let len = block.len();
            block[at % len] ^= bits;
            check(&block);
        }
    }
}
