//! Who is on the other side of a connection.

use tokio::net::UnixStream;

/// A client's identity, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Process id at the time of connecting; 0 if unknown.
    pub pid: i32,
}

impl Peer {
    /// The peer of a socket; an unknown one is nobody.
    pub fn of(socket: &UnixStream) -> Self {
        match socket.peer_cred() {
            Ok(cred) => Self { uid: cred.uid(), pid: cred.pid().unwrap_or(0) },
            Err(_) => Self { uid: u32::MAX, pid: 0 },
        }
    }

    /// Whether it may reload and stop the daemon and see all of its state.
    pub fn is_admin(self) -> bool {
        self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
    }
}
