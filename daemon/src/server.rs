//! Accepts connections, listens to signals, drains, ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use squeezed_protocol::{ErrorCode, ErrorReply, Frame, FrameKind};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::{Config, Loader};
use crate::connection;
use crate::logging::{LogLevel, Throttle};
use crate::metrics;
use crate::socket::Bound;
use crate::state::Daemon;

/// How long to wait when the system gives no descriptor or no memory for a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// How long the last answers may take.
const ENDING: Duration = Duration::from_secs(1);

/// How often what was learned is saved.
const SAVING: Duration = Duration::from_secs(60);

/// Where the daemon is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes requests.
    Running,
    /// Finishes what it has.
    Draining,
    /// Answers what is left with an error.
    Ending,
}

/// Lets a connection (or a test) end the daemon as SIGTERM does.
#[derive(Clone, Default)]
pub struct Signals {
    shutdown: Arc<Notify>,
}

impl Signals {
    /// Begins to drain.
    pub fn shut_down(&self) {
        self.shutdown.notify_one();
    }
}

/// Serves until told to stop: SIGTERM, SIGINT or SHUTDOWN drain, a second signal ends at once, SIGHUP reloads.
///
/// # Errors
/// The system refused threads, signals or the socket.
pub async fn serve(
    mut bound: Bound,
    metrics: Option<metrics::Listener>,
    config: Arc<Config>,
    loader: Loader,
    log_level: LogLevel,
) -> anyhow::Result<()> {
    let listener = bound.take().context("the socket is taken")?;
    listener.set_nonblocking(true).context("cannot set up the socket")?;
    let listener = UnixListener::from_std(listener).context("cannot set up the socket")?;
    let daemon = Daemon::start(config, loader, log_level)?;
    let scrapes = metrics.map(|m| tokio::spawn(m.serve(daemon.metrics.clone(), daemon.clone())));
    let mut hup = signal(SignalKind::hangup())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let signals = Signals::default();
    let (phase, watched) = watch::channel(Phase::Running);
    let mut connections = JoinSet::new();
    tracing::info!(socket = %bound.path().display(), cores = daemon.executor.config().cores, "listening");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let mut saving = tokio::time::interval(SAVING);
    let mut idle_since = Instant::now();
    loop {
        let idle_exit = daemon.config().daemon.idle_exit_seconds;
        if !connections.is_empty() || daemon.executor.is_busy() {
            idle_since = Instant::now();
        } else if idle_exit > 0 && idle_since.elapsed().as_secs() >= idle_exit {
            // Whoever connected at the last moment is served as if nothing were.
            match waiting(&listener).await {
                Some(socket) => connections.spawn(connection::serve(
                    daemon.clone(),
                    socket,
                    watched.clone(),
                    signals.clone(),
                )),
                None => {
                    tracing::info!(idle_exit, "idle: ending");
                    break;
                }
            };
            continue;
        }
        let tick = if idle_exit > 0 { Duration::from_millis(500) } else { Duration::from_secs(3600) };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let most = daemon.config().limits.connections;
                    if connections.len() >= most {
                        connections.spawn(turn_away(socket, most));
                    } else {
                        connections.spawn(connection::serve(daemon.clone(), socket, watched.clone(), signals.clone()));
                    }
                }
                Err(e) => {
                    static THROTTLE: Throttle = Throttle::new(1);
                    if THROTTLE.pass().is_some() {
                        tracing::warn!("cannot accept a connection, waiting: {e}");
                    }
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
            Some(_) = connections.join_next() => idle_since = Instant::now(),
            _ = hup.recv() => { let _ = daemon.reload(); }
            _ = term.recv() => break,
            _ = int.recv() => break,
            () = signals.shutdown.notified() => break,
            _ = saving.tick() => save_costs(&daemon),
            () = tokio::time::sleep(tick) => {}
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    if let Some(scrapes) = scrapes {
        scrapes.abort();
        let _ = scrapes.await;
    }
    // From here on another daemon may have the name. Those who connected before are told to go there.
    bound.release();
    while let Some(socket) = waiting(&listener).await {
        connections.spawn(connection::serve(daemon.clone(), socket, watched.clone(), signals.clone()));
    }
    drop(listener);
    let limit = Duration::from_secs(daemon.config().daemon.drain_seconds);
    tracing::info!(connections = connections.len(), limit_s = limit.as_secs(), "draining");
    let _ = phase.send(Phase::Draining);
    let drained = tokio::select! {
        () = all_gone(&mut connections) => {
            tracing::info!(done = daemon.stats.done.load(Ordering::Relaxed), "drained");
            true
        }
        () = tokio::time::sleep(limit) => {
            tracing::warn!("drain limit reached: ending with jobs unfinished");
            false
        }
        _ = term.recv() => { tracing::warn!("second signal: ending at once"); false }
        _ = int.recv() => { tracing::warn!("second signal: ending at once"); false }
    };
    if !drained {
        let _ = phase.send(Phase::Ending);
        let _ = tokio::time::timeout(ENDING, all_gone(&mut connections)).await;
    }
    let closing = daemon.clone();
    // A disk may take its time, but not for ever.
    let saved = tokio::task::spawn_blocking(move || {
        closing.costs.save();
        closing.reuse.flush(ENDING);
    });
    let _ = tokio::time::timeout(2 * ENDING, saved).await;
    Ok(())
}

/// Saves what was learned, on another thread: a disk may take its time.
fn save_costs(daemon: &Arc<Daemon>) {
    let daemon = daemon.clone();
    tokio::task::spawn_blocking(move || daemon.costs.save());
}

/// A connection that waits to be accepted.
async fn waiting(listener: &UnixListener) -> Option<UnixStream> {
    match tokio::time::timeout(Duration::ZERO, listener.accept()).await {
        Ok(Ok((socket, _))) => Some(socket),
        _ => None,
    }
}

async fn all_gone(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Tells a client that there are too many already.
async fn turn_away(mut socket: UnixStream, most: usize) {
    let text = format!("{most} connections are open; try again later");
    let error = ErrorReply::new(ErrorCode::Busy, text).retry_after(1000);
    let _ = tokio::time::timeout(
        Duration::from_secs(1),
        socket.write_all(&Frame::json(FrameKind::Error, 0, &error).encode()),
    )
    .await;
}
