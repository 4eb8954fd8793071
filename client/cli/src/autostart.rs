//! Starting a daemon and waiting until it answers. Many may try at once: the daemon's own lock lets one win, and the
//! others end quietly.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use squeezed_client::{Client, Error, ErrorKind};

/// How long a daemon may take from its start to its first answer.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// The daemon's program: beside this one, else in `$PATH`.
pub fn program() -> Option<PathBuf> {
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("squeezed")));
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join("squeezed"));
    beside.into_iter().chain(in_path).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Starts a daemon at this socket, unless another one does at the same time, and connects. With `stay` it does not end
/// when idle.
///
/// # Errors
/// A sentence that says what went wrong, with the daemon's own words if it had any.
pub async fn start(socket: &Path, stay: bool) -> Result<Client, String> {
    let program = program().ok_or("squeezed is neither beside squeeze nor in $PATH; install it there")?;
    let started = Instant::now();
    let mut child = Started::new(&program, socket, stay)?;
    loop {
        match Client::connect(socket).await {
            Ok(client) => return Ok(client),
            Err(error) if !is_passing(&error) => return Err(error.to_string()),
            Err(error) if started.elapsed() > PATIENCE => {
                let (place, words) = (socket.display(), child.words(socket));
                return Err(format!("squeezed was started but does not answer at {place} ({error}){words}"));
            }
            Err(_) => {}
        }
        match child.ended() {
            // It found another one, which may just have begun, or may just be ending.
            Some(status) if status.success() => {
                tokio::time::sleep(PAUSE * 10).await;
                if Client::connect(socket).await.is_err() {
                    child = Started::new(&program, socket, stay)?;
                }
            }
            Some(status) => {
                return Err(format!("squeezed could not be started: {status}{}", child.words(socket)));
            }
            None => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the same attempt may succeed in a moment.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connect | ErrorKind::Disconnected) || error.wants_reconnect()
}

/// A daemon that was just started.
struct Started {
    child: Child,
    stderr: File,
}

impl Started {
    fn new(program: &Path, socket: &Path, stay: bool) -> Result<Self, String> {
        let fail = |e: io::Error| format!("{} could not be started: {e}", program.display());
        // A file and not a pipe: the daemon outlives this program, and writing to a pipe without a reader fails.
        let stderr = tempfile::tempfile().map_err(fail)?;
        let mut command = Command::new(program);
        command.arg("--autostarted").arg("--socket").arg(socket);
        if stay {
            command.args(["--idle-exit", "0"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr.try_clone().map_err(fail)?);
        // So that the daemon does not keep a folder from being unmounted.
        command.current_dir("/");
        let child = command.spawn().map_err(fail)?;
        Ok(Self { child, stderr })
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The end of what it wrote to stderr, else of its log.
    fn words(&mut self, socket: &Path) -> String {
        let mut text = String::new();
        let _ = self.stderr.rewind();
        let _ = (&mut self.stderr).take(64 << 10).read_to_string(&mut text);
        if text.trim().is_empty() {
            text = fs::read_to_string(socket.with_extension("log")).unwrap_or_default();
        }
        let mut lines: Vec<&str> = text.trim().lines().rev().take(5).collect();
        lines.reverse();
        if lines.is_empty() { String::new() } else { format!(":\n  {}", lines.join("\n  ")) }
    }
}
