//! What goes around a codestream: the segments and trailing bytes that a policy keeps, and their assembly into a file
//! with a right multi-picture index.

use std::borrow::Cow;
use std::ops::Range;

use squeezed_plugin_api::{Error, Metadata};
use squeezed_plugin_common::{exif, iptc, xmp};

use crate::directory;
use crate::file::File;
use crate::inventory;
use crate::mpf::Index;
use crate::segment::{self, MAX_BODY, Role};
use crate::stream;
use crate::walk::Walk;
use crate::{ciff, picture_info};

/// Everything around the codestream of an answer.
pub struct Envelope<'a> {
    early: Vec<Piece<'a>>,
    late: Vec<Piece<'a>>,
    tail: Vec<u8>,
    /// Where the further pictures lie in `tail`, in index order.
    pictures: Vec<Range<usize>>,
    index: Option<&'a Index>,
    /// Whether anything of the source is left out.
    pub drops: bool,
}

struct Piece<'a> {
    bytes: Cow<'a, [u8]>,
    is_index: bool,
}

impl<'a> Envelope<'a> {
    /// The envelope under a policy.
    ///
    /// # Errors
    /// `UnsupportedFeature` where a multi-picture index cannot be kept right.
    pub fn new(file: &'a File<'a>, policy: Metadata) -> Result<Self, Error> {
        match policy {
            Metadata::All => Self::all(file),
            Metadata::Display => Self::display(file),
        }
    }

    fn all(file: &'a File<'a>) -> Result<Self, Error> {
        if let Some(error) = &file.broken_index {
            return Err(error.clone());
        }
        let mut e = Self::empty(file);
        for (i, s) in file.walk.segments.iter().enumerate() {
            let bytes = file.input.get(s.whole.clone()).unwrap_or_default();
            e.push(s.late, Cow::Borrowed(bytes), e.index_at(file, i));
        }
        let end = file.walk.end;
        e.tail = file.input.get(end..).unwrap_or_default().to_vec();
        e.pictures =
            file.pictures.iter().map(|r| r.start.saturating_sub(end)..r.end.saturating_sub(end)).collect();
        Ok(e)
    }

    fn display(file: &'a File<'a>) -> Result<Self, Error> {
        if let Some(error) = &file.broken_index
            && file.has_gain_map()
        {
            return Err(error.clone());
        }
        let mut e = Self::empty(file);
        let previews = file.index.as_ref().is_some_and(|(_, i)| i.only_previews());
        let mut packet = file.xmp().and_then(xmp::display);
        if previews {
            e.index = None;
        } else {
            e.keep_pictures(file, &mut packet);
        }
        e.drops |= !file.gaps.is_empty() || previews;
        let mut seen: Vec<Role> = Vec::new();
        for (i, (s, role)) in file.walk.segments.iter().zip(&file.roles).enumerate() {
            let whole = file.input.get(s.whole.clone()).unwrap_or_default();
            let first = !seen.contains(role);
            seen.push(*role);
            match role {
                Role::Icc | Role::IsoGainMap | Role::Adobe => e.push(s.late, Cow::Borrowed(whole), false),
                Role::Mpf if !previews && file.broken_index.is_none() => {
                    e.push(s.late, Cow::Borrowed(whole), e.index_at(file, i));
                }
                Role::Jfif => e.replace(s.late, whole, jfif(file.body(s))),
                Role::Exif if first => {
                    let block = exif::display(role.value(file.body(s)));
                    e.replace(s.late, whole, block.and_then(|b| segment::build_as(Role::Exif, &b)));
                }
                Role::Xmp if first => {
                    let built = packet.as_deref().and_then(|p| segment::build_as(Role::Xmp, p));
                    e.replace(s.late, whole, built);
                }
                Role::Ciff if first => {
                    let time = ciff::display(file.body(s));
                    e.replace(s.late, whole, time.and_then(|t| segment::build(s.marker, &t)));
                }
                Role::PictureInfo if first => {
                    let time = picture_info::display(file.body(s));
                    e.replace(s.late, whole, time.and_then(|t| segment::build(s.marker, &t)));
                }
                Role::Photoshop if first => e.photoshop(file, s.late),
                Role::Photoshop => {}
                _ => e.drops = true,
            }
        }
        Ok(e)
    }

    fn empty(file: &'a File<'a>) -> Self {
        Self {
            early: Vec::new(),
            late: Vec::new(),
            tail: Vec::new(),
            pictures: Vec::new(),
            index: file.index.as_ref().map(|(_, index)| index),
            drops: false,
        }
    }

    fn index_at(&self, file: &File<'_>, segment: usize) -> bool {
        self.index.is_some() && file.index.as_ref().is_some_and(|(at, _)| *at == segment)
    }

    fn push(&mut self, late: bool, bytes: Cow<'a, [u8]>, is_index: bool) {
        let to = if late { &mut self.late } else { &mut self.early };
        to.push(Piece { bytes, is_index });
    }

    /// Puts what is left of a segment in its place.
    fn replace(&mut self, late: bool, whole: &'a [u8], new: Option<Vec<u8>>) {
        self.drops |= new.as_deref() != Some(whole);
        if let Some(new) = new {
            self.push(late, Cow::Owned(new), false);
        }
    }

