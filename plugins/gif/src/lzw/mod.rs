//! LZW as GIF has it: codes of variable width, least significant bit first, in sub-blocks. Knows symbols, not pictures.

mod decode;
mod encode;
mod table;

pub use decode::decode;
pub use encode::{Choice, Depth, encode};

/// The most codes.
const CODES: usize = 4096;

/// Bits of the `k`-th code after a clear: the decoder has learnt `k - 1` strings by then.
fn width(min_code: u8, k: usize) -> u32 {
    let known = (1usize << min_code) + 2 + k.saturating_sub(1);
    (known.min(CODES - 1).ilog2() + 1).max(u32::from(min_code) + 1)
}

#[cfg(test)]
mod tests;
