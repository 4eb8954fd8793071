//! bKGD and sBIT: the two chunks whose bytes depend on colour type and bit depth. Gives each a value that does not, and
//! writes it again for another sample format, or says that it cannot be written there.

use crate::chunk::be16;
use crate::header::{Color, Header};
use crate::picture::Picture;

/// The background as RGB of 16 bits; `None` where the chunk does not fit its picture.
pub fn background(header: Header, palette: &[u8], data: &[u8]) -> Option<[u16; 3]> {
    let top = u32::from(u16::MAX >> (16 - header.depth.min(16)));
    let wide = |v: u16| u16::try_from(u32::from(v) * 65535 / top).ok().filter(|_| u32::from(v) <= top);
    match (header.color, data) {
        (Color::Indexed, [index]) => {
            let entry = palette.as_chunks::<3>().0.get(usize::from(*index))?;
            Some(entry.map(|v| u16::from(v) * 257))
        }
        (Color::Grey | Color::GreyAlpha, [_, _]) => wide(be16(data)).map(|v| [v; 3]),
        (Color::Rgb | Color::Rgba, [_, _, _, _, _, _]) => {
            Some([wide(be16(data))?, wide(be16(&data[2..]))?, wide(be16(&data[4..]))?])
        }
        _ => None,
    }
}

/// The data of bKGD for `picture`. A palette gets the colour as a further entry where it lacks it and has room.
pub fn background_for(color: [u16; 3], picture: &mut Picture) -> Option<Vec<u8>> {
    let depth = picture.header.depth;
    let top = u32::from(u16::MAX >> (16 - depth.min(16)));
    let narrow = |v: u16| {
        let scaled = u32::from(v) * top;
        (scaled % 65535 == 0).then_some(u16::try_from(scaled / 65535).ok()).flatten()
    };
    match picture.header.color {
        Color::Indexed => {
            if color.iter().any(|v| v % 257 != 0) {
                return None;
            }
            let entry = color.map(|v| v.to_be_bytes()[0]);
            let found = picture.palette.as_chunks::<3>().0.iter().position(|e| *e == entry);
            let index = found.unwrap_or(picture.palette.len() / 3);
            if index >= 1 << depth {
                return None;
            }
            if found.is_none() {
                picture.palette.extend_from_slice(&entry);
            }
            u8::try_from(index).ok().map(|i| vec![i])
        }
        Color::Grey | Color::GreyAlpha => {
            let grey = color[0] == color[1] && color[1] == color[2];
            narrow(color[0]).filter(|_| grey).map(|v| v.to_be_bytes().to_vec())
        }
        Color::Rgb | Color::Rgba => {
            let narrowed = [narrow(color[0])?, narrow(color[1])?, narrow(color[2])?];
            Some(narrowed.iter().flat_map(|v| v.to_be_bytes()).collect())
        }
    }
}

/// Significant bits of red, green, blue and alpha; 0 stands for all that the samples have. `None` where the chunk does
/// not fit its picture.
pub fn significant(header: Header, data: &[u8]) -> Option<[u8; 4]> {
    let full = sample_depth(header);
    if data.iter().any(|v| *v == 0 || *v > full) {
        return None;
    }
    let read = |v: u8| if v == full { 0 } else { v };
    match (header.color, data) {
        (Color::Grey, [g]) => Some([read(*g), read(*g), read(*g), 0]),
        (Color::GreyAlpha, [g, a]) => Some([read(*g), read(*g), read(*g), read(*a)]),
        (Color::Rgb | Color::Indexed, [r, g, b]) => Some([read(*r), read(*g), read(*b), 0]),
        (Color::Rgba, [r, g, b, a]) => Some([read(*r), read(*g), read(*b), read(*a)]),
        _ => None,
    }
}

/// The data of sBIT for a picture with this header.
pub fn significant_for(bits: [u8; 4], header: Header) -> Option<Vec<u8>> {
    let full = sample_depth(header);
    let write = |v: u8| (v < full).then_some(if v == 0 { full } else { v });
    let [r, g, b, a] = bits;
    if header.color.is_grey() && (r != g || g != b) || !header.color.has_alpha() && a != 0 {
        return None;
    }
    let mut out = vec![write(r)?];
    if !header.color.is_grey() {
        out.extend([write(g)?, write(b)?]);
    }
    if header.color.has_alpha() {
        out.push(write(a)?);
    }
    Some(out)
}

/// Palette entries have 8 bits whatever the depth of the indices.
fn sample_depth(header: Header) -> u8 {
    if header.color == Color::Indexed { 8 } else { header.depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(color: Color, depth: u8, palette: &[u8]) -> Picture {
        let header = Header { width: 1, height: 1, depth, color, interlaced: false };
        Picture { header, palette: palette.to_vec(), transparency: Vec::new(), data: Vec::new() }
    }

    #[test]
    fn a_background_survives_every_way_there_and_back() {
        let rgb = picture(Color::Rgb, 8, &[]);
        let white = background(rgb.header, &[], &[0, 255, 0, 255, 0, 255]).unwrap();
        for (color, depth) in [(Color::Grey, 1), (Color::Grey, 4), (Color::Rgba, 8), (Color::Indexed, 4)] {
            let mut target = picture(color, depth, &[1, 2, 3]);
            let data = background_for(white, &mut target).unwrap();
            assert_eq!(background(target.header, &target.palette, &data), Some(white));
        }
        let odd = background(rgb.header, &[], &[0, 7, 0, 7, 0, 9]).unwrap();
        assert_eq!(background_for(odd, &mut picture(Color::Grey, 8, &[])), None);
        assert_eq!(background_for(odd, &mut picture(Color::Indexed, 1, &[0, 0, 0, 1, 1, 1])), None);
    }

    #[test]
    fn significant_bits_keep_what_they_say() {
        let rgba = picture(Color::Rgba, 8, &[]).header;
        let full = significant(rgba, &[8, 8, 8, 8]).unwrap();
        assert_eq!(significant_for(full, picture(Color::Grey, 4, &[]).header), Some(vec![4]));
        let five = significant(rgba, &[5, 6, 5, 8]).unwrap();
        assert_eq!(significant_for(five, picture(Color::Indexed, 2, &[]).header), Some(vec![5, 6, 5]));
        assert_eq!(significant_for(five, picture(Color::Grey, 8, &[]).header), None);
        assert_eq!(significant(rgba, &[9, 8, 8, 8]), None);
        let alpha = significant(rgba, &[8, 8, 8, 1]).unwrap();
        assert_eq!(significant_for(alpha, picture(Color::Rgb, 8, &[]).header), None);
    }
}
