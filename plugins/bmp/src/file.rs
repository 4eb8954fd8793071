//! A BMP file taken apart: headers, palette, masks, where the pixels are and what else the file holds. Decodes no pixel.

use squeezed_plugin_api::{Error, Limits};

/// How pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Rows of whole bytes.
    Plain,
    /// Runs of bytes.
    Rle8,
    /// Runs of half bytes.
    Rle4,
}

/// The file.
#[derive(Debug, Clone)]
pub struct File<'a> {
    /// The header behind the first 14 bytes.
    pub header: &'a [u8],
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Rows are stored from top to bottom.
    pub top_down: bool,
    /// Bits of a pixel.
    pub bits: u16,
    /// How pixels are stored.
    pub coding: Coding,
    /// Where red, green, blue and alpha are in a pixel of 16 or 32 bits; 0 for none.
    pub masks: [u32; 4],
    /// Masks that stand behind the header.
    pub extra_masks: &'a [u8],
    /// Palette entries as stored.
    pub palette: &'a [u8],
    /// Bytes of an entry.
    pub entry: usize,
    /// Pixel data; for runs everything up to the end of the file.
    pub pixels: &'a [u8],
    /// An ICC profile, or the name of one where `linked`.
    pub profile: &'a [u8],
    /// The profile is a file name.
    pub linked: bool,
    /// Bytes between palette and pixels.
    pub gap: Vec<u8>,
    /// Bytes behind the pixels; for runs this is told by [`crate::rle`].
    pub trailing: Vec<u8>,
    /// The two reserved words of the file header.
    pub reserved: [u8; 4],
    /// Where the pixels begin.
    pub offset: usize,
    /// Something that is not decoded here.
    pub unsupported: Option<&'static str>,
    place: Option<(usize, usize)>,
    input: &'a [u8],
}

/// BITMAPINFOHEADER's length.
pub const INFO: usize = 40;
/// The shortest header with a colour space.
pub const V4: usize = 108;
/// The one with a profile.
pub const V5: usize = 124;

