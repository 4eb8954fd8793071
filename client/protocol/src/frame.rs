//! One frame: what travels behind a length field.
//!
//! On the wire stands a little-endian `u32` length, then that many bytes: a 12-byte header, JSON meta, raw body.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{MAX_BODY, MAX_FRAME, MAX_META};

/// Bytes of the header: kind u8, flags u8, reserved u16, stream u32, meta_len u32.
pub const HEADER_LEN: usize = 12;
const FLAG_END: u8 = 1;

/// What a frame says. The numbers are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// First frame of a client.
    Hello = 1,
    /// First frame of a daemon.
    HelloAck = 2,
    /// No new requests are taken.
    Goaway = 3,
    /// Are you there?
    Ping = 4,
    /// I am.
    Pong = 5,
    /// Make an image smaller.
    Optimize = 16,
    /// Guess how small it would get.
    Estimate = 17,
    /// Say what an image is.
    Inspect = 18,
    /// More bytes of a stream, in either direction.
    Data = 19,
    /// The client lost interest in a stream.
    Cancel = 20,
    /// A stream may send all of its bytes.
    Grant = 21,
    /// How far a job is.
    Progress = 22,
    /// A stream's answer.
    Result = 23,
    /// A stream's answer, or for stream 0 the end of the connection.
    Error = 24,
    /// List the plugins.
    Plugins = 32,
    /// Tell the daemon's state.
    Status = 33,
    /// Read the configuration again.
    Reload = 34,
    /// Drain and end.
    Shutdown = 35,
}

impl FrameKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [FrameKind; 18] = [
        FrameKind::Hello,
        FrameKind::HelloAck,
        FrameKind::Goaway,
        FrameKind::Ping,
        FrameKind::Pong,
        FrameKind::Optimize,
        FrameKind::Estimate,
        FrameKind::Inspect,
        FrameKind::Data,
        FrameKind::Cancel,
        FrameKind::Grant,
        FrameKind::Progress,
        FrameKind::Result,
        FrameKind::Error,
        FrameKind::Plugins,
        FrameKind::Status,
        FrameKind::Reload,
        FrameKind::Shutdown,
    ];

    /// The kind with this number, if there is one.
    pub fn from_u8(n: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u8 == n)
    }
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame says.
    pub kind: FrameKind,
    /// Whether the stream's bytes in this direction end here.
    pub end: bool,
    /// Which stream; 0 is the connection.
    pub stream: u32,
}

/// A frame with its parts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The fixed part.
    pub header: Header,
    /// UTF-8 JSON, or nothing.
    pub meta: Bytes,
    /// Raw bytes.
    pub body: Bytes,
}

/// Why bytes are no frame. Each ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length field names more than a frame can hold.
    #[error("frame of {0} bytes is longer than {MAX_FRAME}")]
    Long(u64),
    /// Shorter than a header.
    #[error("frame of {0} bytes is shorter than its header of {HEADER_LEN}")]
    Short(usize),
    /// No such kind.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// Flags that are not known.
    #[error("unknown flags {0:#04x}")]
    Flags(u8),
    /// The reserved field is in use.
    #[error("reserved field is {0}, not 0")]
    Reserved(u16),
    /// The meta is longer than allowed, or than the frame.
    #[error("meta of {0} bytes does not fit")]
    Meta(u32),
    /// The body is longer than allowed.
    #[error("body of {0} bytes is longer than {MAX_BODY}")]
    Body(usize),
}

impl Frame {
    /// A frame of these parts.
    pub fn new(kind: FrameKind, stream: u32, meta: impl Into<Bytes>, body: impl Into<Bytes>) -> Self {
        Self { header: Header { kind, end: false, stream }, meta: meta.into(), body: body.into() }
    }

    /// The same with the END flag as told.
    pub fn end(mut self, end: bool) -> Self {
        self.header.end = end;
        self
    }

