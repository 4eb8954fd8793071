//! What an HEVC bitstream says of itself in `hvcC` and the headers of its slices. Decodes no picture.

use crate::bits::Bits;

/// How much of a parameter set or slice is looked at.
const MAX_HEADER: usize = 4096;

/// What of a sequence parameter set is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Coded width and height, before the conformance window.
    pub coded: (u32, u32),
    /// Width and height inside of it.
    pub size: (u32, u32),
    /// 0 for grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub chroma: u8,
    /// Bits of luma and chroma.
    pub bits: (u8, u8),
    id: u32,
    separate_planes: bool,
    ctb: u32,
    poc_bits: u32,
    reference_sets: u32,
    sao: bool,
}

/// What of a picture parameter set is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picture {
    id: u32,
    sequence: u32,
    dependent_slices: bool,
    output_flag: bool,
    extra_bits: u32,
    init_qp: i32,
    /// Blocks may be coded without any loss.
    bypass: bool,
}

/// What `hvcC` holds.
#[derive(Debug, Clone, Default)]
pub struct Config {
    length_bytes: usize,
    sequences: Vec<Sequence>,
    pictures: Vec<Picture>,
    sets: Vec<Vec<u8>>,
}

impl Config {
    /// Reads the body of `hvcC`. `None` where it is broken; parameter sets that are not understood are passed over.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut config = Self { length_bytes: usize::from(body.get(21)? & 3) + 1, ..Self::default() };
        let mut rest = body.get(22..)?;
        let arrays = take(&mut rest, 1)?[0];
        for _ in 0..arrays {
            let head = take(&mut rest, 3)?;
            let count = u16::from_be_bytes([head[1], head[2]]);
            for _ in 0..count {
                let len = take(&mut rest, 2)?;
                let nal = take(&mut rest, usize::from(u16::from_be_bytes([len[0], len[1]])))?;
                config.add(nal);
                config.sets.push(nal.to_vec());
            }
        }
        Some(config)
    }

    /// The first sequence parameter set.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.sequences.first()
    }

    /// Pixels of the largest picture that the parameter sets here and among the coded data announce: what a decoder will
    /// allocate. `None` where one is not understood.
    pub fn largest(&self, data: &[u8]) -> Option<u64> {
        let nals = self.split(data)?;
        let mut most = 0;
        for nal in self.sets().chain(nals).filter(|n| is_sequence(n)) {
            let (width, height) = Sequence::read(nal)?.coded;
            most = most.max(u64::from(width) * u64::from(height));
        }
        Some(most)
    }

    fn add(&mut self, nal: &[u8]) {
        match nal.first().map(|b| b >> 1 & 63) {
            Some(33) => self.sequences.extend(Sequence::read(nal)),
            Some(34) => self.pictures.extend(Picture::read(nal)),
            _ => {}
        }
    }

    /// The NAL units of all parameter sets.
    pub fn sets(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.iter().map(Vec::as_slice)
    }

    /// The NAL units of coded data; `None` where it is no row of whole ones with a slice among them.
    pub fn split<'d>(&self, data: &'d [u8]) -> Option<Vec<&'d [u8]>> {
        let (mut rest, mut nals) = (data, Vec::new());
        while !rest.is_empty() {
            nals.push(self.next(&mut rest)?);
        }
        nals.iter().any(|n| n.first().is_some_and(|b| b >> 1 & 63 < 32)).then_some(nals)
    }

    /// The mean quantization parameter of the slices of coded data, weighted by their bytes; `None` where it cannot be
    /// told: pictures that are predicted from others, blocks without loss, headers that are not understood.
    pub fn mean_qp(&self, data: &[u8]) -> Option<f64> {
        let (mut own, mut rest) = (self.clone(), data);
        let (mut sum, mut weight) = (0.0, 0.0);
        while !rest.is_empty() {
            let nal = own.next(&mut rest)?;
            match nal.first()? >> 1 & 63 {
                33 | 34 => own.add(nal),
                0..=31 => {
                    if let Some(qp) = own.slice_qp(nal)? {
                        sum += f64::from(qp) * nal.len() as f64;
                        weight += nal.len() as f64;
                    }
                }
                _ => {}
            }
        }
        (weight > 0.0).then(|| sum / weight)
    }

    fn next<'d>(&self, rest: &mut &'d [u8]) -> Option<&'d [u8]> {
        let len = take(rest, self.length_bytes)?.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        take(rest, len)
    }

    /// The parameter of a slice; `Some(None)` for one that goes on with that of the slice before.
    fn slice_qp(&self, nal: &[u8]) -> Option<Option<i32>> {
        let kind = nal.first()? >> 1 & 63;
        let mut b = Bits::of_nal(nal, MAX_HEADER);
        b.skip(16)?;
        let first = b.flag()?;
        if !(16..=23).contains(&kind) {
            return None;
        }
        b.flag()?;
        let id = b.unsigned()?;
        let picture = self.pictures.iter().rev().find(|p| p.id == id).filter(|p| !p.bypass)?;
        let sequence = self.sequences.iter().rev().find(|s| s.id == picture.sequence)?;
        if !first {
            if picture.dependent_slices && b.flag()? {
                return Some(None);
            }
            b.skip(sequence.address_bits()?)?;
        }
        b.skip(picture.extra_bits as usize)?;
        // 2 is a slice without prediction from other pictures.
        if b.unsigned()? != 2 {
            return None;
        }
        if picture.output_flag {
            b.flag()?;
        }
        if sequence.separate_planes {
            b.skip(2)?;
        }
        if !matches!(kind, 19 | 20) {
            b.skip(sequence.poc_bits as usize)?;
            // A picture that others follow names what they refer to: nothing, in a still.
            let known = b.flag()?;
            if !known || sequence.reference_sets > 1 {
                return None;
            }
        }
        if sequence.sao {
            b.flag()?;
            if sequence.chroma != 0 && !sequence.separate_planes {
                b.flag()?;
            }
        }
        Some(Some(picture.init_qp.checked_add(b.signed()?)?))
    }
}

