//! The blocking client, against a daemon of a few lines.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::fake::Fake;
use squeezed_client::{ErrorKind, JobOptions, blocking};

/// Runs a daemon on a thread of its own; it answers each request with its first byte.
fn daemon() -> (PathBuf, JoinHandle<()>) {
    let (path_tx, path_rx) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fake = Fake::new();
            path_tx.send(fake.path.clone()).unwrap();
            let mut peer = fake.peer(16).await;
            while let Some(first) = peer.try_next().await {
                peer.optimized(first.header.stream, &first.body[..1]).await;
            }
        });
    });
    (path_rx.recv().unwrap(), thread)
}

#[test]
fn many_threads_share_one_client() {
    let (path, daemon) = daemon();
    let client = blocking::Client::connect(path).unwrap();
    std::thread::scope(|scope| {
        for n in 0..8u8 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..20 {
                    let answer = client.optimize(vec![n; 100], JobOptions::default()).unwrap();
                    assert_eq!(answer.bytes.unwrap()[..], [n]);
                }
            });
        }
    });
    drop(client);
    daemon.join().unwrap();
}

#[test]
fn inside_a_runtime_it_refuses_instead_of_panicking() {
    let (path, daemon) = daemon();
    let client = blocking::Client::connect(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let error = client.optimize(&b"x"[..], JobOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Runtime);
        let error = blocking::Client::connect("/nowhere").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Runtime);
        drop(client);
    });
    daemon.join().unwrap();
}
