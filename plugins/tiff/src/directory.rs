//! Directories out of bytes that may lie: every count and offset is checked, every value is a slice of the file.
//! Knows the shape of TIFF 6.0 and BigTIFF, not what tags mean.

use std::collections::HashSet;

use squeezed_plugin_api::Error;

use crate::order::Order;
use crate::tag;

/// More directories than this are no document.
const MAX_DIRECTORIES: usize = 65_536;
/// Directories below directories: EXIF below a page, interoperability below EXIF, and one to spare.
const MAX_DEPTH: usize = 4;

/// What the first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Byte order of all numbers.
    pub order: Order,
    /// BigTIFF: offsets of eight bytes.
    pub big: bool,
}

impl Header {
    /// Bytes of an offset, which is also how long a value inside an entry can be.
    pub fn offset(self) -> usize {
        if self.big { 8 } else { 4 }
    }
    /// Bytes of an entry.
    pub fn entry(self) -> usize {
        if self.big { 20 } else { 12 }
    }
    /// Bytes of the number of entries.
    pub fn counter(self) -> usize {
        if self.big { 8 } else { 2 }
    }
    /// Bytes before anything else.
    pub fn size(self) -> usize {
        if self.big { 16 } else { 8 }
    }
    /// Bytes of a directory with so many entries, without their longer values.
    pub fn directory(self, entries: usize) -> usize {
        self.counter() + entries * self.entry() + self.offset()
    }
}

/// One field of a directory.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its number.
    pub tag: u16,
    /// Its type.
    pub kind: u16,
    /// How many values.
    pub count: u64,
    /// The values as stored. For a type that TIFF does not have, the bytes inside the entry.
    pub value: &'a [u8],
    /// Where they stand in the file.
    pub at: u64,
    /// The directories that it leads to.
    pub children: Vec<Directory<'a>>,
}

impl Entry<'_> {
    /// The values as numbers; none for types that are not whole and unsigned.
    pub fn numbers(&self, order: Order) -> impl Iterator<Item = u64> {
        let size = match self.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => usize::MAX,
        };
        self.value.chunks_exact(size).map(move |v| order.number(v))
    }
}

/// One directory.
#[derive(Debug, Clone)]
pub struct Directory<'a> {
    /// Its fields as they stand in the file.
    pub entries: Vec<Entry<'a>>,
    /// Below a page: it also leads to the next one of its list.
    pub linked: bool,
}

impl<'a> Directory<'a> {
    /// The first field with a tag.
    pub fn get(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|e| e.tag == tag)
    }
    /// The first number of a field.
    pub fn number(&self, tag: u16, order: Order) -> Option<u64> {
        self.get(tag).and_then(|e| e.numbers(order).next())
    }
    /// Directories below a field.
    pub fn children(&self, tag: u16) -> &[Directory<'a>] {
        self.get(tag).map_or(&[], |e| &e.children)
    }
}

/// A file taken apart.
#[derive(Debug, Clone)]
pub struct File<'a> {
    /// All of it.
    pub input: &'a [u8],
    /// What the first bytes tell.
    pub header: Header,
    /// The directories of the chain, each a page.
    pub pages: Vec<Directory<'a>>,
    /// What directories and values take, in no order: start and end.
    pub used: Vec<(u64, u64)>,
    /// Something that cannot be written anew.
    pub unsupported: Option<&'static str>,
    /// A field's values, or a directory that it leads to, lie outside of the file.
    pub lost: bool,
}

impl<'a> File<'a> {
    /// Takes a file apart.
    ///
    /// # Errors
    /// `BadImage` where a directory of a page is not whole or the chain leads back to itself, `TooLarge` for too many.
    pub fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let bad = || Error::bad_image("no tiff header");
        let order = match input.get(..2) {
            Some(b"II") => Order::Little,
            Some(b"MM") => Order::Big,
            _ => return Err(bad()),
        };
        let big = match order.read(input, 2, 2) {
            Some(42) => false,
            Some(43) if order.read(input, 4, 2) == Some(8) => true,
            _ => return Err(bad()),
        };
        let header = Header { order, big };
        let mut reader = Reader {
            input,
            header,
            used: vec![(0, header.size() as u64)],
            seen: HashSet::new(),
            count: 0,
            fields: 0,
            ranges: HashSet::new(),
            values: 0,
            unsupported: None,
            lost: false,
        };
        let at = if big { 8 } else { 4 };
        let mut next = order.read(input, at, header.offset()).ok_or_else(bad)?;
        let mut pages = Vec::new();
        while next != 0 {
            if !reader.seen.insert(next) {
                return Err(Error::bad_image("the chain of directories leads back to itself"));
            }
            let (page, after) = reader
                .directory(next, 0)?
                .ok_or_else(|| Error::bad_image("a directory lies outside of the file"))?;
            pages.push(page);
            next = after;
        }
        if pages.is_empty() {
            return Err(Error::bad_image("no directory"));
        }
        let Reader { used, unsupported, lost, .. } = reader;
        Ok(Self { input, header, pages, used, unsupported, lost })
    }
}

