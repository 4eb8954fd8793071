//! One coded picture: what a still PNG needs and nothing else. The unit that is decoded, searched and compared; a
//! frame of an animation is one too.

use std::io::Cursor;

use squeezed_plugin_api::Error;

use crate::animation::Frame;
use crate::chunk::{OVERHEAD, SIGNATURE, Walk, push};
use crate::file::File;
use crate::header::{Color, Header};

/// Told apart by its text alone: decoders get over it.
const EXCESS: &str = "picture data goes on behind the last row";

/// One coded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Dimensions and sample format.
    pub header: Header,
    /// The data of PLTE, for indexed pictures only.
    pub palette: Vec<u8>,
    /// The data of tRNS; empty where there is none.
    pub transparency: Vec<u8>,
    /// The zlib stream.
    pub data: Vec<u8>,
}

/// A decoded picture of 8 or 16 bit samples, palette and transparency expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Samples of one pixel: 1 grey, 2 with alpha, 3 RGB, 4 with alpha.
    pub channels: u8,
    /// Whether samples have 16 bits, big-endian.
    pub wide: bool,
    /// Rows without padding.
    pub samples: Vec<u8>,
}

impl Picture {
    /// The picture of a file's IDAT.
    pub fn of_file(file: &File<'_>) -> Self {
        Self::new(file, file.header, &file.data)
    }
    /// The picture of a frame that has data of its own.
    pub fn of_frame(file: &File<'_>, frame: &Frame<'_>) -> Self {
        Self::new(file, frame.header(file.header), &frame.data)
    }
    fn new(file: &File<'_>, header: Header, data: &[&[u8]]) -> Self {
        // In a truecolour picture PLTE is a suggestion: it travels with the ancillary chunks.
        let palette = if header.color == Color::Indexed { file.palette.to_vec() } else { Vec::new() };
        Self { header, palette, transparency: file.transparency.to_vec(), data: data.concat() }
    }

    /// The palette as RGBA.
    pub fn colors(&self) -> Vec<[u8; 4]> {
        let alpha = self.transparency.iter().copied().chain(std::iter::repeat(255));
        self.palette.as_chunks::<3>().0.iter().zip(alpha).map(|([r, g, b], a)| [*r, *g, *b, a]).collect()
    }

    /// Bytes of the chunks that carry it, IHDR not counted.
    pub fn cost(&self) -> usize {
        let chunk = |len: usize| if len == 0 { 0 } else { len + OVERHEAD };
        chunk(self.palette.len()) + chunk(self.transparency.len()) + chunk(self.data.len())
    }