fn word(data: &[u8], at: usize) -> u16 {
    data.get(at..).and_then(|d| d.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn long(data: &[u8], at: usize) -> u32 {
    data.get(at..).and_then(|d| d.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn bad(what: &str) -> Error {
    Error::bad_image(what)
}

impl<'a> File<'a> {
    /// Takes a file apart.
    ///
    /// # Errors
    /// `BadImage` where a header makes no sense or pixels are missing.
    pub fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let magic = input.starts_with(b"BM");
        let size = long(input, 14) as usize;
        let known = matches!(size, 12 | 16..=64 | V4 | V5);
        let end = size.checked_add(14).filter(|_| magic && known);
        let header = end.and_then(|end| input.get(14..end)).ok_or_else(|| bad("not a whole BMP header"))?;
        let core = size == 12;
        let (width, height) = if core {
            (i32::from(word(header, 4)), i32::from(word(header, 6)))
        } else {
            (long(header, 4) as i32, long(header, 8) as i32)
        };
        let bits = word(header, if core { 10 } else { 14 });
        let compression = if core { 0 } else { long(header, 16) };
        let top_down = height < 0;
        if width <= 0 || height == 0 || height == i32::MIN {
            return Err(bad("the picture has no pixels"));
        }
        let mut file = Self {
            header,
            width: width.unsigned_abs(),
            height: height.unsigned_abs(),
            top_down,
            bits,
            coding: Coding::Plain,
            masks: [0; 4],
            extra_masks: &[],
            palette: &[],
            entry: if core { 3 } else { 4 },
            pixels: &[],
            profile: &[],
            linked: false,
            gap: Vec::new(),
            trailing: Vec::new(),
            reserved: input.get(6..).and_then(|d| d.first_chunk()).copied().unwrap_or_default(),
            offset: long(input, 10) as usize,
            unsupported: None,
            place: None,
            input,
        };
        file.take_coding(compression)?;
        if file.unsupported.is_none() {
            file.take_palette()?;
            file.take_pixels()?;
            file.take_profile();
        }
        Ok(file)
    }

    fn take_coding(&mut self, compression: u32) -> Result<(), Error> {
        let os2 = self.header.len() == 64;
        match (compression, self.bits) {
            (0, 1 | 2 | 4 | 8 | 24) => {}
            (0, 16) => self.masks = [0x7c00, 0x3e0, 0x1f, 0],
            (0, 32) => self.masks = [0xff_0000, 0xff00, 0xff, 0],
            (1, 8) => self.coding = Coding::Rle8,
            (2, 4) => self.coding = Coding::Rle4,
            (3 | 6, 16 | 32) if !os2 => self.take_masks(compression == 6)?,
            (3, 1) if os2 => self.unsupported = Some("OS/2 Huffman coding"),
            (4, 24) if os2 => self.unsupported = Some("OS/2 RLE24 coding"),
            (4, _) => self.unsupported = Some("a JPEG inside a BMP"),
            (5, _) => self.unsupported = Some("a PNG inside a BMP"),
            (11..=13, _) => self.unsupported = Some("CMYK"),
            _ => return Err(bad("an unknown combination of bits and compression")),
        }
        if self.header.len() == 12 && !matches!(self.bits, 1 | 4 | 8 | 24) {
            return Err(bad("an unknown number of bits"));
        }
        if self.top_down && self.coding != Coding::Plain {
            self.unsupported = Some("runs from top to bottom");
        }
        Ok(())
    }

    fn take_masks(&mut self, alpha: bool) -> Result<(), Error> {
        let size = self.header.len();
        let masks = if size >= 52 {
            &self.header[40..]
        } else {
            let length = if alpha { 16 } else { 12 };
            let start = 14 + size;
            self.extra_masks =
                self.input.get(start..start + length).ok_or_else(|| bad("the masks are cut off"))?;
            self.extra_masks
        };
        for i in 0..4 {
            self.masks[i] = if masks.len() >= 4 * (i + 1) { long(masks, 4 * i) } else { 0 };
        }
        let top = if self.bits == 16 { 0xffff } else { u32::MAX };
        let whole =
            |m: u32| m == 0 || (m >> m.trailing_zeros()).wrapping_add(1).is_power_of_two() || m == u32::MAX;
        let [r, g, b, a] = self.masks;
        if r | g | b == 0 || (r | g | b | a) & !top != 0 {
            return Err(bad("masks that select nothing"));
        }
        let overlap = r & g | r & b | g & b | (r | g | b) & a;
        if overlap != 0 || !self.masks.into_iter().all(whole) {
            self.unsupported = Some("masks that overlap or have holes");
        }
        Ok(())
    }

    fn take_palette(&mut self) -> Result<(), Error> {
        let start = 14 + self.header.len() + self.extra_masks.len();
        if self.offset < start || self.offset > self.input.len() {
            return Err(bad("the pixels begin outside the file or in its header"));
        }
        let used = if self.header.len() >= 36 { long(self.header, 32) as usize } else { 0 };
        let most = if self.bits <= 8 { 1usize << self.bits } else { 256 };
        let told = if used == 0 && self.bits <= 8 { most } else { used };
        let count = told.min(most).min((self.offset - start) / self.entry);
        let end = start + count * self.entry;
        self.palette = &self.input[start..end];
        if self.bits <= 8 && count == 0 {
            return Err(bad("the palette is missing"));
        }
        self.gap = self.input[end..self.offset].to_vec();
        Ok(())
    }

    /// Bytes of a row as stored.
    pub fn stride(&self) -> usize {
        stride(self.width, self.bits)
    }

    fn take_pixels(&mut self) -> Result<(), Error> {
        let data = &self.input[self.offset..];
        if self.coding != Coding::Plain {
            self.pixels = data;
            return Ok(());
        }
        let bits = u64::from(self.width) * u64::from(self.bits);
        let row = bits.div_ceil(32) * 4;
        let all = row * u64::from(self.height);
        // What pads the last row may be missing.
        let needed = all - row + bits.div_ceil(8);
        if (data.len() as u64) < needed {
            return Err(bad("pixels are missing"));
        }
        let end = usize::try_from(all).map_or(data.len(), |all| all.min(data.len()));
        self.pixels = &data[..end];
        Ok(())
    }

    /// Finds the profile of a V5 header. It may stand before the pixels or behind them.
    fn take_profile(&mut self) {
        if self.header.len() < V5 {
            return;
        }
        let linked = match &long(self.header, 56).to_be_bytes() {
            b"MBED" => false,
            b"LINK" => true,
            _ => return,
        };
        let (start, length) = (long(self.header, 112) as usize, long(self.header, 116) as usize);
        let Some(start) = start.checked_add(14) else { return };
        let Some(end) = start.checked_add(length).filter(|_| length > 0) else { return };
        let Some(profile) = self.input.get(start..end) else {
            self.unsupported = Some("a profile outside the file");
            return;
        };
        let gap = self.offset - self.gap.len();
        let before = start >= gap && end <= self.offset;
        let behind = self.coding == Coding::Plain && start >= self.offset + self.pixels.len();
        if before {
            self.gap = [&self.input[gap..start], &self.input[end..self.offset]].concat();
        } else if !behind && self.coding == Coding::Plain || start < self.offset {
            self.unsupported = Some("a profile in the middle of something else");
            return;
        }
        (self.profile, self.linked, self.place) = (profile, linked, Some((start, end)));
    }

    /// Tells where the pixels end; what follows, without the profile, is trailing data. Up to three zeros are padding.
    ///
    /// # Errors
    /// `UnsupportedFeature` where the profile lies among the pixels.
    pub fn end_pixels(&mut self, length: usize) -> Result<(), Error> {
        self.pixels = &self.pixels[..length.min(self.pixels.len())];
        let end = self.offset + self.pixels.len();
        let rest = &self.input[end..];
        self.trailing = match self.place {
            Some((start, _)) if start >= self.offset && start < end => {
                return Err(Error::unsupported("a profile among the pixels"));
            }
            Some((from, to)) if from >= end => [&self.input[end..from], &self.input[to..]].concat(),
            _ => rest.to_vec(),
        };
        if self.trailing.len() < 4 && self.trailing.iter().all(|b| *b == 0) {
            self.trailing.clear();
        }
        if self.gap.iter().all(|b| *b == 0) {
            self.gap.clear();
        }
        Ok(())
    }

    /// Palette entries as `0xffRRGGBB`.
    pub fn colours(&self) -> Vec<u32> {
        self.palette
            .chunks_exact(self.entry)
            .filter_map(|e| e.first_chunk::<3>())
            .map(|[b, g, r]| u32::from_be_bytes([255, *r, *g, *b]))
            .collect()
    }

    /// Whether a pixel has alpha by the standard.
    pub fn has_alpha(&self) -> bool {
        self.masks[3] != 0
    }

    /// Whether every reader gives a pixel's samples the same values: 8 bits of each colour, not 5 or 6 that are scaled up
    /// by rules of their own.
    pub fn is_exact(&self) -> bool {
        !matches!(self.bits, 16 | 32) || self.masks[..3].iter().all(|m| m.count_ones() == 8)
    }

    /// The palette that a truecolour file suggests.
    pub fn suggested(&self) -> &'a [u8] {
        if self.bits > 8 { self.palette } else { &[] }
    }

    /// Pixels per metre across and down.
    pub fn density(&self) -> [u8; 8] {
        self.header.get(24..).and_then(|h| h.first_chunk()).copied().unwrap_or_default()
    }

    /// What only OS/2 headers have.
    pub fn os2(&self) -> &'a [u8] {
        match self.header.len() {
            52 | 56 | V4 | V5 => &[],
            _ => self.header.get(INFO..).unwrap_or_default(),
        }
    }

    /// Colour space and what belongs to it, without the place of a profile.
    pub fn color_space(&self) -> Option<Vec<u8>> {
        let space = self.header.get(56..V4)?;
        Some([space, self.header.get(108..112).unwrap_or_default()].concat())
    }

    /// Checks the dimensions against `limits`.
    ///
    /// # Errors
    /// `TooLarge`, naming the limit.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), Error> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if pixels > limits.pixels {
            let most = limits.pixels;
            return Err(Error::too_large(format!("{pixels} pixels are above limits.pixels ({most})")));
        }
        let metadata = (self.gap.len() + self.profile.len()) as u64;
        if metadata > limits.metadata_bytes {
            let most = limits.metadata_bytes;
            return Err(Error::too_large(format!(
                "{metadata} bytes of metadata are above limits.metadata_bytes ({most})"
            )));
        }
        Ok(())
    }
}

/// Bytes of a row.
pub fn stride(width: u32, bits: u16) -> usize {
    let bytes = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
