//! Daemons that die while they write, disks that are full, and two daemons on one folder.
//!
//! The test binary starts itself again for what needs a process of its own.

mod common;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::*;

/// Set for the child alone: the folder to write to.
const FOLDER: &str = "CACHE_TEST_FOLDER";

/// The child: writes entries of many sizes until it is killed, and says when it has begun.
#[test]
fn child_that_writes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder), 1 << 30);
    println!("begun");
    for n in 0..u32::MAX {
        while !store.put(put(n, (n as usize * 7919) % 300_000)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The child of the full disk: reports instead of failing.
#[test]
fn child_on_a_full_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder), 1 << 30);
    store.put(put(1, 1000));
    store.put(put(2, 500_000));
    store.put(put(3, 1000));
    flush(&store);
    let stats = store.stats();
    assert_eq!((stats.written, stats.failed), (2, 1), "{stats:?}");
    assert!(store.get(UID, &nth(1), INPUT).is_some() && store.get(UID, &nth(3), INPUT).is_some());
    assert!(store.get(UID, &nth(2), INPUT).is_none());
    assert!(names(Path::new(&folder)).iter().all(|n| !n.starts_with('.')), "nothing half is left");
}

#[test]
fn a_killed_daemon_leaves_whole_entries_and_no_litter() {
    let dir = tempfile::tempdir().unwrap();
    let mut entries = 0;
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut out, mut said) = (child.stdout.take().unwrap(), Vec::new());
        while !said.ends_with(b"begun") {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        std::thread::sleep(Duration::from_millis(20 + 13 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(dir.path(), 1 << 30);
        let left = names(dir.path());
        assert!(left.iter().all(|n| n.len() == 64), "{left:?}");
        for n in 0..left.len() as u32 {
            let _ = store.get(UID, &nth(n), INPUT);
        }
        let stats = store.stats();
        assert_eq!((stats.torn, stats.entries), (0, left.len() as u64));
        assert!(stats.hits >= entries, "what was there stays: {stats:?}");
        entries = stats.hits;
    }
    assert!(entries > 0);
}

#[test]
fn a_full_disk_costs_an_entry_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files fails a write in the middle as a full disk does. An ignored signal stays ignored
    // over exec; otherwise the limit would kill.
    let script = r#"trap "" XFSZ; ulimit -f 100; exec "$0" --exact child_on_a_full_disk"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The child on a file system of 1 MiB.
#[test]
fn child_on_a_small_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder), 1 << 30);
    for n in 0..100 {
        store.put(put(n, 100_000));
        flush(&store);
    }
    let stats = store.stats();
    assert!(stats.failed > 0 && stats.evicted > 0 && stats.entries > 3, "{stats:?}");
    let last = (0..100).rev().find(|n| store.get(UID, &nth(*n), INPUT).is_some());
    assert!(last >= Some(98), "new results still get in: {last:?} {stats:?}");
    println!("small disk survived");
}

#[test]
fn on_a_disk_that_is_full_below_the_bound_the_oldest_give_way() {
    let dir = tempfile::tempdir().unwrap();
    // A mount in a namespace of its own, which goes with the process.
    let script = r#"mount -t tmpfs -o size=1m none "$1" || exit 99; exec "$0" --exact child_on_a_small_disk --nocapture"#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(dir.path())
        .env(FOLDER, dir.path().join("cache"))
        .output();
    let Ok(output) = output else {
        return eprintln!("no unshare: the small disk is not tried");
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(99) || said.contains("unshare:") {
        return eprintln!("no mount for this user: the small disk is not tried");
    }
    assert!(output.status.success() && said.contains("small disk survived"), "{said}");
}

#[test]
fn of_two_daemons_on_one_folder_one_writes_and_the_other_reads_then_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), 1 << 20);
    let second = squeezed_cache::Store::open(dir.path(), 1 << 20).unwrap();
    first.put(put(1, 1000));
    flush(&first);
    assert!(second.get(UID, &nth(1), INPUT).is_some());
    until("the second knows that it may not write", || !second.put(put(2, 1000)));
    assert!(!second.stats().ready);
    // A torn entry is the first one's to drop.
    let whole = std::fs::read(file(dir.path(), &nth(1))).unwrap();
    std::fs::write(file(dir.path(), &nth(1)), &whole[..50]).unwrap();
    assert_eq!(second.get(UID, &nth(1), INPUT), None);
    assert!(file(dir.path(), &nth(1)).exists());
    std::fs::write(file(dir.path(), &nth(1)), &whole).unwrap();
    drop(first);
    until("the second has the lock", || second.stats().ready);
    until("it takes entries", || second.put(put(3, 1000)));
    flush(&second);
    assert_eq!(second.stats().written, 1);
    assert!(second.get(UID, &nth(1), INPUT).is_some() && second.get(UID, &nth(3), INPUT).is_some());
}
