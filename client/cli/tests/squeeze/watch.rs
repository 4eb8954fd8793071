//! `squeeze status --watch`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::world::World;

#[test]
fn one_object_a_line_across_a_restart() {
    let mut w = World::new();
    let mut child =
        w.command("status --watch=0.1 --json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|l| l.unwrap());
    let mut pid = || serde_json::from_str::<Value>(&lines.next().unwrap()).unwrap()["pid"].as_u64().unwrap();
    let first = pid();
    assert_eq!(pid(), first);
    w.kill_daemon();
    std::fs::remove_file(w.socket()).unwrap();
    let mut heard = BufReader::new(child.stderr.take().unwrap()).lines().map(|l| l.unwrap());
    assert!(heard.next().unwrap().contains("the daemon does not answer any more"));
    w.start();
    let second = loop {
        let next = pid();
        if next != first {
            break next;
        }
    };
    assert!(heard.next().unwrap().contains(&format!("another daemon answers (process {second})")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_a_terminal_reports_are_apart() {
    let w = World::new();
    let mut child = w.command("status --watch=0.1").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|l| l.unwrap());
    assert!(lines.next().unwrap().starts_with("squeezed "));
    let second = lines.by_ref().find(|l| l.starts_with("squeezed "));
    assert!(second.is_some());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn on_a_terminal_it_stays_in_place_and_gives_the_terminal_back() {
    let w = World::new();
    let squeeze = w.command("status --watch=0.1");
    // A terminal of 40 columns and 8 rows, from util-linux, which every Debian has.
    let inner =
        format!("stty cols 40 rows 8; exec {} status --watch=0.1", squeeze.get_program().to_str().unwrap());
    let mut script = Command::new("script");
    script.args(["-qefc", &inner, "/dev/null"]).current_dir(w.path(""));
    script.envs(squeeze.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let mut child =
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script must be installed");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    let mut chunk = [0; 4096];
    while seen.matches("\x1b[H").count() < 3 {
        let n = screen.read(&mut chunk).unwrap();
        assert!(n > 0, "it ended: {seen}");
        seen += &String::from_utf8_lossy(&chunk[..n]);
    }
    // Ctrl-C
    keys.write_all(b"\x03").unwrap();
    screen.read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(seen.contains("\x1b[?1049h\x1b[?25l") && seen.contains("\x1b[?25h\x1b[?1049l"), "{seen:?}");
    let frame = seen.split("\x1b[H").nth(1).unwrap().split("\x1b[J").next().unwrap();
    let lines: Vec<&str> = frame.split("\r\n").filter(|l| !l.is_empty()).collect();
    assert!(lines.len() <= 7, "{lines:?}");
    assert!(lines.iter().all(|l| l.trim_end_matches("\x1b[K").chars().count() <= 40), "{lines:?}");
    assert!(lines.last().unwrap().contains("more lines"), "{lines:?}");
}
