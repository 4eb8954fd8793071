//! The two tasks of a connection: one that always reads, one that writes what is next. Neither knows what a frame means.

use std::sync::Arc;

use bytes::Buf;
use futures_util::StreamExt;
use squeezed_protocol::{Frame, MAX_FRAME};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use crate::error::{Error, ErrorKind, Result};
use crate::state::State;

/// Frames as they come.
pub(crate) type Incoming<R> = FramedRead<R, LengthDelimitedCodec>;

/// Splits what is read into frames.
pub(crate) fn incoming<R: AsyncRead>(reader: R) -> Incoming<R> {
    LengthDelimitedCodec::builder()
        .little_endian()
        .length_field_type::<u32>()
        .max_frame_length(MAX_FRAME)
        .new_read(reader)
}

/// The next frame; `None` at the end.
pub(crate) async fn read_frame<R: AsyncRead + Unpin>(incoming: &mut Incoming<R>) -> Result<Option<Frame>> {
    let Some(bytes) = incoming.next().await else { return Ok(None) };
    let bytes = bytes.map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => {
            Error::new(ErrorKind::BadReply, format!("the daemon sent no frame: {e}"))
        }
        _ => Error::new(ErrorKind::Disconnected, format!("the connection to the daemon was lost: {e}")),
    })?;
    let frame = Frame::decode(bytes.freeze());
    frame.map(Some).map_err(|e| Error::new(ErrorKind::BadReply, format!("the daemon sent no frame: {e}")))
}

/// Writes one frame without copying its body.
pub(crate) async fn write_frame<W: AsyncWrite + Unpin>(writer: &mut W, frame: Frame) -> std::io::Result<()> {
    let mut bytes = frame.encode_head().freeze().chain(frame.body);
    writer.write_all_buf(&mut bytes).await
}

/// Reads until the connection ends, then ends every request that still waits.
pub(crate) async fn read<R: AsyncRead + Unpin>(mut incoming: Incoming<R>, state: Arc<State>) {
    let why = loop {
        match read_frame(&mut incoming).await {
            Ok(Some(frame)) => {
                if let Err(error) = state.accept(frame) {
                    break error;
                }
            }
            Ok(None) => break Error::new(ErrorKind::Disconnected, "the daemon closed the connection"),
            Err(error) => break error,
        }
    };
    state.end(why);
}

/// Writes for as long as the socket takes it. A failure is left to the reader, which sees the daemon's last word first.
pub(crate) async fn write<W: AsyncWrite + Unpin>(mut writer: W, state: Arc<State>) {
    loop {
        while let Some(frame) = state.next_frame() {
            if write_frame(&mut writer, frame).await.is_err() {
                return;
            }
        }
        state.woken().await;
    }
}
