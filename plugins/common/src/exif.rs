//! EXIF: which tags show, which tell, and a block with only those that show.
//!
//! Works on the TIFF structure alone, without the `Exif\0\0` that JPEG puts before it. A field that is kept is copied with
//! its type, count and value bytes, in the block's own byte order, so that its item stays equal.

mod read;
mod write;

use squeezed_plugin_api::{Kind, MetadataItem};

use read::{Field, Tiff};

const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const Y_RESOLUTION: u16 = 0x011b;
const RESOLUTION_UNIT: u16 = 0x0128;
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;
const MAKER_NOTE: u16 = 0x927c;
const COLOR_SPACE: u16 = 0xa001;
const INTEROP_IFD: u16 = 0xa005;
const GAMMA: u16 = 0xa500;
const INTEROP_INDEX: u16 = 0x0001;
const THUMBNAIL_OFFSET: u16 = 0x0201;
const THUMBNAIL_LENGTH: u16 = 0x0202;
const APPLE_HDR_HEADROOM: u16 = 0x0021;
const APPLE_HDR_GAIN: u16 = 0x0030;

/// How much of the tags that nobody keeps is hashed.
const MAX_REST: usize = 1 << 20;

/// Tags that only hold a block together: ExifVersion, ComponentsConfiguration, FlashpixVersion, PixelXDimension,
/// PixelYDimension, YCbCrPositioning. They tell nothing, so dropping them is no loss to report.
const STRUCTURAL: [u16; 6] = [0x9000, 0x9101, 0xa000, 0xa002, 0xa003, 0x0213];

/// What one block says, sorted by what it is for. The first of equal tags counts.
#[derive(Default)]
struct Parts<'a> {
    big_endian: bool,
    orientation: Option<Field<'a>>,
    copyright: Option<Field<'a>>,
    artist: Option<Field<'a>>,
    /// DateTimeOriginal and the two that make it exact.
    time: Vec<Field<'a>>,
    /// XResolution, YResolution, ResolutionUnit.
    density: Vec<Field<'a>>,
    /// ColorSpace and Gamma, of the Exif IFD.
    color: Vec<Field<'a>>,
    /// InteroperabilityIndex, which alone tells Adobe RGB from other uncalibrated pictures.
    interop: Option<Field<'a>>,
    /// HDRHeadroom and HDRGain of Apple's maker note.
    apple: Vec<Field<'a>>,
    gps: Option<Vec<u8>>,
    maker_note: Option<&'a [u8]>,
    thumbnail: Option<&'a [u8]>,
    /// All other tags and values in a row.
    rest: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(block: &'a [u8]) -> Option<Self> {
        let tiff = Tiff::open(block)?;
        let mut parts = Parts { big_endian: tiff.big_endian(), ..Parts::default() };
        let (fields, next) = tiff.directory(tiff.first());
        let mut exif = None;
        for f in fields {
            match f.tag {
                // An orientation that means nothing is none.
                ORIENTATION => parts.orientation = Some(f).filter(|f| orientation_of(&tiff, f).is_some()),
                COPYRIGHT => set_first(&mut parts.copyright, f),
                ARTIST => set_first(&mut parts.artist, f),
                X_RESOLUTION | Y_RESOLUTION | RESOLUTION_UNIT => push_first(&mut parts.density, f),
                EXIF_IFD => exif = exif.or(tiff.number(&f)),
                GPS_IFD => parts.gps = parts.gps.take().or_else(|| Some(gps(&tiff, &f))),
                tag if STRUCTURAL.contains(&tag) => {}
                _ => add_rest(&mut parts.rest, &f),
            }
        }
        if let Some(offset) = exif.filter(|o| *o != tiff.first()) {
            parts.read_exif(&tiff, offset);
        }
        if next != 0 && next != tiff.first() {
            let (fields, _) = tiff.directory(next);
            parts.thumbnail = (!fields.is_empty()).then(|| thumbnail(&tiff, &fields));
        }
        // Each of these is something only together with its chief tag.
        if !parts.time.iter().any(|f| f.tag == DATE_TIME_ORIGINAL) {
            parts.demote(|p| &mut p.time);
        }
        if !parts.density.iter().any(|f| f.tag != RESOLUTION_UNIT) {
            parts.demote(|p| &mut p.density);
        }
        Some(parts)
    }

    fn read_exif(&mut self, tiff: &Tiff<'a>, offset: u32) {
        let mut interop = None;
        for f in tiff.directory(offset).0 {
            match f.tag {
                DATE_TIME_ORIGINAL if f.has_text() => push_first(&mut self.time, f),
                SUB_SEC_TIME_ORIGINAL | OFFSET_TIME_ORIGINAL if f.has_text() => push_first(&mut self.time, f),
                COLOR_SPACE | GAMMA => push_first(&mut self.color, f),
                INTEROP_IFD => interop = interop.or(tiff.number(&f)),
                MAKER_NOTE if self.maker_note.is_none() && self.apple.is_empty() => {
                    self.read_maker_note(f.value)
                }
                tag if STRUCTURAL.contains(&tag) => {}
                _ => add_rest(&mut self.rest, &f),
            }
        }
        if let Some(offset) = interop {
            self.interop = tiff.directory(offset).0.into_iter().find(|f| f.tag == INTEROP_INDEX);
        }
    }

    /// Apple's notes hold two numbers without which its gain maps cannot be shown.
    fn read_maker_note(&mut self, note: &'a [u8]) {
        let others = match Tiff::open_apple(note) {
            Some(apple) => {
                let (needed, others): (Vec<_>, Vec<_>) =
                    apple.directory(apple.first()).0.into_iter().partition(|f| {
                        matches!(f.tag, APPLE_HDR_HEADROOM | APPLE_HDR_GAIN) && f.value.len() == 8
                    });
                needed.into_iter().for_each(|f| push_first(&mut self.apple, f));
                !others.is_empty() || self.apple.is_empty()
            }
            None => true,
        };
        self.maker_note = others.then_some(note);
    }

    fn demote(&mut self, list: impl Fn(&mut Self) -> &mut Vec<Field<'a>>) {
        for f in std::mem::take(list(self)) {
            add_rest(&mut self.rest, &f);
        }
    }
}