    fn photoshop(&mut self, file: &File<'_>, late: bool) {
        let Some(resources) = inventory::resources(file) else { return };
        let kept = iptc::display(&resources);
        self.drops |= kept.as_deref() != Some(resources.as_slice());
        for part in kept.unwrap_or_default().chunks(MAX_BODY - Role::Photoshop.signature()) {
            if let Some(built) = segment::build_as(Role::Photoshop, part) {
                self.push(late, Cow::Owned(built), false);
            }
        }
    }

    /// Keeps the further pictures, each without what is not for display. Where XMP tells a length that cannot be
    /// changed, the picture is filled up with zeroes behind its end.
    fn keep_pictures(&mut self, file: &File<'_>, packet: &mut Option<Vec<u8>>) {
        let mut order: Vec<usize> = (0..file.pictures.len()).collect();
        order.sort_by_key(|i| file.pictures.get(*i).map_or(0, |r| r.start));
        self.pictures = vec![0..0; file.pictures.len()];
        for i in order {
            let Some(range) = file.pictures.get(i) else { continue };
            let bytes = file.input.get(range.clone()).unwrap_or_default();
            let start = self.tail.len();
            match thinned(bytes) {
                None => self.tail.extend_from_slice(bytes),
                Some(thin) => {
                    self.drops = true;
                    self.tail.extend_from_slice(&thin);
                    let told = packet.as_deref().is_some_and(|p| directory::names_length(p, bytes.len()));
                    match packet.as_deref().and_then(|p| directory::resized(p, bytes.len(), thin.len())) {
                        Some(new) => *packet = Some(new),
                        None if told => self.tail.resize(start + bytes.len().max(thin.len()), 0),
                        None => {}
                    }
                }
            }
            if let Some(slot) = self.pictures.get_mut(i) {
                *slot = start..self.tail.len();
            }
        }
    }

    /// A file with this codestream, which goes from SOI to EOI and has no segments of its own.
    ///
    /// # Errors
    /// `UnsupportedFeature` if the index cannot hold the new places.
    pub fn assemble(&self, codestream: &[u8]) -> Result<Vec<u8>, Error> {
        let inner = codestream.len().checked_sub(2).and_then(|end| codestream.get(2..end));
        let inner = inner.ok_or_else(|| Error::failed("the codec wrote no picture"))?;
        let around: usize = self.early.iter().chain(&self.late).map(|p| p.bytes.len()).sum();
        let mut out = Vec::with_capacity(around + inner.len() + self.tail.len() + 4);
        let mut base = None;
        out.extend_from_slice(&[0xff, 0xd8]);
        let mut put = |pieces: &[Piece<'_>], out: &mut Vec<u8>| {
            for p in pieces {
                if p.is_index {
                    base = Some(out.len() + 4 + Role::Mpf.signature());
                }
                out.extend_from_slice(&p.bytes);
            }
        };
        put(&self.early, &mut out);
        out.extend_from_slice(inner);
        put(&self.late, &mut out);
        out.extend_from_slice(&[0xff, 0xd9]);
        let end = out.len();
        out.extend_from_slice(&self.tail);
        if let (Some(index), Some(base)) = (self.index, base) {
            let places: Vec<_> = self.pictures.iter().map(|r| r.start + end..r.end + end).collect();
            index.patch(&mut out, base, end, &places)?;
        }
        Ok(out)
    }
}

/// The JFIF segment without its thumbnail and what follows that.
fn jfif(body: &[u8]) -> Option<Vec<u8>> {
    let mut short = body.get(..14)?.to_vec();
    short.get_mut(12..14)?.fill(0);
    segment::build(0xe0, &short)
}

/// A further picture without what is not for display; `None` if it has nothing of the kind or is not to be read.
fn thinned(bytes: &[u8]) -> Option<Vec<u8>> {
    let file = File::parse(bytes).ok()?;
    // A picture with pictures of its own is left as it is; this also bounds the recursion.
    if file.index.is_some()
        || !file.pictures.is_empty()
        || file.broken_index.is_some()
        || file.walk.dnl.is_some()
    {
        return None;
    }
    let envelope = Envelope::display(&file).ok()?;
    if !envelope.drops {
        return None;
    }
    let thin = envelope.assemble(&untouched(bytes, &file.walk)).ok()?;
    (thin.len() < bytes.len()).then_some(thin)
}

/// The codestream of a file without its metadata, byte for byte.
pub fn untouched(stream: &[u8], walk: &Walk) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    for part in &walk.parts {
        out.extend_from_slice(stream.get(part.clone()).unwrap_or_default());
    }
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// The same for the primary picture of a file, in the form that the codec gets.
///
/// # Errors
/// As [`Walk::of`].
pub fn untouched_primary(file: &File<'_>) -> Result<Vec<u8>, Error> {
    match stream::codestream(file.input, &file.walk) {
        Cow::Borrowed(bytes) => Ok(untouched(bytes, &file.walk)),
        Cow::Owned(bytes) => Ok(untouched(&bytes, &Walk::of(&bytes)?)),
    }
}
