//! Brings one row of any layout into the form that is hashed and averaged. Knows samples, not pictures.

use squeezed_plugin_api::{AlphaKind, ColorModel, FrameHeader, SampleKind};

/// What samples of two frames must share to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Grey and RGB with or without alpha, as RGBA.
    Rgba {
        /// Colour was multiplied by alpha.
        premultiplied: bool,
    },
    /// Cyan, magenta, yellow, black as stored, with or without alpha.
    Cmyk { alpha: bool },
    /// Integers of any other colour model.
    Other { color: ColorModel, channels: u8 },
    /// Samples that are not integers of up to 16 bit; compared as they are.
    Raw { color: ColorModel, channels: u8, sample: SampleKind },
}

/// One row in its form, at 8 and, where it has them, at 16 bit.
pub(crate) struct Row {
    form: Form,
    grey: bool,
    has_alpha: bool,
    channels: usize,
    sample: SampleKind,
    bits: u8,
    narrow: Vec<u8>,
    wide: Vec<u8>,
    deep: bool,
    uses_alpha: bool,
}

impl Row {
    /// A row of this frame; `None` for a layout that makes no sense.
    pub fn new(header: &FrameHeader) -> Option<Self> {
        let l = header.layout;
        let has_alpha = l.alpha != AlphaKind::None;
        let colours = l.channels.checked_sub(u8::from(has_alpha))?;
        let fits = match l.color {
            ColorModel::Grey => colours == 1,
            ColorModel::Rgb | ColorModel::Lab => colours == 3,
            ColorModel::Cmyk => colours == 4,
            ColorModel::Other => colours >= 1,
        };
        let integer = matches!((l.sample, l.bits), (SampleKind::U8, 1..=8) | (SampleKind::U16, 1..=16));
        let raw = matches!(l.sample, SampleKind::U32 | SampleKind::F16 | SampleKind::F32 | SampleKind::F64);
        if !fits || !(integer || raw) {
            return None;
        }
        let form = match l.color {
            _ if raw => Form::Raw { color: l.color, channels: l.channels, sample: l.sample },
            ColorModel::Grey | ColorModel::Rgb => {
                Form::Rgba { premultiplied: l.alpha == AlphaKind::Premultiplied }
            }
            ColorModel::Cmyk => Form::Cmyk { alpha: has_alpha },
            color => Form::Other { color, channels: l.channels },
        };
        Some(Self {
            form,
            grey: l.color == ColorModel::Grey,
            has_alpha,
            channels: usize::from(l.channels),
            sample: l.sample,
            bits: l.bits,
            narrow: Vec::new(),
            wide: Vec::new(),
            deep: false,
            uses_alpha: false,
        })
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// Channels of the form.
    pub fn channels(&self) -> usize {
        match self.form {
            Form::Rgba { .. } => 4,
            _ => self.channels,
        }
    }

    /// Whether block means multiply colour by alpha, so that what cannot be seen does not count.
    pub fn premultiplies(&self) -> bool {
        matches!(self.form, Form::Rgba { premultiplied: false })
    }

    /// Samples at 8 bit.
    pub fn narrow(&self) -> &[u8] {
        &self.narrow
    }

    /// Samples at 16 bit in native order, or as they are where they are no such integers.
    pub fn wide(&self) -> &[u8] {
        &self.wide
    }

    /// Whether 8 bit lose something of this row.
    pub fn is_deep(&self) -> bool {
        self.deep
    }

    /// Whether a pixel of this row or one before it is not opaque.
    pub fn uses_alpha(&self) -> bool {
        self.uses_alpha
    }

    /// Takes the next row.
    pub fn load(&mut self, data: &[u8]) {
        self.narrow.clear();
        self.wide.clear();
        self.deep = false;
        match self.sample {
            SampleKind::U8 if self.bits == 8 => self.load_bytes(data),
            SampleKind::U8 => {
                let max = (1u32 << self.bits) - 1;
                let scaled: Vec<u8> = data.iter().map(|v| scale(u32::from(*v), max, 255) as u8).collect();
                self.load_bytes(&scaled);
            }
            SampleKind::U16 => self.load_words(data),
            _ => {
                self.wide.extend_from_slice(data);
                self.narrow.extend(data.chunks_exact(self.sample.bytes()).map(|v| coarse(self.sample, v)));
            }
        }
        // Of the frame so far: once seen, it need not be looked for.
        self.uses_alpha |= self.has_alpha && !self.uses_alpha && {
            let channels = self.channels();
            self.narrow.chunks_exact(channels).any(|px| px[channels - 1] != 255) || {
                let wide = self.channels() * 2;
                let top = u16::MAX.to_ne_bytes();
                self.sample == SampleKind::U16 && self.wide.chunks_exact(wide).any(|px| px[wide - 2..] != top)
            }
        };
    }

    fn load_bytes(&mut self, data: &[u8]) {
        let out = &mut self.narrow;
        let Form::Rgba { .. } = self.form else {
            out.extend_from_slice(data);
            return;
        };
        if !self.grey && self.has_alpha {
            out.extend_from_slice(data);
            return;
        }
        let from = if self.grey { 1 } else { 3 } + usize::from(self.has_alpha);
        out.resize(data.len() / from * 4, 255);
        let out = out.as_chunks_mut::<4>().0.iter_mut();
        match (self.grey, self.has_alpha) {
            (true, false) => out.zip(data).for_each(|(o, g)| *o = [*g, *g, *g, 255]),
            (true, true) => out.zip(data.as_chunks::<2>().0).for_each(|(o, [g, a])| *o = [*g, *g, *g, *a]),
            _ => out.zip(data.as_chunks::<3>().0).for_each(|(o, [r, g, b])| *o = [*r, *g, *b, 255]),
        }
    }

    fn load_words(&mut self, data: &[u8]) {
        let max = (1u32 << self.bits) - 1;
        let grey = self.grey && matches!(self.form, Form::Rgba { .. });
        let opaque = !self.has_alpha && matches!(self.form, Form::Rgba { .. });
        for px in data.chunks_exact(self.channels * 2) {
            for (i, v) in px.as_chunks::<2>().0.iter().enumerate() {
                let mut v = u16::from_ne_bytes(*v);
                if self.bits < 16 {
                    v = scale(u32::from(v), max, 65_535) as u16;
                }
                self.deep |= v % 257 != 0;
                for _ in 0..if grey && i == 0 { 3 } else { 1 } {
                    self.narrow.push((v >> 8) as u8);
                    self.wide.extend(v.to_ne_bytes());
                }
            }
            if opaque {
                self.narrow.push(255);
                self.wide.extend(u16::MAX.to_ne_bytes());
            }
        }
    }
}

/// Brings `v` of `0..=max` to `0..=to`, rounded; values above `max` are the largest.
fn scale(v: u32, max: u32, to: u32) -> u32 {
    (v.min(max) * to + max / 2) / max
}

/// A sample of any other kind at 8 bit, for block means alone: 1.0 and above is white.
fn coarse(sample: SampleKind, v: &[u8]) -> u8 {
    let unit = |f: f64| (f.clamp(0.0, 1.0) * 255.0) as u8;
    match (sample, v) {
        (SampleKind::U32, &[a, b, c, d]) => (u32::from_ne_bytes([a, b, c, d]) >> 24) as u8,
        (SampleKind::F32, &[a, b, c, d]) => unit(f64::from(f32::from_ne_bytes([a, b, c, d]))),
        (SampleKind::F64, &[a, b, c, d, e, f, g, h]) => unit(f64::from_ne_bytes([a, b, c, d, e, f, g, h])),
        (SampleKind::F16, &[a, b]) => unit(half(u16::from_ne_bytes([a, b]))),
        _ => 0,
    }
}

/// An IEEE half; not-a-number and infinities become large.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        e => (1.0 + fraction / 1024.0) * 2f64.powi(e - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use squeezed_plugin_api::PixelLayout;

