//! A daemon on a private socket that ends with its test.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Raw;

/// The folder with the built binaries and plugins.
pub fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.ancestors().nth(2).expect("target/PROFILE/deps/TEST").to_path_buf()
}

/// A built binary; `make test` builds the workspace before it runs tests.
pub fn binary(name: &str) -> PathBuf {
    let path = target_dir().join(name);
    assert!(path.exists(), "{} is not there: run `cargo build --release --workspace` first", path.display());
    path
}

/// A built plugin. The misbehaving one has a name that no daemon looks for.
pub fn plugin(name: &str) -> PathBuf {
    if name == "chaos" { binary("libchaos.so") } else { binary(&format!("libsqueezed_{name}.so")) }
}

/// An unprivileged user to become: only root can, so these tests need root (as CI has).
pub fn nobody() -> u32 {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test must run as root, to drop to an unprivileged user"
    );
    65534
}

/// Waits until somebody listens on a socket.
pub fn wait_for_listener(socket: &Path) {
    let end = Instant::now() + Duration::from_secs(10);
    while std::os::unix::net::UnixStream::connect(socket).is_err() {
        assert!(Instant::now() < end, "nobody listens on {}", socket.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How a test's daemon is started.
pub struct Builder {
    plugins: Vec<&'static str>,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    uid: Option<u32>,
    hard_files: Option<u32>,
    dir: TempDir,
}

/// A running daemon.
pub struct TestDaemon {
    child: Child,
    dir: TempDir,
    socket: PathBuf,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A daemon with all plugins of the workspace, the misbehaving one included.
    pub fn new() -> Self {
        Self {
            plugins: vec!["chaos", "avif", "bmp", "gif", "heic", "jpeg", "png", "tiff", "webp"],
            args: Vec::new(),
            envs: Vec::new(),
            uid: None,
            hard_files: None,
            dir: tempfile::Builder::new().prefix("sq").tempdir().expect("a temporary folder"),
        }
    }
    /// With these plugins only.
    pub fn plugins(mut self, names: &[&'static str]) -> Self {
        self.plugins = names.to_vec();
        self
    }
    /// With these flags too.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }
    /// With this configuration key set.
    pub fn set(self, key: &str, value: impl ToString) -> Self {
        let pair = format!("{key}={}", value.to_string());
        self.args(&["--set", &pair])
    }
    /// With this environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }
    /// As this user, with binaries that it can read.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }
    /// With at most this many descriptors.
    pub fn hard_files(mut self, n: u32) -> Self {
        self.hard_files = Some(n);
        self
    }
    /// The daemon's own folder: socket, plugins, log.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts it without waiting for the socket.
    pub fn spawn(self) -> TestDaemon {
        let root = self.dir.path().to_path_buf();
        let plugin_dir = root.join("plugins");
        std::fs::create_dir_all(&plugin_dir).expect("plugin folder");
        for name in &self.plugins {
            std::fs::copy(plugin(name), plugin_dir.join(format!("libsqueezed_{name}.so")))
                .expect("copy a plugin");
        }
        let exe = root.join("squeezed");
        std::fs::copy(binary("squeezed"), &exe).expect("copy the daemon");
        let socket = root.join("s/squeezed.sock");
        std::fs::create_dir_all(root.join("s")).expect("socket folder");
        if let Some(uid) = self.uid {
            std::fs::set_permissions(&root, PermissionsExt::from_mode(0o755)).expect("chmod");
            for path in [root.clone(), plugin_dir.clone(), root.join("s")] {
                std::os::unix::fs::chown(path, Some(uid), Some(uid)).expect("chown");
            }
        }
        let log = std::fs::File::create(root.join("log")).expect("log file");
        let mut command = match self.hard_files {
            None => Command::new(&exe),
            Some(n) => {
                let mut sh = Command::new("sh");
                sh.args(["-c", &format!("ulimit -n {n} && exec \"$0\" \"$@\"")]).arg(&exe);
                sh
            }
        };
        command
            .args(["--socket".as_ref(), socket.as_os_str(), "--plugin-path".as_ref(), plugin_dir.as_os_str()])
            .args(["--set", "plugins.builtin_path=false"])
            .args(["--set", &format!("daemon.state_dir={}", root.join("state").display())])
            .args((!self.args.iter().any(|a| a == "--log-level")).then_some("--log-level=debug"))
            .args((!self.args.iter().any(|a| a == "--config")).then_some("--config=/dev/null"))
            .args(&self.args)
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("NOTIFY_SOCKET")
            .envs(self.envs.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log file"))
            .stderr(log);
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        let child = command.spawn().expect("the daemon starts");
        TestDaemon { child, dir: self.dir, socket }
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> TestDaemon {
        let mut daemon = self.spawn();
        let end = Instant::now() + Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(&daemon.socket).is_err() {
            assert!(daemon.child.try_wait().expect("wait").is_none(), "the daemon ended: {}", daemon.log());
            assert!(Instant::now() < end, "the daemon does not listen: {}", daemon.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        // The socket takes connections before the plugins are loaded; an answer comes after.
        daemon.connect();
        daemon
    }
}

impl TestDaemon {
    /// A daemon with all plugins.
    pub fn start() -> Self {
        Builder::new().start()
    }
    /// Path of its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
    /// Its own folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// A greeted connection.
    pub fn connect(&self) -> Raw {
        let mut raw = Raw::connect(&self.socket);
        raw.hello();
        raw
    }
    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
    /// Waits until the log has this text.
    pub fn wait_for_log(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "no {text:?} in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("a signal");
    }
    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(Instant::now() < end, "the daemon does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }
    /// Proves that it still serves: a small PNG comes back.
    pub fn assert_serves(&self) {
        let png = crate::png_of(8, 8, |x, y| [x as u8, y as u8, 0, 255]);
        let reply = self.connect().optimize(1, &png, "{}");
        assert!(reply.is_result(), "{reply:?}\n{}", self.log());
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
