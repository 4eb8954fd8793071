//! Ctrl-C.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::fake;
use crate::picture::png;
use crate::world::{Run, World};

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn once_finishes_what_is_in_flight() {
    let w = World::empty();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    w.file("b.png", &bytes);
    let listener = fake::bind(&w.socket());
    let mut child =
        w.command("-j 1 -i a.png b.png").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut peer = fake::accept(&listener, "9.0.0");
    let request = peer.next().unwrap();
    interrupt(&child);
    // The program says that it heard; only then comes the answer.
    let mut heard = [0; 20];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut heard).unwrap();
    assert_eq!(&heard, b"squeeze: finishing t");
    peer.answer(&request, &bytes[..100]);
    let run = Run::from(child.wait_with_output().unwrap()).exits(130);
    assert!(run.err.contains("not begun: 1 file"), "{}", run.err);
    assert_eq!((w.read("a.png"), w.read("b.png")), (bytes[..100].to_vec(), bytes));
}

#[test]
fn twice_stops_now() {
    let w = World::empty();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    let listener = fake::bind(&w.socket());
    let mut child = w.command("-i a.png").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut peer = fake::accept(&listener, "9.0.0");
    peer.next().unwrap();
    interrupt(&child);
    let mut heard = [0; 20];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut heard).unwrap();
    interrupt(&child);
    Run::from(child.wait_with_output().unwrap()).exits(130);
    assert_eq!(w.read("a.png"), bytes);
    assert_eq!(w.tree("").iter().filter(|n| n.contains(".squeeze-")).count(), 0);
}

#[test]
fn twice_while_writing_removes_the_temporary_file() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    let squeeze = w.command("-i a.png");
    // Holds the thread that writes. Its end, too, is held until then, but it never goes on.
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_enter=4000000"]);
    strace.arg(squeeze.get_program()).args(squeeze.get_args()).current_dir(w.path(""));
    strace.envs(squeeze.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let mut child = strace.process_group(0).stderr(Stdio::piped()).spawn().expect("strace must be installed");
    let temporary = || w.tree("").iter().filter(|n| n.starts_with(".squeeze-")).count();
    let start = Instant::now();
    while temporary() == 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
    let group = Pid::from_child(&child);
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
    let mut heard = [0; 20];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut heard).unwrap();
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(temporary(), 0);
    assert_eq!(w.read("a.png"), bytes);
}

#[test]
fn while_stdin_is_awaited_once_is_enough() {
    let w = World::new();
    let child =
        w.command("-").stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Until its signal handler is there; before that the signal ends the program just as well.
    std::thread::sleep(Duration::from_millis(500));
    interrupt(&child);
    let mut child = child;
    let stdin = child.stdin.take();
    let status = child.wait().unwrap();
    drop(stdin);
    assert_eq!(status.code(), Some(130));
}
