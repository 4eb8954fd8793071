//! The sequence header: what is true of all frames (AV1 specification, 5.5).

use super::bits::Bits;

/// What a frame header cannot be read without, and what says how pictures look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequence {
    /// 0 to 2.
    pub profile: u8,
    /// Level of the first operating point.
    pub level: u8,
    /// Tier of the first operating point.
    pub tier: bool,
    /// Says that there is one picture.
    pub still: bool,
    /// Leaves out what a still does not need.
    pub reduced: bool,
    /// Layers of each operating point.
    pub operating_points: Vec<u16>,
    /// Bits of a width and a height.
    pub size_bits: (u32, u32),
    /// The largest width and height.
    pub size: (u32, u32),
    /// Bits of a frame's number, if it has one.
    pub frame_id_bits: u32,
    /// Superblocks of 128 pixels.
    pub big_blocks: bool,
    /// Screen content tools: 0 off, 1 on, 2 by frame.
    pub screen_tools: u8,
    /// Whole motion vectors: 0 off, 1 on, 2 by frame.
    pub whole_vectors: u8,
    /// Bits of an order hint.
    pub order_bits: u32,
    /// Frames may be coded narrower.
    pub superres: bool,
    /// 8, 10 or 12.
    pub depth: u8,
    /// No chroma.
    pub mono: bool,
    /// Chroma is half as wide, half as high.
    pub subsampling: (bool, bool),
    /// Full range.
    pub full_range: bool,
    /// Primaries, transfer and matrix by H.273.
    pub color: (u8, u8, u8),
    /// Where chroma lies.
    pub chroma_position: u8,
    /// The two chroma planes may have quantizers of their own.
    pub separate_chroma: bool,
    /// Film grain may be laid over frames.
    pub grain: bool,
    pub(super) presentation_bits: Option<u32>,
    pub(super) removal_bits: u32,
    pub(super) timed_points: Vec<bool>,
    pub(super) has_decoder_model: bool,
}

const SELECT: u8 = 2;

impl Sequence {
    /// Reads a sequence header's payload; `None` where it is cut or makes no sense.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let b = &mut Bits::new(payload);
        let mut s =
            Self { profile: b.number(3)? as u8, still: b.flag()?, reduced: b.flag()?, ..Self::default() };
        if s.reduced {
            s.operating_points.push(0);
            s.timed_points.push(false);
            s.level = b.number(5)? as u8;
        } else {
            s.points(b)?;
        }
        s.size_bits = (b.number(4)? + 1, b.number(4)? + 1);
        s.size = (b.number(s.size_bits.0)? + 1, b.number(s.size_bits.1)? + 1);
        if !s.reduced && b.flag()? {
            let delta = b.number(4)? + 2;
            s.frame_id_bits = b.number(3)? + delta + 1;
        }
        s.big_blocks = b.flag()?;
        b.number(2)?;
        s.tools(b)?;
        s.superres = b.flag()?;
        b.number(2)?;
        s.colors(b)?;
        s.grain = b.flag()?;
        (s.profile <= 2).then_some(s)
    }

    fn points(&mut self, b: &mut Bits<'_>) -> Option<()> {
        let mut delay_bits = 0;
        if b.flag()? {
            b.number(32)?;
            b.number(32)?;
            let equal = b.flag()?;
            if equal {
                b.variable()?;
            }
            self.has_decoder_model = b.flag()?;
            if self.has_decoder_model {
                delay_bits = b.number(5)? + 1;
                b.number(32)?;
                self.removal_bits = b.number(5)? + 1;
                let bits = b.number(5)? + 1;
                self.presentation_bits = (!equal).then_some(bits);
            }
        }
        let has_delay = b.flag()?;
        for i in 0..=b.number(5)? {
            self.operating_points.push(b.number(12)? as u16);
            let level = b.number(5)? as u8;
            let tier = level > 7 && b.flag()?;
            if i == 0 {
                (self.level, self.tier) = (level, tier);
            }
            let timed = self.has_decoder_model && b.flag()?;
            if timed {
                b.number(delay_bits)?;
                b.number(delay_bits)?;
                b.flag()?;
            }
            self.timed_points.push(timed);
            if has_delay && b.flag()? {
                b.number(4)?;
            }
        }
        Some(())
    }

    fn tools(&mut self, b: &mut Bits<'_>) -> Option<()> {
        (self.screen_tools, self.whole_vectors) = (SELECT, SELECT);
        if self.reduced {
            return Some(());
        }
        b.number(4)?;
        let has_order = b.flag()?;
        if has_order {
            b.number(2)?;
        }
        if !b.flag()? {
            self.screen_tools = u8::from(b.flag()?);
        }
        if self.screen_tools > 0 && !b.flag()? {
            self.whole_vectors = u8::from(b.flag()?);
        }
        if has_order {
            self.order_bits = b.number(3)? + 1;
        }
        Some(())
    }

    fn colors(&mut self, b: &mut Bits<'_>) -> Option<()> {
        let high = b.flag()?;
        self.depth = match (high, self.profile == 2) {
            (true, true) if b.flag()? => 12,
            (true, _) => 10,
            (false, _) => 8,
        };
        self.mono = self.profile != 1 && b.flag()?;
        self.color =
            if b.flag()? { (b.number(8)? as u8, b.number(8)? as u8, b.number(8)? as u8) } else { (2, 2, 2) };
        if self.mono {
            self.full_range = b.flag()?;
            self.subsampling = (true, true);
            return Some(());
        }
        if self.color == (1, 13, 0) {
            self.full_range = true;
        } else {
            self.full_range = b.flag()?;
            self.subsampling = match self.profile {
                0 => (true, true),
                1 => (false, false),
                _ if self.depth == 12 => {
                    let wide = b.flag()?;
                    (wide, wide && b.flag()?)
                }
                _ => (true, false),
            };
            if self.subsampling == (true, true) {
                self.chroma_position = b.number(2)? as u8;
            }
        }
        self.separate_chroma = b.flag()?;
        Some(())
    }
}
