//! The async client: one connection, many requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use squeezed_protocol::{
    Estimate, FrameKind, HelloAck, ImageInfo, JobOptions, PluginRow, Progress, StatusReport,
};
use tokio::task::JoinHandle;

use crate::connect::{self, Greeted};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Job, Optimized, Waiting};
use crate::pump;
use crate::state::{Opening, Reply, State};

/// Most bytes of an answer about the daemon itself.
const REPORT_LIMIT: u64 = 64 << 20;

/// A connection to a daemon. Clones share it; it closes, and its requests are cancelled, with the last clone.
///
/// Needs a tokio runtime with I/O and time enabled.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    path: PathBuf,
    hello: HelloAck,
    state: Arc<State>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("path", &self.0.path).field("daemon", &self.0.hello.version).finish()
    }
}

impl Client {
    /// Connects to the daemon at this socket.
    ///
    /// # Errors
    /// When none answers, or one that speaks another protocol.
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Ok(Self::start(path.to_path_buf(), connect::at(path, &client_name()).await?))
    }

    /// Connects to the daemon at `$SQUEEZED_SOCKET`, or where none is named, at the first of the default places that
    /// answers ([`crate::socket::places`]).
    ///
    /// # Errors
    /// When none answers, or one that speaks another protocol.
    pub async fn connect_default() -> Result<Self> {
        let (path, greeted) = connect::any_place(&client_name()).await?;
        Ok(Self::start(path, greeted))
    }

    fn start(path: PathBuf, greeted: Greeted) -> Self {
        let Greeted { hello, reader, writer } = greeted;
        let state = Arc::new(State::new(&hello.limits));
        let tasks = [
            tokio::spawn(pump::read(reader, state.clone())),
            tokio::spawn(pump::write(writer, state.clone())),
        ];
        Self(Arc::new(Inner { path, hello, state, tasks }))
    }

    pub(crate) fn state(&self) -> &State {
        &self.0.state
    }

    /// The socket of this connection.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What the daemon said of itself: version, limits, formats, isolation.
    pub fn hello(&self) -> &HelloAck {
        &self.0.hello
    }

    /// A request about an image, to be refined before it is sent.
    pub fn job<'a>(&self, bytes: impl Into<Bytes>, options: JobOptions) -> Job<'a> {
        Job::new(self.clone(), bytes.into(), options)
    }

    /// Makes an image smaller.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn optimize(&self, bytes: impl Into<Bytes>, options: JobOptions) -> Result<Optimized> {
        self.job(bytes, options).optimize().await
    }

    /// Makes an image smaller and tells how far the daemon is, at most ten times a second.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn optimize_with(
        &self,
        bytes: impl Into<Bytes>,
        options: JobOptions,
        on_progress: impl FnMut(Progress) + Send,
    ) -> Result<Optimized> {
        self.job(bytes, options).on_progress(on_progress).optimize().await
    }

    /// Says what an image is, without decoding its pixels.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn inspect(&self, bytes: impl Into<Bytes>) -> Result<ImageInfo> {
        self.job(bytes, JobOptions::default()).inspect().await
    }

    /// Guesses how small an image would get.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn estimate(&self, bytes: impl Into<Bytes>, options: JobOptions) -> Result<Estimate> {
        self.job(bytes, options).estimate().await
    }

    /// The daemon's plugins.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn plugins(&self) -> Result<Vec<PluginRow>> {
        self.report(FrameKind::Plugins).await
    }

    /// The daemon's state. Its lists are empty for users who are neither root nor the daemon's own.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn status(&self) -> Result<StatusReport> {
        self.report(FrameKind::Status).await
    }

    /// Makes the daemon read its configuration again; for root and the daemon's user.
    ///
    /// # Errors
    /// What is wrong with the configuration, in which case the old one stays, or why the daemon could not answer.
    pub async fn reload(&self) -> Result<()> {
        self.command(FrameKind::Reload).await.map(drop)
    }

    /// Makes the daemon finish what runs and end; for root and the daemon's user.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub async fn shutdown(&self) -> Result<()> {
        self.command(FrameKind::Shutdown).await.map(drop)
    }

    /// Returns when the daemon has answered a PING.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn ping(&self) -> Result<()> {
        let pong = self.state().ping()?;
        pong.await.map_err(|_| self.state().lost())
    }

    /// Returns when the connection has ended, with the reason.
    pub async fn closed(&self) -> Error {
        self.state().closed().await;
        self.state().lost()
    }

    async fn report<T: serde::de::DeserializeOwned>(&self, kind: FrameKind) -> Result<T> {
        let reply = self.command(kind).await?;
        serde_json::from_slice(&reply.body)
            .map_err(|e| Error::new(ErrorKind::BadReply, format!("the daemon's report cannot be read: {e}")))
    }

    async fn command(&self, kind: FrameKind) -> Result<Reply> {
        let state = self.state();
        let permit = state.slot().await?;
        let opening =
            Opening { kind, meta: Bytes::new(), bytes: Bytes::new(), answer_limit: REPORT_LIMIT, permit };
        let mut wait = Waiting::new(state, state.open(opening)?);
        let reply = (&mut wait.opened.reply).await;
        wait.answered = true;
        reply.unwrap_or_else(|_| Err(state.lost()))
    }
}

/// How this client is called in the daemon's log.
fn client_name() -> String {
    let program = std::env::args_os().next().map(PathBuf::from);
    let name = program.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
    let name = name.as_deref().unwrap_or("unknown");
    format!("{} (squeezed-client {})", name.chars().take(64).collect::<String>(), env!("CARGO_PKG_VERSION"))
}
