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

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/wire/vectors.json");

    fn list(vectors: &serde_json::Value, name: &str) -> Vec<(String, Vec<u8>)> {
        let unhex = |hex: &str| {
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
        };
        let entry = |v: &serde_json::Value| {
            let mut bytes: Vec<u8> = unhex(v["hex"].as_str().unwrap());
            bytes.resize(bytes.len() + v["zeros"].as_u64().unwrap_or(0) as usize, 0);
            (v["name"].as_str().unwrap().to_owned(), bytes)
        };
        vectors[name].as_array().unwrap().iter().map(entry).collect()
    }

    /// Meta and body of a golden frame survive reading and writing by this crate.
    #[tokio::test]
    async fn golden_frames_come_and_go() {
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap();
        let frames = list(&vectors, "frames");
        assert!(frames.len() > 10);
        let stream: Vec<u8> = frames.iter().flat_map(|f| f.1.clone()).collect();
        let mut incoming = incoming(&stream[..]);
        for (name, bytes) in frames {
            let frame = read_frame(&mut incoming).await.unwrap().unwrap();
            let mut written = Vec::new();
            write_frame(&mut written, frame).await.unwrap();
            assert!(written == bytes, "{name}");
        }
        assert!(read_frame(&mut incoming).await.unwrap().is_none());
    }

    /// What is no frame, or none that a client may get, ends the connection.
    #[tokio::test]
    async fn framing_errors_end_the_connection() {
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap();
        for (name, bytes) in list(&vectors, "framing_errors") {
            let mut incoming = incoming(&bytes[..]);
            if let Err(error) = read_frame(&mut incoming).await {
                assert_ne!(error.kind(), ErrorKind::Connect, "{name}");
            }
        }
        let mut long = incoming(&b"\xff\xff\xff\xff"[..]);
        assert_eq!(read_frame(&mut long).await.unwrap_err().kind(), ErrorKind::BadReply);
        let mut cut = incoming(&b"\x0c\0\0\0\x05"[..]);
        assert_eq!(read_frame(&mut cut).await.unwrap_err().kind(), ErrorKind::Disconnected);
    }
}