    /// A file with nothing but the picture.
    pub fn to_still(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.cost() + 64);
        out.extend_from_slice(&SIGNATURE);
        push(&mut out, *b"IHDR", &[&self.header.to_bytes()]);
        self.push_palette(&mut out);
        push(&mut out, *b"IDAT", &[&self.data]);
        push(&mut out, *b"IEND", &[]);
        out
    }

    /// Appends PLTE and tRNS, where there are any.
    pub fn push_palette(&self, out: &mut Vec<u8>) {
        if !self.palette.is_empty() {
            push(out, *b"PLTE", &[&self.palette]);
        }
        if !self.transparency.is_empty() {
            push(out, *b"tRNS", &[&self.transparency]);
        }
    }

    /// Reads a file that has nothing but a picture.
    ///
    /// # Errors
    /// `BadImage` where it is no such file.
    pub fn of_still(still: &[u8]) -> Result<Self, Error> {
        let mut header = None;
        let (mut palette, mut transparency, mut data) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in Walk::new(still)? {
            let chunk = chunk?;
            match &chunk.name {
                b"IHDR" => header = Some(Header::parse(chunk.data)?),
                b"PLTE" => palette = chunk.data.to_vec(),
                b"tRNS" => transparency = chunk.data.to_vec(),
                b"IDAT" => data.extend_from_slice(chunk.data),
                _ => {}
            }
        }
        let header = header.ok_or_else(|| Error::bad_image("IHDR is missing"))?;
        Ok(Self { header, palette, transparency, data })
    }

    /// The filtered rows inside the zlib stream.
    ///
    /// # Errors
    /// `BadImage` where the stream is broken, too short or too long.
    pub fn inflate(&self) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(self.header.raw_size())
            .map_err(|_| Error::too_large("the picture does not fit this machine's memory"))?;
        let mut raw = vec![0; size];
        match libdeflater::Decompressor::new().zlib_decompress(&self.data, &mut raw) {
            Ok(length) if length == size => Ok(raw),
            Ok(_) => Err(Error::bad_image("picture data is too short")),
            Err(libdeflater::DecompressionError::BadData) => Err(Error::bad_image("picture data is damaged")),
            Err(libdeflater::DecompressionError::InsufficientSpace) => Err(Error::bad_image(EXCESS)),
        }
    }

    /// The same picture with its data checked: every row there, every filter known. Bytes behind the last row are cut.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    pub fn tidy(self) -> Result<Self, Error> {
        let raw = match self.inflate() {
            Ok(raw) => raw,
            Err(error) if error.message == EXCESS => return self.cut(),
            Err(error) => return Err(error),
        };
        let mut rest = &raw[..];
        for (row, rows) in self.header.passes() {
            for _ in 0..rows {
                let (line, after) =
                    rest.split_at_checked(usize::try_from(row).unwrap_or(usize::MAX)).unwrap_or((rest, &[]));
                if line.first().is_none_or(|filter| *filter > 4) {
                    return Err(Error::bad_image("a row has an unknown filter"));
                }
                rest = after;
            }
        }
        Ok(self)
    }

    /// The same picture from its decoded rows.
    fn cut(self) -> Result<Self, Error> {
        let rows = self.packed_rows()?;
        let header = Header { interlaced: false, ..self.header };
        Ok(Self { header, data: plain_rows(&rows, header), ..self })
    }

    /// Decodes it, palette and transparency expanded, to samples of at least 8 bits.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    pub fn decode(&self) -> Result<Pixels, Error> {
        self.decode_as(png::Transformations::EXPAND)
    }

    /// The rows without filters, samples packed as stored, not interlaced.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    pub fn packed_rows(&self) -> Result<Vec<u8>, Error> {
        Ok(self.decode_as(png::Transformations::IDENTITY)?.samples)
    }

    /// Decodes the indices of an indexed picture, one byte each; other pictures of fewer than 8 bits likewise.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    pub fn decode_indices(&self) -> Result<Vec<u8>, Error> {
        let packed = self.packed_rows()?;
        let depth = usize::from(self.header.depth);
        if depth >= 8 {
            return Ok(packed);
        }
        let width = self.header.width as usize;
        let mut out = Vec::with_capacity(width.saturating_mul(self.header.height as usize));
        let mask = (1_u8 << depth) - 1;
        for row in packed.chunks_exact((width * depth).div_ceil(8)) {
            let bits =
                row.iter().flat_map(|b| (0..8 / depth).map(move |i| (b >> (8 - depth - i * depth)) & mask));
            out.extend(bits.take(width));
        }
        Ok(out)
    }

    fn decode_as(&self, transformations: png::Transformations) -> Result<Pixels, Error> {
        let mut options = png::DecodeOptions::default();
        options.set_ignore_adler32(false);
        let still = self.to_still();
        let mut decoder = png::Decoder::new_with_options(Cursor::new(&still[..]), options);
        // The dimensions were checked against the data's length and the job's limits; rows may be long.
        decoder.set_limits(png::Limits { bytes: usize::MAX });
        decoder.set_transformations(transformations);
        let mut reader = decoder.read_info().map_err(damaged)?;
        let size = reader
            .output_buffer_size()
            .ok_or_else(|| Error::too_large("the picture does not fit this machine's memory"))?;
        let mut samples = vec![0; size];
        let info = reader.next_frame(&mut samples).map_err(damaged)?;
        samples.truncate(info.buffer_size());
        let channels = u8::try_from(info.color_type.samples()).unwrap_or(4);
        Ok(Pixels { channels, wide: info.bit_depth == png::BitDepth::Sixteen, samples })
    }
}

impl Pixels {
    /// The same as RGBA, 8 bits a sample; `None` for 16 bit samples.
    pub fn to_rgba(&self) -> Option<Vec<[u8; 4]>> {
        if self.wide {
            return None;
        }
        let s = &self.samples;
        Some(match self.channels {
            1 => s.iter().map(|g| [*g, *g, *g, 255]).collect(),
            2 => s.as_chunks::<2>().0.iter().map(|[g, a]| [*g, *g, *g, *a]).collect(),
            3 => s.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect(),
            _ => s.as_chunks::<4>().0.to_vec(),
        })
    }
}

/// A zlib stream of rows that are not interlaced, without filters and quickly made.
pub fn plain_rows(rows: &[u8], header: Header) -> Vec<u8> {
    let width = header.passes().first().map_or(1, |(row, _)| usize::try_from(*row).unwrap_or(usize::MAX)) - 1;
    let mut raw = Vec::with_capacity(rows.len() + header.height as usize);
    for row in rows.chunks(width.max(1)) {
        raw.push(0);
        raw.extend_from_slice(row);
    }
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let mut data = vec![0; compressor.zlib_compress_bound(raw.len())];
    let length = compressor.zlib_compress(&raw, &mut data).unwrap_or(0);
    data.truncate(length);
    data
}

fn damaged(error: png::DecodingError) -> Error {
    Error::bad_image(format!("picture data is damaged: {}", error.to_string().to_lowercase()))
}
