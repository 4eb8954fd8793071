//! What a metadata segment is, by its marker and signature. Knows the names, not the policies.

use crate::{ciff, picture_info};

/// The kinds of segments that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// JFIF header, at least as long as libjpeg wants it.
    Jfif,
    /// JFIF extension: a thumbnail.
    Jfxx,
    /// EXIF.
    Exif,
    /// Main XMP packet.
    Xmp,
    /// A part of extended XMP.
    ExtendedXmp,
    /// A chunk of an ICC profile.
    Icc,
    /// Multi-picture index.
    Mpf,
    /// ISO 21496-1 gain map parameters.
    IsoGainMap,
    /// JUMBF boxes.
    Jumbf,
    /// Photoshop resources, IPTC among them.
    Photoshop,
    /// Records of an early Canon camera.
    Ciff,
    /// Text of an early digital camera.
    PictureInfo,
    /// Adobe marker: tells the colour transform.
    Adobe,
    /// Comment.
    Comment,
    /// Anything else.
    Other,
}

const EXIF: &[u8] = b"Exif\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const MPF: &[u8] = b"MPF\0";
const ISO_GAIN_MAP: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

impl Role {
    /// The role of a segment.
    pub fn of(marker: u8, body: &[u8]) -> Self {
        match marker {
            0xe0 if body.starts_with(b"JFIF\0") && body.len() >= 14 => Self::Jfif,
            0xe0 if body.starts_with(b"JFXX\0") => Self::Jfxx,
            0xe0 if ciff::is_ciff(body) => Self::Ciff,
            0xe1 if body.starts_with(EXIF) && body.len() >= 6 => Self::Exif,
            0xe1 if body.starts_with(XMP) => Self::Xmp,
            0xe1 if body.starts_with(EXTENDED_XMP) && body.len() >= EXTENDED_XMP.len() + 40 => {
                Self::ExtendedXmp
            }
            0xe2 if body.starts_with(ICC) && body.len() >= ICC.len() + 2 => Self::Icc,
            0xe2 if body.starts_with(MPF) => Self::Mpf,
            0xe2 if body.starts_with(ISO_GAIN_MAP) => Self::IsoGainMap,
            0xeb if body.starts_with(b"JP") && body.len() >= 8 => Self::Jumbf,
            0xec if picture_info::is_picture_info(body) => Self::PictureInfo,
            0xed if body.starts_with(PHOTOSHOP) => Self::Photoshop,
            0xee if body.starts_with(b"Adobe") && body.len() >= 12 => Self::Adobe,
            0xfe => Self::Comment,
            _ => Self::Other,
        }
    }

    /// Bytes of the signature, which is not part of the value.
    pub fn signature(self) -> usize {
        match self {
            Self::Jfif | Self::Jfxx => 5,
            Self::Exif => EXIF.len() + 1,
            Self::Xmp => XMP.len(),
            Self::ExtendedXmp => EXTENDED_XMP.len(),
            Self::Icc => ICC.len(),
            Self::Mpf => MPF.len(),
            Self::IsoGainMap => ISO_GAIN_MAP.len(),
            Self::Photoshop => PHOTOSHOP.len(),
            Self::Jumbf => 2,
            Self::Adobe => 5,
            Self::Ciff | Self::PictureInfo | Self::Comment | Self::Other => 0,
        }
    }

    /// The value behind the signature.
    pub fn value(self, body: &[u8]) -> &[u8] {
        body.get(self.signature()..).unwrap_or_default()
    }
}

/// Longest body of one segment.
pub const MAX_BODY: usize = 65_533;

/// A whole segment with this body, which must not be longer than [`MAX_BODY`].
pub fn build(marker: u8, body: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(body.len() + 2).ok()?;
    let mut out = Vec::with_capacity(body.len() + 4);
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
    Some(out)
}

/// The same with the signature of a role in front of the value.
pub fn build_as(role: Role, value: &[u8]) -> Option<Vec<u8>> {
    let (marker, signature): (u8, &[u8]) = match role {
        Role::Exif => (0xe1, b"Exif\0\0"),
        Role::Xmp => (0xe1, XMP),
        Role::Photoshop => (0xed, PHOTOSHOP),
        _ => return None,
    };
    build(marker, &[signature, value].concat())
}

/// A name for a segment of no known role: its marker and what of its beginning reads as a name.
pub fn name(marker: u8, body: &[u8]) -> String {
    let kind = match marker {
        0xe0..=0xef => format!("app{}", marker - 0xe0),
        _ => format!("marker-{marker:02x}"),
    };
    let word: String =
        body.iter().take(24).take_while(|b| b.is_ascii_graphic()).map(|b| char::from(*b)).collect();
    if word.len() < 3 { kind } else { format!("{kind}-{word}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_need_signature_and_marker() {
        assert_eq!(Role::of(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), Role::Jfif);
        assert_eq!(Role::of(0xe0, b"JFIF\0\x01"), Role::Other, "too short for a decoder to take it");
        assert_eq!(Role::of(0xe1, b"Exif\0\0II"), Role::Exif);
        assert_eq!(Role::of(0xe2, b"Exif\0\0II"), Role::Other);
        assert_eq!(name(0xec, b"Ducky\0\x01"), "app12-Ducky");
        assert_eq!(name(0xe4, b"\0\x01"), "app4");
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused() {
        assert!(build(0xe1, &[0; MAX_BODY]).is_some());
        assert!(build(0xe1, &[0; MAX_BODY + 1]).is_none());
    }
}
