//! Row filters over a whole picture, without deflating between: each by itself, or for each row the one that leaves the
//! least. Knows bytes only.

use squeezed_plugin_api::{Error, Job};

/// How rows are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// All by the filter of this number, 0 to 4.
    All(u8),
    /// Each by the one whose differences have the smallest sum.
    Least,
}

/// Rows between two looks at the job's stop.
const ROWS: usize = 64;

/// Filtered rows of what was packed in rows of `row` bytes, with `pixel` bytes to the left neighbour.
///
/// # Errors
/// `Stopped`.
pub fn apply(
    job: &Job<'_>,
    packed: &[u8],
    row: usize,
    pixel: usize,
    filter: Filter,
) -> Result<Vec<u8>, Error> {
    let row = row.max(1);
    let mut out = Vec::with_capacity(packed.len() + packed.len() / row + 1);
    // One more pixel at the left, which is 0.
    let mut above = vec![0; pixel + row];
    let mut line = above.clone();
    let mut tried = vec![0; row];
    let mut least = vec![0; row];
    for (i, bytes) in packed.chunks_exact(row).enumerate() {
        if i % ROWS == 0 {
            job.check()?;
        }
        line[pixel..].copy_from_slice(bytes);
        let number = match filter {
            Filter::All(number) => {
                differences(number, &line, &above, pixel, &mut least);
                number
            }
            Filter::Least => {
                let mut best = (u64::MAX, 0);
                for number in 0..=4 {
                    differences(number, &line, &above, pixel, &mut tried);
                    let sum = sum(&tried);
                    if sum < best.0 {
                        best = (sum, number);
                        std::mem::swap(&mut least, &mut tried);
                    }
                }
                best.1
            }
        };
        out.push(number);
        out.extend_from_slice(&least);
        std::mem::swap(&mut above, &mut line);
    }
    Ok(out)
}

fn differences(number: u8, line: &[u8], above: &[u8], pixel: usize, out: &mut [u8]) {
    let (here, up) = (&line[pixel..], &above[pixel..]);
    let around = line.iter().zip(above);
    let each = out.iter_mut().zip(here.iter().zip(up)).zip(around);
    match number {
        1 => each.for_each(|((o, (x, _)), (a, _))| *o = x.wrapping_sub(*a)),
        2 => each.for_each(|((o, (x, b)), _)| *o = x.wrapping_sub(*b)),
        3 => each.for_each(|((o, (x, b)), (a, _))| *o = x.wrapping_sub(a.midpoint(*b))),
        4 => each.for_each(|((o, (x, b)), (a, c))| *o = x.wrapping_sub(paeth(*a, *b, *c))),
        _ => out.copy_from_slice(here),
    }
}

fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let (x, y) = (i16::from(b) - i16::from(c), i16::from(a) - i16::from(c));
    let (to_a, to_b, to_c) = (x.abs(), y.abs(), (x + y).abs());
    let other = if to_b <= to_c { b } else { c };
    if to_a <= to_b && to_a <= to_c { a } else { other }
}

fn sum(differences: &[u8]) -> u64 {
    // In steps, so that the inner sum fits 32 bits.
    let part = |part: &[u8]| part.iter().map(|d| u32::from(d.cast_signed().unsigned_abs())).sum::<u32>();
    differences.chunks(1 << 16).map(|p| u64::from(part(p))).sum()
}
