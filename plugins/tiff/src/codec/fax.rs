//! CCITT group 3 and 4: read by hayro-ccitt, written with the code tables of fax. Rows are packed bits with white as 0.

use fax::Bits;
use fax::maps::{self, EDFB_HALF as END_OF_BLOCK, Mode};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use squeezed_plugin_api::Error;

use crate::raster::{Raster, compression};

/// Some decoders count pixels in 16 bits with a sign.
const MAX_WIDTH: usize = 32_000;

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

/// Codes, gathered into bytes.
#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Writer {
    fn put(&mut self, code: Bits) {
        self.pending = self.pending << code.len | u64::from(code.data);
        self.count += u32::from(code.len);
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.pending >> self.count) as u8);
        }
    }

    fn mode(&mut self, mode: Mode) {
        if let Some(code) = maps::mode::encode(mode) {
            self.put(code);
        }
    }

    /// A run of one colour: codes for multiples of 64, then the rest.
    fn run(&mut self, black: bool, mut length: usize) {
        let codes = if black { &maps::black::ENTRIES } else { &maps::white::ENTRIES };
        let mut code = |n: usize| {
            let index = if n >= 64 { 63 + n / 64 } else { n };
            if let Some((_, code)) = codes.get(index) {
                self.put(*code);
            }
        };
        while length >= LONGEST {
            code(LONGEST);
            length -= LONGEST;
        }
        if length >= 64 {
            code(length / 64 * 64);
        }
        code(length % 64);
    }
}

/// The longest run that has a code.
const LONGEST: usize = 2560;

/// Where the colour changes in a packed row that begins white.
fn changes(row: &[u8], width: usize, out: &mut Vec<usize>) {
    out.clear();
    let mut ends_black = false;
    for (i, byte) in row.iter().enumerate() {
        // A bit is set where a pixel differs from the one before it.
        let mut differs = byte ^ (byte >> 1 | u8::from(ends_black) << 7);
        ends_black = byte & 1 == 1;
        while differs != 0 {
            let bit = differs.leading_zeros() as usize;
            differs &= !(0x80 >> bit);
            let at = i * 8 + bit;
            if at < width {
                out.push(at);
            }
        }
    }
}

/// Codes packed rows by group 4 (ITU-T T.6); `None` where they are wider than readers count.
pub fn encode(packed: &[u8], width: u32) -> Option<Vec<u8>> {
    let width = usize::try_from(width).ok().filter(|w| (1..=MAX_WIDTH).contains(w))?;
    let mut writer = Writer::default();
    let (mut above, mut row) = (Vec::new(), Vec::new());
    for packed in packed.chunks_exact(width.div_ceil(8)) {
        changes(packed, width, &mut row);
        encode_row(&mut writer, &above, &row, width);
        std::mem::swap(&mut above, &mut row);
    }
    writer.put(END_OF_BLOCK);
    writer.put(END_OF_BLOCK);
    if writer.count > 0 {
        writer.out.push((writer.pending << (8 - writer.count)) as u8);
    }
    Some(writer.out)
}

/// One row by the one above it. `a0`, `a1`, `b1` and so on are those of the recommendation.
fn encode_row(writer: &mut Writer, above: &[usize], row: &[usize], width: usize) {
    let change = |list: &[usize], i: usize| list.get(i).copied().unwrap_or(width);
    // Before the first pixel there is a white one, to the right of which a change at 0 lies.
    let (mut a0, mut start) = (0, true);
    let (mut next, mut b) = (0, 0);
    while a0 < width {
        let black = next % 2 == 1;
        // The first change above that lies right of a0 and goes to the other colour.
        b = b / 2 * 2 + usize::from(black);
        while b >= 2 && change(above, b - 2) > a0 {
            b -= 2;
        }
        while b < above.len() && (change(above, b) < a0 || change(above, b) == a0 && !start) {
            b += 2;
        }
        let (a1, b1, b2) = (change(row, next), change(above, b), change(above, b + 1));
        if b2 < a1 {
            writer.mode(Mode::Pass);
            a0 = b2;
        } else if a1.abs_diff(b1) <= 3 {
            writer.mode(Mode::Vertical((a1 as i64 - b1 as i64) as i8));
            a0 = a1;
            next += 1;
        } else {
            let a2 = change(row, next + 1);
            writer.mode(Mode::Horizontal);
            writer.run(black, a1 - a0);
            writer.run(!black, a2 - a1);
            a0 = a2;
            next += 2;
        }
        start = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packed rows of noise, runs and repeated rows.
    fn rows(seed: u32, width: usize, height: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut random = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let mut out: Vec<u8> = Vec::new();
        for y in 0..height {
            let row = width.div_ceil(8);
            if y > 0 && random(3) == 0 {
                out.extend_from_within(out.len() - row..);
                continue;
            }
            let (mut bits, mut black) = (vec![0_u8; row], random(2) == 0);
            let (mut x, longest) = (0, 1 + random(if seed.is_multiple_of(3) { 6000 } else { 40 }));
            while x < width {
                let run = 1 + random(longest) as usize;
                if black {
                    fill(&mut bits, x, (x + run).min(width));
                }
                (x, black) = (x + run, !black);
            }
            out.extend(bits);
        }
        out
    }

    #[test]
    fn what_is_written_is_read_by_another_decoder() {
        for seed in 0..400 {
            let width = [1, 7, 8, 9, 31, 64, 65, 500, 2551, 2600, 9000][seed as usize % 11];
            let packed = rows(seed, width, 12);
            let coded = encode(&packed, width as u32).unwrap();
            let settings = DecodeSettings {
                columns: width as u32,
                rows: 12,
                end_of_block: true,
                end_of_line: false,
                rows_are_byte_aligned: false,
                encoding: EncodingMode::Group4,
                strict: true,
            };
            let mut sink =
                Rows { out: Vec::new(), row: width.div_ceil(8), width: width as u32, count: 0, most: 12 };
            hayro_ccitt::decode(&coded, &mut sink, &mut DecoderContext::new(settings)).unwrap();
            assert_eq!(sink.out, packed, "seed {seed}");
        }
        assert!(encode(&[0; 10_000], 80_000).is_none());
    }

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
