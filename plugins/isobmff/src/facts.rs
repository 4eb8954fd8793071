//! What a file says of its pictures, without decoding any.

use std::collections::BTreeSet;

use crate::{Broken, Clap, Color, File, FourCc, Item, Meta, Movie, Nclx, Property, Track};

/// How deep pictures may be derived from others.
const MAX_DEPTH: u32 = 8;

/// What an auxiliary picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auxiliary {
    /// Transparency.
    Alpha,
    /// Distance from the camera.
    Depth,
    /// An HDR gain map as Apple writes it.
    GainMap,
    /// Something else.
    Other,
}

/// What the properties of one picture say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Width and height as stored, before cropping, turning and mirroring.
    pub size: Option<(u32, u32)>,
    /// Bits of each channel, by `pixi` or the codec's configuration.
    pub bits: u8,
    /// Channels, by `pixi` or the codec's configuration, without alpha.
    pub channels: u8,
    /// Colour by numbers.
    pub nclx: Option<Nclx>,
    /// Colour by a profile.
    pub icc: Option<&'a [u8]>,
    /// How to show it, as EXIF numbers it.
    pub orientation: u8,
    /// What part of it to show.
    pub clap: Option<Clap>,
    /// What shape its pixels have.
    pub aspect: Option<(u32, u32)>,
    /// The body of `hvcC`.
    pub hevc: Option<&'a [u8]>,
    /// The body of `av1C`.
    pub av1: Option<&'a [u8]>,
    /// It is one layer of several.
    pub layered: bool,
}

/// What the properties of an item say.
pub fn picture<'a>(meta: &Meta<'a>, item: &Item<'a>) -> Picture<'a> {
    let mut p = Picture { orientation: 1, ..Picture::default() };
    let mut pixi = None;
    for property in meta.properties_of(item) {
        match property {
            Property::Size(w, h) => p.size = p.size.or(Some((w, h))),
            Property::Bits(bits) => pixi = pixi.or(Some(bits)),
            Property::Color(Color::Nclx(n)) => p.nclx = p.nclx.or(Some(n)),
            Property::Color(Color::Icc(profile)) => p.icc = p.icc.or(Some(profile)),
            Property::Rotation(n) => p.orientation = turned(p.orientation, n),
            Property::Mirror(axis) => p.orientation = mirrored(p.orientation, axis),
            Property::Crop(c) => p.clap = p.clap.or(Some(c)),
            Property::Aspect(h, v) => p.aspect = p.aspect.or(Some((h, v))),
            Property::Hevc(body) => p.hevc = p.hevc.or(Some(body)),
            Property::Av1(body) => p.av1 = p.av1.or(Some(body)),
            Property::Layer => p.layered = true,
            Property::Auxiliary(_)
            | Property::Light
            | Property::Text
            | Property::Other
            | Property::Color(Color::Other) => {}
        }
    }
    let (channels, bits) = p.hevc.and_then(hevc_depth).or(p.av1.and_then(av1_depth)).unwrap_or((0, 0));
    // The codec's configuration is what decoders go by; pixi only repeats it.
    p.channels = if channels > 0 { channels } else { pixi.map_or(0, |b| b.len().min(255) as u8) };
    p.bits = if bits > 0 { bits } else { pixi.and_then(|b| b.iter().max().copied()).unwrap_or(0) };
    p
}

/// Channels and bits by `hvcC`.
fn hevc_depth(body: &[u8]) -> Option<(u8, u8)> {
    let (chroma, luma, deep) = (body.get(16)? & 3, body.get(17)? & 7, body.get(18)? & 7);
    Some((if chroma == 0 { 1 } else { 3 }, 8 + luma.max(deep)))
}

/// Channels and bits by `av1C`.
fn av1_depth(body: &[u8]) -> Option<(u8, u8)> {
    let flags = *body.get(2)?;
    let bits = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    Some((if flags & 0x10 != 0 { 1 } else { 3 }, bits))
}

/// EXIF orientations as what they do to the stored picture: quarter turns clockwise after an optional mirroring of left
/// and right.
const ORIENTATIONS: [(bool, u8); 8] =
    [(false, 0), (true, 0), (false, 2), (true, 2), (true, 3), (false, 1), (true, 1), (false, 3)];

fn parts(orientation: u8) -> (bool, u8) {
    ORIENTATIONS.get(usize::from(orientation.saturating_sub(1))).copied().unwrap_or((false, 0))
}

