//! The `meta` box: items, their properties, references, groups and places. Knows the structure, not what pictures are.

use std::collections::BTreeMap;

use crate::reader::Reader;
use crate::{Association, BoxRef, Boxes, Broken, Construction, Extent, FourCc, Item, Property, Reference};

/// A parsed `meta` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta<'a> {
    /// The handler of `hdlr`: `pict` for pictures.
    pub handler: FourCc,
    /// The item of `pitm`.
    pub primary: Option<u32>,
    /// All items in the order of `iinf`.
    pub items: Vec<Item<'a>>,
    /// The property boxes of `ipco`.
    pub properties: Vec<BoxRef<'a>>,
    /// All of `iref`, in order.
    pub references: Vec<Reference>,
    /// All of `grpl`, in order.
    pub groups: Vec<Group<'a>>,
    /// The body of `idat`.
    pub idat: &'a [u8],
    /// All boxes in it, in order.
    pub children: Vec<BoxRef<'a>>,
    index: BTreeMap<u32, usize>,
    /// Numbers of references, by who refers and by who is referred to.
    by_from: BTreeMap<u32, Vec<usize>>,
    by_to: BTreeMap<u32, Vec<usize>>,
}

/// An entity group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// What it means: `altr` for alternatives.
    pub kind: FourCc,
    /// Version and flags.
    pub head: u32,
    /// Its number.
    pub id: u32,
    /// Numbers of items or tracks.
    pub entities: Vec<u32>,
    /// What follows.
    pub rest: &'a [u8],
}

impl<'a> Meta<'a> {
    /// Reads the box.
    ///
    /// # Errors
    /// It is broken.
    pub fn read(b: &BoxRef<'a>) -> Result<Self, Broken> {
        let (_, _, body) = b.full()?;
        let children: Vec<BoxRef<'a>> = Boxes::new(body).collect::<Result<_, _>>()?;
        let mut meta = Self {
            handler: FourCc([0; 4]),
            primary: None,
            items: Vec::new(),
            properties: Vec::new(),
            references: Vec::new(),
            groups: Vec::new(),
            idat: &[],
            children,
            index: BTreeMap::new(),
            by_from: BTreeMap::new(),
            by_to: BTreeMap::new(),
        };
        // Items first: other boxes may stand before iinf.
        for child in meta.all(b"iinf") {
            meta.read_items(&child)?;
        }
        for child in meta.children.clone() {
            match &child.kind.0 {
                b"hdlr" => {
                    let mut r = Reader::new(child.body);
                    r.u64()?;
                    meta.handler = FourCc(r.array()?);
                }
                b"pitm" => {
                    let (version, _, body) = child.full()?;
                    meta.primary = Some(Reader::new(body).u16_or_u32(version > 0)?);
                }
                b"iloc" => meta.read_places(&child)?,
                b"iref" => meta.read_references(&child)?,
                b"iprp" => meta.read_properties(&child)?,
                b"grpl" => meta.read_groups(&child)?,
                b"idat" => meta.idat = child.body,
                _ => {}
            }
        }
        Ok(meta)
    }

