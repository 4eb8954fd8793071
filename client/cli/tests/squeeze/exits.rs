//! Exit codes, and that one bad file never stops the rest.

use std::process::Stdio;

use squeezed_protocol::{Outcome, StatusReport};

use crate::fake;
use crate::picture::png;
use crate::world::World;

#[test]
fn good_and_unchanged_files_are_0() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    w.run("-i a.png").exits(0);
    let small = w.read("a.png");
    let run = w.run("-i a.png").exits(0);
    assert!(run.err.contains("already_optimal"), "{}", run.err);
    assert_eq!(w.read("a.png"), small);
}

#[test]
fn what_cannot_be_asked_is_2() {
    let w = World::empty();
    w.file("dir/a.png", b"");
    for line in [
        "a.png",
        "",
        "-i dir",
        "-i -",
        "-i a -o b",
        "-q 0 -i a",
        "-q 101 -i a",
        "--effort never -i a",
        "-r dir -o dir/out",
    ] {
        let run = w.run(line).exits(2);
        assert!(!run.err.is_empty(), "{line}");
    }
}

#[test]
fn nothing_readable_is_3_and_something_is_5() {
    let w = World::new();
    let run = w.run("-i none.png nowhere.png").exits(3);
    assert!(run.err.contains("squeeze: none.png: CANNOT_READ: there is no such file"), "{}", run.err);
    w.file("a.png", &png(40, 40, 1));
    let run = w.run("-i none.png a.png").exits(5);
    assert!(run.err.contains("1 smaller"), "{}", run.err);
    w.run("inspect none.png").exits(3);
    w.run("inspect none.png a.png").exits(5);
}

#[test]
fn an_output_that_cannot_be_is_4() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    w.file("file", b"in the way");
    let run = w.run("a.png -o file/sub/a.png").exits(4);
    assert!(run.err.contains("CANNOT_WRITE"), "{}", run.err);
    assert_eq!(w.read("file"), b"in the way");
}

#[test]
fn one_bad_file_is_5_and_stops_nothing() {
    let w = World::new();
    let good = png(40, 40, 1);
    let mut cut = png(60, 60, 2);
    cut.truncate(cut.len() / 2);
    w.file("in/1-cut.png", &cut);
    w.file("in/2-text.png", b"this is text");
    w.file("in/3-empty.png", b"");
    w.file("in/4-good.png", &good);
    w.file("in/readme.txt", b"this is text");
    let run = w.run("-r in -o out").exits(5);
    assert!(run.err.contains("in/1-cut.png: BAD_IMAGE:"), "{}", run.err);
    assert!(run.err.contains("not an image"), "{}", run.err);
    assert!(w.tree("out").contains(&"4-good.png".to_owned()));
    assert!(!w.tree("out").contains(&"1-cut.png".to_owned()));
    assert!(!w.tree("out").contains(&"readme.txt".to_owned()));
    // Named itself, what is no image is a failure.
    let run = w.run("-i in/readme.txt").exits(5);
    assert!(run.err.contains("in/readme.txt: UNSUPPORTED_FORMAT:"), "{}", run.err);
}

#[test]
fn nobody_there_is_69_with_a_way_out() {
    let w = World::empty();
    w.file("a.png", &png(40, 40, 1));
    for line in ["-i a.png", "status", "plugins", "inspect a.png", "daemon reload"] {
        let run = w.run(line).exits(69);
        assert!(run.err.contains("no socket"), "{line}: {}", run.err);
    }
    let socket = "x".repeat(120);
    let run = w.run(&format!("--socket /{socket} -i a.png")).exits(69);
    assert!(run.err.contains("121 bytes"), "{}", run.err);
}

#[test]
fn a_daemon_that_dies_leaves_the_original_and_is_69() {
    let w = World::empty();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    w.file("b.png", &bytes);
    let listener = fake::bind(&w.socket());
    let daemon = std::thread::spawn({
        let socket = w.socket();
        move || {
            let mut peer = fake::accept(&listener, "9.0.0");
            peer.next().unwrap();
            std::fs::remove_file(socket).unwrap();
        }
    });
    let run = w.run("-j 1 -i a.png b.png").exits(69);
    daemon.join().unwrap();
    assert!(run.err.contains("not begun: 1 file"), "{}", run.err);
    assert_eq!((w.read("a.png"), w.read("b.png")), (bytes.clone(), bytes));
    assert_eq!(w.tree("").iter().filter(|n| n.contains(".squeeze-")).count(), 0);
}

#[test]
fn a_daemon_that_comes_back_is_asked_again() {
    let w = World::empty();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    let listener = fake::bind(&w.socket());
    let daemon = std::thread::spawn(move || {
        let mut peer = fake::accept(&listener, "9.0.0");
        peer.next().unwrap();
        drop(peer);
        let mut peer = fake::accept(&listener, "9.0.0");
        let status = peer.next().unwrap();
        peer.result(&status, &Outcome::default(), &serde_json::to_vec(&StatusReport::default()).unwrap());
        let request = peer.next().unwrap();
        peer.answer(&request, &request.body[..100]);
        peer.next();
    });
    w.run("-i a.png").exits(0);
    daemon.join().unwrap();
    assert_eq!(w.read("a.png"), bytes[..100]);
}

#[test]
fn an_answer_that_is_larger_or_another_format_is_never_written() {
    let w = World::empty();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    for bad in [b"\xff\xd8\xff\xe0 this is no PNG".to_vec(), [&bytes[..], b"x"].concat()] {
        let _ = std::fs::remove_file(w.socket());
        let listener = fake::bind(&w.socket());
        let daemon = std::thread::spawn(move || {
            let mut peer = fake::accept(&listener, "9.0.0");
            let request = peer.next().unwrap();
            peer.answer(&request, &bad);
            peer.next()
        });
        let run = w.run("-i a.png").exits(5);
        daemon.join().unwrap();
        assert!(run.err.contains("a.png: BAD_REPLY:"), "{}", run.err);
        assert_eq!(w.read("a.png"), bytes);
    }
}

#[test]
fn a_closed_stdout_is_4_and_no_panic() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = w.command("--json -n a.png").stdout(Stdio::from(writer)).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}
