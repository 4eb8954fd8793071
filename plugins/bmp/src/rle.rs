//! RLE8 and RLE4: decoding with deltas and end codes, and the shortest runs for a row. Knows indices, not headers.

use squeezed_plugin_api::Error;

/// A picture that was decoded.
pub struct Decoded {
    /// Indices, rows from top to bottom.
    pub indices: Vec<u8>,
    /// Whether every pixel was drawn. Those that were not are transparent in some readers and index 0 in others.
    pub complete: bool,
    /// Bytes of the stream.
    pub length: usize,
}

/// Decodes `data` with `half` bytes (RLE4) or whole ones.
///
/// # Errors
/// `BadImage` where the stream ends early or draws outside the picture.
pub fn decode(data: &[u8], width: u32, height: u32, half: bool) -> Result<Decoded, Error> {
    let bad = |what: &str| Error::bad_image(what);
    let (width, height) = (width as usize, height as usize);
    let count = width.checked_mul(height).ok_or_else(|| bad("the picture is too large"))?;
    // A byte pair draws 255 pixels at most, and deltas may skip the rest: what is not drawn costs nothing to tell.
    let mut indices = vec![0u8; count];
    let (mut x, mut y, mut at, mut drawn) = (0usize, 0usize, 0usize, 0usize);
    let pair = |at: &mut usize| -> Option<[u8; 2]> {
        let found = data.get(*at..)?.first_chunk::<2>().copied();
        *at += 2;
        found
    };
    let row = |y: usize| (height - 1 - y) * width;
    loop {
        let Some([n, value]) = pair(&mut at) else {
            // The end code may be missing behind the last pixel.
            let whole = y + 1 >= height && x == width || y >= height;
            return if whole && drawn == count {
                Ok(Decoded { indices, complete: true, length: data.len() })
            } else {
                Err(bad("the runs end before the picture"))
            };
        };
        match (n, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => return Ok(Decoded { indices, complete: drawn == count, length: at.min(data.len()) }),
            (0, 2) => {
                let Some([right, up]) = pair(&mut at) else { return Err(bad("a delta is cut off")) };
                (x, y) = (x + usize::from(right), y + usize::from(up));
                if x > width || y >= height {
                    return Err(bad("a delta leads out of the picture"));
                }
            }
            _ => {
                let run = n > 0;
                let length = usize::from(if run { n } else { value });
                if y >= height || x + length > width {
                    return Err(bad("a run goes beyond its row"));
                }
                let target = &mut indices[row(y) + x..row(y) + x + length];
                if run {
                    let (a, b) = if half { (value >> 4, value & 15) } else { (value, value) };
                    target.chunks_mut(2).for_each(|p| {
                        p[0] = a;
                        p.iter_mut().skip(1).for_each(|p| *p = b);
                    });
                } else {
                    let bytes = if half { length.div_ceil(2) } else { length };
                    let Some(from) = data.get(at..at + bytes) else { return Err(bad("pixels are cut off")) };
                    if half {
                        for (i, p) in target.iter_mut().enumerate() {
                            *p = if i % 2 == 0 { from[i / 2] >> 4 } else { from[i / 2] & 15 };
                        }
                    } else {
                        target.copy_from_slice(from);
                    }
                    at += bytes.next_multiple_of(2);
                }
                x += length;
                drawn += length;
            }
        }
    }
}

/// Bytes of a stream up to its end code, without looking at what it draws; all of `data` where it has none.
pub fn length(data: &[u8], half: bool) -> usize {
    let mut at = 0;
    while let Some([n, value]) = data.get(at..).and_then(|d| d.first_chunk::<2>()) {
        at += 2;
        at += match (n, value) {
            (0, 1) => return at,
            (0, 2) => 2,
            (0, 3..) => {
                let bytes = if half { usize::from(*value).div_ceil(2) } else { usize::from(*value) };
                bytes.next_multiple_of(2)
            }
            _ => 0,
        };
    }
    data.len()
}

