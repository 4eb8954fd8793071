//! Writes a parsed file again: without some items, with other data for some, in fewer bytes. What stays is copied byte for
//! byte; only the boxes that say where things are become new.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use squeezed_plugin_api::Metadata;

use crate::boxes::write;
use crate::layout::{Store, gaps};
use crate::meta_writer::{MetaWriter, Place};
use crate::{BoxRef, Broken, Construction, File, Item, Meta, movie};

/// The type of a `uuid` box with XMP for the whole file.
pub const XMP_UUID: [u8; 16] =
    [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];

/// What changes in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Whether boxes that are not known stay, and data that nothing refers to.
    pub policy: Metadata,
    /// Items that go.
    pub drop: BTreeSet<u32>,
    /// New data of items, in place of what they have.
    pub data: BTreeMap<u32, Vec<u8>>,
    /// New property boxes, whole, in place of property `.1` (its number in `ipco`) of item `.0`.
    pub properties: BTreeMap<(u32, usize), Vec<u8>>,
    /// Properties that go, by their numbers in `ipco`.
    pub drop_properties: BTreeSet<usize>,
    /// New XMP for the whole file, in place of the `uuid` box that has it.
    pub xmp: Option<Vec<u8>>,
}

/// Why a file cannot be written again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fixed {
    /// It is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It has something that a rewrite would not keep.
    #[error("{0}")]
    Feature(&'static str),
}

impl From<Fixed> for squeezed_plugin_api::Error {
    fn from(fixed: Fixed) -> Self {
        match fixed {
            Fixed::Broken(b) => b.into(),
            Fixed::Feature(name) => Self::unsupported(name),
        }
    }
}

impl File<'_> {
    /// The file with these changes.
    ///
    /// # Errors
    /// It has something that cannot be written again, or is broken.
    pub fn rewrite(&self, edit: &Edit) -> Result<Vec<u8>, Fixed> {
        Rewrite::new(self, edit)?.file()
    }
}

/// A box of the new file; that of `mdat` with the number of its store.
type NewBox = (Option<usize>, Vec<u8>);

struct Rewrite<'f, 'a, 'e> {
    file: &'f File<'a>,
    edit: &'e Edit,
    /// The `mdat` boxes with what they hold from now on.
    stores: Vec<(BoxRef<'a>, Store<'e>)>,
    idat: Store<'e>,
    /// Where the bodies of `mdat` boxes start in the new file, once that is known.
    starts: Vec<usize>,
}

impl<'f, 'a, 'e> Rewrite<'f, 'a, 'e> {
    fn new(file: &'f File<'a>, edit: &'e Edit) -> Result<Self, Fixed> {
        for b in &file.boxes {
            if matches!(&b.kind.0, b"moof" | b"sidx" | b"mfra" | b"imda") {
                return Err(Fixed::Feature("movie fragments"));
            }
        }
        if file.boxes.iter().filter(|b| b.kind == b"meta").count() > 1 {
            return Err(Fixed::Feature("several meta boxes"));
        }
        if edit.policy == Metadata::All && file.movie.as_ref().is_some_and(movie::has_places) {
            return Err(Fixed::Feature("metadata inside of moov"));
        }
        let mut r = Self { file, edit, stores: Vec::new(), idat: Store::default(), starts: Vec::new() };
        r.place()?;
        Ok(r)
    }

    fn items(&self) -> impl Iterator<Item = &'f Item<'a>> {
        let edit = self.edit;
        self.file.meta.iter().flat_map(|m| &m.items).filter(move |i| !edit.drop.contains(&i.id))
    }

