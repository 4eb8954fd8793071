//! A folder of its own for each test, a daemon in it, and a short way to run `squeeze` there.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program under test.
pub const SQUEEZE: &str = env!("CARGO_BIN_EXE_squeeze");

/// A test's folder, and its daemon if it has one.
pub struct World {
    dir: TempDir,
    daemon: Option<Child>,
    pub user: Option<u32>,
    pub bin: PathBuf,
}

/// What a run of `squeeze` left behind.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let err = String::from_utf8(output.stderr).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }
}

impl Run {
    /// The same, after a look at the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", String::from_utf8_lossy(&self.out), self.err);
        self
    }

    /// The JSON objects on stdout.
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }
}

/// The folder of the programs; the daemon and its plugins must be there too.
fn bin() -> PathBuf {
    let bin = Path::new(SQUEEZE).parent().unwrap();
    for name in ["squeezed", "libsqueezed_png.so"] {
        let path = bin.join(name);
        assert!(path.exists(), "{} is missing; build the whole workspace first", path.display());
    }
    bin.to_path_buf()
}

impl World {
    /// A folder without a daemon.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        Self { dir, daemon: None, user: None, bin: bin() }
    }

    /// A folder with a daemon.
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.start();
        world
    }

    /// A folder that belongs to an unprivileged user, who runs `squeeze` there.
    pub fn unprivileged() -> Self {
        const NOBODY: u32 = 65534;
        let mut world = Self::empty();
        let root = rustix::process::geteuid().is_root();
        assert!(root, "this test drops to another user and so must be started by root");
        // The workspace may lie where only root can go.
        let bin = world.path("bin");
        fs::create_dir(&bin).unwrap();
        for name in ["squeeze", "squeezed", "libsqueezed_png.so"] {
            fs::copy(world.bin.join(name), bin.join(name)).unwrap();
        }
        world.bin = bin;
        world.user = Some(NOBODY);
        for path in [world.path(""), world.path("run")] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        world
    }

    /// Starts a daemon in the folder.
    pub fn start(&mut self) {
        let mut command = self.as_user(Command::new(self.bin.join("squeezed")));
        command.arg("--socket").arg(self.socket()).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(self.path("run/daemon.log")).unwrap());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            let log = || fs::read_to_string(self.path("run/daemon.log")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "the daemon ended: {}", log());
            assert!(start.elapsed() < Duration::from_secs(20), "the daemon does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.daemon = Some(child);
    }

    fn as_user(&self, mut command: Command) -> Command {
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.env_remove("SQUEEZED_SOCKET").env_remove("COLUMNS").env("XDG_RUNTIME_DIR", self.path("run"));
        command.current_dir(self.path(""));
        command
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/s")
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, making its folder.
    pub fn file(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        if let Some(user) = self.user {
            std::os::unix::fs::chown(&path, Some(user), Some(user)).unwrap();
        }
        path
    }

    #[track_caller]
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// All files under a folder, by relative path, in order.
    pub fn tree(&self, name: &str) -> Vec<String> {
        let root = self.path(name);
        let files = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().map(|e| e.unwrap());
        files
            .filter(|e| !e.file_type().is_dir())
            .map(|e| e.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned())
            .collect()
    }

    /// `squeeze` with these words, in the folder, with the folder's socket.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.bare(line);
        command.env("SQUEEZED_SOCKET", self.socket());
        command
    }

    /// The same without a socket: the usual places count, the first of which lies in the folder.
    pub fn bare(&self, line: &str) -> Command {
        let mut command = self.as_user(Command::new(self.bin.join("squeeze")));
        command.args(line.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// Runs [`Self::command`].
    pub fn run(&self, line: &str) -> Run {
        self.command(line).output().unwrap().into()
    }

    /// Takes the daemon away.
    pub fn kill_daemon(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_daemon();
    }
}
