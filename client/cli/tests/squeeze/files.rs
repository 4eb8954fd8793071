//! In place, and what `squeeze` says about files.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use crate::picture::{pixels, png};
use crate::world::World;

#[test]
fn in_place_keeps_pixels_mode_and_links() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    let path = w.file("real/a.png", &bytes);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    symlink("real/a.png", w.path("link.png")).unwrap();
    w.run("-i link.png").exits(0);
    let small = w.read("real/a.png");
    assert!(small.len() < bytes.len());
    assert_eq!(pixels(&small), pixels(&bytes));
    assert!(fs::symlink_metadata(w.path("link.png")).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(w.tree("real"), ["a.png"]);
}

#[test]
fn hard_links_are_refused() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    let path = w.file("a.png", &bytes);
    fs::hard_link(&path, w.path("b.png")).unwrap();
    let run = w.run("-i a.png").exits(5);
    assert!(run.err.contains("a.png: HARD_LINKED: it has 2 hard links"), "{}", run.err);
    assert_eq!(w.read("a.png"), bytes);
}

#[test]
fn what_is_unchanged_is_not_touched() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    w.run("-i a.png").exits(0);
    let before = fs::metadata(w.path("a.png")).unwrap();
    w.run("-i a.png").exits(0);
    let after = fs::metadata(w.path("a.png")).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
}

#[test]
fn preserve_keeps_times_and_attributes() {
    let w = World::new();
    let path = w.file("a.png", &png(40, 40, 1));
    xattr::set(&path, "user.note", b"kept").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
    fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    w.run("-p a.png -o out.png").exits(0);
    w.run("a.png -o plain.png").exits(0);
    w.run("-p -i a.png").exits(0);
    for name in ["a.png", "out.png"] {
        let meta = fs::metadata(w.path(name)).unwrap();
        assert_eq!(meta.modified().unwrap(), then, "{name}");
        assert_eq!(meta.mode() & 0o7777, 0o604, "{name}");
        assert_eq!(xattr::get(w.path(name), "user.note").unwrap().unwrap(), b"kept", "{name}");
    }
    assert!(fs::metadata(w.path("plain.png")).unwrap().modified().unwrap() > then);
    assert_eq!(xattr::get(w.path("plain.png"), "user.note").unwrap(), None);
}

#[test]
fn a_folder_in_place() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    for name in ["in/a.png", "in/deep/b.PNG", "in/called.jpg", "outside/c.png"] {
        w.file(name, &bytes);
    }
    w.file("in/readme.txt", b"text");
    symlink("../outside", w.path("in/folder")).unwrap();
    symlink("..", w.path("in/deep/loop")).unwrap();
    let run = w.run("-r -i in").exits(0);
    assert!(run.err.contains("4 files: 3 smaller, 0 unchanged, 1 skipped"), "{}", run.err);
    for name in ["in/a.png", "in/deep/b.PNG", "in/called.jpg"] {
        assert!(w.read(name).len() < bytes.len(), "{name}");
    }
    assert_eq!(w.read("in/readme.txt"), b"text");
    assert_eq!(w.read("outside/c.png"), bytes, "a symlinked folder is not followed");
}

#[test]
fn dry_run_reports_the_real_numbers_and_writes_nothing() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    w.file("a.png", &bytes);
    let run = w.run("-n a.png").exits(0);
    w.run("a.png -o b.png").exits(0);
    let line = format!("a.png: {} -> {} bytes, ", bytes.len(), w.read("b.png").len());
    assert!(String::from_utf8_lossy(&run.out).starts_with(&line));
    assert!(run.err.contains("nothing was written"), "{}", run.err);
    assert_eq!(w.read("a.png"), bytes);
    w.run("-n a.png -i").exits(0);
    w.run("-n a.png -o c.png").exits(0);
    w.run("-n a.png -o dir/").exits(0);
    assert_eq!(w.read("a.png"), bytes);
    assert!(!w.path("c.png").exists() && !w.path("dir").exists());
    // What a real run would refuse, a dry one refuses too.
    fs::hard_link(w.path("a.png"), w.path("d.png")).unwrap();
    w.run("-n -i a.png").exits(5);
    assert!(w.run("-n a.png -o b.png --overwrite never").exits(0).err.contains("1 skipped"));
    let piped = w.command("-n -").stdin(fs::File::open(w.path("a.png")).unwrap()).output().unwrap();
    assert_eq!(piped.stdout, b"");
}

