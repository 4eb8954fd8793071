//! Listens where the configuration says and answers scrapes: on loopback, or on a Unix socket of the daemon's user.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::http::{self, Ask};
use super::{Gauges, Metrics};
use crate::logging::Throttle;
use crate::socket::Bound;

/// Most scrapes at once; more wait to be accepted.
const MOST: usize = 8;
/// One scrape takes at most this long, a slow client's included.
const LIMIT: Duration = Duration::from_secs(5);
/// How often recorded samples are folded where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(15);
/// How long to wait when the system gives no descriptor for a connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On this address, which is a loopback one.
    Tcp(SocketAddr),
    /// On a Unix socket at this path.
    Unix(PathBuf),
}

impl Listen {
    /// Reads `metrics.listen`.
    ///
    /// # Errors
    /// What is wanted instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Listen::Off);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            return match path.is_absolute() {
                true => Ok(Listen::Unix(path.into())),
                false => Err(format!("an absolute path is wanted behind unix:, not {}", path.display())),
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("an address and port such as 127.0.0.1:9187 or [::1]:9187, or unix:/path, is wanted, not {text}")
        })?;
        if !address.ip().is_loopback() {
            return Err(format!(
                "{address} is no loopback address: metrics are served without any check of who asks; use \
                 127.0.0.1:{port} or unix:/path, and a proxy for other machines",
                port = address.port()
            ));
        }
        Ok(Listen::Tcp(address))
    }
}

/// A bound listener.
pub struct Listener {
    socket: Socket,
}

enum Socket {
    Tcp(std::net::TcpListener),
    /// Kept whole: dropping it removes the socket's file.
    Unix(Bound),
}

impl Listener {
    /// Binds. Before threads start: the mode of a Unix socket comes from the process's umask.
    ///
    /// # Errors
    /// The system refused, or another daemon has the place.
    pub fn bind(listen: &Listen) -> anyhow::Result<Option<Self>> {
        let socket = match listen {
            Listen::Off => return Ok(None),
            Listen::Tcp(address) => Socket::Tcp(
                std::net::TcpListener::bind(address)
                    .with_context(|| format!("cannot listen on {address} (metrics.listen)"))?,
            ),
            Listen::Unix(path) => {
                Socket::Unix(Bound::bind_path(path, None).context("cannot listen (metrics.listen)")?)
            }
        };
        Ok(Some(Self { socket }))
    }

    /// The address, where it is one; the port is the real one where 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Answers scrapes until the future is dropped.
    ///
    /// # Errors
    /// The socket cannot be set up.
    pub async fn serve(self, metrics: Arc<Metrics>, gauges: Arc<dyn Gauges>) -> anyhow::Result<()> {
        let server = Arc::new(Server { metrics, gauges, places: Arc::new(Semaphore::new(MOST)) });
        let mut upkeep = tokio::time::interval(UPKEEP);
        match self.socket {
            Socket::Tcp(listener) => {
                listener.set_nonblocking(true).context("cannot set up the metrics socket")?;
                let listener = TcpListener::from_std(listener).context("cannot set up the metrics socket")?;
                if let Ok(address) = listener.local_addr() {
                    tracing::info!("metrics on http://{address}/metrics");
                }
                loop {
                    tokio::select! {
                        accepted = listener.accept() => server.clone().take(accepted.map(|a| a.0)).await,
                        _ = upkeep.tick() => server.metrics.upkeep(),
                    }
                }
            }
            Socket::Unix(mut bound) => {
                let listener = bound.take().context("the metrics socket is taken")?;
                listener.set_nonblocking(true).context("cannot set up the metrics socket")?;
                let listener =
                    UnixListener::from_std(listener).context("cannot set up the metrics socket")?;
                tracing::info!(socket = %bound.path().display(), "metrics listening");
                loop {
                    tokio::select! {
                        accepted = listener.accept() => server.clone().take(accepted.map(|a| a.0)).await,
                        _ = upkeep.tick() => server.metrics.upkeep(),
                    }
                }
            }
        }
    }
}

struct Server {
    metrics: Arc<Metrics>,
    gauges: Arc<dyn Gauges>,
    places: Arc<Semaphore>,
}

impl Server {
    /// Answers a connection in a task of its own, once there is a place.
    async fn take<S>(self: Arc<Self>, accepted: std::io::Result<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = match accepted {
            Ok(stream) => stream,
            Err(e) => {
                static THROTTLE: Throttle = Throttle::new(1);
                if THROTTLE.pass().is_some() {
                    tracing::warn!("cannot accept a scrape, waiting: {e}");
                }
                return tokio::time::sleep(BACKOFF).await;
            }
        };
        let Ok(place) = self.places.clone().acquire_owned().await else { return };
        tokio::spawn(async move {
            // A client that is slow, gone or confused is its own matter.
            let _ = tokio::time::timeout(LIMIT, self.answer(stream)).await;
            drop(place);
        });
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> std::io::Result<()> {
        let mut head = Vec::with_capacity(1024);
        let reply = loop {
            match http::parse(&head) {
                Ask::Refuse(reply) => break reply,
                Ask::Metrics { head_only } => break self.metrics(head_only).await,
                Ask::More => {
                    let room = http::MAX_HEAD.saturating_sub(head.len()) as u64;
                    if (&mut stream).take(room).read_buf(&mut head).await? == 0 {
                        return Ok(());
                    }
                }
            }
        };
        stream.write_all(&reply).await?;
        stream.shutdown().await
    }

    async fn metrics(&self, head_only: bool) -> Vec<u8> {
        let (metrics, gauges) = (self.metrics.clone(), self.gauges.clone());
        let text = tokio::task::spawn_blocking(move || metrics.render(&*gauges)).await;
        match text {
            Ok(text) => http::answer("200 OK", &text, head_only),
            Err(_) => http::answer("500 Internal Server Error", "a defect of the daemon\n", head_only),
        }
    }
}
