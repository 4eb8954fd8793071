//! Pixels of a file, row by row from the top, as `0xAARRGGBB`. Knows how they are stored, not what becomes of them.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};

use crate::file::{Coding, File};
use crate::rle;

/// The most pixels that are decoded, whatever the limits say.
const MOST: u64 = 1 << 31;

/// A file whose pixels can be read.
pub struct Picture<'f, 'a> {
    /// The file, its end of pixels known.
    pub file: &'f File<'a>,
    /// Indices of a picture in runs.
    runs: Option<Vec<u8>>,
    colours: Vec<u32>,
    /// Why no other form would look the same in every reader.
    pub fixed: Option<&'static str>,
}

/// Reads a file's structure and, for runs, its indices.
///
/// # Errors
/// `BadImage` for damage, `UnsupportedFeature` where the pixels cannot be read.
pub fn runs(file: &mut File<'_>) -> Result<Option<(Vec<u8>, bool)>, Error> {
    if let Some(feature) = file.unsupported {
        return Err(Error::unsupported(feature));
    }
    if u64::from(file.width) * u64::from(file.height) > MOST {
        return Err(Error::too_large("more pixels than this plugin reads"));
    }
    let half = match file.coding {
        Coding::Plain => {
            file.end_pixels(file.pixels.len())?;
            return Ok(None);
        }
        Coding::Rle8 => false,
        Coding::Rle4 => true,
    };
    let decoded = rle::decode(file.pixels, file.width, file.height, half)?;
    file.end_pixels(decoded.length)?;
    Ok(Some((decoded.indices, decoded.complete)))
}

impl<'f, 'a> Picture<'f, 'a> {
    /// The picture of a file, with what [`runs`] gave for it.
    pub fn new(file: &'f File<'a>, runs: Option<(Vec<u8>, bool)>) -> Self {
        let complete = runs.as_ref().is_none_or(|r| r.1);
        let mut picture = Self { file, runs: runs.map(|r| r.0), colours: file.colours(), fixed: None };
        picture.fixed = if complete { picture.why_fixed() } else { Some("pixels that the runs leave out") };
        picture
    }