    /// The item of this number.
    pub fn item(&self, id: u32) -> Option<&Item<'a>> {
        self.index.get(&id).and_then(|i| self.items.get(*i))
    }

    /// The properties of an item as they read.
    pub fn properties_of<'m>(&'m self, item: &'m Item<'a>) -> impl Iterator<Item = Property<'a>> + 'm {
        let boxes = item.properties.iter().filter_map(|a| self.properties.get(a.index));
        boxes.filter_map(|b| Property::read(b).ok())
    }

    /// What an item refers to by references of this kind.
    pub fn targets(&self, from: u32, kind: &[u8; 4]) -> impl Iterator<Item = u32> + '_ {
        self.of(&self.by_from, from, *kind).flat_map(|r| r.to.iter().copied())
    }

    /// Which items refer to one by references of this kind.
    pub fn sources(&self, to: u32, kind: &[u8; 4]) -> impl Iterator<Item = u32> + '_ {
        self.of(&self.by_to, to, *kind).map(|r| r.from)
    }

    fn of<'m>(
        &'m self,
        map: &'m BTreeMap<u32, Vec<usize>>,
        id: u32,
        kind: [u8; 4],
    ) -> impl Iterator<Item = &'m Reference> + use<'m, 'a> {
        let numbers = map.get(&id).into_iter().flatten();
        numbers.filter_map(|n| self.references.get(*n)).filter(move |r| r.kind == kind)
    }

    fn all(&self, kind: &[u8; 4]) -> Vec<BoxRef<'a>> {
        self.children.iter().filter(|c| c.kind == kind).copied().collect()
    }

    fn item_mut(&mut self, id: u32) -> Option<&mut Item<'a>> {
        let i = *self.index.get(&id)?;
        self.items.get_mut(i)
    }

    fn read_items(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        let (version, _, body) = b.full()?;
        let mut r = Reader::new(body);
        let count = r.u16_or_u32(version > 0)?;
        let mut found = 0u32;
        for entry in Boxes::new(r.rest()) {
            let entry = entry?;
            if entry.kind != b"infe" {
                continue;
            }
            let item = read_entry(&entry)?;
            if self.index.insert(item.id, self.items.len()).is_some() {
                return Err(Broken::Meta("two items have the same number"));
            }
            self.items.push(item);
            found = found.saturating_add(1);
        }
        if found < count {
            return Err(Broken::Meta("iinf has fewer items than it says"));
        }
        Ok(())
    }

    fn read_places(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        let (version, _, body) = b.full()?;
        if version > 2 {
            return Err(Broken::Meta("iloc has a version that is not known"));
        }
        let mut r = Reader::new(body);
        let (a, c) = (r.u8()?, r.u8()?);
        let (offset_size, length_size, base_size) = (a >> 4, a & 15, c >> 4);
        let index_size = if version > 0 { c & 15 } else { 0 };
        let count = r.u16_or_u32(version == 2)?;
        for _ in 0..count {
            let id = r.u16_or_u32(version == 2)?;
            let construction = match if version > 0 { r.u16()? & 15 } else { 0 } {
                0 => Construction::File,
                1 => Construction::Idat,
                2 => Construction::Item,
                _ => Construction::Unknown,
            };
            let external = r.u16()? != 0;
            let base = r.sized(base_size)?;
            let extents = r.u16()?;
            if extents > 1 && u32::from(offset_size) + u32::from(length_size) == 0 {
                return Err(Broken::Meta("an item has many extents without a place"));
            }
            let mut list = Vec::with_capacity(usize::from(extents).min(64));
            for _ in 0..extents {
                r.sized(index_size)?;
                let offset = r.sized(offset_size)?.checked_add(base);
                let offset = offset.ok_or(Broken::Outside(id))?;
                let length = r.sized(length_size)?;
                list.push(Extent { offset, length: (length_size > 0).then_some(length) });
            }
            // A place without an item is nobody's.
            if let Some(item) = self.item_mut(id) {
                (item.construction, item.external, item.extents) = (construction, external, list);
                item.placed = true;
            }
        }
        Ok(())
    }

    fn read_references(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        let (version, _, body) = b.full()?;
        for one in Boxes::new(body) {
            let one = one?;
            let mut r = Reader::new(one.body);
            let from = r.u16_or_u32(version > 0)?;
            let count = r.u16()?;
            let to = (0..count).map(|_| r.u16_or_u32(version > 0)).collect::<Result<Vec<_>, _>>()?;
            let number = self.references.len();
            self.by_from.entry(from).or_default().push(number);
            for id in &to {
                let list = self.by_to.entry(*id).or_default();
                if list.last() != Some(&number) {
                    list.push(number);
                }
            }
            self.references.push(Reference { kind: one.kind, from, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        for child in Boxes::new(b.body) {
            let child = child?;
            match &child.kind.0 {
                b"ipco" if self.properties.is_empty() => {
                    self.properties = Boxes::new(child.body).collect::<Result<_, _>>()?;
                }
                b"ipma" => self.read_associations(&child)?,
                _ => {}
            }
        }
        let count = self.properties.len();
        if self.items.iter().flat_map(|i| &i.properties).any(|a| a.index >= count) {
            return Err(Broken::Meta("an item has a property that is not there"));
        }
        for b in &self.properties {
            Property::read(b)?;
        }
        Ok(())
    }

    fn read_associations(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        let (version, flags, body) = b.full()?;
        let mut r = Reader::new(body);
        for _ in 0..r.u32()? {
            let id = r.u16_or_u32(version > 0)?;
            let count = r.u8()?;
            let mut list = Vec::with_capacity(usize::from(count));
            for _ in 0..count {
                let (essential, number) = if flags & 1 != 0 {
                    let n = r.u16()?;
                    (n & 0x8000 != 0, usize::from(n & 0x7fff))
                } else {
                    let n = r.u8()?;
                    (n & 0x80 != 0, usize::from(n & 0x7f))
                };
                // Number 0 is "none".
                if let Some(index) = number.checked_sub(1) {
                    list.push(Association { index, essential });
                }
            }
            if let Some(item) = self.item_mut(id) {
                item.properties.append(&mut list);
            }
        }
        Ok(())
    }

    fn read_groups(&mut self, b: &BoxRef<'a>) -> Result<(), Broken> {
        for one in Boxes::new(b.body) {
            let one = one?;
            let mut r = Reader::new(one.body);
            let (head, id, count) = (r.u32()?, r.u32()?, r.u32()?);
            // Four bytes each: more than the body holds end the loop.
            let mut entities = Vec::new();
            for _ in 0..count {
                entities.push(r.u32()?);
            }
            self.groups.push(Group { kind: one.kind, head, id, entities, rest: r.rest() });
        }
        Ok(())
    }
}

fn read_entry<'a>(entry: &BoxRef<'a>) -> Result<Item<'a>, Broken> {
    let (version, flags, body) = entry.full()?;
    let mut r = Reader::new(body);
    let id = r.u16_or_u32(version >= 3)?;
    r.u16()?;
    let kind = if version >= 2 { FourCc(r.array()?) } else { FourCc([0; 4]) };
    let name = r.text();
    let mime = kind == b"mime" || version < 2;
    let (content_type, content_encoding) = if mime { (r.text(), r.text()) } else { (&[][..], &[][..]) };
    Ok(Item {
        id,
        kind,
        hidden: flags & 1 != 0,
        name,
        content_type,
        content_encoding,
        entry: entry.whole,
        construction: Construction::File,
        external: false,
        placed: false,
        extents: Vec::new(),
        properties: Vec::new(),
    })
}