impl Sequence {
    fn read(nal: &[u8]) -> Option<Self> {
        let mut b = Bits::of_nal(nal, MAX_HEADER);
        b.skip(16 + 4)?;
        let layers = b.number(3)?;
        b.flag()?;
        profile(&mut b, layers)?;
        let id = b.unsigned()?;
        let chroma = b.unsigned()?;
        let separate_planes = chroma == 3 && b.flag()?;
        let coded = (b.unsigned()?, b.unsigned()?);
        let mut size = coded;
        if b.flag()? {
            let (across, down) = match chroma {
                1 => (2, 2),
                2 => (2, 1),
                _ => (1, 1),
            };
            let window = [b.unsigned()?, b.unsigned()?, b.unsigned()?, b.unsigned()?];
            let cut = |n: u32, a: u32, b: u32, step: u32| n.checked_sub(a.checked_add(b)?.checked_mul(step)?);
            size = (cut(coded.0, window[0], window[1], across)?, cut(coded.1, window[2], window[3], down)?);
        }
        let bits = (b.unsigned()?, b.unsigned()?);
        let poc_bits = b.unsigned()?.checked_add(4)?;
        let all = b.flag()?;
        for _ in 0..if all { layers + 1 } else { 1 } {
            for _ in 0..3 {
                b.unsigned()?;
            }
        }
        let smallest = b.unsigned()?.checked_add(3)?;
        let ctb = smallest.checked_add(b.unsigned()?).filter(|n| *n <= 6)?;
        for _ in 0..4 {
            b.unsigned()?;
        }
        if b.flag()? && b.flag()? {
            scaling_lists(&mut b)?;
        }
        b.flag()?;
        let sao = b.flag()?;
        if b.flag()? {
            b.skip(8)?;
            b.unsigned()?;
            b.unsigned()?;
            b.flag()?;
        }
        let reference_sets = b.unsigned()?;
        let deep = |n: u32| u8::try_from(n).ok().filter(|n| *n <= 8).map(|n| n + 8);
        Some(Self {
            coded,
            size,
            chroma: u8::try_from(chroma).ok().filter(|c| *c <= 3)?,
            bits: (deep(bits.0)?, deep(bits.1)?),
            id,
            separate_planes,
            ctb,
            poc_bits,
            reference_sets,
            sao,
        })
    }

    /// How long the address of a slice is.
    fn address_bits(&self) -> Option<usize> {
        let side = 1u32 << self.ctb;
        let blocks = self.coded.0.div_ceil(side).checked_mul(self.coded.1.div_ceil(side))?;
        Some(blocks.checked_sub(1)?.checked_ilog2().map_or(0, |n| n as usize + 1))
    }
}

impl Picture {
    fn read(nal: &[u8]) -> Option<Self> {
        let mut b = Bits::of_nal(nal, MAX_HEADER);
        b.skip(16)?;
        let (id, sequence) = (b.unsigned()?, b.unsigned()?);
        let (dependent_slices, output_flag) = (b.flag()?, b.flag()?);
        let extra_bits = b.number(3)?;
        b.skip(2)?;
        b.unsigned()?;
        b.unsigned()?;
        let init_qp = b.signed()?.checked_add(26)?;
        b.skip(2)?;
        if b.flag()? {
            b.unsigned()?;
        }
        b.signed()?;
        b.signed()?;
        b.skip(3)?;
        let bypass = b.flag()?;
        Some(Self { id, sequence, dependent_slices, output_flag, extra_bits, init_qp, bypass })
    }
}

/// Whether a NAL unit is a sequence parameter set of the base layer; decoders pass over those of others.
fn is_sequence(nal: &[u8]) -> bool {
    matches!(nal, [a, b, ..] if a >> 1 & 63 == 33 && a & 1 == 0 && b >> 3 == 0)
}

/// Passes over `profile_tier_level`.
fn profile(b: &mut Bits, layers: u32) -> Option<()> {
    b.skip(88 + 8)?;
    let present: Vec<(bool, bool)> =
        (0..layers).map(|_| Some((b.flag()?, b.flag()?))).collect::<Option<_>>()?;
    if layers > 0 {
        b.skip(2 * (8usize.checked_sub(layers as usize)?))?;
    }
    for (profile, level) in present {
        b.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some(())
}

/// Passes over `scaling_list_data`.
fn scaling_lists(b: &mut Bits) -> Option<()> {
    for size in 0..4u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !b.flag()? {
                b.unsigned()?;
                continue;
            }
            if size > 1 {
                b.signed()?;
            }
            for _ in 0..64.min(1u32 << (4 + (size << 1))) {
                b.signed()?;
            }
        }
    }
    Some(())
}

fn take<'d>(rest: &mut &'d [u8], n: usize) -> Option<&'d [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}
