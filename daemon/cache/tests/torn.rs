//! What came back from the disk is believed only if it is what was written.

mod common;

use common::*;
use squeezed_cache::{Put, Store};

fn check(store: &Store, root: &std::path::Path, bytes: &[u8], what: &str) {
    let place = file(root, &nth(1));
    std::fs::write(&place, bytes).unwrap();
    let torn = store.stats().torn;
    assert_eq!(store.get(UID, &nth(1), INPUT), None, "{what}");
    assert_eq!(store.stats().torn, torn + 1, "{what}");
    assert!(!place.exists(), "{what}");
}

#[test]
fn an_entry_torn_at_any_byte_or_with_any_byte_altered_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1 << 20);
    for (unchanged, len) in [(false, 40), (true, 0)] {
        let whole = Put { body: (!unchanged).then(|| body(1, len)), ..put(1, len) };
        store.put(whole);
        flush(&store);
        let bytes = std::fs::read(file(dir.path(), &nth(1))).unwrap();
        for cut in 0..bytes.len() {
            check(&store, dir.path(), &bytes[..cut], &format!("cut at {cut}"));
        }
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[at] ^= flip;
                check(&store, dir.path(), &altered, &format!("{flip:02x} at {at}"));
            }
        }
        let longer = [&bytes[..], b"x"].concat();
        check(&store, dir.path(), &longer, "a byte more");
        std::fs::write(file(dir.path(), &nth(1)), &bytes).unwrap();
        assert!(store.get(UID, &nth(1), INPUT).is_some());
        std::fs::remove_file(file(dir.path(), &nth(1))).unwrap();
    }
}

#[test]
fn an_entry_is_bound_to_its_name_and_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1 << 20);
    store.put(put(1, 40));
    store.put(Put { uid: UID + 1, ..put(3, 40) });
    flush(&store);
    std::fs::copy(file(dir.path(), &nth(1)), file(dir.path(), &nth(2))).unwrap();
    std::fs::copy(dir.path().join("1001").join(nth(3).to_hex()), file(dir.path(), &nth(3))).unwrap();
    assert_eq!(store.get(UID, &nth(2), INPUT), None);
    assert_eq!(store.get(UID, &nth(3), INPUT), None);
    assert_eq!(store.stats().torn, 2);
    assert!(store.get(UID, &nth(1), INPUT).is_some() && store.get(UID + 1, &nth(3), INPUT).is_some());
}

#[test]
fn a_large_hole_costs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1 << 20);
    store.put(put(1, 40));
    flush(&store);
    let opened = std::fs::File::options().write(true).open(file(dir.path(), &nth(1))).unwrap();
    opened.set_len(1 << 45).or_else(|_| opened.set_len(1 << 33)).unwrap();
    assert_eq!(store.get(UID, &nth(1), INPUT), None);
    assert_eq!(store.stats().torn, 1);
}
