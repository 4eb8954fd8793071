//! Reads TIFF directories out of bytes that may lie: every count and offset is checked, each directory is read once, and
//! what does not fit is passed over.

use std::collections::HashSet;

/// A block whose first directory can be found.
pub(super) struct Tiff<'a> {
    data: &'a [u8],
    big_endian: bool,
    first: u32,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub tag: u16,
    pub kind: u16,
    pub count: u32,
    /// As stored, `count` times the kind's size.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value without trailing NULs and spaces.
    pub fn text(&self) -> &'a [u8] {
        let end = self.value.iter().rposition(|b| !matches!(b, 0 | b' ')).map_or(0, |i| i + 1);
        &self.value[..end]
    }
    /// Whether there is any text; cameras leave dates blank.
    pub fn has_text(&self) -> bool {
        self.text().iter().any(|b| !matches!(b, 0 | b' '))
    }
}

impl<'a> Tiff<'a> {
    /// Opens a block by its header.
    pub fn open(data: &'a [u8]) -> Option<Self> {
        let big_endian = match data.get(..4)? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        let mut tiff = Self { data, big_endian, first: 0 };
        tiff.first = tiff.u32_at(4)?;
        tiff.u16_at(tiff.first as usize)?;
        Some(tiff)
    }

    /// Opens Apple's maker note: `Apple iOS`, a version, `MM`, a directory; offsets count from the note's start.
    pub fn open_apple(data: &'a [u8]) -> Option<Self> {
        let ok = data.starts_with(b"Apple iOS\0") && data.get(12..14) == Some(b"MM");
        ok.then_some(Self { data, big_endian: true, first: 14 })
    }

    /// Where the first directory stands.
    pub fn first(&self) -> u32 {
        self.first
    }
    /// The byte order.
    pub fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// The entries of the directory at `offset` that lie within the block, the first of each tag, and the next directory's
    /// offset (0 for none). A thousand equal tags may all point at the same megabyte; nobody looks at it a thousand times.
    pub fn directory(&self, offset: u32) -> (Vec<Field<'a>>, u32) {
        let at = offset as usize;
        let Some(count) = self.u16_at(at) else { return (Vec::new(), 0) };
        let fields = (0..usize::from(count)).map_while(|i| {
            let entry = at.checked_add(2)?.checked_add(i * 12)?;
            self.data.get(entry..entry.checked_add(12)?)?;
            Some(self.field(entry))
        });
        let mut seen = HashSet::new();
        let fields = fields.flatten().filter(|f| seen.insert(f.tag)).collect();
        let next = at.checked_add(2 + usize::from(count) * 12).and_then(|end| self.u32_at(end));
        (fields, next.unwrap_or(0))
    }

    fn field(&self, entry: usize) -> Option<Field<'a>> {
        let (tag, kind) = (self.u16_at(entry)?, self.u16_at(entry + 2)?);
        let count = self.u32_at(entry + 4)?;
        let size: u64 = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => return None,
        };
        let length = u32::try_from(u64::from(count) * size).ok()?;
        let start = if length <= 4 { u32::try_from(entry + 8).ok()? } else { self.u32_at(entry + 8)? };
        Some(Field { tag, kind, count, value: self.slice(start, length)? })
    }

    /// The first number of a field of whole numbers.
    pub fn number(&self, field: &Field<'_>) -> Option<u32> {
        match (field.kind, field.value) {
            (1, [a, ..]) => Some(u32::from(*a)),
            (3, [a, b, ..]) => Some(u32::from(self.order16([*a, *b]))),
            (4 | 13, [a, b, c, d, ..]) => Some(self.order32([*a, *b, *c, *d])),
            _ => None,
        }
    }

    /// `length` bytes at `offset`, if they all lie in the block.
    pub fn slice(&self, offset: u32, length: u32) -> Option<&'a [u8]> {
        let start = offset as usize;
        self.data.get(start..start.checked_add(length as usize)?)
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        Some(self.order16(*self.data.get(at..)?.first_chunk::<2>()?))
    }
    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(self.order32(*self.data.get(at..)?.first_chunk::<4>()?))
    }
    fn order16(&self, b: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }
    fn order32(&self, b: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }
}