    /// A frame whose meta is `value` in JSON. A value that cannot be written becomes an empty object.
    pub fn json(kind: FrameKind, stream: u32, value: &impl serde::Serialize) -> Self {
        let meta = serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec());
        Self::new(kind, stream, meta, Bytes::new())
    }

    /// The header and meta, without the body, behind the length field of the whole frame.
    pub fn encode_head(&self) -> BytesMut {
        let len = HEADER_LEN + self.meta.len() + self.body.len();
        let mut out = BytesMut::with_capacity(4 + HEADER_LEN + self.meta.len());
        out.put_u32_le(u32::try_from(len).unwrap_or(u32::MAX));
        out.put_u8(self.header.kind as u8);
        out.put_u8(if self.header.end { FLAG_END } else { 0 });
        out.put_u16_le(0);
        out.put_u32_le(self.header.stream);
        out.put_u32_le(u32::try_from(self.meta.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(&self.meta);
        out
    }

    /// The whole frame with its length field.
    pub fn encode(&self) -> Bytes {
        let mut out = self.encode_head();
        out.extend_from_slice(&self.body);
        out.freeze()
    }

    /// Takes apart the bytes behind a length field; meta and body share their memory.
    ///
    /// # Errors
    /// Whatever is wrong with them; the connection should end.
    pub fn decode(mut bytes: Bytes) -> Result<Self, FrameError> {
        if bytes.len() > MAX_FRAME {
            return Err(FrameError::Long(bytes.len() as u64));
        }
        if bytes.len() < HEADER_LEN {
            return Err(FrameError::Short(bytes.len()));
        }
        let (kind, flags, reserved) = (bytes.get_u8(), bytes.get_u8(), bytes.get_u16_le());
        let (stream, meta_len) = (bytes.get_u32_le(), bytes.get_u32_le());
        let kind = FrameKind::from_u8(kind).ok_or(FrameError::Kind(kind))?;
        if flags & !FLAG_END != 0 {
            return Err(FrameError::Flags(flags));
        }
        if reserved != 0 {
            return Err(FrameError::Reserved(reserved));
        }
        let meta_size = usize::try_from(meta_len).map_err(|_| FrameError::Meta(meta_len))?;
        if meta_size > MAX_META || meta_size > bytes.len() {
            return Err(FrameError::Meta(meta_len));
        }
        let meta = bytes.split_to(meta_size);
        if bytes.len() > MAX_BODY {
            return Err(FrameError::Body(bytes.len()));
        }
        Ok(Self { header: Header { kind, end: flags & FLAG_END != 0, stream }, meta, body: bytes })
    }

    /// The meta as a value; an empty meta counts as `{}`.
    ///
    /// # Errors
    /// What the JSON parser says.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        let meta: &[u8] = if self.meta.is_empty() { b"{}" } else { &self.meta };
        serde_json::from_slice(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::decode(bytes.into());
        }

        #[test]
        fn what_is_written_is_read_again(kind in 0usize..18, end: bool, stream: u32, meta in "[a-z]{0,50}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let frame = Frame::new(FrameKind::ALL[kind], stream, meta.into_bytes(), body).end(end);
            let mut bytes = frame.encode();
            prop_assert_eq!(bytes.get_u32_le() as usize, bytes.len());
            prop_assert_eq!(Frame::decode(bytes).unwrap(), frame);
        }
    }

    #[test]
    fn limits_hold() {
        let long = Frame::new(FrameKind::Data, 1, Bytes::new(), vec![0; MAX_BODY + 1]).encode().slice(4..);
        assert_eq!(Frame::decode(long), Err(FrameError::Body(MAX_BODY + 1)));
        let meta = Frame::new(FrameKind::Data, 1, vec![0; MAX_META + 1], Bytes::new()).encode().slice(4..);
        assert_eq!(Frame::decode(meta), Err(FrameError::Meta(MAX_META as u32 + 1)));
    }
}
