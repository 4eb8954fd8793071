//! `squeeze daemon`: run, start, stop, reload.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use squeezed_client::{Client, Error, ErrorKind};

use crate::args::{Action, Global};
use crate::autostart;
use crate::exit::Exit;
use crate::place;
use crate::stdio;

/// How long a daemon may take to end: longer than it gives its running jobs.
const DRAIN: Duration = Duration::from_secs(120);

/// Does what was asked for.
///
/// # Errors
/// When it could not be done.
pub async fn run(global: Global, action: Action) -> anyhow::Result<Exit> {
    match action {
        Action::Run { options } => foreground(&global, &options),
        Action::Start => start(&global).await,
        Action::Stop => stop(&global).await,
        Action::Reload => reload(&global).await,
    }
}

fn foreground(global: &Global, options: &[OsString]) -> anyhow::Result<Exit> {
    let missing =
        || Exit::Unreachable.because("squeezed is neither beside squeeze nor in $PATH; install it there");
    let program = autostart::program().ok_or_else(missing)?;
    let mut command = Command::new(&program);
    if let Some(socket) = place::named(global) {
        command.arg("--socket").arg(socket);
    }
    // Becomes the daemon; comes back only if that failed.
    let error = command.args(options).exec();
    Err(Exit::Unreachable.because(format!("{} could not be started: {error}", program.display())))
}

async fn start(global: &Global) -> anyhow::Result<Exit> {
    match place::connect(global).await {
        Ok(client) => {
            tell(
                global,
                &format!("squeezed {} runs already at {}", client.hello().version, client.path().display()),
            );
            return Ok(Exit::Ok);
        }
        Err(error) if error.kind() != ErrorKind::Connect => return Err(unreachable(&error)),
        Err(_) => {}
    }
    let socket = place::named(global).unwrap_or_else(place::to_start);
    let socket = std::path::absolute(&socket)?;
    let client = autostart::start(&socket, true).await.map_err(|e| Exit::Unreachable.because(e))?;
    tell(global, &format!("squeezed {} runs at {}", client.hello().version, socket.display()));
    Ok(Exit::Ok)
}

async fn stop(global: &Global) -> anyhow::Result<Exit> {
    let client = match place::connect(global).await {
        Ok(client) => client,
        Err(error) if error.kind() == ErrorKind::Connect => {
            tell(global, "squeezed is not running");
            return Ok(Exit::Ok);
        }
        Err(error) => return Err(unreachable(&error)),
    };
    match client.shutdown().await {
        Ok(()) => {}
        // It is ending already, and may have gone before it could say so.
        Err(error) if error.wants_reconnect() => {}
        Err(error) => return Err(Exit::Failed.because(error.to_string())),
    }
    let (pid, path) = (client.hello().pid, client.path().to_path_buf());
    drop(client);
    let start = Instant::now();
    while is_there(pid, &path).await {
        if start.elapsed() > DRAIN {
            let text = format!("squeezed (process {pid}) has not ended within {} s", DRAIN.as_secs());
            return Err(Exit::Failed.because(text));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tell(global, "squeezed has ended");
    Ok(Exit::Ok)
}

/// Whether this daemon is still about: its process, as far as it can be seen, else its socket.
async fn is_there(pid: u32, socket: &std::path::Path) -> bool {
    let process = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let alive = process.map(rustix::process::test_kill_process);
    match alive {
        Some(Err(rustix::io::Errno::SRCH)) => false,
        // A process that ended but was not waited for by whoever started it.
        Some(Ok(())) if is_zombie(pid) => false,
        _ => {
            Client::connect(socket).await.is_ok_and(|c| c.hello().pid == pid) || matches!(alive, Some(Ok(())))
        }
    }
}

fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

async fn reload(global: &Global) -> anyhow::Result<Exit> {
    let client = place::connect(global).await.map_err(|e| unreachable(&e))?;
    client.reload().await.map_err(|e| Exit::Failed.because(e.to_string()))?;
    tell(global, "squeezed has read its configuration again");
    Ok(Exit::Ok)
}

fn tell(global: &Global, text: &str) {
    if !global.quiet {
        stdio::say(text);
    }
}

fn unreachable(error: &Error) -> anyhow::Error {
    Exit::Unreachable.because(error.to_string())
}
