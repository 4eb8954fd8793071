//! What a store keeps, for whom, how much of it, and what goes first.

mod common;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use common::*;
use squeezed_cache::{Again, InputHash, Key, MAX_META, OpenError, Put, Stats, Store};
use squeezed_plugin_api::Options;

const MIB: u64 = 1 << 20;

#[test]
fn what_was_put_comes_back_to_its_user_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep/cache");
    let store = open(&root, MIB);
    assert_eq!(store.get(UID, &nth(1), INPUT), None);
    assert!(store.put(put(1, 5000)));
    assert!(store.put(Put { body: None, ..put(2, 0) }));
    assert!(store.put(Put { body: Some("".into()), ..put(3, 0) }));
    flush(&store);
    let entry = store.get(UID, &nth(1), INPUT).unwrap();
    assert_eq!((entry.meta, entry.body), (meta(1).to_vec(), Some(body(1, 5000).to_vec())));
    assert_eq!(store.get(UID, &nth(2), INPUT).unwrap().body, None);
    assert_eq!(store.get(UID, &nth(3), INPUT).unwrap().body, Some(Vec::new()));
    assert_eq!(store.get(UID + 1, &nth(1), INPUT), None);
    let Stats { hits, misses, written, entries, bytes, .. } = store.stats();
    assert_eq!((hits, misses, written, entries, bytes), (3, 2, 3, 3, 8192 + 4096 + 4096));
    let mode = |p: &std::path::Path| p.symlink_metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&root), mode(&root.join("1000"))), (0o700, 0o700));
    assert_eq!(mode(&file(&root, &nth(1))), 0o600);
    drop(store);
    let store = open(&root, MIB);
    assert!(store.get(UID, &nth(1), INPUT).is_some());
    assert_eq!((store.stats().entries, store.stats().bytes), (3, bytes));
}

#[test]
fn a_result_is_entered_as_unchanged_too_unless_the_question_does_not_settle() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), MIB);
    let again = |asked| Some(Again { asked, meta: "same".into() });
    store.put(Put { again: again(asked()), ..put(1, 3000) });
    let capped = asked_with(&Options { max_reduction: Some(30.0), ..Options::default() });
    store.put(Put { again: again(capped), ..put(2, 3000) });
    store.put(Put { body: None, again: again(asked()), ..put(3, 0) });
    flush(&store);
    let entry = store.get(UID, &key(&body(1, 3000)), 3000).unwrap();
    assert_eq!((entry.meta, entry.body), (b"same".to_vec(), None));
    assert_eq!(store.get(UID, &Key::new(&InputHash::of(&body(2, 3000)), &capped), 3000), None);
    assert_eq!(store.stats().entries, 4);
}

#[test]
fn an_answer_is_never_as_large_as_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), MIB);
    store.put(put(1, 5000));
    flush(&store);
    assert!(store.get(UID, &nth(1), 5001).is_some());
    assert_eq!(store.get(UID, &nth(1), 5000), None);
    assert_eq!(store.stats().torn, 1);
    assert!(!file(dir.path(), &nth(1)).exists());
}

#[test]
fn the_least_recently_used_go_and_the_bound_is_kept_over_all_users() {
    let dir = tempfile::tempdir().unwrap();
    // Room for ten entries of five blocks.
    let store = open(dir.path(), 10 * 5 * 4096);
    let len = 5 * 4096 - 200;
    for n in 0..10 {
        store.put(Put { uid: UID + n % 2, ..put(n, len) });
    }
    flush(&store);
    assert_eq!((store.stats().entries, store.stats().bytes, store.stats().evicted), (10, 50 * 4096, 0));
    assert!(store.get(UID, &nth(0), INPUT).is_some());
    for n in 10..13 {
        store.put(put(n, len));
        flush(&store);
        assert!(store.stats().bytes <= 50 * 4096);
    }
    assert_eq!(store.stats().evicted, 3);
    let gone = |n: u32| store.get(UID + n % 2, &nth(n), INPUT).is_none();
    assert!(!gone(0) && gone(1) && gone(2) && gone(3) && !gone(4) && !gone(5));
}

