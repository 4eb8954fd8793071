//! A file as its boxes, and the way from an item to its bytes.

use std::borrow::Cow;
use std::ops::Range;

use crate::reader::Reader;
use crate::{BoxRef, Boxes, Broken, Construction, Extent, FourCc, Item, Meta};

/// How deep items may be made of parts of other items.
const MAX_DEPTH: u32 = 4;

/// A parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File<'a> {
    /// All bytes.
    pub input: &'a [u8],
    /// What it says that it is.
    pub brands: Brands,
    /// The boxes of the file, in order.
    pub boxes: Vec<BoxRef<'a>>,
    /// The pictures that are items.
    pub meta: Option<Meta<'a>>,
    /// The `moov` box of a sequence.
    pub movie: Option<BoxRef<'a>>,
    /// What follows the last box and is none.
    pub trailing: &'a [u8],
}

/// The `ftyp` box.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brands {
    /// The one that describes the file best.
    pub major: [u8; 4],
    /// All others.
    pub compatible: Vec<[u8; 4]>,
}

impl Brands {
    /// Whether a brand is among them.
    pub fn has(&self, brand: &[u8; 4]) -> bool {
        self.major == *brand || self.compatible.contains(brand)
    }
}

impl<'a> File<'a> {
    /// Parses a file.
    ///
    /// # Errors
    /// Its structure is broken, or the data of an item lies outside of it.
    pub fn parse(input: &'a [u8]) -> Result<Self, Broken> {
        let mut walk = Boxes::new(input);
        let mut boxes: Vec<BoxRef<'a>> = Vec::new();
        let mut trailing: &[u8] = &[];
        loop {
            let rest = walk.rest();
            match walk.next() {
                None => break,
                Some(Ok(b)) if b.kind != [0; 4] => boxes.push(b),
                // What is no box behind pictures that are whole is something that was appended.
                Some(Err(e)) if is_structure(rest) || boxes.is_empty() => return Err(e),
                Some(_) => {
                    trailing = rest;
                    break;
                }
            }
        }
        let first = boxes.first().filter(|b| b.kind == b"ftyp").ok_or(Broken::Missing(FourCc(*b"ftyp")))?;
        let mut r = Reader::new(first.body);
        let (major, _) = (r.array()?, r.u32()?);
        let compatible = r.rest().as_chunks::<4>().0.to_vec();
        let find = |kind: &[u8; 4]| boxes.iter().find(|b| b.kind == kind).copied();
        let meta = find(b"meta").map(|b| Meta::read(&b)).transpose()?;
        let movie = find(b"moov");
        let file = Self { input, brands: Brands { major, compatible }, boxes, meta, movie, trailing };
        if file.meta.is_none() && movie.is_none() {
            return Err(Broken::Missing(FourCc(*b"meta")));
        }
        for item in file.meta.iter().flat_map(|m| &m.items).filter(|i| !i.external) {
            if matches!(item.construction, Construction::File | Construction::Idat) {
                file.ranges(item)?;
            }
        }
        Ok(file)
    }

    /// The parts of an item's data, counted from the start of the file or of `idat`.
    ///
    /// # Errors
    /// They lie outside of it.
    pub fn ranges(&self, item: &Item<'a>) -> Result<Vec<Range<usize>>, Broken> {
        let all = match item.construction {
            Construction::Idat => self.meta.as_ref().map_or(0, |m| m.idat.len()),
            _ => self.input.len(),
        };
        item.extents.iter().map(|e| range(e, all).ok_or(Broken::Outside(item.id))).collect()
    }

    /// The data of an item.
    ///
    /// # Errors
    /// It is not in this file.
    pub fn data(&self, item: &Item<'a>) -> Result<Cow<'a, [u8]>, Broken> {
        self.data_at(item, 0)
    }

    fn data_at(&self, item: &Item<'a>, depth: u32) -> Result<Cow<'a, [u8]>, Broken> {
        let Some(meta) = &self.meta else { return Err(Broken::NoItem(item.id)) };
        let whole: &'a [u8] = match item.construction {
            Construction::File if !item.external => self.input,
            Construction::Idat if !item.external => meta.idat,
            Construction::Item if !item.external && depth < MAX_DEPTH => {
                return self.data_of_items(item, depth);
            }
            _ => return Err(Broken::Outside(item.id)),
        };
        let ranges = self.ranges(item)?;
        let part = |r: &Range<usize>| whole.get(r.clone()).ok_or(Broken::Outside(item.id));
        match ranges.as_slice() {
            [one] => part(one).map(Cow::Borrowed),
            many => {
                let total = many.iter().fold(0usize, |sum, r| sum.saturating_add(r.len()));
                // Extents may repeat, but never to more than the file.
                if total > self.input.len() {
                    return Err(Broken::Outside(item.id));
                }
                let mut all = Vec::with_capacity(total);
                for r in many {
                    all.extend_from_slice(part(r)?);
                }
                Ok(Cow::Owned(all))
            }
        }
    }

    fn data_of_items(&self, item: &Item<'a>, depth: u32) -> Result<Cow<'a, [u8]>, Broken> {
        let Some(meta) = &self.meta else { return Err(Broken::NoItem(item.id)) };
        let mut sources = meta.targets(item.id, b"iloc");
        let mut all = Vec::new();
        for extent in &item.extents {
            let id = sources.next().ok_or(Broken::Outside(item.id))?;
            let source = meta.item(id).ok_or(Broken::NoItem(id))?;
            let data = self.data_at(source, depth + 1)?;
            let range = range(extent, data.len()).ok_or(Broken::Outside(item.id))?;
            all.extend_from_slice(data.get(range).ok_or(Broken::Outside(item.id))?);
            if all.len() > self.input.len() {
                return Err(Broken::Outside(item.id));
            }
        }
        Ok(Cow::Owned(all))
    }
}

/// Whether bytes begin with the header of a box without which there is no picture.
fn is_structure(bytes: &[u8]) -> bool {
    matches!(bytes.get(4..8), Some(b"ftyp" | b"meta" | b"mdat" | b"moov" | b"idat"))
}

fn range(extent: &Extent, all: usize) -> Option<Range<usize>> {
    let start = usize::try_from(extent.offset).ok()?;
    let end = match extent.length {
        Some(length) => start.checked_add(usize::try_from(length).ok()?)?,
        None => all,
    };
    (start <= end && end <= all).then_some(start..end)
}