struct Reader<'a> {
    input: &'a [u8],
    header: Header,
    used: Vec<(u64, u64)>,
    /// Pages and subdirectories of pictures, none of which may appear twice.
    seen: HashSet<u64>,
    count: usize,
    /// Fields of all directories.
    fields: u64,
    /// Values outside of entries: where each stands and how long it is, and the bytes of all.
    ranges: HashSet<(u64, u64)>,
    values: u64,
    unsupported: Option<&'static str>,
    lost: bool,
}

impl<'a> Reader<'a> {
    fn number(&self, at: u64, size: usize) -> Option<u64> {
        self.header.order.read(self.input, at, size)
    }

    fn slice(&self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        self.input.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }

    /// The directory at an offset and the next one's offset; `None` where it is not whole.
    fn directory(&mut self, at: u64, depth: usize) -> Result<Option<(Directory<'a>, u64)>, Error> {
        self.count += 1;
        if self.count > MAX_DIRECTORIES {
            return Err(Error::too_large(format!("more than {MAX_DIRECTORIES} directories")));
        }
        let h = self.header;
        let Some(count) = self.number(at, h.counter()) else { return Ok(None) };
        let first = at.saturating_add(h.counter() as u64);
        let Some(end) = count.checked_mul(h.entry() as u64).and_then(|n| first.checked_add(n)) else {
            return Ok(None);
        };
        if count == 0 || end > self.input.len() as u64 {
            return Ok(None);
        }
        self.fields = self.fields.saturating_add(count);
        // Pages may share what is below them, but all of it a thousand times over is made to waste memory.
        if self.fields > self.input.len() as u64 / 6 + (1 << 16) {
            return Err(Error::bad_image("directories lie on each other"));
        }
        // Some writers leave out the offset of the next directory after the last one.
        let next = self.number(end, h.offset());
        self.used.push((at, end + next.map_or(0, |_| h.offset() as u64)));
        let mut entries = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        for i in 0..count {
            if let Some(entry) = self.entry(first + i * h.entry() as u64, depth)? {
                entries.push(entry);
            }
        }
        Ok(Some((Directory { entries, linked: false }, next.unwrap_or(0))))
    }

    /// A field; `None` where its values lie outside of the file.
    fn entry(&mut self, at: u64, depth: usize) -> Result<Option<Entry<'a>>, Error> {
        let h = self.header;
        let wide = h.offset();
        let (Some(tag), Some(kind), Some(count)) =
            (self.number(at, 2), self.number(at + 2, 2), self.number(at + 4, wide))
        else {
            return Ok(None);
        };
        let (tag, kind) = (tag as u16, kind as u16);
        let inside = at + 4 + wide as u64;
        let length = match tag::size_of(kind) {
            Some(size) => count.checked_mul(size),
            None => Some(wide as u64),
        };
        let Some(length) = length else {
            self.lost = true;
            return Ok(None);
        };
        let start = if length <= wide as u64 { Some(inside) } else { self.number(inside, wide) };
        let Some((start, value)) = start.and_then(|s| Some((s, self.slice(s, length)?))) else {
            self.lost = true;
            return Ok(None);
        };
        if length > wide as u64 && self.ranges.insert((start, length)) {
            self.values = self.values.saturating_add(length);
            // Pages may share values; values that lie on each other are made to waste time.
            if self.values > (self.input.len() as u64).saturating_mul(4) + (1 << 16) {
                return Err(Error::bad_image("values lie on each other"));
            }
            self.used.push((start, start + length));
        }
        let mut entry = Entry { tag, kind, count, value, at: start, children: Vec::new() };
        if tag::is_pointer(tag, kind) && depth >= MAX_DEPTH {
            self.unsupported = Some("directories too deep below each other");
        } else if tag::is_pointer(tag, kind) {
            let offsets: Vec<u64> = entry.numbers(h.order).collect();
            for (i, offset) in offsets.iter().copied().enumerate() {
                // What EXIF's pointers lead to may be shared by pages; pictures may not.
                if tag == tag::SUB_IFDS && !self.seen.insert(offset) {
                    return Err(Error::bad_image("a directory of a picture is there twice"));
                }
                match self.directory(offset, depth + 1)? {
                    Some((mut child, next)) => {
                        child.linked = next != 0 && offsets.get(i + 1) == Some(&next);
                        if next != 0 && tag == tag::SUB_IFDS && !child.linked {
                            self.unsupported = Some("a chain of directories below a page");
                        }
                        entry.children.push(child);
                    }
                    None if tag == tag::SUB_IFDS => {
                        return Err(Error::bad_image("a subdirectory lies outside of the file"));
                    }
                    None => {
                        self.lost = true;
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(entry))
    }
}