#[test]
fn the_order_outlives_the_daemon_and_a_lower_bound_is_kept_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), MIB);
    for n in 0..4 {
        store.put(put(n, 5000));
    }
    flush(&store);
    drop(store);
    let ago = |n, minutes| {
        let opened = std::fs::File::open(file(dir.path(), &nth(n))).unwrap();
        opened.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).unwrap();
    };
    for (n, minutes) in [(0, 50_u64), (1, 20), (2, 40), (3, 30)] {
        ago(n, minutes);
    }
    let store = open(dir.path(), MIB);
    // Older than ten minutes, so the use is written down.
    assert!(store.get(UID, &nth(0), INPUT).is_some());
    drop(store);
    let store = open(dir.path(), 2 * 8192);
    let there: Vec<u32> = (0..4).filter(|n| file(dir.path(), &nth(*n)).exists()).collect();
    assert_eq!(there, [0, 1]);
    assert_eq!(store.stats().evicted, 2);
}

#[test]
fn what_is_too_large_is_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 100_000);
    store.put(put(1, 24_000));
    store.put(put(2, 26_000));
    store.put(Put { meta: vec![0; MAX_META + 1].into(), ..put(3, 10) });
    flush(&store);
    assert_eq!((store.stats().written, store.stats().dropped), (1, 2));
}

#[test]
fn what_was_put_is_there_before_the_disk_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1 << 30);
    for n in 0..200 {
        store.put(put(n, 50_000));
        let entry = store.get(UID, &nth(n), INPUT).unwrap();
        assert_eq!((entry.meta, entry.body), (meta(n).to_vec(), Some(body(n, 50_000).to_vec())));
        assert_eq!(store.get(UID + 1, &nth(n), INPUT), None);
    }
    flush(&store);
    assert_eq!(store.stats().written, 200);
}

#[test]
fn a_full_queue_drops_and_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1 << 30);
    let big = body(1, 40 << 20);
    let taken = (0..40).filter(|n| store.put(Put { body: Some(big.clone()), ..put(*n, 0) })).count() as u64;
    assert!((1..40).contains(&taken), "{taken}");
    assert_eq!(store.stats().dropped, 40 - taken);
    flush(&store);
    assert_eq!(store.stats().written, taken);
    assert!(store.put(put(100, 10)), "there is room again");
}

#[test]
fn the_same_result_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), MIB);
    for _ in 0..5 {
        store.put(put(1, 500));
    }
    flush(&store);
    assert_eq!(store.stats().written, 1);
    // Unless somebody removed it meanwhile.
    std::fs::remove_file(file(dir.path(), &nth(1))).unwrap();
    assert_eq!(store.get(UID, &nth(1), INPUT), None);
    store.put(put(1, 500));
    flush(&store);
    assert!(store.get(UID, &nth(1), INPUT).is_some());
    assert_eq!(store.stats().entries, 1);
}

