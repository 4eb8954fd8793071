//! Daemons that start when they are needed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use squeezed_protocol::{FrameKind, Outcome, StatusReport};

use crate::fake;
use crate::picture::png;
use crate::world::{Run, World};

/// An unprivileged user's folder, whose default socket lies in it. Root's own daemon would be found in `/run`.
fn world() -> World {
    World::unprivileged()
}

fn run(w: &World, line: &str) -> Run {
    w.bare(line).output().unwrap().into()
}

fn stop(w: &World) {
    let run = run(w, "daemon stop").exits(0);
    assert!(run.err.contains("has ended"), "{}", run.err);
}

#[test]
fn many_that_start_at_once_share_one_daemon() {
    let w = world();
    for n in 0..8 {
        w.file(format!("{n}.png"), &png(40, 40, n));
    }
    let children: Vec<_> = (0..8)
        .map(|n| {
            w.bare(&format!("--quiet -i {n}.png"))
                .stderr(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let run = Run::from(child.wait_with_output().unwrap()).exits(0);
        assert_eq!(run.err, "");
    }
    let status = run(&w, "status --json").exits(0).json();
    assert_eq!(status[0]["done"], 8, "all of them were served by one daemon: {}", status[0]);
    let log = fs::read_to_string(w.path("run/squeezed/squeezed.log")).unwrap();
    assert!(log.contains("listening"), "{log}");
    let name = run(&w, "sockname").exits(0);
    assert_eq!(name.out, format!("{}\n", w.path("run/squeezed/squeezed.sock").display()).into_bytes());
    stop(&w);
    run(&w, "status").exits(69);
    assert!(run(&w, "daemon stop").exits(0).err.contains("is not running"));
}

#[test]
fn start_reload_stop() {
    let w = world();
    let first = run(&w, "daemon start").exits(0);
    assert!(first.err.contains("runs at"), "{}", first.err);
    let second = run(&w, "daemon start").exits(0);
    assert!(second.err.contains("runs already"), "{}", second.err);
    run(&w, "daemon reload").exits(0);
    stop(&w);
}

#[test]
fn a_named_socket_is_never_started_by_a_job() {
    let w = World::empty();
    w.file("a.png", &png(40, 40, 1));
    let run = w.run("-i a.png").exits(69);
    assert!(run.err.contains("squeezed --socket"), "{}", run.err);
    assert!(!w.socket().exists());
    w.run("daemon start").exits(0);
    w.run("-i a.png").exits(0);
    w.run("daemon stop").exits(0);
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let w = world();
    let script = w.bin.join("squeezed");
    fs::write(&script, "#!/bin/sh\necho 'squeezed: the disk is on fire' >&2\nexit 1\n").unwrap();
    w.file("a.png", &png(40, 40, 1));
    let failed = run(&w, "-i a.png").exits(69);
    assert!(failed.err.contains("the disk is on fire"), "{}", failed.err);
    fs::remove_file(script).unwrap();
    let mut command = w.bare("-i a.png");
    let missing = Run::from(command.env("PATH", "/nowhere").output().unwrap()).exits(69);
    assert!(missing.err.contains("neither beside squeeze nor in $PATH"), "{}", missing.err);
}

#[test]
fn no_autostart_says_how_to_start_one() {
    let w = world();
    w.file("a.png", &png(40, 40, 1));
    let refused = run(&w, "--no-autostart -i a.png").exits(69);
    assert!(refused.err.contains("no daemon answers"), "{}", refused.err);
    assert!(refused.err.contains("squeeze daemon start"), "{}", refused.err);
    assert!(!w.path("run/squeezed").exists());
}

/// A fake daemon at the default socket, as if the folder's user had started it.
fn old_daemon(w: &World) -> UnixListener {
    let socket = w.path("run/squeezed/squeezed.sock");
    let listener = fake::bind(&socket);
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    for path in [socket.parent().unwrap(), &socket] {
        chown(path, w.user, w.user).unwrap();
    }
    listener
}

#[test]
fn an_older_daemon_is_replaced_when_idle() {
    let w = world();
    w.file("a.png", &png(40, 40, 1));
    let listener = old_daemon(&w);
    let old = std::thread::spawn(move || {
        let mut peer = fake::accept(&listener, "0.0.1");
        let status = peer.next().unwrap();
        assert_eq!(status.header.kind, FrameKind::Status);
        let body = serde_json::to_vec(&StatusReport::default()).unwrap();
        peer.result(&status, &Outcome::default(), &body);
        let shutdown = peer.next().unwrap();
        assert_eq!(shutdown.header.kind, FrameKind::Shutdown);
        peer.result(&shutdown, &Outcome::default(), b"");
    });
    let first = run(&w, "-i a.png").exits(0);
    old.join().unwrap();
    assert!(first.err.contains("the daemon is version 0.0.1, older than this squeeze"), "{}", first.err);
    assert!(first.err.contains("1 smaller"), "{}", first.err);
    stop(&w);
}

#[test]
fn an_older_daemon_that_is_busy_or_named_stays() {
    let w = world();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    let listener = old_daemon(&w);
    let old = std::thread::spawn(move || {
        let mut peer = fake::accept(&listener, "0.0.1");
        let status = peer.next().unwrap();
        let body = serde_json::to_vec(&StatusReport { running: 1, ..StatusReport::default() }).unwrap();
        peer.result(&status, &Outcome::default(), &body);
        let request = peer.next().unwrap();
        assert_eq!(request.header.kind, FrameKind::Optimize);
        peer.answer(&request, &request.body[..100]);
        peer.next();
    });
    let run = run(&w, "-i a.png").exits(0);
    old.join().unwrap();
    assert!(run.err.contains("it is busy, so it stays"), "{}", run.err);
}

#[test]
fn run_is_the_daemon_itself() {
    let w = World::empty();
    let child = w.command("daemon run -- --log-format json").stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while w.run("status").code != 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "no daemon answers");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(w.run("status --json").exits(0).json()[0]["pid"], child.id());
    w.run("daemon stop").exits(0);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.starts_with(b"{"), "its options reach it");
}

#[test]
fn a_daemon_killed_in_the_middle_is_replaced() {
    let w = world();
    let bytes = png(250, 250, 1);
    for n in 0..40 {
        w.file(format!("in/{n}.png"), &bytes);
    }
    chown(w.path("in"), w.user, w.user).unwrap();
    let child = w.bare("-j 2 -r -i in").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let pid = loop {
        assert!(start.elapsed() < Duration::from_secs(20), "the daemon has done nothing");
        let status = run(&w, "status --json");
        let report = status.json().pop().unwrap_or_default();
        if status.code == 0 && report["done"].as_u64().unwrap() >= 3 {
            break report["pid"].as_i64().unwrap();
        }
    };
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let done = Run::from(child.wait_with_output().unwrap()).exits(0);
    assert!(done.err.contains("40 files: 40 smaller"), "{}", done.err);
    stop(&w);
}
