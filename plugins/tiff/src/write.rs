//! Puts a file together: first all directories with their values, in the order of the chain, then strips and tiles. Equal
//! values are written once. Knows layout, not what anything means.

use std::borrow::Cow;
use std::collections::HashMap;

use squeezed_plugin_api::Error;

use crate::directory::Header;
use crate::tag;

const SHORT: u16 = 3;
const LONG: u16 = 4;
const LONG8: u16 = 16;

/// What a field of a new directory holds.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Values as stored.
    Bytes(Cow<'a, [u8]>),
    /// Values that have to stand where they stood, since they hold offsets of their own.
    Pinned(&'a [u8], u64),
    /// Directories that the field leads to.
    Directories(Vec<OutDirectory<'a>>),
    /// Where the strips or tiles will be.
    Offsets,
}

/// A field of a new directory.
#[derive(Debug, Clone)]
pub struct OutEntry<'a> {
    /// Its number.
    pub tag: u16,
    /// Its type.
    pub kind: u16,
    /// How many values.
    pub count: u64,
    /// The values.
    pub value: Value<'a>,
}

/// A new directory with its strips or tiles.
#[derive(Debug, Clone, Default)]
pub struct OutDirectory<'a> {
    /// In any order; they are sorted by tag.
    pub entries: Vec<OutEntry<'a>>,
    /// Coded data.
    pub chunks: Vec<Cow<'a, [u8]>>,
    /// Below a page: it also leads to the next one of its list.
    pub linked: bool,
}

impl<'a> OutDirectory<'a> {
    /// Adds a field of one number.
    pub fn put_number(&mut self, header: Header, tag: u16, n: u64) {
        let kind = if n <= 0xffff { SHORT } else { LONG };
        let size = if n <= 0xffff { 2 } else { 4 };
        let value = Value::Bytes(header.order.bytes(n, size).into());
        self.entries.push(OutEntry { tag, kind, count: 1, value });
    }

    /// Adds strips or tiles, and the two fields that tell where they are.
    pub fn put_chunks(&mut self, header: Header, tiled: bool, chunks: Vec<Cow<'a, [u8]>>) {
        let (offsets, counts) = if tiled {
            (tag::TILE_OFFSETS, tag::TILE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_COUNTS)
        };
        let count = chunks.len() as u64;
        let kind = if header.big { LONG8 } else { LONG };
        self.entries.push(OutEntry { tag: offsets, kind, count, value: Value::Offsets });
        let short = chunks.iter().all(|c| c.len() <= 0xffff);
        let (kind, size) = if short { (SHORT, 2) } else { (LONG, 4) };
        let lengths: Vec<u8> = chunks.iter().flat_map(|c| header.order.bytes(c.len() as u64, size)).collect();
        self.entries.push(OutEntry { tag: counts, kind, count, value: Value::Bytes(lengths.into()) });
        self.chunks = chunks;
    }
}

/// Bytes that a page's fields about its strips take, so that codings can be compared.
pub fn overhead(header: Header, chunks: usize, fields: usize) -> usize {
    let lists = if chunks > 1 { chunks * (header.offset() + 4) } else { 0 };
    lists + fields * header.entry()
}

