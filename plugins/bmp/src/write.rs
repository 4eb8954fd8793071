//! Puts a file together: headers, palette, what is kept, pixels, profile.

use squeezed_plugin_api::Metadata;

use crate::file::{File, INFO, V4, V5};

/// Pixels in the form they will have.
pub struct Body {
    /// Bits of a pixel.
    pub bits: u16,
    /// The compression's number.
    pub compression: u32,
    /// Colours as `0xffRRGGBB`; empty for truecolour.
    pub palette: Vec<u32>,
    /// Pixel data, rows from bottom to top.
    pub data: Vec<u8>,
}

/// The file with its own pixel data and headers.
pub fn as_it_is(file: &File<'_>, policy: Metadata) -> Option<Vec<u8>> {
    let palette = if policy == Metadata::All || file.bits <= 8 { file.palette } else { &[] };
    let mut header = file.header.to_vec();
    if palette.len() != file.palette.len() {
        put(&mut header, 32, 0);
        put(&mut header, 36, 0);
    }
    if policy == Metadata::Display && !file.os2().is_empty() {
        header.get_mut(INFO..)?.fill(0);
    }
    assemble(file, policy, header, file.extra_masks, palette, file.pixels)
}

/// The file with its pixels in another form.
pub fn with(file: &File<'_>, policy: Metadata, body: &Body) -> Option<Vec<u8>> {
    let keeps_os2 = policy == Metadata::All && file.os2().iter().any(|b| *b != 0);
    let size = match file.header.len() {
        V4 => V4,
        V5 => V5,
        own if keeps_os2 => own,
        _ => INFO,
    };
    let mut header = if size > INFO { file.header.to_vec() } else { vec![0; INFO] };
    put(&mut header, 0, size as u32);
    put(&mut header, 4, file.width);
    put(&mut header, 8, file.height);
    header[12..14].copy_from_slice(&1u16.to_le_bytes());
    header[14..16].copy_from_slice(&body.bits.to_le_bytes());
    put(&mut header, 16, body.compression);
    put(&mut header, 20, u32::try_from(body.data.len()).ok()?);
    if file.header.len() >= 32 {
        header[24..32].copy_from_slice(&file.density());
    }
    put(&mut header, 32, body.palette.len() as u32);
    put(&mut header, 36, 0);
    if size >= V4 {
        header[40..56].fill(0);
    }
    let palette: Vec<u8> = body
        .palette
        .iter()
        .flat_map(|c| {
            let [_, r, g, b] = c.to_be_bytes();
            [b, g, r, 0]
        })
        .collect();
    assemble(file, policy, header, &[], &palette, &body.data)
}

fn assemble(
    file: &File<'_>,
    policy: Metadata,
    mut header: Vec<u8>,
    masks: &[u8],
    palette: &[u8],
    pixels: &[u8],
) -> Option<Vec<u8>> {
    let all = policy == Metadata::All;
    let gap: &[u8] = if all { &file.gap } else { &[] };
    let trailing: &[u8] = if all { &file.trailing } else { &[] };
    let offset = 14 + header.len() + masks.len() + palette.len() + gap.len();
    let profile = offset + pixels.len();
    if header.len() >= V5 && !file.profile.is_empty() {
        put(&mut header, 112, u32::try_from(profile - 14).ok()?);
    }
    let size = profile + file.profile.len() + trailing.len();
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(b"BM");
    out.extend_from_slice(&u32::try_from(size).ok()?.to_le_bytes());
    out.extend_from_slice(if all { &file.reserved } else { &[0; 4] });
    out.extend_from_slice(&u32::try_from(offset).ok()?.to_le_bytes());
    for part in [&header, masks, palette, gap, pixels, file.profile, trailing] {
        out.extend_from_slice(part);
    }
    Some(out)
}

fn put(header: &mut [u8], at: usize, value: u32) {
    if let Some(to) = header.get_mut(at..at + 4) {
        to.copy_from_slice(&value.to_le_bytes());
    }
}
