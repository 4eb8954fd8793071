//! Killed at any file system call, `squeeze` leaves the original or the complete new file.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::picture::png;
use crate::world::World;

/// Calls that only read what the loader and the runtime need, or wait: a kill there is a kill before or between.
const NOT_FILES: [&str; 6] = ["execve", "mmap", "poll", "epoll_wait", "epoll_ctl", "ioctl"];

fn strace(w: &World, options: &[&str]) -> Command {
    let squeeze = w.command("--quiet -p -i a.png");
    let mut command = Command::new("strace");
    command.arg("-f").args(options).arg(squeeze.get_program()).args(squeeze.get_args());
    command.envs(squeeze.get_envs().filter_map(|(k, v)| Some((k, v?)))).current_dir(w.path(""));
    command
}

/// How often each file system call is made in a whole run.
fn calls(w: &World) -> BTreeMap<String, usize> {
    let log = w.path("trace");
    let options = ["-qq", "-o", log.to_str().unwrap(), "-e", "trace=%file,%desc"];
    let status = strace(w, &options).status().expect("strace must be installed for this test");
    assert!(status.success(), "strace could not follow a run: {status}");
    let mut calls = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((name, _)) = line.split_once(' ').and_then(|(_, rest)| rest.trim_start().split_once('('))
        else {
            continue;
        };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !NOT_FILES.contains(&name) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

#[test]
fn a_kill_at_any_call_leaves_the_old_file_or_the_new_one() {
    let w = World::new();
    let old = png(24, 24, 1);
    let path = w.file("a.png", &old);
    xattr::set(&path, "user.note", b"kept").unwrap();
    let calls = calls(&w);
    for name in ["openat", "write", "fsync", "fchmod", "fsetxattr", "utimensat"] {
        assert!(calls.contains_key(name), "a run makes no call of {name}: {calls:?}");
    }
    assert!(calls.keys().any(|n| n.starts_with("rename")), "{calls:?}");
    let new = w.read("a.png");
    assert!(new.len() < old.len());

    let (mut kept, mut replaced) = (0, 0);
    for (name, count) in calls {
        // A thread counts its own calls, so the last numbers may never come up.
        for n in 1..=count {
            w.file("a.png", &old);
            let inject = format!("inject={name}:signal=KILL:when={n}");
            let status = strace(&w, &["-qq", "-o", "/dev/null", "-e", &inject]).status().unwrap();
            let now = w.read("a.png");
            if status.success() {
                assert!(now == new, "{name} {n}: a whole run wrote something else");
                break;
            }
            assert_eq!(status.signal(), Some(9), "{name} {n}: {status}");
            assert!(now == old || now == new, "{name} {n}: the file is neither the old one nor the new one");
            if now == old {
                kept += 1
            } else {
                replaced += 1
            }
            for entry in fs::read_dir(w.path("")).unwrap() {
                let entry = entry.unwrap();
                if entry.file_name().to_string_lossy().starts_with(".squeeze-") {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
        }
    }
    assert!(
        kept >= 10 && replaced >= 1,
        "{kept} kills before the rename and {replaced} after it are too few"
    );
}
