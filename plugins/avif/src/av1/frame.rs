//! The frame header of frames without references, up to their quantizers (AV1 specification, 5.9).

use super::bits::Bits;
use super::sequence::Sequence;

/// What can be told of a coded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The quantizer index of the whole frame, 0 to 255.
    pub base_q: u8,
    /// No quantizer has an offset of its own: with `base_q` 0 nothing is lost.
    pub plain: bool,
    /// Width and height as shown, before a viewer scales it.
    pub size: (u32, u32),
}

const KEY: u32 = 0;
const INTRA: u32 = 2;

impl Frame {
    /// Whether every sample was coded as it is.
    pub fn is_lossless(&self) -> bool {
        self.base_q == 0 && self.plain
    }

    /// Reads the header at the beginning of a frame's payload; `None` where it is cut or refers to other frames.
    pub fn read(s: &Sequence, layers: (u8, u8), payload: &[u8]) -> Option<Self> {
        let b = &mut Bits::new(payload);
        let (mut frame_type, mut shown, mut resilient) = (KEY, true, true);
        if !s.reduced {
            if b.flag()? {
                return None;
            }
            frame_type = b.number(2)?;
            shown = b.flag()?;
            if let (true, Some(bits)) = (shown, s.presentation_bits) {
                b.number(bits)?;
            }
            if !shown {
                b.flag()?;
            }
            if !matches!(frame_type, KEY | INTRA) {
                return None;
            }
            resilient = (frame_type == KEY && shown) || b.flag()?;
        }
        let fixed_statistics = b.flag()?;
        let screen = if s.screen_tools == 2 { b.flag()? } else { s.screen_tools == 1 };
        if screen && s.whole_vectors == 2 {
            b.flag()?;
        }
        b.number(s.frame_id_bits)?;
        let own_size = !s.reduced && b.flag()?;
        b.number(s.order_bits)?;
        if s.has_decoder_model && b.flag()? {
            removal_times(s, layers, b)?;
        }
        let refreshed = if frame_type == KEY && shown { 0xff } else { b.number(8)? };
        if refreshed != 0xff && resilient && s.order_bits > 0 {
            for _ in 0..8 {
                b.number(s.order_bits)?;
            }
        }
        let size =
            if own_size { (b.number(s.size_bits.0)? + 1, b.number(s.size_bits.1)? + 1) } else { s.size };
        let mut coded_width = size.0;
        if s.superres && b.flag()? {
            let denominator = b.number(3)? + 9;
            coded_width = (size.0 * 8 + denominator / 2) / denominator;
        }
        if b.flag()? {
            b.number(32)?;
        }
        if screen && coded_width == size.0 {
            b.flag()?;
        }
        if !s.reduced && !fixed_statistics {
            b.flag()?;
        }
        tiles(s, (coded_width, size.1), b)?;
        quantizers(s, b).map(|(base_q, plain)| Self { base_q, plain, size })
    }
}

fn removal_times(s: &Sequence, (temporal, spatial): (u8, u8), b: &mut Bits<'_>) -> Option<()> {
    for (point, timed) in s.operating_points.iter().zip(&s.timed_points) {
        let inside = point >> temporal & 1 == 1 && point >> (spatial + 8) & 1 == 1;
        if *timed && (*point == 0 || inside) {
            b.number(s.removal_bits)?;
        }
    }
    Some(())
}

/// How often `block` must be doubled to reach `target`.
fn doublings(block: u32, target: u32) -> u32 {
    (0..31).find(|k| block.checked_shl(*k).is_none_or(|v| v >= target)).unwrap_or(31)
}

fn tiles(s: &Sequence, (width, height): (u32, u32), b: &mut Bits<'_>) -> Option<()> {
    let side = if s.big_blocks { 7 } else { 6 };
    // In whole units of 8 pixels first, as the specification counts.
    let blocks = |pixels: u32| (pixels.div_ceil(8) * 8).div_ceil(1 << side);
    let (across, down) = (blocks(width), blocks(height));
    let (widest, largest) = (4096 >> side, (4096 * 2304) >> (2 * side));
    let least_across = doublings(widest, across);
    let least = least_across.max(doublings(largest, across.checked_mul(down)?));
    let (columns, rows);
    if b.flag()? {
        columns = more(b, least_across, doublings(1, across.min(64)))?;
        rows = more(b, least.saturating_sub(columns), doublings(1, down.min(64)))?;
    } else {
        let (count, largest_width) = sizes(b, across, widest)?;
        columns = doublings(1, count);
        let area = across * down;
        let area = if least > 0 { area >> (least + 1) } else { area };
        rows = doublings(1, sizes(b, down, (area / largest_width).max(1))?.0);
    }
    if columns + rows > 0 {
        b.number(columns + rows)?;
        b.number(2)?;
    }
    Some(())
}

fn more(b: &mut Bits<'_>, mut log: u32, most: u32) -> Option<u32> {
    while log < most && b.flag()? {
        log += 1;
    }
    Some(log)
}

/// Sizes of tiles one by one: how many, and the largest.
fn sizes(b: &mut Bits<'_>, all: u32, most: u32) -> Option<(u32, u32)> {
    let (mut start, mut count, mut largest) = (0, 0, 0);
    while start < all {
        let size = b.below((all - start).min(most))? + 1;
        largest = largest.max(size);
        start += size;
        count += 1;
    }
    Some((count, largest))
}

fn quantizers(s: &Sequence, b: &mut Bits<'_>) -> Option<(u8, bool)> {
    let base = b.number(8)? as u8;
    let mut plain = true;
    let mut offset = |b: &mut Bits<'_>| -> Option<()> {
        if b.flag()? {
            plain &= b.signed(7)? == 0;
        }
        Some(())
    };
    offset(b)?;
    if !s.mono {
        let differ = s.separate_chroma && b.flag()?;
        for _ in 0..if differ { 4 } else { 2 } {
            offset(b)?;
        }
    }
    Some((base, plain))
}
