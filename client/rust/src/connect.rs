//! Finding a daemon's socket and the first two messages. Knows nothing of requests.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use squeezed_protocol::socket::{self, Place};
use squeezed_protocol::{ErrorReply, Frame, FrameKind, Hello, HelloAck, MAGIC, MAJOR, MINOR};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::pump::{Incoming, incoming, read_frame, write_frame};

/// How long a daemon may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection after the first two messages.
pub(crate) struct Greeted {
    pub hello: HelloAck,
    pub reader: Incoming<OwnedReadHalf>,
    pub writer: OwnedWriteHalf,
}

/// Connects to the first of the default places that answers.
pub(crate) async fn any_place(name: &str) -> Result<(PathBuf, Greeted)> {
    let mut tried = Vec::new();
    for place in socket::places(None) {
        match at_place(&place, name).await {
            Ok(greeted) => return Ok((place.path, greeted)),
            // Somebody is there but does not speak our language: say so instead of going on.
            Err(error) if error.kind() != ErrorKind::Connect => return Err(error),
            Err(error) => tried.push(error.message().to_owned()),
        }
    }
    Err(Error::new(ErrorKind::Connect, format!("no daemon answers: {}", tried.join("; "))))
}

async fn at_place(place: &Place, name: &str) -> Result<Greeted> {
    if !place.explicit {
        check_folder(&place.path)?;
    }
    at(&place.path, name).await
}

/// In a folder that anyone may write to, another user could pose as the daemon.
fn check_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|f| f.parent() == Some(Path::new("/tmp"))) else { return Ok(()) };
    match std::fs::symlink_metadata(folder) {
        Ok(meta) if meta.is_dir() && meta.uid() == socket::uid() && meta.mode() & 0o022 == 0 => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::Connect,
            format!("{} is not a folder that only you may write to, so it is not trusted", folder.display()),
        )),
        Err(error) => Err(unreachable(path, &error)),
    }
}

/// Connects to a socket and says hello.
pub(crate) async fn at(path: &Path, name: &str) -> Result<Greeted> {
    socket::check_length(path).map_err(|text| Error::new(ErrorKind::Connect, text))?;
    let stream = UnixStream::connect(path).await.map_err(|e| unreachable(path, &e))?;
    let (reader, writer) = stream.into_split();
    match timeout(HELLO_TIMEOUT, greet(incoming(reader), writer, name)).await {
        Ok(greeted) => greeted,
        Err(_) => Err(Error::new(
            ErrorKind::Handshake,
            format!("{} accepts connections but did not say hello within 10 s", path.display()),
        )),
    }
}

fn unreachable(path: &Path, error: &io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no socket".to_owned(),
        io::ErrorKind::ConnectionRefused => "a socket without a daemon".to_owned(),
        io::ErrorKind::PermissionDenied => "not allowed to connect".to_owned(),
        _ => error.to_string(),
    };
    Error::new(ErrorKind::Connect, format!("{}: {why}", path.display()))
}

async fn greet(
    mut reader: Incoming<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
    name: &str,
) -> Result<Greeted> {
    let hello = Frame::json(FrameKind::Hello, 0, &Hello::new(name)).end(true);
    // A daemon that refuses may close before it read this; its reason is still worth reading.
    let _ = write_frame(&mut writer, hello).await;
    let closed =
        || Error::new(ErrorKind::Disconnected, "the daemon closed the connection instead of saying hello");
    let frame = read_frame(&mut reader).await?.ok_or_else(closed)?;
    let hello: HelloAck = match frame.header.kind {
        FrameKind::HelloAck => {
            frame.parse().map_err(|e| handshake(format!("its hello cannot be read: {e}")))?
        }
        FrameKind::Error => {
            let reply: ErrorReply =
                frame.parse().map_err(|e| handshake(format!("its refusal cannot be read: {e}")))?;
            return Err(reply.into());
        }
        other => return Err(handshake(format!("it began with {other:?}"))),
    };
    if hello.magic != MAGIC {
        return Err(handshake("it is another program; check the socket path".into()));
    }
    if hello.major != MAJOR || hello.minor > MINOR {
        return Err(handshake(format!(
            "it speaks protocol {}.{}, this client {MAJOR}.0 to {MAJOR}.{MINOR}; upgrade the older one",
            hello.major, hello.minor
        )));
    }
    Ok(Greeted { hello, reader, writer })
}

fn handshake(text: String) -> Error {
    Error::new(ErrorKind::Handshake, format!("what answers at the socket is no daemon to talk to: {text}"))
}
