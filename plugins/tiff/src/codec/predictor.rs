//! Predictors: differences of neighbours (2), and floats taken apart by bytes (3), as libtiff and Adobe's notes have them.
//! Works on packed rows in the file's byte order.

use squeezed_plugin_api::Error;

use crate::order::Order;
use crate::raster::Raster;

/// Undoes a predictor in rows of `width` pixels.
///
/// # Errors
/// `UnsupportedFeature` for one that does not fit the samples.
pub fn undo(raster: &Raster<'_>, predictor: u64, width: u32, rows: &mut [u8]) -> Result<(), Error> {
    let row = usize::try_from(raster.row_bytes(width)).unwrap_or(usize::MAX).max(1);
    let step = usize::from(raster.samples_together());
    let size = usize::from(raster.bits / 8);
    match predictor {
        2 => rows.chunks_exact_mut(row).for_each(|r| differences(r, size, step, raster.order, true)),
        3 => rows.chunks_exact_mut(row).for_each(|r| {
            for i in step..r.len() {
                r[i] = r[i].wrapping_add(r[i - step]);
            }
            let planes = r.to_vec();
            let count = r.len() / size;
            for (i, sample) in r.chunks_exact_mut(size).enumerate() {
                for (byte, to) in sample.iter_mut().enumerate() {
                    *to = planes[place(raster.order, byte, size) * count + i];
                }
            }
        }),
        _ => {}
    }
    Ok(())
}

/// Applies a predictor to rows of `width` pixels.
pub fn apply(raster: &Raster<'_>, predictor: u64, width: u32, rows: &mut [u8]) {
    let row = usize::try_from(raster.row_bytes(width)).unwrap_or(usize::MAX).max(1);
    let step = usize::from(raster.samples_together());
    let size = usize::from(raster.bits / 8);
    match predictor {
        2 => rows.chunks_exact_mut(row).for_each(|r| differences(r, size, step, raster.order, false)),
        3 => rows.chunks_exact_mut(row).for_each(|r| {
            let samples = r.to_vec();
            let count = r.len() / size;
            for (i, sample) in samples.chunks_exact(size).enumerate() {
                for (byte, value) in sample.iter().enumerate() {
                    r[place(raster.order, byte, size) * count + i] = *value;
                }
            }
            for i in (step..r.len()).rev() {
                r[i] = r[i].wrapping_sub(r[i - step]);
            }
        }),
        _ => {}
    }
}

/// In which plane a byte of a float goes: the highest byte into the first.
fn place(order: Order, byte: usize, size: usize) -> usize {
    match order {
        Order::Big => byte,
        Order::Little => size - 1 - byte,
    }
}

fn differences(row: &mut [u8], size: usize, step: usize, order: Order, undo: bool) {
    match size {
        1 if undo => {
            for i in step..row.len() {
                row[i] = row[i].wrapping_add(row[i - step]);
            }
        }
        1 => {
            for i in (step..row.len()).rev() {
                row[i] = row[i].wrapping_sub(row[i - step]);
            }
        }
        2 => wide::<2>(row, step, undo, |b| u64::from(of16(order, b)), |n| to16(order, n as u16)),
        4 => wide::<4>(
            row,
            step,
            undo,
            |b| u64::from(if order == Order::Big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }),
            |n| if order == Order::Big { (n as u32).to_be_bytes() } else { (n as u32).to_le_bytes() },
        ),
        8 => wide::<8>(
            row,
            step,
            undo,
            |b| if order == Order::Big { u64::from_be_bytes(b) } else { u64::from_le_bytes(b) },
            |n| if order == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() },
        ),
        _ => {}
    }
}

fn of16(order: Order, b: [u8; 2]) -> u16 {
    if order == Order::Big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
}
fn to16(order: Order, n: u16) -> [u8; 2] {
    if order == Order::Big { n.to_be_bytes() } else { n.to_le_bytes() }
}

/// Differences of samples of `N` bytes; numbers wrap at the size that `to` cuts them to.
fn wide<const N: usize>(
    row: &mut [u8],
    step: usize,
    undo: bool,
    of: impl Fn([u8; N]) -> u64,
    to: impl Fn(u64) -> [u8; N],
) {
    let samples = row.as_chunks_mut::<N>().0;
    if undo {
        for i in step..samples.len() {
            samples[i] = to(of(samples[i]).wrapping_add(of(samples[i - step])));
        }
    } else {
        for i in (step..samples.len()).rev() {
            samples[i] = to(of(samples[i]).wrapping_sub(of(samples[i - step])));
        }
    }
}
