//! A file as a container: its metadata segments by role, its multi-picture index, and what follows the primary picture.

use std::ops::Range;

use squeezed_plugin_api::Error;
use squeezed_plugin_common::xmp;

use crate::directory;
use crate::mpf::{Index, mismatch};
use crate::segment::Role;
use crate::walk::{Segment, Walk};

/// A parsed file. Borrows its bytes.
pub struct File<'a> {
    /// All bytes.
    pub input: &'a [u8],
    /// The primary picture.
    pub walk: Walk,
    /// What each of `walk.segments` is.
    pub roles: Vec<Role>,
    /// The index, and which segment it is. Absent where it does not match the file.
    pub index: Option<(usize, Index)>,
    /// Why the index cannot be followed.
    pub broken_index: Option<Error>,
    /// Further pictures, in index order.
    pub pictures: Vec<Range<usize>>,
    /// What else follows the primary picture, in file order.
    pub gaps: Vec<Range<usize>>,
}

/// An index, which segment it is, and the pictures that it names.
type Found = (usize, Index, Vec<Range<usize>>);

impl<'a> File<'a> {
    /// Parses the structure of a file.
    ///
    /// # Errors
    /// As [`Walk::of`].
    pub fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let walk = Walk::of(input)?;
        let body = |s: &Segment| input.get(s.body.clone()).unwrap_or_default();
        let roles: Vec<Role> = walk.segments.iter().map(|s| Role::of(s.marker, body(s))).collect();
        let mut file = Self {
            input,
            walk,
            roles,
            index: None,
            broken_index: None,
            pictures: Vec::new(),
            gaps: Vec::new(),
        };
        match file.read_index() {
            Ok(Some((at, index, pictures))) => (file.index, file.pictures) = (Some((at, index)), pictures),
            Ok(None) => match file.read_directory() {
                Some(pictures) => file.pictures = pictures,
                None => {
                    file.broken_index =
                        Some(Error::unsupported("gain map that is not where its directory says"))
                }
            },
            Err(error) => file.broken_index = Some(error),
        }
        file.find_gaps();
        Ok(file)
    }

    /// The body of a segment.
    pub fn body(&self, s: &Segment) -> &'a [u8] {
        self.input.get(s.body.clone()).unwrap_or_default()
    }

    /// Segments of a role with their values, in file order.
    pub fn values(&self, role: Role) -> impl Iterator<Item = &'a [u8]> {
        let pairs = self.walk.segments.iter().zip(&self.roles);
        pairs.filter(move |(_, r)| **r == role).map(move |(s, r)| r.value(self.body(s)))
    }

    /// The main XMP packet.
    pub fn xmp(&self) -> Option<&'a [u8]> {
        self.values(Role::Xmp).next()
    }

    /// Whether the picture has an HDR gain map, or is one.
    pub fn has_gain_map(&self) -> bool {
        self.values(Role::IsoGainMap).next().is_some() || self.values(Role::Xmp).any(xmp::has_gain_map)
    }

    fn read_index(&self) -> Result<Option<Found>, Error> {
        let mut found = None;
        for (at, (segment, role)) in self.walk.segments.iter().zip(&self.roles).enumerate() {
            if *role != Role::Mpf {
                continue;
            }
            let Some(index) = Index::parse(role.value(self.body(segment)))? else { continue };
            if found.is_some() {
                return Err(mismatch());
            }
            let pictures =
                index.pictures(self.input, segment.body.start + role.signature(), self.walk.end)?;
            found = Some((at, index, pictures));
        }
        Ok(found)
    }

    /// Pictures of a container directory in XMP, where no index names them; `None` where it does not match the file.
    fn read_directory(&self) -> Option<Vec<Range<usize>>> {
        let Some(packet) = self.xmp() else { return Some(Vec::new()) };
        let entries = directory::entries(packet);
        if !entries.iter().any(|e| e.semantic == "GainMap") {
            return Some(Vec::new());
        }
        let mut at = self.walk.end;
        let mut pictures = Vec::new();
        for (i, e) in entries.iter().enumerate() {
            // The first entry is the primary picture; its length is implied, its padding counts.
            let start = at;
            at = at.checked_add(e.padding)?;
            if i > 0 {
                at = at.checked_add(e.length)?;
            }
            if e.semantic == "GainMap" {
                let range = start..start.checked_add(e.length)?;
                if !self.input.get(range.clone())?.starts_with(&[0xff, 0xd8]) {
                    return None;
                }
                pictures.push(range);
            }
        }
        Some(pictures)
    }

    fn find_gaps(&mut self) {
        let mut sorted = self.pictures.clone();
        sorted.sort_by_key(|r| r.start);
        let mut at = self.walk.end;
        for picture in sorted {
            if picture.start > at {
                self.gaps.push(at..picture.start);
            }
            at = at.max(picture.end);
        }
        if at < self.input.len() {
            self.gaps.push(at..self.input.len());
        }
    }

    /// Whether these trailing bytes are the video of a motion photo.
    pub fn is_video(&self, gap: &Range<usize>) -> bool {
        let bytes = self.input.get(gap.clone()).unwrap_or_default();
        bytes.get(4..8) == Some(b"ftyp") || self.values(Role::Xmp).any(xmp::has_motion_photo)
    }
}
