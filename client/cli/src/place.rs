//! Which daemon is meant: the one that was named, or the first of the usual places. Starts none.

use std::path::{Path, PathBuf};

use squeezed_client::{Client, socket};

use crate::args::Global;
use crate::exit::Exit;
use crate::stdio;

/// The socket that was named by flag or environment, if any. Nobody but its namer starts a daemon there.
pub fn named(global: &Global) -> Option<PathBuf> {
    let places = socket::places(global.socket.as_deref());
    places.into_iter().find(|p| p.explicit).map(|p| p.path)
}

/// Connects without starting anything.
///
/// # Errors
/// What the client library says.
pub async fn connect(global: &Global) -> squeezed_client::Result<Client> {
    match named(global) {
        Some(path) => Client::connect(path).await,
        None => Client::connect_default().await,
    }
}

/// Where a daemon for this user would be started.
pub fn to_start() -> PathBuf {
    let own = socket::own_place();
    // After `su`, the variable often names a folder that is gone or another user's.
    let usable = |p: &Path| p.parent().and_then(Path::parent).is_some_and(may_write);
    if usable(&own) {
        return own;
    }
    let last = socket::places(None).pop().map(|p| p.path);
    last.unwrap_or(own)
}

fn may_write(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// The sentence for a daemon that does not answer.
pub fn how_to_start(global: &Global) -> String {
    match named(global) {
        Some(path) => format!(
            "start one with `squeezed --socket {0}` or `squeeze daemon start --socket {0}`",
            path.display()
        ),
        None => "start one with `squeeze daemon start`".into(),
    }
}

/// `squeeze sockname`
///
/// # Errors
/// When stdout does not take it.
pub async fn run(global: Global) -> anyhow::Result<Exit> {
    let path = match connect(&global).await {
        Ok(client) => client.path().to_path_buf(),
        Err(_) => named(&global).unwrap_or_else(to_start),
    };
    let mut line = if global.json {
        serde_json::json!({ "socket": path.to_string_lossy() }).to_string().into_bytes()
    } else {
        std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
    };
    line.push(b'\n');
    stdio::print(&line).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    Ok(Exit::Ok)
}
