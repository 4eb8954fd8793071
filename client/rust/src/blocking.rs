//! The client for programs without an async runtime. Knows nothing that [`crate::Client`] does not.

use std::path::Path;

use bytes::Bytes;
use squeezed_protocol::{Estimate, HelloAck, ImageInfo, JobOptions, PluginRow, Progress, StatusReport};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};
use crate::job::Optimized;

/// A connection to a daemon whose calls block. It can be shared by threads, which then ask at the same time.
#[derive(Debug)]
pub struct Client {
    client: crate::Client,
    /// Present until the end; taken apart by hand since it must not be dropped inside another runtime.
    runtime: Option<Runtime>,
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    /// Connects to the daemon at this socket.
    ///
    /// # Errors
    /// When none answers, one that speaks another protocol, or inside an async runtime.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self> {
        Self::start(crate::Client::connect(path.as_ref()))
    }

    /// Connects as [`crate::Client::connect_default`] does.
    ///
    /// # Errors
    /// When none answers, one that speaks another protocol, or inside an async runtime.
    pub fn connect_default() -> Result<Self> {
        Self::start(crate::Client::connect_default())
    }

    fn start(connecting: impl Future<Output = Result<crate::Client>>) -> Result<Self> {
        refuse_inside_runtime()?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorKind::Runtime, format!("no runtime could be built: {e}")))?;
        let client = runtime.block_on(connecting)?;
        Ok(Self { client, runtime: Some(runtime) })
    }

    fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        refuse_inside_runtime()?;
        match &self.runtime {
            Some(runtime) => runtime.block_on(future),
            None => Err(Error::new(ErrorKind::Runtime, "this client has ended")),
        }
    }

    /// What the daemon said of itself: version, limits, formats, isolation.
    pub fn hello(&self) -> &HelloAck {
        self.client.hello()
    }

    /// The socket of this connection.
    pub fn path(&self) -> &Path {
        self.client.path()
    }

    /// Makes an image smaller.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn optimize(&self, bytes: impl Into<Bytes>, options: JobOptions) -> Result<Optimized> {
        self.wait(self.client.optimize(bytes, options))
    }

    /// Makes an image smaller and tells how far the daemon is. To cancel, see [`Self::job`].
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn optimize_with(
        &self,
        bytes: impl Into<Bytes>,
        options: JobOptions,
        on_progress: impl FnMut(Progress) + Send,
    ) -> Result<Optimized> {
        self.wait(self.client.optimize_with(bytes, options, on_progress))
    }

    /// A request to be refined before it is sent with [`Self::run`], with a handle that cancels it from another thread.
    pub fn job<'a>(&self, bytes: impl Into<Bytes>, options: JobOptions) -> crate::Job<'a> {
        self.client.job(bytes, options)
    }

    /// Runs one of a job's last methods: `client.run(job.optimize())`.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn run<T>(&self, job: impl Future<Output = Result<T>>) -> Result<T> {
        self.wait(job)
    }

    /// Says what an image is, without decoding its pixels.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn inspect(&self, bytes: impl Into<Bytes>) -> Result<ImageInfo> {
        self.wait(self.client.inspect(bytes))
    }

    /// Guesses how small an image would get.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn estimate(&self, bytes: impl Into<Bytes>, options: JobOptions) -> Result<Estimate> {
        self.wait(self.client.estimate(bytes, options))
    }

    /// The daemon's plugins.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn plugins(&self) -> Result<Vec<PluginRow>> {
        self.wait(self.client.plugins())
    }

    /// The daemon's state.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn status(&self) -> Result<StatusReport> {
        self.wait(self.client.status())
    }

    /// Makes the daemon read its configuration again.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn reload(&self) -> Result<()> {
        self.wait(self.client.reload())
    }

    /// Makes the daemon finish what runs and end.
    ///
    /// # Errors
    /// What the daemon answered, or why it could not.
    pub fn shutdown(&self) -> Result<()> {
        self.wait(self.client.shutdown())
    }

    /// Returns when the daemon has answered a PING.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn ping(&self) -> Result<()> {
        self.wait(self.client.ping())
    }
}

fn refuse_inside_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Err(Error::new(
            ErrorKind::Runtime,
            "a blocking call inside an async runtime would stop it; use squeezed_client::Client here",
        )),
        Err(_) => Ok(()),
    }
}
