//! The loader refuses what is not a plugin of this ABI or not in a safe place, says so, and goes on with the rest.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use squeezed_tests::{Builder, nobody};

/// Compiles one of the broken plugins into the daemon's plugin folder.
fn compile(source: &str, into: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::create_dir_all(into).unwrap();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(into.join(format!("libsqueezed_{source}.so")))
        .arg(root.join(format!("plugins/chaos/c/{source}.c")))
        .arg("-I")
        .arg(root.join("plugin-api/include"))
        .output()
        .expect("cc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn broken_plugins_are_refused_by_name_and_the_rest_serve() {
    let builder = Builder::new().plugins(&["png"]);
    let dir = builder.dir().join("plugins");
    let cases = [
        ("wrong_major", "speaks plugin ABI"),
        ("no_entry", "squeezed_plugin_entry"),
        ("null_table", "magic"),
        ("bad_magic", "magic"),
        ("no_functions", "its table has no"),
    ];
    for (source, _) in cases {
        compile(source, &dir);
    }
    std::fs::write(dir.join("libsqueezed_text.so"), "not a library").unwrap();
    let daemon = builder.start();
    let log = daemon.log();
    for (source, text) in cases {
        let line = log.lines().find(|l| l.contains(&format!("libsqueezed_{source}.so"))).unwrap_or_default();
        assert!(line.contains("plugin refused") && line.contains(text), "{source}: {line}\n{log}");
    }
    let line = log.lines().find(|l| l.contains("libsqueezed_text.so")).unwrap_or_default();
    assert!(line.contains("cannot be loaded"), "{log}");
    daemon.assert_serves();
}

#[test]
fn plugins_in_unsafe_places_are_refused_by_an_unprivileged_daemon_too() {
    let uid = nobody();
    let builder = Builder::new().plugins(&["png"]).uid(uid);
    let dir = builder.dir().to_path_buf();
    let open = dir.join("open");
    std::fs::create_dir(&open).unwrap();
    let lib = squeezed_tests::plugin("chaos");
    std::fs::copy(&lib, open.join("libsqueezed_chaos.so")).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    let daemon = builder.args(&["--plugin-path", open.to_str().unwrap()]).start();
    let log = daemon.log();
    assert!(log.contains("libsqueezed_chaos.so") && log.contains("chmod go-w"), "{log}");
    daemon.assert_serves();
}

#[test]
fn the_first_of_two_plugins_wins_and_disabled_ones_are_left_out() {
    let builder = Builder::new().plugins(&["png", "chaos"]);
    let second = builder.dir().join("second");
    std::fs::create_dir(&second).unwrap();
    std::fs::copy(squeezed_tests::plugin("png"), second.join("libsqueezed_png.so")).unwrap();
    let daemon =
        builder.args(&["--plugin-path", second.to_str().unwrap()]).set("plugins.disabled", "chaos").start();
    let log = daemon.log();
    assert!(log.contains("one of the same id was found before"), "{log}");
    assert!(!log.contains("id=\"chaos\""), "{log}");
    daemon.assert_serves();
}

#[test]
fn plugins_beside_the_binary_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let exe = dir.path().join("squeezed");
    std::fs::copy(squeezed_tests::binary("squeezed"), &exe).unwrap();
    std::fs::copy(squeezed_tests::plugin("png"), dir.path().join("libsqueezed_png.so")).unwrap();
    let socket = dir.path().join("s/squeezed.sock");
    let mut child = Command::new(&exe)
        .arg("--socket")
        .arg(&socket)
        .args(["--config", "/dev/null"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    squeezed_tests::wait_for_listener(&socket);
    let ack = squeezed_tests::Raw::connect(&socket).hello();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ack["formats"][0]["name"], "png", "{ack}");
}