    use super::*;

    fn row(color: ColorModel, channels: u8, bits: u8, alpha: AlphaKind, data: &[u8]) -> Row {
        let sample = if bits > 8 { SampleKind::U16 } else { SampleKind::U8 };
        let layout = PixelLayout { sample, color, channels, bits, alpha };
        let mut row = Row::new(&FrameHeader { layout, ..FrameHeader::default() }).unwrap();
        row.load(data);
        row
    }

    #[test]
    fn equal_colours_are_equal_in_every_layout() {
        let grey = row(ColorModel::Grey, 1, 1, AlphaKind::None, &[0, 1]);
        let rgb = row(ColorModel::Rgb, 3, 8, AlphaKind::None, &[0, 0, 0, 255, 255, 255]);
        let rgba = row(ColorModel::Rgb, 4, 8, AlphaKind::Straight, &[0, 0, 0, 255, 255, 255, 255, 255]);
        assert_eq!(grey.narrow(), rgb.narrow());
        assert_eq!(rgb.narrow(), rgba.narrow());
        assert!(!rgba.uses_alpha());
        let wide: Vec<u8> = [0u16, 65_535].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let wide = row(ColorModel::Grey, 1, 16, AlphaKind::None, &wide);
        assert_eq!(wide.narrow(), grey.narrow());
        assert!(!wide.is_deep());
    }

    #[test]
    fn depth_and_alpha_are_seen() {
        let data: Vec<u8> = [257u16, 258, 65_534].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert!(row(ColorModel::Grey, 1, 16, AlphaKind::None, &data).is_deep());
        assert!(row(ColorModel::Grey, 2, 16, AlphaKind::Straight, &data[2..]).uses_alpha());
        assert!(row(ColorModel::Grey, 2, 8, AlphaKind::Straight, &[1, 254]).uses_alpha());
    }

    #[test]
    fn senseless_layouts_are_refused() {
        for (color, channels, bits) in
            [(ColorModel::Rgb, 4, 8), (ColorModel::Cmyk, 3, 8), (ColorModel::Grey, 1, 0)]
        {
            let layout =
                PixelLayout { sample: SampleKind::U8, color, channels, bits, alpha: AlphaKind::None };
            assert!(Row::new(&FrameHeader { layout, ..FrameHeader::default() }).is_none());
        }
    }

    #[test]
    fn halves_are_read() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0x3800), 0.5);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(1), 2f64.powi(-24));
    }
}
