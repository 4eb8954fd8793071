//! Takes frames out of the bytes of a socket, and knows when half of one hangs.

use bytes::BytesMut;
use squeezed_protocol::{Frame, FrameError, MAX_FRAME};
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;
use tokio::time::Instant;
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

/// The reading side of a connection.
pub struct FrameReader {
    socket: OwnedReadHalf,
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
    /// Bytes of a frame that is not complete yet.
    pending: usize,
    last_byte: Instant,
}

/// What came.
pub enum Incoming {
    /// A frame.
    Frame(Frame),
    /// A part of a frame: timers may have changed.
    Part,
    /// The client closed its side.
    Closed,
}

impl FrameReader {
    /// Reads frames from this socket.
    pub fn new(socket: OwnedReadHalf) -> Self {
        let codec = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_type::<u32>()
            .max_frame_length(MAX_FRAME)
            .new_codec();
        Self {
            socket,
            codec,
            buffer: BytesMut::with_capacity(64 << 10),
            pending: 0,
            last_byte: Instant::now(),
        }
    }

    /// The next frame or part of one. May be dropped and called again without loss.
    ///
    /// # Errors
    /// Bytes that are no frame.
    pub async fn next(&mut self) -> Result<Incoming, FrameError> {
        match self.codec.decode(&mut self.buffer) {
            Ok(Some(bytes)) => {
                self.pending = self.pending.saturating_sub(4 + bytes.len());
                return Frame::decode(bytes.freeze()).map(Incoming::Frame);
            }
            Ok(None) => {}
            // The codec has one error: a length beyond the maximum.
            Err(_) => return Err(FrameError::Long(self.length_field())),
        }
        self.buffer.reserve(16 << 10);
        match self.socket.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Ok(Incoming::Closed),
            Ok(n) => {
                self.pending += n;
                self.last_byte = Instant::now();
                Ok(Incoming::Part)
            }
        }
    }

    /// Since when half a frame hangs, if one does.
    pub fn half_since(&self) -> Option<Instant> {
        (self.pending > 0).then_some(self.last_byte)
    }

    fn length_field(&self) -> u64 {
        self.buffer.first_chunk::<4>().map_or(0, |b| u64::from(u32::from_le_bytes(*b)))
    }
}