/// Reports what a block holds, one item for each thing that is for something.
///
/// A block that is no TIFF structure is one item `exif`. Fields that lie outside the block are passed over.
pub fn items(block: &[u8], out: &mut dyn FnMut(MetadataItem)) {
    let Some(p) = Parts::read(block) else {
        out(MetadataItem::new(Kind::Exif, "exif", block));
        return;
    };
    let mut say = |kind, name: &str, value: &[u8]| out(MetadataItem::new(kind, name, value));
    if let Some(n) = orientation(block) {
        say(Kind::Orientation, "orientation", &[n]);
    }
    for (field, name) in [(&p.copyright, "copyright"), (&p.artist, "artist")] {
        if let Some(f) = field {
            say(Kind::Rights, name, f.text());
        }
    }
    let lists = [
        (&p.time, Kind::CaptureTime, "date-time-original"),
        (&p.density, Kind::Density, "exif-resolution"),
        (&p.color, Kind::ColorSpace, "exif-color-space"),
        (&p.apple, Kind::GainMap, "apple-hdr-gain"),
    ];
    for (fields, kind, name) in lists {
        if !fields.is_empty() {
            let mut value = Vec::new();
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|f| f.tag);
            sorted.into_iter().for_each(|f| add_rest(&mut value, f));
            say(kind, name, &value);
        }
    }
    if let Some(f) = &p.interop {
        say(Kind::ColorSpace, "exif-interoperability", f.text());
    }
    if let Some(gps) = &p.gps {
        say(Kind::Gps, "gps", gps);
    }
    if let Some(note) = p.maker_note {
        say(Kind::MakerNote, "maker-note", note);
    }
    if let Some(picture) = p.thumbnail {
        say(Kind::Thumbnail, "exif-thumbnail", picture);
    }
    if !p.rest.is_empty() {
        say(Kind::Exif, "exif", &p.rest);
    }
}

/// A new block with only what `metadata = display` keeps; `None` if nothing is left.
///
/// [`items`] of it are exactly those items of `block` whose kind is for display. Doing it again changes nothing.
pub fn display(block: &[u8]) -> Option<Vec<u8>> {
    let p = Parts::read(block)?;
    let mut main: Vec<Field<'_>> = p.density;
    main.extend([p.orientation, p.copyright, p.artist].into_iter().flatten());
    let mut exif = p.time;
    exif.extend(p.color);
    write::block(p.big_endian, main, exif, p.interop, p.apple)
}

/// The orientation, 1 to 8, as the first orientation tag of the first directory tells it; `None` where it tells none.
pub fn orientation(block: &[u8]) -> Option<u8> {
    let tiff = Tiff::open(block)?;
    let fields = tiff.directory(tiff.first()).0;
    fields.iter().filter(|f| f.tag == ORIENTATION).find_map(|f| orientation_of(&tiff, f))
}

fn orientation_of(tiff: &Tiff<'_>, field: &Field<'_>) -> Option<u8> {
    tiff.number(field).and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=8).contains(n))
}

fn set_first<'a>(slot: &mut Option<Field<'a>>, field: Field<'a>) {
    slot.get_or_insert(field);
}

fn push_first<'a>(list: &mut Vec<Field<'a>>, field: Field<'a>) {
    if !list.iter().any(|f| f.tag == field.tag) {
        list.push(field);
    }
}

/// Appends a field to a value that is only hashed. Entries may all point at the same bytes, so there is an end to it.
fn add_rest(rest: &mut Vec<u8>, field: &Field<'_>) {
    rest.extend_from_slice(&field.tag.to_be_bytes());
    if rest.len().saturating_add(field.value.len()) <= MAX_REST {
        rest.extend_from_slice(field.value);
    }
}

fn gps(tiff: &Tiff<'_>, pointer: &Field<'_>) -> Vec<u8> {
    let mut value = pointer.value.to_vec();
    if let Some(offset) = tiff.number(pointer) {
        value.clear();
        tiff.directory(offset).0.iter().for_each(|f| add_rest(&mut value, f));
    }
    value
}

/// The thumbnail's bytes; empty where a second directory names none that lies in the block.
fn thumbnail<'a>(tiff: &Tiff<'a>, fields: &[Field<'a>]) -> &'a [u8] {
    let number = |tag| fields.iter().find(|f| f.tag == tag).and_then(|f| tiff.number(f));
    match (number(THUMBNAIL_OFFSET), number(THUMBNAIL_LENGTH)) {
        (Some(offset), Some(length)) => tiff.slice(offset, length).unwrap_or_default(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
