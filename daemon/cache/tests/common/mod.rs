//! What the tests of the store share.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use squeezed_cache::{Asked, InputHash, Key, Put, Question, Store};
use squeezed_plugin_api::Options;

/// A user.
pub const UID: u32 = 1000;
/// An input's length that every body is below.
pub const INPUT: u64 = 1 << 30;

/// A question.
pub fn asked() -> Asked {
    asked_with(&Options::default())
}

/// A question with these options.
pub fn asked_with(options: &Options) -> Asked {
    Question {
        plugin: "png",
        plugin_version: "1",
        plugin_build: b"",
        format: "png",
        daemon: "0",
        options,
        lossy_gain: 0.05,
        min_savings: 0.0,
    }
    .asked()
}

/// The key of this question about this input.
pub fn key(input: &[u8]) -> Key {
    Key::new(&InputHash::of(input), &asked())
}

/// The key of input number `n`.
pub fn nth(n: u32) -> Key {
    key(&n.to_le_bytes())
}

/// A result of `len` bytes for input number `n`.
pub fn put(n: u32, len: usize) -> Put {
    Put { uid: UID, key: nth(n), meta: meta(n), body: Some(body(n, len)), again: None }
}

/// What is kept with it.
pub fn meta(n: u32) -> Bytes {
    format!("{{\"n\":{n}}}").into()
}

/// Its bytes, different for each `n`.
pub fn body(n: u32, len: usize) -> Bytes {
    (0..len).map(|i| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(n) as u8).collect::<Vec<u8>>().into()
}

/// A store that has its lock and has read its folder.
pub fn open(folder: &Path, bound: u64) -> Store {
    let store = Store::open(folder, bound).unwrap();
    until("the store is ready", || store.stats().ready);
    store
}

/// Waits for something that comes soon.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(20), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until everything is written.
pub fn flush(store: &Store) {
    assert!(store.flush(Duration::from_secs(20)));
}

/// The file of an entry.
pub fn file(folder: &Path, key: &Key) -> PathBuf {
    folder.join(UID.to_string()).join(key.to_hex())
}

/// Files in a user's folder, by name.
pub fn names(folder: &Path) -> Vec<String> {
    let list = std::fs::read_dir(folder.join(UID.to_string())).unwrap();
    let mut names: Vec<String> = list.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