/// Writes a file.
///
/// # Errors
/// `UnsupportedFeature` where it gets longer than its offsets reach, or pinned values lie on each other.
pub fn file(header: Header, pages: &[OutDirectory<'_>], trailing: &[u8]) -> Result<Vec<u8>, Error> {
    let mut room = Room::new(header, pages)?;
    let mut seen = HashMap::new();
    let placed: Vec<Placed<'_>> = pages.iter().map(|p| place(header, &mut room, &mut seen, p)).collect();
    let offsets: Vec<Vec<usize>> = placed.iter().map(|p| place_chunks(&mut room, p)).collect();
    let total = room.end() + trailing.len();
    if !header.big && u32::try_from(total).is_err() {
        return Err(Error::unsupported("more than 4 GiB in a file that is not BigTIFF"));
    }
    let mut out = vec![0; room.end()];
    put(&mut out, 0, if header.order == crate::order::Order::Big { b"MM" } else { b"II" });
    let order = header.order;
    if header.big {
        put(&mut out, 2, &order.bytes(43, 2));
        put(&mut out, 4, &order.bytes(8, 2));
    } else {
        put(&mut out, 2, &order.bytes(42, 2));
    }
    let mut link = header.size() - header.offset();
    for (page, offsets) in placed.iter().zip(&offsets) {
        put(&mut out, link, &order.bytes(page.at as u64, header.offset()));
        emit(&mut out, header, page, offsets);
        link = page.at + header.directory(page.entries.len()) - header.offset();
    }
    out.extend_from_slice(trailing);
    Ok(out)
}

/// Free stretches of the file, the last one without an end.
struct Room {
    free: Vec<(usize, usize)>,
    end: usize,
}

impl Room {
    fn new(header: Header, pages: &[OutDirectory<'_>]) -> Result<Self, Error> {
        let mut pins = Vec::new();
        pages.iter().for_each(|p| collect_pins(p, &mut pins));
        pins.sort_unstable();
        pins.dedup();
        let (mut free, mut end) = (Vec::new(), header.size());
        for (at, len) in pins {
            if at < end {
                return Err(Error::unsupported("maker notes that cannot be moved"));
            }
            free.push((end, at));
            end = at + len;
        }
        free.push((end, usize::MAX));
        Ok(Self { free, end })
    }

    fn take(&mut self, len: usize, even: bool) -> usize {
        for stretch in &mut self.free {
            let start = stretch.0 + usize::from(even) * (stretch.0 % 2);
            if start.saturating_add(len) <= stretch.1 {
                stretch.0 = start + len;
                self.end = self.end.max(stretch.0);
                return start;
            }
        }
        // The last stretch is longer than any file.
        self.end
    }

    fn end(&self) -> usize {
        self.end
    }
}

fn collect_pins(directory: &OutDirectory<'_>, pins: &mut Vec<(usize, usize)>) {
    for entry in &directory.entries {
        match &entry.value {
            Value::Pinned(value, at) => pins.extend(usize::try_from(*at).ok().map(|at| (at, value.len()))),
            Value::Directories(below) => below.iter().for_each(|d| collect_pins(d, pins)),
            _ => {}
        }
    }
}

/// A directory whose place is known, and the places of its fields' values.
struct Placed<'a> {
    at: usize,
    entries: Vec<(&'a OutEntry<'a>, usize, Vec<Placed<'a>>)>,
    chunks: &'a [Cow<'a, [u8]>],
    linked: bool,
}

fn place<'a>(
    header: Header,
    room: &mut Room,
    seen: &mut HashMap<&'a [u8], usize>,
    directory: &'a OutDirectory<'a>,
) -> Placed<'a> {
    let mut sorted: Vec<&OutEntry<'_>> = directory.entries.iter().collect();
    sorted.sort_by_key(|e| e.tag);
    let at = room.take(header.directory(sorted.len()), true);
    let wide = header.offset();
    let mut entries = Vec::with_capacity(sorted.len());
    for entry in sorted {
        let mut below = Vec::new();
        let at = match &entry.value {
            Value::Bytes(value) if value.len() <= wide => 0,
            Value::Bytes(value) => *seen.entry(value).or_insert_with(|| room.take(value.len(), true)),
            Value::Pinned(_, at) => usize::try_from(*at).unwrap_or(0),
            Value::Directories(list) => {
                below = list.iter().map(|d| place(header, room, seen, d)).collect();
                let size = list.len() * usize::try_from(tag::size_of(entry.kind).unwrap_or(4)).unwrap_or(4);
                if size > wide { room.take(size, true) } else { 0 }
            }
            Value::Offsets => {
                let size = directory.chunks.len() * wide;
                if size > wide { room.take(size, true) } else { 0 }
            }
        };
        entries.push((entry, at, below));
    }
    Placed { at, entries, chunks: &directory.chunks, linked: directory.linked }
}

/// Places for the strips of a directory and of those below it, in the order in which [`emit`] meets them.
fn place_chunks(room: &mut Room, placed: &Placed<'_>) -> Vec<usize> {
    let mut offsets: Vec<usize> = placed.chunks.iter().map(|c| room.take(c.len(), false)).collect();
    for (_, _, below) in &placed.entries {
        below.iter().for_each(|d| offsets.extend(place_chunks(room, d)));
    }
    offsets
}

/// Writes a directory and all that hangs on it; gives the offsets that are left for others.
fn emit<'o>(out: &mut [u8], header: Header, placed: &Placed<'_>, offsets: &'o [usize]) -> &'o [usize] {
    let order = header.order;
    let (own, mut rest) = offsets.split_at_checked(placed.chunks.len()).unwrap_or((offsets, &[]));
    for (chunk, at) in placed.chunks.iter().zip(own) {
        put(out, *at, chunk);
    }
    put(out, placed.at, &order.bytes(placed.entries.len() as u64, header.counter()));
    for (number, (entry, at, below)) in placed.entries.iter().enumerate() {
        let place = placed.at + header.counter() + number * header.entry();
        put(out, place, &order.bytes(u64::from(entry.tag), 2));
        put(out, place + 2, &order.bytes(u64::from(entry.kind), 2));
        put(out, place + 4, &order.bytes(entry.count, header.offset()));
        let size = usize::try_from(tag::size_of(entry.kind).unwrap_or(4)).unwrap_or(4);
        let list = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<u8> {
            numbers.flat_map(|n| order.bytes(n as u64, size)).collect()
        };
        let value: Cow<'_, [u8]> = match &entry.value {
            Value::Bytes(value) => Cow::Borrowed(value),
            Value::Pinned(value, _) => Cow::Borrowed(*value),
            Value::Directories(_) => list(&mut below.iter().map(|d| d.at)).into(),
            Value::Offsets => list(&mut own.iter().copied()).into(),
        };
        let inside = place + 4 + header.offset();
        if value.len() <= header.offset() {
            put(out, inside, &value);
        } else {
            put(out, inside, &order.bytes(*at as u64, header.offset()));
            put(out, *at, &value);
        }
        for (i, directory) in below.iter().enumerate() {
            rest = emit(out, header, directory, rest);
            if let Some(next) = below.get(i + 1).filter(|_| directory.linked) {
                let link = directory.at + header.directory(directory.entries.len()) - header.offset();
                put(out, link, &order.bytes(next.at as u64, header.offset()));
            }
        }
    }
    rest
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = out.get_mut(at..at + bytes.len()) {
        to.copy_from_slice(bytes);
    }
}
