//! Killed at any file system call, `squeeze` leaves the original or the complete new file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use crate::fake;
use crate::picture::png;
use crate::world::World;

/// Calls on descriptors that are no file's.
const NOT_FILES: [&str; 9] =
    ["execve", "mmap", "poll", "epoll_wait", "epoll_ctl", "ioctl", "recvfrom", "recvmsg", "sendmsg"];

/// The file system calls in a log of strace, by thread, in order.
fn calls(log: &str) -> BTreeMap<String, Vec<String>> {
    let mut threads: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        // A call that another thread's interrupted is written twice, the second time as `<... name resumed>`.
        let name = call.trim_start().split('(').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if is_name && call.contains('(') && !NOT_FILES.contains(&name) {
            threads.entry(thread.to_owned()).or_default().push(name.to_owned());
        }
    }
    threads
}

/// Removes what a kill leaves, and nothing else does.
fn sweep(w: &World) -> usize {
    let names = fs::read_dir(w.path("")).unwrap().map(|e| e.unwrap().file_name());
    let left: Vec<_> = names.filter(|n| n.to_string_lossy().starts_with(".squeeze-")).collect();
    left.iter().for_each(|name| fs::remove_file(w.path(name)).unwrap());
    left.len()
}

/// Lets `squeeze` run up to the moment in which its answer comes, follows it from there, and returns how it ended and
/// what it did until then.
fn write_under_strace(
    w: &World,
    listener: &UnixListener,
    answer: &[u8],
    inject: &[&str],
) -> (ExitStatus, String) {
    let mut squeeze = w.command("--quiet -p -i a.png").spawn().unwrap();
    let mut peer = fake::accept(listener, "9.0.0");
    let request = peer.next().unwrap();
    let log = w.path("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-p", &squeeze.id().to_string(), "-e", "trace=%file,%desc", "-o"])
        .arg(&log)
        .args(inject);
    let mut strace = command.stderr(Stdio::piped()).spawn().expect("strace must be installed for this test");
    let mut heard = String::new();
    let mut stderr = BufReader::new(strace.stderr.take().unwrap());
    stderr.read_line(&mut heard).unwrap();
    assert!(heard.contains("attached"), "strace may not follow a program here: {heard}");
    peer.answer(&request, answer);
    let status = squeeze.wait().unwrap();
    drop(stderr);
    strace.wait().unwrap();
    (status, fs::read_to_string(log).unwrap())
}

#[test]
fn a_kill_at_each_call_of_the_writing_leaves_the_old_file_or_the_new_one() {
    let w = World::empty();
    let (old, new) = (png(24, 24, 1), png(20, 20, 1));
    let path = w.file("a.png", &old);
    xattr::set(&path, "user.note", b"kept").unwrap();
    let listener = fake::bind(&w.socket());

    let (status, log) = write_under_strace(&w, &listener, &new, &[]);
    assert!(status.success(), "{status}");
    assert_eq!(w.read("a.png"), new);
    let writing = calls(&log)
        .into_values()
        .find(|calls| calls.iter().any(|c| c == "fsync"))
        .expect("nothing is synced");
    for name in ["openat", "write", "fsetxattr", "fchmod", "utimensat", "fsync"] {
        assert!(writing.iter().any(|c| c == name), "no call of {name}: {writing:?}");
    }
    let rename = writing.iter().position(|c| c.starts_with("rename")).expect("nothing is renamed");

    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for (i, name) in writing.iter().enumerate() {
        let n = seen.entry(name).or_default();
        *n += 1;
        w.file("a.png", &old);
        let inject = format!("inject={name}:signal=KILL:when={n}");
        let (status, log) = write_under_strace(&w, &listener, &new, &["-e", &inject]);
        assert_eq!(status.signal(), Some(9), "call {i}, {name}: {status}");
        let got = calls(&log);
        assert!(
            got.values().any(|c| c[..] == writing[..=i]),
            "call {i}, {name}: killed elsewhere, after {got:?}"
        );
        let now = w.read("a.png");
        if i < rename {
            assert!(now == old, "call {i}, {name}: the original is damaged");
        } else {
            assert!(now == old || now == new, "call {i}, {name}: neither the old file nor the new one");
        }
        if i > rename {
            assert!(now == new, "call {i}, {name}: the rename is undone");
        }
        assert_eq!(xattr::get(&path, "user.note").unwrap().unwrap(), b"kept", "call {i}, {name}");
        assert!(sweep(&w) <= 1);
    }
}

/// From its first instruction on, with a real daemon. A thread counts its own calls, so that one that begins early hides
/// the same call of one that begins late: the test above is the exact one.
#[test]
fn a_kill_at_any_time_of_a_whole_run_does_so_too() {
    let w = World::new();
    let old = png(24, 24, 1);
    w.file("a.png", &old);
    let strace = |options: &[&str]| {
        let squeeze = w.command("--quiet -p -i a.png");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(w.path("trace")).args(options);
        command.arg(squeeze.get_program()).args(squeeze.get_args()).current_dir(w.path(""));
        command.envs(squeeze.get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.status().expect("strace must be installed for this test")
    };
    assert!(strace(&["-e", "trace=%file,%desc"]).success());
    let new = w.read("a.png");
    assert!(new.len() < old.len());
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for name in calls(&fs::read_to_string(w.path("trace")).unwrap()).into_values().flatten() {
        *counts.entry(name).or_default() += 1;
    }
    let mut killed = 0;
    for (name, count) in counts {
        for n in 1..=count {
            w.file("a.png", &old);
            let status = strace(&["-e", &format!("inject={name}:signal=KILL:when={n}")]);
            let now = w.read("a.png");
            sweep(&w);
            if status.success() {
                assert!(now == new, "{name} {n}: a whole run wrote something else");
                break;
            }
            assert_eq!(status.signal(), Some(9), "{name} {n}: {status}");
            assert!(now == old || now == new, "{name} {n}: the file is neither the old one nor the new one");
            killed += 1;
        }
    }
    assert!(killed >= 20, "only {killed} kills");
}
