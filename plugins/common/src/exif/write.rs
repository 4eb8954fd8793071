//! Writes a small TIFF block: a first directory, an Exif directory where it is needed, and what hangs on that.

use super::read::Field;
use super::{EXIF_IFD, INTEROP_IFD, MAKER_NOTE};

const UNDEFINED: u16 = 7;
const LONG: u16 = 4;
const HEADER: usize = 8;

/// The whole block; `None` without a field, or beyond what 32-bit offsets reach.
pub(super) fn block(
    big_endian: bool,
    main: Vec<Field<'_>>,
    exif: Vec<Field<'_>>,
    interop: Option<Field<'_>>,
    apple: Vec<Field<'_>>,
) -> Option<Vec<u8>> {
    let note = apple_note(apple)?;
    // Shorter-lived fields join.
    let mut exif: Vec<Field<'_>> = exif;
    if let Some(note) = &note {
        let count = u32::try_from(note.len()).ok()?;
        exif.push(Field { tag: MAKER_NOTE, kind: UNDEFINED, count, value: note });
    }
    if main.is_empty() && exif.is_empty() && interop.is_none() {
        return None;
    }
    let w = Writer { big_endian };
    let mut out = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    out.extend_from_slice(&w.u32(HEADER as u32));

    let exif_needed = !exif.is_empty() || interop.is_some();
    let exif_at = HEADER + size(&main, exif_needed);
    let interop_at = exif_at + size(&exif, interop.is_some());
    w.directory(&mut out, main, exif_needed.then_some((EXIF_IFD, exif_at)))?;
    if exif_needed {
        w.directory(&mut out, exif, interop.is_some().then_some((INTEROP_IFD, interop_at)))?;
    }
    if let Some(field) = interop {
        w.directory(&mut out, vec![field], None)?;
    }
    Some(out)
}

/// A maker note of Apple's with these fields alone. `Some(None)` without a field.
fn apple_note(fields: Vec<Field<'_>>) -> Option<Option<Vec<u8>>> {
    if fields.is_empty() {
        return Some(None);
    }
    let mut out = b"Apple iOS\0\0\x01MM".to_vec();
    Writer { big_endian: true }.directory(&mut out, fields, None)?;
    Some(Some(out))
}

/// Bytes of a directory with its values.
fn size(fields: &[Field<'_>], pointer: bool) -> usize {
    let values: usize = fields.iter().map(|f| f.value.len()).filter(|n| *n > 4).map(|n| n + n % 2).sum();
    2 + 12 * (fields.len() + usize::from(pointer)) + 4 + values
}

struct Writer {
    big_endian: bool,
}

impl Writer {
    /// Appends a directory, sorted by tag as TIFF wants it, and then its long values. `pointer` is one more field that
    /// leads to another directory.
    fn directory(
        &self,
        out: &mut Vec<u8>,
        fields: Vec<Field<'_>>,
        pointer: Option<(u16, usize)>,
    ) -> Option<()> {
        let mut values = Vec::new();
        let values_at = out.len() + size(&[], pointer.is_some()) + 12 * fields.len();
        let target = match pointer {
            Some((_, at)) => self.u32(u32::try_from(at).ok()?),
            None => [0; 4],
        };
        let mut fields: Vec<Field<'_>> = fields;
        if let Some((tag, _)) = pointer {
            fields.push(Field { tag, kind: LONG, count: 1, value: &target });
        }
        fields.sort_by_key(|f| f.tag);
        out.extend_from_slice(&self.u16(u16::try_from(fields.len()).ok()?));
        for f in &fields {
            out.extend_from_slice(&self.u16(f.tag));
            out.extend_from_slice(&self.u16(f.kind));
            out.extend_from_slice(&self.u32(f.count));
            if f.value.len() > 4 {
                out.extend_from_slice(&self.u32(u32::try_from(values_at + values.len()).ok()?));
                values.extend_from_slice(f.value);
                if values.len() % 2 == 1 {
                    values.push(0);
                }
            } else {
                let mut short = [0; 4];
                short[..f.value.len()].copy_from_slice(f.value);
                out.extend_from_slice(&short);
            }
        }
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&values);
        Some(())
    }

    fn u16(&self, n: u16) -> [u8; 2] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }
    fn u32(&self, n: u32) -> [u8; 4] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}