fn number(mirror: bool, turns: u8) -> u8 {
    let found = ORIENTATIONS.iter().position(|o| *o == (mirror, turns % 4));
    found.map_or(1, |i| i as u8 + 1)
}

/// `orientation` and then quarter turns anti-clockwise.
fn turned(orientation: u8, anticlockwise: u8) -> u8 {
    let (mirror, turns) = parts(orientation);
    number(mirror, turns + 4 - anticlockwise % 4)
}

/// `orientation` and then a mirroring: axis 1 exchanges left and right, 0 top and bottom.
fn mirrored(orientation: u8, axis: u8) -> u8 {
    let (mirror, turns) = parts(orientation);
    // A mirroring behind n turns is one before 4 - n turns; exchanging top and bottom is that and two turns.
    number(!mirror, 4 - turns % 4 + if axis == 0 { 2 } else { 0 })
}

impl<'a> File<'a> {
    /// The `meta` box and the primary item.
    ///
    /// # Errors
    /// There is none.
    pub fn primary(&self) -> Result<(&Meta<'a>, &Item<'a>), Broken> {
        let meta = self.meta.as_ref().ok_or(Broken::Missing(FourCc(*b"meta")))?;
        let id = meta.primary.ok_or(Broken::Missing(FourCc(*b"pitm")))?;
        Ok((meta, meta.item(id).ok_or(Broken::NoItem(id))?))
    }

    /// The sequence of pictures, if it holds one.
    ///
    /// # Errors
    /// It is broken.
    pub fn sequence(&self) -> Result<Option<Movie>, Broken> {
        let movie = self.movie.as_ref().map(Movie::read).transpose()?;
        Ok(movie.filter(|m| m.picture().is_some()))
    }

    /// All tracks.
    pub(crate) fn tracks(&self) -> Result<Vec<Track>, Broken> {
        Ok(self.movie.as_ref().map(Movie::read).transpose()?.unwrap_or_default().tracks)
    }
}

impl<'a> Meta<'a> {
    /// The items whose coded pictures an item is made of, itself where it is coded: grids, overlays and the like are
    /// followed.
    ///
    /// # Errors
    /// One is missing, or they are derived from each other without an end.
    pub fn coded(&self, id: u32) -> Result<Vec<&Item<'a>>, Broken> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        self.collect_coded(id, 0, &mut found, &mut seen)?;
        Ok(found)
    }

    fn collect_coded<'m>(
        &'m self,
        id: u32,
        depth: u32,
        found: &mut Vec<&'m Item<'a>>,
        seen: &mut BTreeSet<u32>,
    ) -> Result<(), Broken> {
        let item = self.item(id).ok_or(Broken::NoItem(id))?;
        if depth > MAX_DEPTH {
            return Err(Broken::Meta("pictures are derived from each other without an end"));
        }
        if !seen.insert(id) {
            return Ok(());
        }
        if !is_derived(item.kind) {
            found.push(item);
            return Ok(());
        }
        self.targets(id, b"dimg").try_for_each(|target| self.collect_coded(target, depth + 1, found, seen))
    }

    /// The auxiliary pictures of an item, with what they are for.
    pub fn auxiliaries(&self, id: u32) -> Vec<(&Item<'a>, Auxiliary)> {
        let mut found: Vec<(&Item<'a>, Auxiliary)> = Vec::new();
        for source in self.sources(id, b"auxl").filter_map(|s| self.item(s)) {
            if !found.iter().any(|f| f.0.id == source.id) {
                found.push((source, self.auxiliary(source)));
            }
        }
        found
    }

    /// What an auxiliary picture is for, by its `auxC`.
    pub fn auxiliary(&self, item: &Item<'a>) -> Auxiliary {
        let urn = self.properties_of(item).find_map(|p| match p {
            Property::Auxiliary(urn) => Some(urn),
            _ => None,
        });
        match urn {
            Some(
                b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
                | b"urn:mpeg:hevc:2015:auxid:1"
                | b"urn:mpeg:avc:2015:auxid:1",
            ) => Auxiliary::Alpha,
            Some(
                b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth"
                | b"urn:mpeg:hevc:2015:auxid:2"
                | b"urn:mpeg:avc:2015:auxid:2",
            ) => Auxiliary::Depth,
            Some(b"urn:com:apple:photo:2020:aux:hdrgainmap") => Auxiliary::GainMap,
            Some(urn) if urn.ends_with(b"gainmap") => Auxiliary::GainMap,
            _ => Auxiliary::Other,
        }
    }

    /// The alpha of an item, and whether colour was multiplied by it. Where a grid has none of its own, its first tile's.
    pub fn alpha(&self, id: u32) -> Option<(&Item<'a>, bool)> {
        let of = |id| self.auxiliaries(id).into_iter().find(|a| a.1 == Auxiliary::Alpha).map(|a| a.0);
        let alpha = of(id).or_else(|| self.targets(id, b"dimg").next().and_then(of))?;
        let premultiplied = self.sources(alpha.id, b"prem").next().is_some();
        Some((alpha, premultiplied))
    }

    /// Whether a gain map belongs to the pictures: Apple's, or one by ISO 21496-1.
    pub fn has_gain_map(&self) -> bool {
        self.items.iter().any(|i| i.kind == b"tmap" || self.auxiliary(i) == Auxiliary::GainMap)
    }

    /// The pictures that are meant to be seen by themselves: the primary first, then those that are neither hidden,
    /// auxiliary, thumbnails nor parts of others.
    pub fn masters(&self) -> Vec<&Item<'a>> {
        let is_part = |id: u32| {
            let refers = |kind| self.targets(id, kind).next().is_some();
            refers(b"auxl") || refers(b"thmb") || self.sources(id, b"dimg").next().is_some()
        };
        let mut all: Vec<&Item<'a>> = self.primary.and_then(|id| self.item(id)).into_iter().collect();
        for item in &self.items {
            if Some(item.id) != self.primary && !item.hidden && is_picture(item.kind) && !is_part(item.id) {
                all.push(item);
            }
        }
        all
    }
}

