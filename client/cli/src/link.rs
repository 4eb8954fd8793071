//! The connection that all files of one run share: found, started where that is allowed, and made anew when it is lost.

use std::time::{Duration, Instant};

use squeezed_client::{Client, Error, ErrorKind};
use tokio::sync::Mutex;

use crate::args::Global;
use crate::autostart;
use crate::exit::Exit;
use crate::place;
use crate::stdio;

/// How long a daemon that was there may take to come back.
const RETURN: Duration = Duration::from_secs(5);
/// How long a daemon that answers and then goes, or has no room, is asked again.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// A connection with the number of its making.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The connection.
    pub client: Client,
    turn: u64,
}

/// Where to connect, and the connection that is in use.
#[derive(Debug)]
pub struct Link {
    global: Global,
    current: Mutex<Linked>,
    /// Held while a file is tried again after its connection was lost, so that one that brings the daemon down takes no
    /// other along more than once.
    pub alone: Mutex<()>,
}

impl Link {
    /// Connects, and starts a daemon if that is allowed and none answers.
    ///
    /// # Errors
    /// [`Exit::Unreachable`], with a sentence that says how to start one.
    pub async fn open(global: &Global) -> anyhow::Result<Self> {
        let client = first(global).await?;
        let current = Mutex::new(Linked { client, turn: 0 });
        Ok(Self { global: global.clone(), current, alone: Mutex::new(()) })
    }

    /// The connection in use.
    pub async fn get(&self) -> Linked {
        self.current.lock().await.clone()
    }

    /// Another connection than `lost`; whoever asks first makes it for all.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn renew(&self, lost: &Linked) -> Result<Linked, String> {
        let mut current = self.current.lock().await;
        if current.turn == lost.turn {
            let client = again(&self.global).await?;
            *current = Linked { client, turn: current.turn.saturating_add(1) };
        }
        Ok(current.clone())
    }
}

fn may_start(global: &Global) -> bool {
    !global.no_autostart && place::named(global).is_none()
}

/// Whether trying again may help.
fn passes(error: &Error) -> bool {
    error.wants_reconnect() || error.retry_after().is_some()
}

async fn first(global: &Global) -> anyhow::Result<Client> {
    let mut connected = place::connect(global).await;
    // A daemon that ends at this moment, or has too many connections, deserves a second look.
    let start = Instant::now();
    while connected.as_ref().is_err_and(|e| e.kind() != ErrorKind::Connect && passes(e))
        && start.elapsed() < SECOND_LOOK
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
        connected = place::connect(global).await;
    }
    match connected {
        Ok(client) => Ok(newest(global, client).await),
        Err(error) if error.kind() == ErrorKind::Connect && may_start(global) => {
            autostart::start(&place::to_start(), false).await.map_err(|e| Exit::Unreachable.because(e))
        }
        Err(error) if error.kind() == ErrorKind::Connect => {
            Err(Exit::Unreachable.because(format!("{error}; {}", place::how_to_start(global))))
        }
        Err(error) => Err(Exit::Unreachable.because(error.to_string())),
    }
}

async fn again(global: &Global) -> Result<Client, String> {
    let start = Instant::now();
    loop {
        let error = match place::connect(global).await {
            // It may still be the one that is ending; a new one takes its place in a moment.
            Ok(client) => match client.status().await {
                Ok(_) => return Ok(client),
                Err(error) if !error.wants_reconnect() => return Ok(client),
                Err(error) => error,
            },
            Err(error) if may_start(global) && error.kind() == ErrorKind::Connect => {
                return autostart::start(&place::to_start(), false).await;
            }
            Err(error) => error,
        };
        if start.elapsed() > RETURN {
            return Err(error.to_string());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Warns of a daemon that is older than this program, and replaces it if it is this user's to replace and idle.
async fn newest(global: &Global, client: Client) -> Client {
    let (theirs, ours) = (client.hello().version.clone(), env!("CARGO_PKG_VERSION"));
    if !is_older(&theirs, ours) {
        return client;
    }
    let old = format!("squeeze: the daemon is version {theirs}, older than this squeeze {ours}");
    let path = client.path().to_path_buf();
    if !may_start(global) || path != place::to_start() {
        stdio::say(&format!("{old}; restart it to use the newer one"));
        return client;
    }
    let idle = client.status().await.is_ok_and(|s| s.running == 0 && s.queued == 0);
    if !idle || client.shutdown().await.is_err() {
        stdio::say(&format!("{old}; it is busy, so it stays for now"));
        return client;
    }
    stdio::say(&format!("{old}; it is idle and is restarted"));
    let ended = tokio::time::timeout(RETURN, client.closed()).await;
    if ended.is_err() {
        return client;
    }
    match autostart::start(&path, false).await {
        Ok(newer) => newer,
        Err(error) => {
            stdio::say(&format!("squeeze: {error}"));
            client
        }
    }
}

/// Whether one version comes before another; what cannot be read does not.
fn is_older(theirs: &str, ours: &str) -> bool {
    let parts = |v: &str| -> Option<Vec<u64>> {
        let core = v.split(['-', '+']).next()?;
        core.split('.').map(|p| p.parse().ok()).collect()
    };
    matches!((parts(theirs), parts(ours)), (Some(a), Some(b)) if a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(is_older("0.9.0", "0.10.0"));
        assert!(is_older("0.1.0-rc1", "0.1.1"));
        assert!(!is_older("0.1.0", "0.1.0"));
        assert!(!is_older("1.0.0", "0.9.9"));
        assert!(!is_older("nonsense", "0.1.0"));
    }
}
