//! Output files and folders.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, SystemTime};

use crate::picture::{pixels, png};
use crate::world::World;

#[test]
fn a_folder_keeps_the_tree_and_gets_every_image() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    w.file("in/a.png", &bytes);
    w.file("in/deep/er/b.png", &bytes);
    w.run("in/a.png -o in/small.png").exits(0);
    let small = w.read("in/small.png");
    w.file("c.png", &bytes);
    let run = w.run("-r in c.png -o out").exits(0);
    assert!(run.err.contains("4 files: 3 smaller, 1 unchanged"), "{}", run.err);
    assert_eq!(w.tree("out"), ["a.png", "c.png", "deep/er/b.png", "small.png"]);
    assert_eq!(w.read("out/small.png"), small, "the unchanged one is there too");
    assert_eq!(pixels(&w.read("out/deep/er/b.png")), pixels(&bytes));
    assert_eq!(w.read("in/a.png"), bytes);
}

#[test]
fn refusals_come_before_anything_is_written() {
    let w = World::new();
    let bytes = png(40, 40, 1);
    for name in ["x/a.png", "y/a.png", "x/b.png"] {
        w.file(name, &bytes);
    }
    for (line, why) in [
        ("-r x y -o out", "would both be written to out/a.png"),
        ("-r x -o x/out", "lies in the input folder"),
        ("-r x -o x", "lies in the input folder"),
        ("x/a.png -o x/a.png", "use -i"),
        ("x/a.png -o x", "use -i"),
        ("x/a.png x/b.png -o y/a.png", "several inputs need a folder"),
        ("x/a.png -o /dev/null", "it is no file"),
    ] {
        let run = w.run(line).exits(2);
        assert!(run.err.contains(why), "{line}: {}", run.err);
        assert!(!w.path("out").exists() && !w.path("x/out").exists());
    }
    for name in ["x/a.png", "y/a.png", "x/b.png"] {
        assert_eq!(w.read(name), bytes);
    }
}

#[test]
fn overwrite_never_older_always() {
    let w = World::new();
    let input = w.file("a.png", &png(40, 40, 1));
    let there = w.file("b.png", b"there already");
    let run = w.run("a.png -o b.png --overwrite never").exits(0);
    assert!(run.err.contains("skipped: output exists 1"), "{}", run.err);
    w.run("a.png -o b.png --overwrite older").exits(0);
    assert_eq!(w.read("b.png"), b"there already");
    let touch = |path, seconds| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    touch(&there, 1000);
    touch(&input, 2000);
    w.run("a.png -o b.png --overwrite older").exits(0);
    let small = w.read("b.png");
    pixels(&small);
    w.file("b.png", b"there already");
    w.run("a.png -o b.png").exits(0);
    assert_eq!(w.read("b.png"), small);
}

#[test]
fn an_output_that_is_a_link_stays_one() {
    let w = World::new();
    w.file("a.png", &png(40, 40, 1));
    w.file("real.png", b"old");
    symlink("real.png", w.path("link.png")).unwrap();
    w.run("a.png -o link.png").exits(0);
    assert!(fs::symlink_metadata(w.path("link.png")).unwrap().is_symlink());
    pixels(&w.read("real.png"));
}

#[test]
fn links_to_files_are_read_and_their_outputs_are_files() {
    let w = World::new();
    w.file("elsewhere.png", &png(40, 40, 1));
    fs::create_dir(w.path("in")).unwrap();
    symlink("../elsewhere.png", w.path("in/link.png")).unwrap();
    symlink("nowhere.png", w.path("in/dangling.png")).unwrap();
    let run = w.run("-r in -o out").exits(5);
    assert!(run.err.contains("in/dangling.png: CANNOT_READ"), "{}", run.err);
    assert!(fs::symlink_metadata(w.path("out/link.png")).unwrap().is_file());
    assert_eq!(w.tree("out"), ["link.png"]);
}

#[test]
fn new_files_have_the_mode_of_the_input_less_the_umask() {
    let w = World::new();
    let input = w.file("a.png", &png(40, 40, 1));
    fs::set_permissions(input, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let mut shell = w.command("");
    let line = format!("umask 027; exec {} a.png -o b.png", crate::world::SQUEEZE);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &line])
        .current_dir(w.path(""))
        .envs(shell.get_envs().filter_map(|(k, v)| Some((k, v?))));
    assert!(command.status().unwrap().success());
    assert_eq!(fs::metadata(w.path("b.png")).unwrap().mode() & 0o7777, 0o640);
    shell.stdin(std::process::Stdio::null());
}

#[test]
fn many_files_with_few_in_flight() {
    let w = World::new();
    for n in 0..60 {
        w.file(format!("in/{n:02}.png"), &png(20, 20, n));
    }
    let run = w.run("-j 3 -r in -o out").exits(0);
    assert!(run.err.contains("60 files: 60 smaller"), "{}", run.err);
    assert_eq!(w.tree("out"), w.tree("in"));
}
