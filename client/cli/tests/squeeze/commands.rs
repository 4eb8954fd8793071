//! The text of the command line, and the commands that only ask.

use crate::picture::png;
use crate::world::World;

#[test]
fn help() {
    let w = World::empty();
    let mut all = String::new();
    for line in [
        "--help",
        "inspect --help",
        "plugins --help",
        "status --help",
        "bench --help",
        "sockname --help",
        "completions --help",
    ]
    .into_iter()
    .chain([
        "daemon --help",
        "daemon run --help",
        "daemon start --help",
        "daemon stop --help",
        "daemon reload --help",
    ]) {
        let run = w.run(line).exits(0);
        assert_eq!(run.err, "");
        all += &format!("$ squeeze {line}\n{}\n", String::from_utf8(run.out).unwrap());
    }
    insta::assert_snapshot!(all);
}

#[test]
fn usage_errors() {
    let w = World::empty();
    w.file("dir/a.png", b"");
    w.file("b/a.png", b"");
    w.file("light.png", &png(8, 8, 1));
    let mut all = String::new();
    for line in [
        "a.png",
        "-q 0 -i a.png",
        "--max-reduction much -i a.png",
        "--deadline 0 -i a.png",
        "-i a.png -o b.png",
        "-i -",
        "- a.png -n",
        "- --json",
        "-i dir",
        "-r dir b -o out",
        "-r dir -o dir/out",
        "dir/a.png -o dir/a.png",
        "-n a.png --max-reduction 5 --min-savings 10",
        "daemon",
        "inspect",
        "-i --no-such-option a.png",
        "-i nowhere.png",
        "status",
        "status --watch=0",
        "bench nowhere.png",
        "bench dir",
        "bench --check",
        "bench --heavy-from 5",
        "bench --scenario jpeg4 -c 3",
        "bench --scenario jpeg4 a.png",
        "bench --scenario jpeg5",
        "bench --mix light=0",
        "bench --mix medium=1",
        "bench --mix light=1,heavy=1 light.png",
        "bench --light-options qualty=80",
        "bench --heavy-options effort",
        "bench --heavy-format png light.png",
        "bench --requests 1",
    ] {
        let run = w.command(line).env("SQUEEZED_SOCKET", "/nowhere/s").output().unwrap();
        let err = String::from_utf8(run.stderr).unwrap();
        all += &format!("$ squeeze {line}\n{err}exit {}\n\n", run.status.code().unwrap());
    }
    insta::assert_snapshot!(all);
}

#[test]
fn completions_name_the_options() {
    let w = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        let run = w.run(&format!("completions {shell}")).exits(0);
        assert!(String::from_utf8(run.out).unwrap().contains("max-reduction"), "{shell}");
    }
}

#[test]
fn inspect_plugins_status() {
    let w = World::new();
    w.file("a.png", &png(40, 30, 1));
    let run = w.run("inspect a.png").exits(0);
    assert_eq!(String::from_utf8(run.out).unwrap(), "a.png: png 40x30, grey 8 bit\n");
    let info = &w.run("inspect --json a.png").exits(0).json()[0];
    assert_eq!((info["path"].as_str(), info["info"]["width"].as_u64()), (Some("a.png"), Some(40)));
    let bad = w.run("--json inspect none.png").exits(3);
    assert_eq!(bad.json()[0]["error"]["name"], "CANNOT_READ");

    let table = String::from_utf8(w.run("plugins").exits(0).out).unwrap();
    assert!(table.starts_with("PLUGIN"), "{table}");
    assert!(table.lines().any(|l| l.starts_with("png") && l.contains("GPL-3.0-or-later")), "{table}");
    assert!(w.run("plugins --json").exits(0).json().iter().any(|p| p["id"] == "png"));

    let text = String::from_utf8(w.run("status").exits(0).out).unwrap();
    assert!(text.contains("jobs: 0 running") && text.contains(w.socket().to_str().unwrap()), "{text}");
    assert_eq!(w.run("status --json").exits(0).json()[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(w.run("sockname").exits(0).out, format!("{}\n", w.socket().display()).into_bytes());
}