#[test]
fn json_is_one_object_a_line_and_nothing_else() {
    let w = World::new();
    w.file("in/a.png", &png(40, 40, 1));
    w.file("in/b.txt", b"text");
    w.file("in/c.png", &png(40, 40, 1)[..200]);
    fs::write(w.path("in").join(OsStr::from_bytes(b"d\xff.png")), png(40, 40, 3)).unwrap();
    let run = w.run("--json -j 1 -r in -o out").exits(5);
    let lines = run.json();
    let status = |i: usize| (lines[i]["path"].as_str().unwrap(), lines[i]["status"].as_str().unwrap());
    assert_eq!(lines.len(), 4);
    assert_eq!(status(0), ("in/a.png", "optimized"));
    assert_eq!(status(1), ("in/b.txt", "skipped"));
    assert_eq!(status(2), ("in/c.png", "failed"));
    assert_eq!(status(3), ("in/d\u{fffd}.png", "optimized"));
    assert_eq!(lines[0]["output"], "out/a.png");
    assert_eq!(lines[0]["receipt"]["before"], png(40, 40, 1).len());
    assert!(lines[0].get("path_bytes").is_none());
    assert_eq!(lines[1]["error"]["name"], "UNSUPPORTED_FORMAT");
    assert_eq!(lines[2]["error"]["name"], "BAD_IMAGE");
    assert_eq!(lines[2]["receipt"], serde_json::Value::Null);
    assert_eq!(lines[3]["path_bytes"], "696e2f64ff2e706e67");
    let keys: Vec<_> = lines[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["error", "output", "path", "receipt", "status"]);
    assert!(w.path("out").join(OsStr::from_bytes(b"d\xff.png")).exists());
}

#[test]
fn stdin_to_stdout() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    let input = w.file("a.png", &bytes);
    let pipe = |line: &str| {
        let output = w.command(line).stdin(fs::File::open(&input).unwrap()).output().unwrap();
        crate::world::Run::from(output)
    };
    let run = pipe("-").exits(0);
    assert!(run.out.len() < bytes.len());
    assert_eq!(pixels(&run.out), pixels(&bytes));
    // What cannot be made smaller still comes out.
    let small = w.file("small.png", &run.out);
    let again = w.command("--quiet -").stdin(fs::File::open(small).unwrap()).output().unwrap();
    assert_eq!((again.stdout, again.stderr), (run.out.clone(), vec![]));
    let to_file = pipe("- -o b.png").exits(0);
    assert_eq!((to_file.out, w.read("b.png")), (vec![], run.out));
    let bad = w.run("-").exits(5);
    assert!(bad.out.is_empty() && bad.err.contains("squeeze: -: BAD_IMAGE"), "{}", bad.err);
}

#[test]
fn an_image_is_not_sent_to_a_terminal() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    let squeeze = crate::world::SQUEEZE;
    let script = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &format!("{squeeze} - < a.png"), "/dev/null"])
        .current_dir(w.path(""))
        .env("SQUEEZED_SOCKET", w.socket())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("script(1) of util-linux is needed for a terminal");
    let text = String::from_utf8_lossy(&script.stdout);
    assert_eq!(script.status.code(), Some(2), "{text}");
    assert!(text.contains("would go to this terminal"), "{text}");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let w = World::new();
    let pipe = w.path("pipe.png");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let run = w.run("-i pipe.png").exits(3);
    assert!(run.err.contains("NOT_A_FILE: it is a pipe"), "{}", run.err);
    let run = w.run(&format!("-i {}", w.socket().display())).exits(3);
    assert!(run.err.contains("NOT_A_FILE"), "{}", run.err);
}

#[test]
fn options_reach_the_daemon() {
    let w = World::new();
    w.file("a.png", &png(64, 64, 1));
    let receipt =
        |line: &str| w.run(&format!("--json -n a.png {line}")).exits(0).json()[0]["receipt"].clone();
    assert_eq!(receipt("")["pixels_identical"], true);
    let run = receipt("--min-savings 99.9");
    assert_eq!(
        (run["status"].as_str(), run["reason"].as_str()),
        (Some("unchanged"), Some("below_min_savings"))
    );
    w.run("-n a.png --max-reduction 5 --min-savings 50").exits(2);
    let lossy = receipt("-q 30 --effort fast --metadata display --progressive off --deadline 30");
    assert!(lossy["after"].as_u64() <= lossy["before"].as_u64());
}
