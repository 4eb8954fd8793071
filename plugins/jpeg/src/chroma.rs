//! Chroma resolution: whether to halve it, and how. Works on planes, knows nothing of codecs.

use crate::codec::{ColorSpace, Plane, Planes};

/// From this quality on chroma keeps its resolution.
const FULL_FROM: u8 = 95;
/// A 2x2 cell whose chroma differs by more than this is a coloured edge.
const EDGE: u8 = 48;
/// Above one coloured edge in this many cells the picture is drawn, not photographed: halving would smear it.
const EDGES_IN: u64 = 250;

/// The picture with 4:2:0 chroma if that serves; else as it is.
pub fn reduce(picture: Planes, quality: u8) -> Planes {
    let Some((x, y)) = factors(&picture) else { return picture };
    if quality >= FULL_FROM || drawn(&picture, x, y) {
        return picture;
    }
    let mcus = (picture.width as usize).div_ceil(16);
    let mcu_rows = (picture.height as usize).div_ceil(16);
    let shaped = |(i, p): (usize, Plane)| match i {
        0 => resized(&p, (2, 2), (1, 1), (mcus * 16, mcu_rows * 16)),
        _ => resized(&p, (1, 1), (x, y), (mcus * 8, mcu_rows * 8)),
    };
    let planes = picture.planes.into_iter().enumerate().map(shaped).collect();
    Planes { planes, ..picture }
}

/// By how much chroma can be reduced to reach 4:2:0, across and down; `None` where it is not finer or not usual.
fn factors(picture: &Planes) -> Option<(usize, usize)> {
    let [luma, cb, cr] = picture.planes.as_slice() else { return None };
    let unit = |p: &Plane| p.h == 1 && p.v == 1;
    if picture.color != ColorSpace::YCbCr || !unit(cb) || !unit(cr) {
        return None;
    }
    match (luma.h, luma.v) {
        (1, 1) => Some((2, 2)),
        (2, 1) => Some((1, 2)),
        (1, 2) => Some((2, 1)),
        _ => None,
    }
}

fn drawn(picture: &Planes, x: usize, y: usize) -> bool {
    let (mut edges, mut cells) = (0u64, 0u64);
    for p in picture.planes.iter().skip(1) {
        let rows: Vec<&[u8]> = p.samples.chunks_exact(p.stride.max(1)).take(p.height).collect();
        for group in rows.chunks_exact(y) {
            for column in 0..p.width / x {
                let (mut low, mut high) = (u8::MAX, 0);
                for row in group {
                    for sample in row.get(column * x..(column + 1) * x).unwrap_or_default() {
                        (low, high) = (low.min(*sample), high.max(*sample));
                    }
                }
                cells += 1;
                edges += u64::from(high.saturating_sub(low) > EDGE);
            }
        }
    }
    edges * EDGES_IN > cells
}

/// A plane with other sampling factors, averaged over boxes of x by y samples, in the given stride and number of rows.
fn resized(p: &Plane, (h, v): (u8, u8), (x, y): (usize, usize), (stride, rows): (usize, usize)) -> Plane {
    let (width, height) = (p.width.div_ceil(x), p.height.div_ceil(y));
    let mut samples = vec![0u8; stride * rows];
    let area = x * y;
    for (row, out) in samples.chunks_exact_mut(stride.max(1)).enumerate().take(height) {
        let same = (x, y) == (1, 1);
        if same && let Some((out, line)) = out.get_mut(..width).zip(p.samples.get(row * p.stride..)) {
            out.iter_mut().zip(line).for_each(|(to, from)| *to = *from);
            continue;
        }
        for (column, to) in out.iter_mut().enumerate().take(width) {
            let mut sum = area / 2;
            for dy in 0..y {
                // Boxes over the edge take the last row and column again.
                let line = (row * y + dy).min(p.height.saturating_sub(1)) * p.stride;
                for dx in 0..x {
                    let at = line + (column * x + dx).min(p.width.saturating_sub(1));
                    sum += usize::from(p.samples.get(at).copied().unwrap_or_default());
                }
            }
            *to = (sum / area) as u8;
        }
    }
    let mut plane = Plane { id: p.id, h, v, width, height, stride, samples };
    plane.pad();
    plane
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(id: u8, width: usize, height: usize, f: impl Fn(usize, usize) -> u8) -> Plane {
        let stride = width.next_multiple_of(8);
        let mut samples = vec![0; stride * height.next_multiple_of(8)];
        for y in 0..height {
            for x in 0..width {
                samples[y * stride + x] = f(x, y);
            }
        }
        let mut p = Plane { id, h: 1, v: 1, width, height, stride, samples };
        p.pad();
        p
    }

    fn picture(f: impl Fn(usize, usize) -> u8 + Copy) -> Planes {
        let planes = (1..=3).map(|id| plane(id, 37, 21, f)).collect();
        Planes { width: 37, height: 21, color: ColorSpace::YCbCr, planes }
    }

    #[test]
    fn smooth_chroma_is_halved_and_averaged() {
        let small = reduce(picture(|x, y| (x + 2 * y) as u8), 80);
        let [luma, cb, _] = small.planes.as_slice() else { panic!() };
        assert_eq!((luma.h, luma.v, luma.stride, luma.samples.len()), (2, 2, 48, 48 * 32));
        assert_eq!((cb.h, cb.v, cb.width, cb.height, cb.stride), (1, 1, 19, 11, 24));
        assert_eq!(cb.samples[0], 2, "mean of 0, 1, 2, 3, rounded up");
        assert_eq!(cb.samples[cb.stride + 1], 8, "mean of 6, 7, 8, 9, rounded up");
    }

    #[test]
    fn coloured_edges_and_high_quality_keep_chroma() {
        let sharp = picture(|x, y| if (x / 3 + y / 3) % 2 == 0 { 0 } else { 200 });
        assert_eq!(reduce(sharp.clone(), 80), sharp);
        let smooth = picture(|x, _| x as u8);
        assert_eq!(reduce(smooth.clone(), 95), smooth);
    }
}