    /// Finds out what stays of each `mdat` and of `idat`.
    fn place(&mut self) -> Result<(), Fixed> {
        let mdats: Vec<BoxRef<'a>> = self.file.boxes.iter().filter(|b| b.kind == b"mdat").copied().collect();
        let mut kept: Vec<Vec<Range<usize>>> = vec![Vec::new(); mdats.len()];
        let mut used = kept.clone();
        let mut new: Vec<Vec<(usize, u32, &'e [u8])>> = vec![Vec::new(); mdats.len()];
        let (mut idat_kept, mut idat_new) = (Vec::new(), Vec::new());
        for item in self.file.meta.iter().flat_map(|m| &m.items) {
            let stays = !self.edit.drop.contains(&item.id);
            let data = self.edit.data.get(&item.id).filter(|_| stays);
            if stays
                && (item.external || matches!(item.construction, Construction::Item | Construction::Unknown))
            {
                return Err(Fixed::Feature("items whose data is made of other items or files"));
            }
            if item.external || matches!(item.construction, Construction::Item | Construction::Unknown) {
                continue;
            }
            let ranges = self.data_ranges(item)?;
            if item.construction == Construction::Idat {
                match data {
                    Some(d) => idat_new.push((ranges.first().map_or(0, |r| r.start), item.id, d.as_slice())),
                    None if stays => idat_kept.extend(ranges),
                    None => {}
                }
                continue;
            }
            let mut placed = false;
            for range in ranges {
                let Some((k, inner)) = within(&mdats, &range) else {
                    if stays {
                        return Err(Fixed::Feature("data of items outside of mdat"));
                    }
                    continue;
                };
                used[k].push(inner.clone());
                match data {
                    Some(d) if !placed => new[k].push((inner.start, item.id, d.as_slice())),
                    Some(_) => {}
                    None if stays => kept[k].push(inner),
                    None => {}
                }
                placed = true;
            }
            if let (Some(_), false) = (data, placed) {
                return Err(Fixed::Feature("items without a place for their data"));
            }
        }
        for chunk in self.file.tracks()?.iter().flat_map(|t| &t.chunks) {
            let range = usize::try_from(chunk.start).ok().zip(usize::try_from(chunk.end).ok());
            let range = range.map(|(a, b)| a..b).filter(|r| r.end <= self.file.input.len());
            let range = range.ok_or(Broken::Truncated)?;
            if range.is_empty() {
                continue;
            }
            let (k, inner) = within(&mdats, &range).ok_or(Fixed::Feature("samples outside of mdat"))?;
            kept[k].push(inner.clone());
            used[k].push(inner);
        }
        for (k, mdat) in mdats.into_iter().enumerate() {
            let mut kept = std::mem::take(&mut kept[k]);
            if self.edit.policy == Metadata::All {
                // Nothing refers to it, but makers' notes may: it stays unless it is padding.
                let gaps = gaps(std::mem::take(&mut used[k]), mdat.body.len());
                kept.extend(gaps.into_iter().filter(|g| mdat.body[g.clone()].iter().any(|b| *b != 0)));
            }
            self.stores.push((mdat, Store::new(kept, std::mem::take(&mut new[k]))));
        }
        self.idat = Store::new(idat_kept, idat_new);
        Ok(())
    }

    /// The data of an item; nothing for those that have none by their nature, whatever their places say.
    fn data_ranges(&self, item: &Item<'a>) -> Result<Vec<Range<usize>>, Broken> {
        if item.kind == b"iden" {
            return Ok(Vec::new());
        }
        Ok(self.file.ranges(item)?.into_iter().filter(|r| !r.is_empty()).collect())
    }

    fn file(mut self) -> Result<Vec<u8>, Fixed> {
        // Places are of four bytes, so the boxes before them have their length before the places are known.
        self.starts = vec![0; self.stores.len()];
        let draft = self.boxes()?;
        let mut at = 0usize;
        for (store, bytes) in &draft {
            if let Some(start) = store.and_then(|k| self.starts.get_mut(k)) {
                *start = at.saturating_add(8);
            }
            at = at.saturating_add(bytes.len());
        }
        if u32::try_from(at).is_err() {
            return Err(Fixed::Feature("a file of more than 4 GiB"));
        }
        let mut out = Vec::with_capacity(at);
        for (_, bytes) in self.boxes()? {
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// The boxes of the new file.
    fn boxes(&self) -> Result<Vec<NewBox>, Fixed> {
        let all = self.edit.policy == Metadata::All;
        let (mut out, mut mdat) = (Vec::new(), 0usize);
        for b in &self.file.boxes {
            match &b.kind.0 {
                b"free" | b"skip" | b"wide" => {}
                b"ftyp" => out.push((None, b.whole.to_vec())),
                b"meta" => out.push((None, self.meta(b)?)),
                b"moov" => {
                    let place = |old: u64| self.chunk(old);
                    let moved = movie::relocated(b, !all, &place);
                    out.push((None, moved.ok_or(Fixed::Feature("chunks that cannot be moved"))?));
                }
                b"mdat" => {
                    if let Some((old, store)) = self.stores.get(mdat).filter(|s| s.1.len() > 0) {
                        let mut bytes = Vec::with_capacity(store.len() + 8);
                        write(&mut bytes, b"mdat", |o| store.write(old.body, o));
                        out.push((Some(mdat), bytes));
                    }
                    mdat += 1;
                }
                b"uuid" if !all && b.uuid == Some(XMP_UUID) => {
                    if let Some(xmp) = &self.edit.xmp {
                        let mut bytes = Vec::new();
                        write(&mut bytes, b"uuid", |o| {
                            o.extend_from_slice(&XMP_UUID);
                            o.extend_from_slice(xmp);
                        });
                        out.push((None, bytes));
                    }
                }
                _ if all => out.push((None, b.whole.to_vec())),
                _ => {}
            }
        }
        if all {
            out.push((None, self.file.trailing.to_vec()));
        }
        Ok(out)
    }

    /// Where a chunk lies in the new file. One without samples may be anywhere.
    fn chunk(&self, old: u64) -> Option<u64> {
        let at = usize::try_from(old).ok()?;
        self.moved(&(at..at)).map_or(Some(0), |new| u64::try_from(new).ok())
    }

    /// Where a range of the old file lies in the new one.
    fn moved(&self, range: &Range<usize>) -> Option<usize> {
        let k = last_at(&self.stores, range.start, |s| s.0.body_start())?;
        let (mdat, store) = self.stores.get(k)?;
        store.find(&inside(mdat, range)?)?.checked_add(*self.starts.get(k)?)
    }

    fn meta(&self, b: &BoxRef<'a>) -> Result<Vec<u8>, Fixed> {
        let Some(meta) = &self.file.meta else { return Ok(b.whole.to_vec()) };
        let mut places = BTreeMap::new();
        for item in self.items().filter(|i| i.placed) {
            places.insert(item.id, self.places(item)?);
        }
        let mut idat = Vec::with_capacity(self.idat.len());
        self.idat.write(meta.idat, &mut idat);
        MetaWriter { meta, edit: self.edit, places, idat }.write(b)
    }

    fn places(&self, item: &Item<'a>) -> Result<Place, Fixed> {
        let idat = item.construction == Construction::Idat;
        let mut extents: Vec<(usize, usize)> = Vec::new();
        let lost = || Fixed::Broken(Broken::Outside(item.id));
        if let Some(data) = self.edit.data.get(&item.id) {
            let found = if idat {
                self.idat.find_new(item.id)
            } else {
                let mut stores = self.stores.iter().zip(&self.starts);
                stores.find_map(|((_, s), start)| s.find_new(item.id).map(|at| at + start))
            };
            extents.push((found.ok_or_else(lost)?, data.len()));
            return Ok(Place { idat, extents });
        }
        for range in self.data_ranges(item)? {
            let at = if idat { self.idat.find(&range) } else { self.moved(&range) };
            let at = at.ok_or_else(lost)?;
            match extents.last_mut() {
                Some(last) if last.0 + last.1 == at => last.1 += range.len(),
                _ => extents.push((at, range.len())),
            }
        }
        // An extent of nothing, where there was one, is still something to a reader that looks for it.
        if extents.is_empty() && !item.extents.is_empty() {
            extents.push((0, 0));
        }
        Ok(Place { idat, extents })
    }
}

/// The `mdat` that holds a range of the file, and the range in its body.
fn within(mdats: &[BoxRef<'_>], range: &Range<usize>) -> Option<(usize, Range<usize>)> {
    let k = last_at(mdats, range.start, BoxRef::body_start)?;
    inside(mdats.get(k)?, range).map(|inner| (k, inner))
}

/// The last of a sorted list that starts at `at` or before.
fn last_at<T>(list: &[T], at: usize, start: impl Fn(&T) -> usize) -> Option<usize> {
    list.partition_point(|b| start(b) <= at).checked_sub(1)
}

fn inside(mdat: &BoxRef<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    let start = range.start.checked_sub(mdat.body_start())?;
    let end = range.end.checked_sub(mdat.body_start())?;
    (end <= mdat.body.len()).then_some(start..end)
}

impl<'a> Meta<'a> {
    /// Whether a child stays as it is.
    pub(crate) fn is_kept(child: &BoxRef<'a>, policy: Metadata) -> bool {
        match &child.kind.0 {
            b"free" | b"skip" => false,
            b"hdlr" | b"pitm" | b"dinf" | b"ipro" => true,
            _ => policy == Metadata::All,
        }
    }
}