/// Whether items of a type are made of other items.
pub fn is_derived(kind: FourCc) -> bool {
    matches!(&kind.0, b"grid" | b"iovl" | b"iden" | b"tmap" | b"sato")
}

/// Whether items of a type are pictures.
pub fn is_picture(kind: FourCc) -> bool {
    is_derived(kind)
        || matches!(
            &kind.0,
            b"hvc1"
                | b"hev1"
                | b"lhv1"
                | b"av01"
                | b"avc1"
                | b"jpeg"
                | b"j2k1"
                | b"vvc1"
                | b"evc1"
                | b"unci"
                | b"mski"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an orientation does to a picture of 2x3, told by where its corners go.
    fn apply(o: u8) -> [[u8; 3]; 3] {
        let mut p = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
        let (mirror, turns) = parts(o);
        if mirror {
            p.iter_mut().for_each(|r| r.reverse());
        }
        for _ in 0..turns {
            p = clockwise(p);
        }
        p
    }
    fn clockwise(p: [[u8; 3]; 3]) -> [[u8; 3]; 3] {
        std::array::from_fn(|y| std::array::from_fn(|x| p[2 - x][y]))
    }

    #[test]
    fn numbers_mean_what_exif_says() {
        // Top left of the shown picture for each number, with its neighbour to the right.
        let want = [(1, 2), (3, 2), (9, 8), (7, 8), (1, 4), (7, 4), (9, 6), (3, 6)];
        for (o, want) in (1..=8).zip(want) {
            let p = apply(o);
            assert_eq!((p[0][0], p[0][1]), want, "{o}");
        }
    }

    #[test]
    fn turns_and_mirrors_compose() {
        for o in 1..=8 {
            let p = apply(o);
            let mut left_right = p;
            left_right.iter_mut().for_each(|r| r.reverse());
            let mut top_bottom = p;
            top_bottom.reverse();
            assert_eq!(apply(mirrored(o, 1)), left_right, "{o}");
            assert_eq!(apply(mirrored(o, 0)), top_bottom, "{o}");
            assert_eq!(apply(turned(o, 3)), clockwise(p), "{o}");
        }
    }

    #[test]
    fn depths_are_read() {
        let mut hvcc = [0u8; 23];
        (hvcc[16], hvcc[17], hvcc[18]) = (0xfd, 0xfa, 0xfa);
        assert_eq!(hevc_depth(&hvcc), Some((3, 10)));
        assert_eq!(av1_depth(&[0x81, 0, 0x10]), Some((1, 8)));
        assert_eq!(av1_depth(&[0x81, 0, 0x60]), Some((3, 12)));
    }
}
