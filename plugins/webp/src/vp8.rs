//! The header of a lossy bitstream (RFC 6386, sections 9.1 to 9.6): dimensions, where the partitions lie, and the
//! quantizers. Decodes no macroblock.

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Width, 1 to 16383.
    pub width: u32,
    /// Height, 1 to 16383.
    pub height: u32,
    /// The quantizer index, 0 to 127, of each segment in use, and the share of macroblocks that it holds.
    pub segments: Vec<(u8, f64)>,
}

/// Why a bitstream was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Not a key frame that is shown, or no start code.
    Header,
    /// A partition ends behind the data.
    Truncated,
}

/// Reads the header and checks that all partitions are there.
pub fn header(data: &[u8]) -> Result<Header, Broken> {
    let (head, rest) = data.split_first_chunk::<10>().ok_or(Broken::Truncated)?;
    let tag = u32::from(head[0]) | u32::from(head[1]) << 8 | u32::from(head[2]) << 16;
    let (inter_frame, profile, shown) = (tag & 1 == 1, tag >> 1 & 7, tag >> 4 & 1 == 1);
    if inter_frame || profile > 3 || !shown || head[3..6] != [0x9d, 0x01, 0x2a] {
        return Err(Broken::Header);
    }
    let width = u32::from(u16::from_le_bytes([head[6], head[7]]) & 0x3fff);
    let height = u32::from(u16::from_le_bytes([head[8], head[9]]) & 0x3fff);
    if width == 0 || height == 0 {
        return Err(Broken::Header);
    }
    let (first, tokens) = rest.split_at_checked((tag >> 5) as usize).ok_or(Broken::Truncated)?;
    let mut bits = BoolDecoder::new(first);
    bits.literal(2); // colour space and clamping
    let segmentation = Segmentation::read(&mut bits);
    skip_filter(&mut bits);
    let partitions = 1usize << bits.literal(2);
    let base = bits.literal(7) as i32;
    if bits.exhausted() {
        return Err(Broken::Truncated);
    }
    check_partitions(tokens, partitions)?;
    Ok(Header { width, height, segments: segmentation.quantizers(base) })
}

/// All but the last partition have their sizes written before them; the last one is what remains, and not nothing.
fn check_partitions(tokens: &[u8], count: usize) -> Result<(), Broken> {
    let (sizes, mut rest) = tokens.split_at_checked(3 * (count - 1)).ok_or(Broken::Truncated)?;
    for size in sizes.as_chunks::<3>().0 {
        let size = usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
        rest = rest.get(size..).ok_or(Broken::Truncated)?;
    }
    if rest.is_empty() { Err(Broken::Truncated) } else { Ok(()) }
}

#[derive(Default)]
struct Segmentation {
    enabled: bool,
    mapped: bool,
    absolute: bool,
    quantizers: [i32; 4],
    /// Probability of 0 at each branch of the tree that picks a segment, of 255.
    tree: [u8; 3],
}

impl Segmentation {
    fn read(bits: &mut BoolDecoder<'_>) -> Self {
        let mut s = Self { tree: [255; 3], enabled: bits.flag(), ..Self::default() };
        if !s.enabled {
            return s;
        }
        s.mapped = bits.flag();
        if bits.flag() {
            s.absolute = bits.flag();
            s.quantizers = std::array::from_fn(|_| bits.optional_signed(7));
            for _ in 0..4 {
                bits.optional_signed(6); // filter strengths
            }
        }
        if s.mapped {
            s.tree = std::array::from_fn(|_| if bits.flag() { bits.literal(8) as u8 } else { 255 });
        }
        s
    }

    /// The map itself lies among the macroblocks; its tree's probabilities were made from its counts, so they tell the
    /// shares to within 1/255.
    fn quantizers(&self, base: i32) -> Vec<(u8, f64)> {
        let clip = |q: i32| q.clamp(0, 127) as u8;
        if !self.enabled {
            return vec![(clip(base), 1.0)];
        }
        let [root, left, right] = self.tree.map(|p| f64::from(p) / 255.0);
        let shares = if self.mapped {
            [root * left, root * (1.0 - left), (1.0 - root) * right, (1.0 - root) * (1.0 - right)]
        } else {
            [1.0, 0.0, 0.0, 0.0]
        };
        let q = self.quantizers.map(|q| clip(if self.absolute { q } else { q.saturating_add(base) }));
        q.into_iter().zip(shares).filter(|(_, share)| *share > 0.0).collect()
    }
}

fn skip_filter(bits: &mut BoolDecoder<'_>) {
    bits.literal(1 + 6 + 3); // type, level, sharpness
    if bits.flag() && bits.flag() {
        for _ in 0..8 {
            bits.optional_signed(6);
        }
    }
}

/// The arithmetic decoder of RFC 6386, section 7, for bits of probability one half, which is all that headers use.
/// Reads zeros behind the end.
struct BoolDecoder<'a> {
    data: &'a [u8],
    at: usize,
    value: u32,
    range: u32,
    /// Bits shifted out of the two bytes in `value` so far.
    shifted: u32,
}

impl<'a> BoolDecoder<'a> {
    fn new(data: &'a [u8]) -> Self {
        let mut d = Self { data, at: 0, value: 0, range: 255, shifted: 0 };
        d.value = d.byte() << 8;
        d.value |= d.byte();
        d
    }
    fn byte(&mut self) -> u32 {
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at = self.at.saturating_add(1);
        u32::from(byte)
    }
    /// Whether more was read than the two bytes that the decoder may look ahead.
    fn exhausted(&self) -> bool {
        self.at > self.data.len().saturating_add(2)
    }
    fn flag(&mut self) -> bool {
        let split = 1 + (((self.range - 1) * 128) >> 8);
        let big = split << 8;
        let bit = self.value >= big;
        if bit {
            self.range -= split;
            self.value -= big;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.value <<= 1;
            self.range <<= 1;
            self.shifted += 1;
            if self.shifted == 8 {
                self.shifted = 0;
                self.value |= self.byte();
            }
        }
        bit
    }
    fn literal(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |n, _| n << 1 | u32::from(self.flag()))
    }
    fn optional_signed(&mut self, bits: u32) -> i32 {
        if !self.flag() {
            return 0;
        }
        let n = self.literal(bits) as i32;
        if self.flag() { -n } else { n }
    }
}
