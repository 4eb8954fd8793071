//! Ctrl-C and its kin: the first asks to stop after what is in flight, the second ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;
use crate::stdio;
use crate::write;

/// Tells whether the user asked to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> std::io::Result<Self> {
        Self::listen_and_say("squeeze: finishing the files in flight; once more to stop at once")
    }

    /// Listens from now on, and says this when it heard.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen_and_say(text: &'static str) -> std::io::Result<Self> {
        let mut signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        };
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            stdio::say(text);
            tell.send_replace(true);
            signals.next().await;
            write::abandon();
            std::process::exit(Exit::Interrupted as i32);
        });
        Ok(Self(told))
    }

    /// Whether the user asked to stop.
    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the user asks to stop.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