    fn why_fixed(&self) -> Option<&'static str> {
        let file = self.file;
        match file.bits {
            32 => self.fourth_byte(),
            16 if file.has_alpha() => {
                let all = file.masks[3];
                let opaque = |p: &[u8; 2]| u32::from(u16::from_le_bytes(*p)) & all == all;
                (!file.pixels.as_chunks::<2>().0.iter().all(opaque)).then_some("alpha")
            }
            1..=8 if self.colours.len() < 1 << file.bits => {
                let top = self.colours.len();
                let mut row = vec![0; file.width as usize];
                let outside = (0..file.height).any(|y| {
                    self.indices(y, &mut row);
                    row.iter().any(|i| usize::from(*i) >= top)
                });
                outside.then_some("indices outside the palette")
            }
            _ => None,
        }
    }

    /// Whether bits that no colour mask covers hold something that a reader may take for alpha.
    fn fourth_byte(&self) -> Option<&'static str> {
        let file = self.file;
        let [r, g, b, a] = file.masks;
        let rest = !(r | g | b);
        let (mut zero, mut full) = (true, true);
        for pixel in file.pixels.as_chunks::<4>().0 {
            let bits = u32::from_le_bytes(*pixel) & rest;
            zero &= bits == 0;
            full &= bits == rest;
        }
        let masked = a != 0 || file.header.get(52..56).is_some_and(|m| m != [0; 4]) && file.os2().is_empty();
        match () {
            () if full || zero && !masked => None,
            () if a == 0 => Some("a fourth byte that some readers take for alpha"),
            () => Some("alpha"),
        }
    }

    fn stored_row(&self, y: u32) -> &'a [u8] {
        let stride = self.file.stride();
        let row = if self.file.top_down { y } else { self.file.height - 1 - y } as usize;
        let start = row * stride;
        let end = (start + stride).min(self.file.pixels.len());
        self.file.pixels.get(start..end).unwrap_or_default()
    }

    fn indices(&self, y: u32, out: &mut [u8]) {
        if let Some(runs) = &self.runs {
            let start = y as usize * out.len();
            out.copy_from_slice(&runs[start..start + out.len()]);
            return;
        }
        let row = self.stored_row(y);
        match self.file.bits {
            8 => out.iter_mut().zip(row).for_each(|(o, i)| *o = *i),
            bits => {
                let per_byte = 8 / bits as usize;
                let mask = (1u8 << bits) - 1;
                for (x, o) in out.iter_mut().enumerate() {
                    let shift = 8 - bits as usize * (x % per_byte + 1);
                    *o = row[x / per_byte] >> shift & mask;
                }
            }
        }
    }

    /// The pixels of row `y`, into as many words as the picture is wide. An index outside the palette is black.
    pub fn row(&self, y: u32, out: &mut [u32]) {
        let file = self.file;
        match file.bits {
            1..=8 => {
                let mut indices = vec![0; out.len()];
                self.indices(y, &mut indices);
                for (o, i) in out.iter_mut().zip(indices) {
                    *o = self.colours.get(usize::from(i)).copied().unwrap_or(0xff00_0000);
                }
            }
            24 => {
                for (o, [b, g, r]) in out.iter_mut().zip(self.stored_row(y).as_chunks::<3>().0) {
                    *o = u32::from_be_bytes([255, *r, *g, *b]);
                }
            }
            16 => {
                for (o, p) in out.iter_mut().zip(self.stored_row(y).as_chunks::<2>().0) {
                    *o = masked(u16::from_le_bytes(*p).into(), file.masks);
                }
            }
            _ => {
                for (o, p) in out.iter_mut().zip(self.stored_row(y).as_chunks::<4>().0) {
                    *o = masked(u32::from_le_bytes(*p), file.masks);
                }
            }
        }
    }

    /// The source's own colours in their order, where it has a palette.
    pub fn palette(&self) -> &[u32] {
        &self.colours
    }
}

fn masked(pixel: u32, [r, g, b, a]: [u32; 4]) -> u32 {
    let take = |mask: u32| -> u32 {
        if mask == 0 {
            return 0;
        }
        let top = u64::from(mask >> mask.trailing_zeros());
        let value = u64::from((pixel & mask) >> mask.trailing_zeros());
        ((value * 255 + top / 2) / top) as u32
    };
    let alpha = if a == 0 { 255 } else { take(a) };
    alpha << 24 | take(r) << 16 | take(g) << 8 | take(b)
}

/// Decodes a file into `sink`.
///
/// # Errors
/// `BadImage` for damage.
pub fn decode(input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
    let mut file = File::parse(input)?;
    let runs = runs(&mut file)?;
    let (width, height) = (file.width, file.height);
    sink.image(&ImageHeader { width, height, loop_count: 1 })?;
    let alpha = file.has_alpha();
    let channels = if alpha { 4 } else { 3 };
    let layout = PixelLayout {
        sample: SampleKind::U8,
        color: ColorModel::Rgb,
        channels,
        bits: 8,
        alpha: if alpha { AlphaKind::Straight } else { AlphaKind::None },
    };
    sink.frame(&FrameHeader { role: FrameRole::Picture, width, height, duration: (0, 1), layout })?;
    let picture = Picture { file: &file, runs: runs.map(|r| r.0), colours: file.colours(), fixed: None };
    let mut row = vec![0u32; width as usize];
    let mut bytes = Vec::with_capacity(row.len() * 4);
    for y in 0..height {
        picture.row(y, &mut row);
        bytes.clear();
        for p in &row {
            let rgba = p.rotate_left(8).to_be_bytes();
            bytes.extend_from_slice(&rgba[..channels.into()]);
        }
        sink.rows(1, bytes.len(), &bytes)?;
    }
    Ok(())
}
