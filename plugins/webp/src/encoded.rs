//! Bitstreams that were made here, apart from any file.

use squeezed_plugin_api::{Error, ErrorCode, Job, LogLevel};

use crate::container::{self, Bitstream, Container, Frame};

/// A bitstream that owns its bytes.
#[derive(Debug)]
pub struct Encoded {
    chunks: Vec<u8>,
}

impl Encoded {
    /// A copy of a bitstream.
    ///
    /// # Errors
    /// `Failed` beyond 4 GiB.
    pub fn new(image: &Bitstream<'_>) -> Result<Self, Error> {
        let mut chunks = Vec::new();
        image
            .write(&mut chunks)
            .ok_or_else(|| Error::failed("a bitstream is larger than the format allows"))?;
        Ok(Self { chunks })
    }

    /// The picture of a file that libwebp wrote.
    ///
    /// # Errors
    /// `Failed` where it cannot be read.
    pub fn from_file(file: &[u8]) -> Result<Self, Error> {
        let c =
            Container::parse(file).map_err(|e| Error::failed(format!("libwebp wrote a bad file: {e}")))?;
        let frame = c.frames.first().ok_or_else(|| Error::failed("libwebp wrote no picture"))?;
        Self::new(&frame.image)
    }

    /// The bitstream.
    ///
    /// # Errors
    /// `Failed` where it cannot be read.
    pub fn image(&self) -> Result<Bitstream<'_>, Error> {
        let (image, _) = container::image(&self.chunks).map_err(|e| Error::failed(e.message))?;
        image.ok_or_else(|| Error::failed("a bitstream is missing"))
    }
}

/// The smallest bitstream, if it is smaller than a frame's own; the first of equal ones.
pub fn if_smaller(frame: &Frame<'_>, made: impl Iterator<Item = Encoded>) -> Result<Option<Encoded>, Error> {
    let (mut best, mut size) = (None, frame.image.chunk_len());
    for encoded in made {
        let len = encoded.image()?.chunk_len();
        if len < size {
            (best, size) = (Some(encoded), len);
        }
    }
    Ok(best)
}

/// An encoding that libwebp refuses (a picture too large or too detailed for the bitstream) is one that is not tried.
pub fn or_skip<T>(job: &Job<'_>, result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(t) => Ok(Some(t)),
        Err(e) if e.code == ErrorCode::Failed => {
            job.log(LogLevel::Warn, &e.message);
            Ok(None)
        }
        Err(e) => Err(e),
    }
}
