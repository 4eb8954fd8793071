//! CCITT group 3 and 4: read by hayro-ccitt, written by fax. Rows are packed bits with white as 0.

use fax::{BitWriter, Color};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use squeezed_plugin_api::Error;

use crate::raster::{Raster, compression};

/// fax counts pixels in 16 bits, and the distance of two of them with a sign.
const MAX_WIDTH: u32 = 30_000;

/// Two-dimensional coding among the options of group 3.
const TWO_DIMENSIONS: u64 = 1;
/// Rows end at whole bytes.
const FILL_BITS: u64 = 4;

struct Rows {
    out: Vec<u8>,
    row: usize,
    width: u32,
    count: u32,
    most: u32,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        if self.count >= self.most {
            return;
        }
        self.count += 1;
        let start = self.out.len();
        self.out.resize(start + self.row, 0);
        let row = &mut self.out[start..];
        for pair in changes.chunks(2) {
            let (from, to) = (pair[0], pair.get(1).copied().unwrap_or(self.width));
            fill(row, from as usize, to.min(self.width) as usize);
        }
    }
}

/// Sets the bits from one place up to another.
fn fill(row: &mut [u8], from: usize, to: usize) {
    let mut at = from;
    while at < to {
        let Some(byte) = row.get_mut(at / 8) else { return };
        let end = (at / 8 * 8 + 8).min(to);
        let ones = (0xff_u16 << (8 - (end - at))) as u8;
        *byte |= ones >> (at % 8);
        at = end;
    }
}

/// Reads the rows of a strip.
///
/// # Errors
/// `BadImage` where a code is unknown or rows are missing.
pub fn decode(raster: &Raster<'_>, data: &[u8], width: u32, rows: u32) -> Result<Vec<u8>, Error> {
    let options = if raster.compression == compression::G3 { raster.t4_options } else { 0 };
    let encoding = match raster.compression {
        compression::G4 => EncodingMode::Group4,
        compression::G3 if options & TWO_DIMENSIONS != 0 => EncodingMode::Group3_2D,
        _ => EncodingMode::Group3_1D,
    };
    let settings = DecodeSettings {
        columns: width,
        rows,
        end_of_block: raster.compression != compression::RLE,
        end_of_line: false,
        rows_are_byte_aligned: raster.compression == compression::RLE || options & FILL_BITS != 0,
        encoding,
        strict: true,
    };
    let row = usize::try_from(raster.row_bytes(width)).unwrap_or(usize::MAX);
    let mut sink = Rows { out: Vec::new(), row, width, count: 0, most: rows };
    let result = hayro_ccitt::decode(data, &mut sink, &mut DecoderContext::new(settings));
    match result {
        _ if sink.count == rows => Ok(sink.out),
        Ok(_) => Err(Error::bad_image("fax data ends too early")),
        Err(e) => Err(Error::bad_image(format!("fax data is damaged: {e}"))),
    }
}

/// Bits for fax, with whole bytes at the end.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    pending: u64,
    count: u32,
}

impl BitWriter for Bits {
    type Error = std::convert::Infallible;
    fn write(&mut self, bits: fax::Bits) -> Result<(), Self::Error> {
        self.pending = self.pending << bits.len | u64::from(bits.data);
        self.count += u32::from(bits.len);
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.pending >> self.count) as u8);
        }
        Ok(())
    }
}

/// Codes packed rows by group 4; `None` where they are too wide.
pub fn encode(packed: &[u8], width: u32) -> Option<Vec<u8>> {
    let pixels = u16::try_from(width).ok().filter(|w| *w > 0 && width <= MAX_WIDTH)?;
    let mut encoder = fax::encoder::Encoder::new(Bits::default());
    for row in packed.chunks_exact(usize::from(pixels).div_ceil(8)) {
        let bits = row.iter().flat_map(|b| (0..8).map(move |i| b << i & 0x80 != 0));
        let pels =
            bits.take(usize::from(pixels)).map(|black| if black { Color::Black } else { Color::White });
        let Ok(()) = encoder.encode_line(pels, pixels);
    }
    let Ok(mut bits) = encoder.finish();
    if bits.count > 0 {
        bits.out.push((bits.pending << (8 - bits.count)) as u8);
    }
    Some(bits.out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_filled_exactly() {
        for (from, to) in [(0, 0), (0, 1), (3, 8), (7, 9), (0, 24), (5, 23)] {
            let mut row = [0; 3];
            fill(&mut row, from, to);
            for i in 0..24 {
                assert_eq!(row[i / 8] << (i % 8) & 0x80 != 0, (from..to).contains(&i), "{from}..{to} at {i}");
            }
        }
    }
}
