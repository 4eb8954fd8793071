//! The decoder: strict where pixels would be missing or invented, lenient behind the last one.

use squeezed_plugin_api::Error;

use super::CODES;
use crate::container::SubBlocks;

/// Decodes exactly `count` symbols into `out`, which is emptied first.
///
/// # Errors
/// `BadImage` where a code means nothing or symbols are missing.
pub fn decode(data: &[u8], min_code: u8, count: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    let clear = 1usize << min_code;
    let first = clear + 2;
    let least = u32::from(min_code) + 1;
    out.clear();
    out.reserve(count);
    // Each string is where it was last written, one symbol longer than the string it grew from.
    let mut starts = vec![0usize; CODES];
    let mut lengths = vec![0usize; CODES];
    let (mut next, mut width) = (first, least);
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in SubBlocks(data).flatten() {
        bits |= u32::from(*byte) << held;
        held += 8;
        while held >= width {
            let code = (bits & ((1 << width) - 1)) as usize;
            bits >>= width;
            held -= width;
            if code == clear {
                (next, width, previous) = (first, least, None);
                continue;
            }
            if code == clear + 1 {
                return missing(out.len(), count);
            }
            let at = out.len();
            if code < clear {
                let symbol =
                    u8::try_from(code).map_err(|_| Error::bad_image("a symbol beyond any palette"))?;
                out.push(symbol);
            } else {
                let (start, length) = match previous {
                    _ if code < next => (starts[code], lengths[code]),
                    Some((start, length)) if code == next && next < CODES => (start, length + 1),
                    _ => return Err(Error::bad_image("a code that means nothing yet")),
                };
                // A string that is being learnt ends in its own first symbol, so symbols are copied one by one.
                let length = length.min(count - at);
                if start + length <= at {
                    out.extend_from_within(start..start + length);
                } else {
                    (0..length).for_each(|i| out.push(out[start + i]));
                }
            }
            if let Some((start, length)) = previous
                && next < CODES
            {
                starts[next] = start;
                lengths[next] = length + 1;
                next += 1;
                if next == 1 << width && width < 12 {
                    width += 1;
                }
            }
            previous = Some((at, out.len() - at));
            if out.len() >= count {
                return Ok(());
            }
        }
    }
    missing(out.len(), count)
}

fn missing(found: usize, count: usize) -> Result<(), Error> {
    if found >= count {
        Ok(())
    } else {
        Err(Error::bad_image(format!("{} pixels are missing", count - found)))
    }
}
