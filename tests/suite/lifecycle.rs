//! How the daemon starts, reloads, drains and ends.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use chaos::Picture;
use rustix::process::Signal;
use squeezed_protocol::FrameKind;
use squeezed_tests::{Builder, Raw, TestDaemon, binary, nobody, png_of};

fn picture(command: &str) -> Vec<u8> {
    Picture::gradient(16, 16, "rgb", 8, 1).command(command).padding(500).to_bytes()
}

#[test]
fn sigterm_finishes_running_jobs_and_refuses_new_ones() {
    let mut daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("sleep=800"), "{}");
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("draining");
    raw.request(FrameKind::Optimize, 2, &picture("honest"), "{}");
    let (mut goaway, mut refused, mut done) = (false, false, false);
    while let Some(frame) = raw.try_next() {
        match (frame.header.kind, frame.header.stream) {
            (FrameKind::Goaway, 0) => {
                let meta: serde_json::Value = frame.parse().unwrap();
                assert_eq!(meta["last_stream"], 1);
                goaway = true;
            }
            (FrameKind::Error, 2) => {
                let meta: serde_json::Value = frame.parse().unwrap();
                assert_eq!(meta["name"], "SHUTTING_DOWN");
                refused = true;
            }
            (FrameKind::Result, 1) => done = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(goaway && refused && done, "{goaway} {refused} {done}");
    assert!(daemon.wait(Duration::from_secs(10)).success());
    assert!(!daemon.socket().exists(), "the socket's file is gone");
}

#[test]
fn a_second_sigterm_and_the_drain_limit_end_at_once() {
    let mut daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("hang"), "{}");
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("draining");
    daemon.signal(Signal::TERM);
    daemon.wait(Duration::from_secs(5));

    let mut daemon = Builder::new().set("daemon.drain_seconds", 1).start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("hang"), "{}");
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::INT);
    daemon.wait(Duration::from_secs(10));
    assert!(daemon.log().contains("drain limit reached"), "{}", daemon.log());
}

#[test]
fn shutdown_and_reload_over_the_socket() {
    let mut daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Shutdown, 1, "", b"", true);
    assert!(raw.answer(1).is_result());
    assert!(daemon.wait(Duration::from_secs(10)).success());
}

#[test]
fn sighup_reloads_and_a_broken_file_keeps_the_old_configuration() {
    let builder = Builder::new();
    let config = builder.dir().join("config.toml");
    std::fs::write(&config, "[limits]\npixels = 1000000\n").unwrap();
    let daemon = builder.args(&["--config", config.to_str().unwrap()]).start();
    let image = png_of(64, 64, |_, _| [7; 4]);
    assert!(daemon.connect().optimize(1, &image, "{}").is_result());

    std::fs::write(&config, "[limits]\npixels = 1000\n").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("configuration reloaded");
    assert_eq!(daemon.connect().optimize(1, &image, "{}").error(), "TOO_LARGE");

    std::fs::write(&config, "[limits]\npixles = 5\n").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("unknown key limits.pixles");
    assert!(daemon.log().contains("stays as it was"));
    assert_eq!(daemon.connect().optimize(1, &image, "{}").error(), "TOO_LARGE");
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Reload, 1, "", b"", true);
    let reply = raw.answer(1);
    assert_eq!(reply.error(), "BAD_REQUEST");
    assert!(reply.message().contains("pixles"));

    std::fs::write(&config, "[limits]\npixels = 1000000\n[executor]\nthreads = 3\n").unwrap();
    let mut raw = daemon.connect();
    raw.frame(FrameKind::Reload, 1, "", b"", true);
    assert!(
        String::from_utf8(raw.answer(1).body).unwrap().contains("executor.threads"),
        "it needs a restart"
    );
    assert!(daemon.connect().optimize(1, &image, "{}").is_result());
}

#[test]
fn idle_exit_waits_for_the_last_connection() {
    let mut daemon = Builder::new().args(&["--idle-exit", "1"]).start();
    let raw = daemon.connect();
    std::thread::sleep(Duration::from_millis(2500));
    assert!(daemon.is_alive(), "a connection is open");
    drop(raw);
    assert!(daemon.wait(Duration::from_secs(10)).success());
}