#[test]
fn files_of_others_are_left_alone_and_links_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cache");
    let store = open(&root, MIB);
    store.put(put(1, 5000));
    flush(&store);
    drop(store);
    let shelf = root.join("1000");
    std::fs::write(root.join("notes.txt"), "mine").unwrap();
    std::fs::write(shelf.join("notes.txt"), "mine").unwrap();
    std::fs::create_dir(root.join("007")).unwrap();
    std::fs::write(root.join("007").join(nth(1).to_hex()), "mine").unwrap();
    let target = dir.path().join("target");
    std::fs::copy(file(&root, &nth(1)), &target).unwrap();
    symlink(&target, shelf.join(nth(2).to_hex())).unwrap();
    symlink(&shelf, root.join("1001")).unwrap();
    let store = open(&root, 4096);
    assert_eq!(store.get(UID, &nth(2), INPUT), None);
    assert_eq!(store.get(1001, &nth(1), INPUT), None);
    assert_eq!(store.stats().torn, 0);
    for kept in ["notes.txt", "1000/notes.txt", "007"] {
        assert!(root.join(kept).exists(), "{kept}");
    }
    assert!(target.exists() && shelf.join(nth(2).to_hex()).is_symlink());
    assert!(!file(&root, &nth(1)).exists(), "the bound is for its own");
    // A name with a link in its place is taken over; what the link named is not touched.
    let before = std::fs::read(&target).unwrap();
    drop(store);
    let store = open(&root, MIB);
    store.put(put(2, 400));
    flush(&store);
    assert!(store.get(UID, &nth(2), INPUT).is_some());
    assert_eq!(std::fs::read(&target).unwrap(), before);
}

#[test]
fn folders_that_are_not_the_daemons_alone_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert!(matches!(Store::open(&link, MIB), Err(OpenError::Io { .. })));
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o770)).unwrap();
    let error = Store::open(&real, MIB).unwrap_err().to_string();
    assert!(error.contains("chmod go-w"), "{error}");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o700)).unwrap();
    let store = open(&real, MIB);
    store.put(put(1, 100));
    flush(&store);
    // One user's folder that others can write to costs what is in it.
    std::fs::set_permissions(real.join("1000"), PermissionsExt::from_mode(0o777)).unwrap();
    assert_eq!(store.get(UID, &nth(1), INPUT), None);
    store.put(put(2, 100));
    flush(&store);
    assert_eq!(store.stats().failed, 1);
    drop(store);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&real, Some(12345), None).unwrap();
        let error = Store::open(&real, MIB).unwrap_err().to_string();
        assert!(error.contains("belongs to uid 12345"), "{error}");
    } else {
        eprintln!("not root: the folder of another user is not tried");
    }
}

#[test]
fn a_folder_that_is_removed_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cache");
    let store = open(&root, MIB);
    store.put(put(1, 100));
    flush(&store);
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(store.get(UID, &nth(1), INPUT), None);
    store.put(put(2, 100));
    until("entries are taken again", || {
        store.put(put(3, 100));
        flush(&store);
        file(&root, &nth(3)).exists()
    });
    assert!(store.get(UID, &nth(3), INPUT).is_some());
    assert_eq!(store.stats().entries, names(&root).len() as u64);
}

#[test]
fn threads_get_whole_entries_while_others_put_and_all_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let bound = 64 * 4096;
    let store = open(dir.path(), bound);
    let found = AtomicU64::new(0);
    for n in 0..30 {
        store.put(put(n, 100 + n as usize * 90));
    }
    flush(&store);
    std::thread::scope(|s| {
        for t in 0..4_u32 {
            let (store, found) = (&store, &found);
            s.spawn(move || {
                for i in 0..400 {
                    let n = (i * 7 + t) % 60;
                    if i % 2 == 0 {
                        store.put(put(n, 100 + n as usize * 90));
                    } else if let Some(entry) = store.get(UID, &nth(n), INPUT) {
                        assert_eq!(entry.body.unwrap(), body(n, 100 + n as usize * 90));
                        found.fetch_add(1, Ordering::Relaxed);
                    }
                    assert!(store.stats().bytes <= bound);
                }
            });
        }
    });
    flush(&store);
    let stats = store.stats();
    assert!(found.into_inner() > 0 && stats.evicted > 0, "{stats:?}");
    assert_eq!((stats.torn, stats.failed), (0, 0));
    let on_disk: u64 = names(dir.path())
        .iter()
        .map(|n| dir.path().join("1000").join(n).metadata().unwrap().len().div_ceil(4096) * 4096)
        .sum();
    assert_eq!(stats.bytes, on_disk);
}
