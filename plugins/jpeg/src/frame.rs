//! The frame header: process, precision, size, components. Says what of it this plugin can handle.

use squeezed_plugin_api::{ColorModel, Error};

/// A component as the frame header declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Identifier.
    pub id: u8,
    /// Horizontal sampling factor, 1 to 4.
    pub h: u8,
    /// Vertical sampling factor, 1 to 4.
    pub v: u8,
    /// Quantization table, 0 to 3.
    pub table: u8,
}

/// A frame header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Second byte of its marker.
    pub process: u8,
    /// Bits of a sample.
    pub precision: u8,
    /// Height in pixels; 0 where a DNL segment tells it.
    pub height: u16,
    /// Width in pixels.
    pub width: u16,
    /// Components in order.
    pub components: Vec<Component>,
    /// Where the two bytes of the height stand in the file.
    pub height_at: usize,
}

impl Frame {
    pub(crate) fn parse(process: u8, body: &[u8], at: usize) -> Result<Self, Error> {
        let [precision, h1, h0, w1, w0, count, rest @ ..] = body else {
            return Err(Error::bad_image("the frame header is too short"));
        };
        if rest.len() != usize::from(*count) * 3 || *count == 0 {
            return Err(Error::bad_image("the frame header has a wrong number of components"));
        }
        let components: Vec<Component> = rest
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[id, hv, table]| Component { id: *id, h: hv >> 4, v: hv & 15, table: *table })
            .collect();
        let sound = |c: &Component| (1..=4).contains(&c.h) && (1..=4).contains(&c.v) && c.table < 4;
        if !components.iter().all(sound) {
            return Err(Error::bad_image("a component has a sampling factor or table that cannot be"));
        }
        let frame = Self {
            process,
            precision: *precision,
            height: u16::from_be_bytes([*h1, *h0]),
            width: u16::from_be_bytes([*w1, *w0]),
            components,
            height_at: at + 1,
        };
        if frame.width == 0 {
            return Err(Error::bad_image("the width is zero"));
        }
        let bits = match process & 3 {
            3 => 2..=16,
            _ => 8..=12,
        };
        if !bits.contains(precision) {
            return Err(Error::bad_image(format!("samples of {precision} bits cannot be")));
        }
        Ok(frame)
    }

    /// Whether coefficients come in several scans of bands and bits.
    pub fn progressive(&self) -> bool {
        matches!(self.process, 0xc2 | 0xc6 | 0xca | 0xce)
    }

    /// Whether entropy coding is arithmetic.
    pub fn arithmetic(&self) -> bool {
        self.process >= 0xc8
    }

    /// `UnsupportedFeature` with its name, where the codec cannot keep it.
    pub fn check_supported(&self) -> Result<(), Error> {
        match self.process {
            0xc3 | 0xc7 | 0xcb | 0xcf => return Err(Error::unsupported("lossless process")),
            0xc5 | 0xc6 | 0xcd | 0xce => return Err(Error::unsupported("differential process")),
            _ => {}
        }
        if self.precision != 8 {
            return Err(Error::unsupported(format!("{}-bit samples", self.precision)));
        }
        if self.components.len() > 4 {
            return Err(Error::unsupported("more than four components"));
        }
        Ok(())
    }

    /// What the samples are, by their number.
    pub fn color(&self) -> ColorModel {
        match self.components.len() {
            1 => ColorModel::Grey,
            3 => ColorModel::Rgb,
            4 => ColorModel::Cmyk,
            _ => ColorModel::Other,
        }
    }

    /// Largest sampling factors.
    pub fn max_sampling(&self) -> (u8, u8) {
        let h = self.components.iter().map(|c| c.h).max().unwrap_or(1);
        let v = self.components.iter().map(|c| c.v).max().unwrap_or(1);
        (h, v)
    }

    /// Blocks of all components, and samples of all components.
    pub fn blocks(&self, height: u32) -> u64 {
        let (max_h, max_v) = self.max_sampling();
        let across = |c: &Component| (u64::from(self.width) * u64::from(c.h)).div_ceil(8 * u64::from(max_h));
        let down = |c: &Component| (u64::from(height) * u64::from(c.v)).div_ceil(8 * u64::from(max_v));
        self.components.iter().map(|c| across(c) * down(c)).sum()
    }
}
