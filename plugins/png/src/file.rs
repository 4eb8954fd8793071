//! A PNG file taken apart: header, palette, transparency, ancillary chunks in their places, picture data, animation,
//! trailing bytes. Checks structure and refuses what readers disagree on; inflates nothing.

use squeezed_plugin_api::{Error, Limits};

use crate::animation::{Animation, Collector};
use crate::chunk::{Chunk, Walk, be16, label};
use crate::header::{Color, Header};

/// Where an ancillary chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the palette, or before the data in a file without one.
    BeforePalette,
    /// Between palette and data.
    BeforeData,
    /// After the first data chunk.
    AfterData,
}

/// A PNG file taken apart; borrows from the input.
#[derive(Debug, Clone)]
pub struct File<'a> {
    /// IHDR.
    pub header: Header,
    /// The data of PLTE; empty where there is none.
    pub palette: &'a [u8],
    /// The data of tRNS; empty where there is none.
    pub transparency: &'a [u8],
    /// Every other chunk but fcTL and fdAT, in order. iDOT is left out: it holds offsets of Apple's decoder into the
    /// data, which no rewrite can keep.
    pub ancillary: Vec<(Place, Chunk<'a>)>,
    /// The parts of the picture data.
    pub data: Vec<&'a [u8]>,
    /// The animation, if there is one.
    pub animation: Option<Animation<'a>>,
    /// Bytes after IEND.
    pub trailing: &'a [u8],
    /// Whether tRNS of a grey or RGB picture has bits above the bit depth: legal, to be masked off, and not masked off by
    /// all, so that it stays as it is.
    pub odd_transparency: bool,
    /// A feature that readers disagree on or that cannot be rewritten: the file comes back unchanged.
    pub unsupported: Option<String>,
}

