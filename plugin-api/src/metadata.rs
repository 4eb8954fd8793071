//! The one vocabulary for everything in a file that is not pixels.

/// What a metadata item is for. The numbers are part of the ABI; below 32 lies what `metadata = display` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// An ICC profile.
    Icc = 1,
    /// How to turn or mirror the picture for display (EXIF orientation).
    Orientation = 2,
    /// Colour interpretation other than ICC: gAMA, cHRM, sRGB, cICP, mDCV, cLLI, sBIT, EXIF ColorSpace.
    ColorSpace = 3,
    /// Physical pixel density: JFIF density, pHYs, EXIF resolution.
    Density = 4,
    /// A gain map or what it needs (its XMP or ISO 21496-1 parameters, the map itself).
    GainMap = 5,
    /// A multi-picture index (MPF) and the pictures it names.
    MultiPicture = 6,
    /// Copyright, creator's rights and rights URLs.
    Rights = 7,
    /// When the picture was taken.
    CaptureTime = 8,
    /// Animation control: loop count, timing, background.
    Animation = 9,
    /// EXIF that is none of the above: camera, lens, exposure, software.
    Exif = 32,
    /// A position.
    Gps = 33,
    /// A camera maker's private notes.
    MakerNote = 34,
    /// A small picture of the picture.
    Thumbnail = 35,
    /// XMP that is none of the above.
    Xmp = 36,
    /// IPTC and Photoshop resources that are none of the above.
    Iptc = 37,
    /// A comment.
    Comment = 38,
    /// A text chunk.
    Text = 39,
    /// Content credentials (C2PA, JUMBF): a signature over the file.
    C2pa = 40,
    /// The video of a motion photo.
    MotionPhoto = 41,
    /// Bytes after the end of the image that nothing refers to.
    Trailing = 42,
    /// A chunk, segment or box that this plugin does not know.
    Unknown = 43,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    ///
    /// cbindgen:ignore
    pub const ALL: [Kind; 21] = [
        Kind::Icc,
        Kind::Orientation,
        Kind::ColorSpace,
        Kind::Density,
        Kind::GainMap,
        Kind::MultiPicture,
        Kind::Rights,
        Kind::CaptureTime,
        Kind::Animation,
        Kind::Exif,
        Kind::Gps,
        Kind::MakerNote,
        Kind::Thumbnail,
        Kind::Xmp,
        Kind::Iptc,
        Kind::Comment,
        Kind::Text,
        Kind::C2pa,
        Kind::MotionPhoto,
        Kind::Trailing,
        Kind::Unknown,
    ];

    /// The kind with this number, if there is one.
    pub fn from_u32(n: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u32 == n)
    }

    /// Whether `metadata = display` keeps it.
    pub fn is_display(self) -> bool {
        (self as u32) < 32
    }

    /// Whether a rewrite may change its bytes without loss, since it holds offsets into the file.
    pub fn holds_offsets(self) -> bool {
        matches!(self, Kind::MultiPicture | Kind::GainMap)
    }

    /// The name used in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Icc => "icc",
            Kind::Orientation => "orientation",
            Kind::ColorSpace => "color-space",
            Kind::Density => "density",
            Kind::GainMap => "gain-map",
            Kind::MultiPicture => "multi-picture",
            Kind::Rights => "rights",
            Kind::CaptureTime => "capture-time",
            Kind::Animation => "animation",
            Kind::Exif => "exif",
            Kind::Gps => "gps",
            Kind::MakerNote => "maker-note",
            Kind::Thumbnail => "thumbnail",
            Kind::Xmp => "xmp",
            Kind::Iptc => "iptc",
            Kind::Comment => "comment",
            Kind::Text => "text",
            Kind::C2pa => "c2pa",
            Kind::MotionPhoto => "motion-photo",
            Kind::Trailing => "trailing",
            Kind::Unknown => "unknown",
        }
    }
}

/// One piece of metadata, as `inspect` finds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataItem {
    /// What it is for.
    pub kind: Kind,
    /// Its own name within the kind: a chunk type, a tag name, a segment. At most 79 bytes of UTF-8.
    pub name: String,
    /// Its length in the file, in bytes.
    pub length: u64,
    /// A hash of its value, equal for equal values wherever they stand in a file (FNV-1a 64 of [`Self::hash_of`]).
    pub hash: u64,
}

impl MetadataItem {
    /// An item for `value`. The name is cut to 79 bytes at a character boundary.
    pub fn new(kind: Kind, name: impl Into<String>, value: &[u8]) -> Self {
        let mut name = name.into();
        if name.len() > 79 {
            let end = (0..=79).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
            name.truncate(end);
        }
        Self { kind, name, length: value.len() as u64, hash: Self::hash_of(value) }
    }

    /// FNV-1a, 64 bit, eight bytes a step and the rest one by one (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    pub fn hash_of(value: &[u8]) -> u64 {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut h: u64 = 0xcbf2_9ce4_8422_2325 ^ value.len() as u64;
        let (words, rest) = value.as_chunks::<8>();
        for w in words {
            h = (h ^ u64::from_le_bytes(*w)).wrapping_mul(PRIME);
            h ^= h >> 29;
        }
        for b in rest {
            h = (h ^ u64::from(*b)).wrapping_mul(PRIME);
        }
        h
    }
}
