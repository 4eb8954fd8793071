//! The tags by number, and what each is for. Knows no files.

use squeezed_plugin_api::Kind;

pub const NEW_SUBFILE_TYPE: u16 = 254;
pub const WIDTH: u16 = 256;
pub const HEIGHT: u16 = 257;
pub const BITS: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const FILL_ORDER: u16 = 266;
pub const STRIP_OFFSETS: u16 = 273;
pub const ORIENTATION: u16 = 274;
pub const SAMPLES: u16 = 277;
pub const ROWS_PER_STRIP: u16 = 278;
pub const STRIP_COUNTS: u16 = 279;
pub const PLANAR: u16 = 284;
pub const T4_OPTIONS: u16 = 292;
pub const T6_OPTIONS: u16 = 293;
pub const TRANSFER_FUNCTION: u16 = 301;
pub const PREDICTOR: u16 = 317;
pub const COLOR_MAP: u16 = 320;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_HEIGHT: u16 = 323;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_COUNTS: u16 = 325;
pub const SUB_IFDS: u16 = 330;
pub const INK_SET: u16 = 332;
pub const EXTRA_SAMPLES: u16 = 338;
pub const SAMPLE_FORMAT: u16 = 339;
pub const JPEG_TABLES: u16 = 347;
pub const GLOBAL_PARAMETERS: u16 = 400;
pub const JPEG_LAST: u16 = 521;
pub const YCBCR_COEFFICIENTS: u16 = 529;
pub const SUBSAMPLING: u16 = 530;
pub const YCBCR_POSITIONING: u16 = 531;
pub const REFERENCE_BLACK_WHITE: u16 = 532;
pub const XMP: u16 = 700;
pub const MAKE: u16 = 271;
pub const IPTC: u16 = 33723;
pub const PHOTOSHOP: u16 = 34377;
pub const EXIF: u16 = 34665;
pub const ICC: u16 = 34675;
pub const GPS: u16 = 34853;
pub const MAKER_NOTE: u16 = 37500;
pub const INTEROPERABILITY: u16 = 40965;
pub const DNG_VERSION: u16 = 50706;
pub const SONY_PRIVATE: u16 = 50740;
pub const C2PA: u16 = 52545;

/// What a tag of a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Where and how samples are coded: written anew, or copied with the coded data.
    Coding,
    /// What the samples are: dimensions, depth, palette, the page's number. Stays under every policy.
    Structure,
    /// A directory of EXIF or the like, or a tag that EXIF has in its first directory.
    Exif,
    /// An ICC profile.
    Icc,
    /// An XMP packet.
    Xmp,
    /// IPTC datasets.
    Iptc,
    /// Photoshop's image resources.
    Photoshop,
    /// A metadata item of its own.
    Item(Kind, &'static str),
    /// Nobody here knows.
    Unknown,
}

/// What a tag is for.
pub fn role(tag: u16) -> Role {
    use Kind::{C2pa, ColorSpace, Density, Gps, Text};
    match tag {
        COMPRESSION | FILL_ORDER | STRIP_OFFSETS | ROWS_PER_STRIP | STRIP_COUNTS | PREDICTOR
        | TILE_OFFSETS | TILE_COUNTS | JPEG_TABLES => Role::Coding,
        512..=JPEG_LAST => Role::Coding,
        NEW_SUBFILE_TYPE..=BITS
        | PHOTOMETRIC
        | 263..=265
        | SAMPLES
        | PLANAR
        | 297
        | COLOR_MAP
        | TILE_WIDTH
        | TILE_HEIGHT
        | SUB_IFDS
        | INK_SET
        | 333
        | 334
        | EXTRA_SAMPLES
        | SAMPLE_FORMAT
        | SUBSAMPLING
        | YCBCR_POSITIONING
        | GLOBAL_PARAMETERS => Role::Structure,
        280 | 281 | 340 | 341 => Role::Item(ColorSpace, "sample-range"),
        // How a fax came in. The options say something to coded data alone, but some take them for a description.
        T4_OPTIONS | T6_OPTIONS | 326..=328 => Role::Item(Kind::Unknown, "fax"),
        290 | 291 => Role::Item(ColorSpace, "gray-response"),
        TRANSFER_FUNCTION | 342 => Role::Item(ColorSpace, "transfer-function"),
        318 | 319 => Role::Item(ColorSpace, "chromaticities"),
        321 => Role::Item(ColorSpace, "halftone-hints"),
        336 => Role::Item(ColorSpace, "dot-range"),
        YCBCR_COEFFICIENTS => Role::Item(ColorSpace, "ycbcr-coefficients"),
        REFERENCE_BLACK_WHITE => Role::Item(ColorSpace, "reference-black-white"),
        // Which value stands for "no data" decides what a viewer of maps shows.
        42113 => Role::Item(ColorSpace, "gdal-nodata"),
        433 | 434 => Role::Item(ColorSpace, "indexed-lab"),
        286 | 287 => Role::Item(Density, "position"),
        270..=272
        | ORIENTATION
        | 282
        | 283
        | 296
        | 305
        | 306
        | 315
        | 316
        | 33432
        | EXIF
        | GPS
        | INTEROPERABILITY => Role::Exif,
        ICC => Role::Icc,
        XMP => Role::Xmp,
        IPTC => Role::Iptc,
        PHOTOSHOP => Role::Photoshop,
        37724 => Role::Item(Kind::Iptc, "photoshop-layers"),
        269 | 285 | 337 => Role::Item(Text, "text"),
        42112 => Role::Item(Text, "gdal-metadata"),
        33550 | 33922 | 34264 | 34735..=34737 => Role::Item(Gps, "geotiff"),
        C2PA => Role::Item(C2pa, "c2pa"),
        _ => Role::Unknown,
    }
}

/// Bytes of one value of a field type; `None` for a type that TIFF does not have.
pub fn size_of(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => return None,
    })
}

/// Whether a tag leads to other directories.
pub fn is_pointer(tag: u16, kind: u16) -> bool {
    matches!(tag, SUB_IFDS | EXIF | GPS | INTEROPERABILITY | GLOBAL_PARAMETERS)
        && matches!(kind, 4 | 13 | 16 | 18)
        || matches!(kind, 13 | 18)
}