/// Appends the shortest runs for one row.
pub fn push_row(row: &[u8], half: bool, out: &mut Vec<u8>) {
    let n = row.len();
    let period = if half { 4 } else { 2 };
    // The cost of what begins at each pixel, and the step that is best there: positive a run, negative pixels as they are.
    let mut cost = vec![0usize; n + 1];
    let mut step = vec![0i16; n];
    let mut windows: [std::collections::VecDeque<usize>; 4] = Default::default();
    let key = |cost: &[usize], j: usize| cost[j] * period + 2 * j;
    let mut same = 1;
    for i in (0..n).rev() {
        // How far the row repeats from here: one pixel, or two by turns.
        let back = if half { 2 } else { 1 };
        same = if i + back < n && row[i] == row[i + back] { same + 1 } else { back.min(n - i) };
        let run = same.min(255);
        (cost[i], step[i]) = (cost[i + run] + 2, run as i16);
        let end = i + 3;
        if end <= n {
            let window = &mut windows[end % period];
            while window.back().is_some_and(|j| key(&cost, *j) >= key(&cost, end)) {
                window.pop_back();
            }
            window.push_back(end);
        }
        for (residue, window) in windows.iter_mut().enumerate() {
            // Pillow reads half a byte too few of an odd number of pixels, so there are none of these.
            if half && residue % 2 != i % 2 {
                continue;
            }
            while window.front().is_some_and(|j| *j > i + 255) {
                window.pop_front();
            }
            let Some(j) = window.front() else { continue };
            let bytes = 2 + 2 * (j - i).div_ceil(period);
            if cost[*j] + bytes < cost[i] {
                (cost[i], step[i]) = (cost[*j] + bytes, -((j - i) as i16));
            }
        }
    }
    let mut i = 0;
    while i < n {
        let length = usize::from(step[i].unsigned_abs());
        let part = &row[i..i + length];
        let packed = |p: &[u8]| p[0] << 4 | p.get(1).copied().unwrap_or(0);
        if step[i] > 0 {
            let value = if half { packed(part) } else { part[0] };
            out.extend_from_slice(&[length as u8, value]);
        } else {
            out.extend_from_slice(&[0, length as u8]);
            if half {
                out.extend(part.chunks(2).map(packed))
            } else {
                out.extend_from_slice(part)
            }
            if length.div_ceil(period / 2) % 2 == 1 {
                out.push(0);
            }
        }
        i += length;
    }
}

/// Ends a row.
pub const END_OF_ROW: [u8; 2] = [0, 0];
/// Ends the picture.
pub const END: [u8; 2] = [0, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(rows: &[Vec<u8>], half: bool) -> usize {
        let mut out = Vec::new();
        for (i, row) in rows.iter().enumerate().rev() {
            push_row(row, half, &mut out);
            out.extend_from_slice(if i == 0 { &END } else { &END_OF_ROW });
        }
        let back = decode(&out, rows[0].len() as u32, rows.len() as u32, half).unwrap();
        assert!(back.complete && back.length == out.len());
        assert!(back.indices == rows.concat());
        out.len()
    }

    #[test]
    fn long_and_short_runs_come_back() {
        let flat = vec![vec![3u8; 1000]; 2];
        assert_eq!(there_and_back(&flat, false), 2 * (4 * 2 + 2));
        assert_eq!(there_and_back(&flat, true), 2 * (4 * 2 + 2));
        let turns = vec![(0..1000).map(|i| i as u8 % 2).collect::<Vec<u8>>()];
        assert_eq!(there_and_back(&turns, true), 4 * 2 + 2);
        let noise = vec![(0..700u32).map(|i| (i * i % 13) as u8).collect::<Vec<u8>>()];
        assert!(there_and_back(&noise, false) <= 700 + 3 * 3 + 2);
        assert!(there_and_back(&noise, true) <= 350 + 3 * 4 + 2);
    }

    #[test]
    fn deltas_leave_pixels_out() {
        let found = decode(&[1, 7, 0, 2, 1, 1, 1, 9, 0, 1], 3, 2, false).unwrap();
        assert_eq!((found.indices, found.complete), (vec![0, 0, 9, 7, 0, 0], false));
    }

    #[test]
    fn damage_is_told() {
        for data in [&[4u8, 1][..], &[3, 1], &[0, 2, 0, 9], &[0, 3, 1], &[0, 0, 0, 0, 3, 1], &[0, 2]] {
            assert!(decode(data, 3, 2, false).is_err(), "{data:?}");
        }
        assert!(decode(&[3, 1, 0, 0, 3, 1], 3, 2, false).unwrap().complete);
    }

    proptest! {
        #[test]
        fn anything_comes_back(row in proptest::collection::vec(0u8..4, 1..900), half: bool) {
            there_and_back(&[row.clone(), row], half);
        }
        #[test]
        fn garbage_ends(data: Vec<u8>, half: bool) {
            let _ = decode(&data, 20, 20, half);
        }
    }
}