#[test]
fn two_daemons_never_share_a_socket_and_a_stale_one_is_replaced() {
    let mut daemon = TestDaemon::start();
    let second = |extra: &[&str]| {
        Command::new(binary("squeezed"))
            .arg("--socket")
            .arg(daemon.socket())
            .args(["--config", "/dev/null"])
            .args(extra)
            .output()
            .unwrap()
    };
    let loud = second(&[]);
    assert_eq!(loud.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&loud.stderr).contains("another squeezed serves"), "{loud:?}");
    let quiet = second(&["--autostarted"]);
    assert_eq!(quiet.status.code(), Some(0), "one of many that start at once has nothing to do: {quiet:?}");
    daemon.assert_serves();

    daemon.signal(Signal::KILL);
    daemon.wait(Duration::from_secs(5));
    assert!(daemon.socket().exists(), "a killed daemon leaves its socket");
    assert!(UnixStream::connect(daemon.socket()).is_err());
    let mut next = Command::new(binary("squeezed"))
        .arg("--socket")
        .arg(daemon.socket())
        .args(["--config", "/dev/null"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    squeezed_tests::wait_for_listener(daemon.socket());
    Raw::connect(daemon.socket()).hello();
    next.kill().unwrap();
    next.wait().unwrap();
}

#[test]
fn the_socket_is_for_its_owner_alone() {
    let uid = nobody();
    let daemon = Builder::new().uid(uid).start();
    let mode = |p: &std::path::Path| p.metadata().unwrap().mode() & 0o777;
    assert_eq!(mode(daemon.socket()), 0o600);
    assert_eq!(daemon.socket().metadata().unwrap().uid(), uid);
    let status = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = status.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().nth(4) == Some("0"), "no core dumps: {core}");
    daemon.assert_serves();

    // Others may neither enter nor reload; a group may enter where it is configured.
    let daemon = Builder::new().set("socket.group", "65534").start();
    assert_eq!(mode(daemon.socket()), 0o660);
    let folder = daemon.socket().parent().unwrap();
    std::fs::set_permissions(daemon.dir(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    let script = r#"
import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
def send(kind, stream, meta):
    p = struct.pack('<BBHII', kind, 1, 0, stream, len(meta)) + meta
    s.sendall(struct.pack('<I', len(p)) + p)
def recv():
    n = struct.unpack('<I', s.recv(4, socket.MSG_WAITALL))[0]
    return s.recv(n, socket.MSG_WAITALL)
send(1, 0, b'{"magic":"squeezed","major":1}'); recv()
send(34, 1, b''); print(recv()[12:])
send(35, 2, b''); print(recv()[12:])
send(33, 3, b''); print(recv()[12:])
"#;
    use std::os::unix::process::CommandExt;
    let out = Command::new("python3")
        .args(["-c", script])
        .arg(daemon.socket())
        .uid(uid)
        .gid(65534)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(text.matches("FORBIDDEN").count(), 2, "{out:?}");
    assert!(text.contains("uptime_s") || text.contains("size"), "STATUS is answered, without jobs: {text}");
    daemon.assert_serves();
}

#[test]
fn running_out_of_descriptors_backs_off_and_recovers() {
    let daemon = Builder::new().hard_files(40).start();
    let mut held: Vec<UnixStream> = Vec::new();
    for _ in 0..60 {
        held.extend(UnixStream::connect(daemon.socket()));
    }
    daemon.wait_for_log("cannot accept a connection");
    let cpu = |pid: u32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = cpu(daemon.pid());
    std::thread::sleep(Duration::from_secs(1));
    let ticks = cpu(daemon.pid()) - before;
    assert!(ticks < 50, "it spins: {ticks} ticks of 10 ms in a second");
    drop(held);
    daemon.assert_serves();
}

#[test]
fn print_config_tells_origins_and_mistakes_are_usage_errors() {
    let run = |args: &[&str], env: &[(&str, &str)]| {
        Command::new(binary("squeezed"))
            .args(["--config", "/dev/null"])
            .args(args)
            .envs(env.iter().copied())
            .output()
            .unwrap()
    };
    let out = run(&["--print-config", "--idle-exit", "7"], &[("SQUEEZED_LIMITS_PIXELS", "5")]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.contains("idle_exit_seconds = 7  # --idle-exit"), "{text}");
    assert!(text.contains("pixels = 5  # $SQUEEZED_LIMITS_PIXELS"), "{text}");
    let out = run(&["--set", "limits.pixles=5"], &[]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("unknown key limits.pixles"), "{out:?}");
    let long = format!("/tmp/{}/s", "x".repeat(120));
    let out = run(&["--socket", &long], &[]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("the kernel takes 107"), "{out:?}");
}

#[test]
fn a_socket_from_systemd_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("passed.sock");
    let script = r#"
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.set_inheritable(True)
if s.fileno() != 3: os.dup2(s.fileno(), 3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], [sys.argv[2], "--config", "/dev/null", "--idle-exit", "1", "--socket", "/nowhere/s"])
"#;
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(&socket)
        .arg(binary("squeezed"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    squeezed_tests::wait_for_listener(&socket);
    Raw::connect(&socket).hello();
    assert!(child.wait().unwrap().success(), "it ends when idle");
    assert!(socket.exists(), "the socket is systemd's to remove");
}

#[test]
fn a_draining_daemon_leaves_its_name_to_the_next_one() {
    let mut daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("sleep=2500"), "{}");
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("draining");
    let mut next = Command::new(binary("squeezed"))
        .arg("--socket")
        .arg(daemon.socket())
        .args(["--config", "/dev/null"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    squeezed_tests::wait_for_listener(daemon.socket());
    assert!(daemon.is_alive(), "the first one still works on its job");
    assert!(raw.answer(1).is_result());
    assert!(daemon.wait(Duration::from_secs(10)).success());
    Raw::connect(daemon.socket()).hello();
    next.kill().unwrap();
    next.wait().unwrap();
}

#[test]
fn at_the_drain_limit_every_stream_gets_its_answer() {
    let mut daemon = Builder::new().set("daemon.drain_seconds", 1).start();
    let mut raw = daemon.connect();
    raw.request(FrameKind::Optimize, 1, &picture("hang"), "{}");
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::TERM);
    assert_eq!(raw.answer(1).error(), "SHUTTING_DOWN");
    daemon.wait(Duration::from_secs(10));
}

#[test]
fn a_reload_tells_each_time_what_needs_a_restart_and_keeps_the_rest_as_it_runs() {
    let builder = Builder::new();
    let config = builder.dir().join("config.toml");
    std::fs::write(&config, "").unwrap();
    let daemon = builder.args(&["--config", config.to_str().unwrap()]).start();
    std::fs::write(&config, "[executor]\nqueue_jobs = 9\n").unwrap();
    let mut raw = daemon.connect();
    for stream in 1..=2 {
        raw.frame(FrameKind::Reload, stream, "", b"", true);
        let body = String::from_utf8(raw.answer(stream).body).unwrap();
        assert!(body.contains("executor.queue_jobs"), "{body}");
    }
    assert_eq!(Raw::connect(daemon.socket()).hello()["limits"]["jobs"], 1024);
    std::fs::write(&config, "[log]\nlevel = \"squeezed=loud\"\n").unwrap();
    raw.frame(FrameKind::Reload, 3, "", b"", true);
    assert_eq!(raw.answer(3).error(), "BAD_REQUEST");
}

#[test]
fn json_logs_have_one_span_a_job() {
    let daemon = Builder::new().args(&["--log-format", "json"]).start();
    daemon.assert_serves();
    daemon.wait_for_log("job done");
    let log = daemon.log();
    let line = log.lines().find(|l| l.contains("job done")).unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    for field in ["stream", "uid", "format", "before", "after", "queue_ms", "run_ms"] {
        assert!(!json["span"][field].is_null(), "{field} in {json}");
    }
    assert_eq!(json["span"]["name"], "job");
}

#[test]
fn an_autostarted_daemon_has_a_session_and_a_log_of_its_own() {
    let daemon = Builder::new().args(&["--autostarted"]).start();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let session: u32 = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, daemon.pid());
    let log = daemon.socket().with_extension("log");
    assert!(std::fs::read_to_string(log).unwrap().contains("listening"));
}

#[test]
fn links_and_open_folders_are_no_place_for_a_socket() {
    let dir = tempfile::tempdir().unwrap();
    let run = |socket: &std::path::Path| {
        let out = Command::new(binary("squeezed"))
            .arg("--socket")
            .arg(socket)
            .args(["--config", "/dev/null"])
            .output();
        let out = out.unwrap();
        assert_eq!(out.status.code(), Some(1), "{out:?}");
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let victim = dir.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join("squeezed-9")).unwrap();
    assert!(run(&dir.path().join("squeezed-9/s")).contains("must not be a link"));
    assert_eq!(victim.metadata().unwrap().mode() & 0o777, 0o755, "what the link leads to is untouched");
    std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o777)).unwrap();
    assert!(run(&victim.join("s")).contains("chmod go-w"));
}