impl<'a> File<'a> {
    /// Takes `input` apart.
    ///
    /// # Errors
    /// `BadImage` where the structure is broken or picture data is missing.
    pub fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let mut walk = Walk::new(input)?;
        let first = walk.next().unwrap_or_else(|| Err(Error::bad_image("the file ends before IHDR")))?;
        if first.name == *b"CgBI" {
            return Err(Error::unsupported("Apple's CgBI variant of PNG"));
        }
        if first.name != *b"IHDR" {
            return Err(Error::bad_image("the first chunk is not IHDR"));
        }
        sound(&first)?;
        let mut file = File {
            header: Header::parse(first.data)?,
            palette: &[],
            transparency: &[],
            ancillary: Vec::new(),
            data: Vec::new(),
            animation: None,
            trailing: &[],
            odd_transparency: false,
            unsupported: None,
        };
        let mut frames = Collector::new(file.header);
        let mut data_closed = false;
        for chunk in walk.by_ref() {
            let chunk = chunk?;
            data_closed |= !file.data.is_empty() && chunk.name != *b"IDAT";
            match &chunk.name {
                b"IHDR" => return Err(Error::bad_image("a second IHDR")),
                b"IEND" => sound(&chunk)?,
                b"IDAT" => {
                    sound(&chunk)?;
                    if data_closed {
                        return Err(Error::bad_image("picture data is interrupted by other chunks"));
                    }
                    file.data.push(chunk.data);
                    frames.data_seen();
                }
                b"PLTE" => file.take_palette(&chunk)?,
                b"tRNS" => file.take_transparency(&chunk)?,
                b"acTL" if file.data.is_empty() => {
                    sound(&chunk)?;
                    frames.control(&chunk)?;
                    file.ancillary.push((file.place(), chunk));
                }
                b"fcTL" | b"fdAT" if frames.animated() => {
                    sound(&chunk)?;
                    frames.take(&chunk)?;
                }
                b"iDOT" => {}
                _ if chunk.critical() => file.note(format!("critical chunk {}", chunk.label())),
                _ => file.ancillary.push((file.place(), chunk)),
            }
        }
        file.trailing = walk.rest();
        file.check()?;
        file.animation = frames.finish(&mut file.unsupported)?;
        Ok(file)
    }

    /// Compressed bytes of the picture data.
    pub fn data_len(&self) -> usize {
        self.data.iter().map(|d| d.len()).sum()
    }

    /// The chunks of this type, in order.
    pub fn chunks(&self, name: [u8; 4]) -> impl Iterator<Item = &Chunk<'a>> {
        self.ancillary.iter().map(|(_, c)| c).filter(move |c| c.name == name)
    }

    /// Whether there is a chunk of this type.
    pub fn has(&self, name: [u8; 4]) -> bool {
        self.chunks(name).next().is_some()
    }

    /// Palette entries.
    pub fn colors(&self) -> usize {
        self.palette.len() / 3
    }

    /// Checks the header against `limits`, before anything is allocated for pixels.
    ///
    /// # Errors
    /// `TooLarge`, naming the limit.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), Error> {
        let pixels = self.header.pixels();
        if pixels > limits.pixels {
            return Err(Error::too_large(format!(
                "{pixels} pixels are above limits.pixels ({})",
                limits.pixels
            )));
        }
        let Some(animation) = &self.animation else { return Ok(()) };
        let frames = animation.frames.len() as u64;
        if frames > limits.frames {
            return Err(Error::too_large(format!(
                "{frames} frames are above limits.frames ({})",
                limits.frames
            )));
        }
        let total = frames.saturating_mul(pixels);
        if total > limits.total_pixels {
            let limit = limits.total_pixels;
            return Err(Error::too_large(format!(
                "{total} pixels of all frames are above limits.total_pixels ({limit})"
            )));
        }
        Ok(())
    }

    fn place(&self) -> Place {
        match (self.data.is_empty(), self.palette.is_empty()) {
            (false, _) => Place::AfterData,
            (true, false) => Place::BeforeData,
            (true, true) => Place::BeforePalette,
        }
    }

    fn note(&mut self, feature: impl Into<String>) {
        self.unsupported.get_or_insert(feature.into());
    }

    fn take_palette(&mut self, chunk: &Chunk<'a>) -> Result<(), Error> {
        sound(chunk)?;
        if !self.data.is_empty() || !self.palette.is_empty() {
            return Err(Error::bad_image("PLTE is out of place"));
        }
        let length = chunk.data.len();
        if length == 0 || !length.is_multiple_of(3) || length > 768 {
            return Err(Error::bad_image("PLTE has a wrong length"));
        }
        if self.header.color.is_grey() {
            self.note("a palette in a grey picture");
        }
        if self.header.color == Color::Indexed && length / 3 > 1 << self.header.depth {
            self.note("a palette larger than its bit depth");
        }
        self.palette = chunk.data;
        Ok(())
    }

    fn take_transparency(&mut self, chunk: &Chunk<'a>) -> Result<(), Error> {
        sound(chunk)?;
        let top = (1_u32 << self.header.depth) - 1;
        let fits = |d: &[u8]| d.chunks(2).all(|v| u32::from(be16(v)) <= top);
        let right = match self.header.color {
            Color::Indexed => (1..=self.colors()).contains(&chunk.data.len()),
            Color::Grey => chunk.data.len() == 2,
            Color::Rgb => chunk.data.len() == 6,
            Color::GreyAlpha | Color::Rgba => false,
        };
        if !right || !self.data.is_empty() || !self.transparency.is_empty() {
            self.note("a transparency chunk that readers disagree on");
        }
        self.odd_transparency = self.header.color != Color::Indexed && !fits(chunk.data);
        self.transparency = chunk.data;
        Ok(())
    }

    fn check(&mut self) -> Result<(), Error> {
        if self.data.is_empty() {
            return Err(Error::bad_image("picture data is missing"));
        }
        if self.header.color == Color::Indexed && self.palette.is_empty() {
            return Err(Error::bad_image("the palette is missing"));
        }
        if !self.header.plausible(self.data_len()) {
            return Err(Error::bad_image("picture data is too short for the dimensions"));
        }
        Ok(())
    }
}

/// A critical chunk must have its checksum.
fn sound(chunk: &Chunk<'_>) -> Result<(), Error> {
    if chunk.intact {
        Ok(())
    } else {
        Err(Error::bad_image(format!("chunk {} has a wrong checksum", label(chunk.name))))
    }
}
