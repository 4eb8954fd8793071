//! Writes a `meta` box: items, places, properties and references of what stays, each box in the smallest of its forms.

use std::collections::BTreeMap;

use squeezed_plugin_api::Metadata;

use crate::boxes::{write, write_full};
use crate::rewrite::{Edit, Fixed};
use crate::{BoxRef, Meta};

/// Where the data of an item lies.
pub(crate) struct Place {
    /// Counted from the start of `idat` instead of that of the file.
    pub idat: bool,
    /// Starts and lengths.
    pub extents: Vec<(usize, usize)>,
}

pub(crate) struct MetaWriter<'m, 'a, 'e> {
    pub meta: &'m Meta<'a>,
    pub edit: &'e Edit,
    /// The places of all items that stay and have one.
    pub places: BTreeMap<u32, Place>,
    /// The new `idat`.
    pub idat: Vec<u8>,
}

impl MetaWriter<'_, '_, '_> {
    /// The box again.
    pub fn write(&self, old: &BoxRef<'_>) -> Result<Vec<u8>, Fixed> {
        let head = old.body.get(..4).unwrap_or(&[0; 4]);
        let mut out = Vec::with_capacity(old.whole.len());
        let mut failed = None;
        write(&mut out, b"meta", |out| {
            out.extend_from_slice(head);
            let mut done: Vec<[u8; 4]> = Vec::new();
            for child in &self.meta.children {
                // Of boxes that are made new there is one, where the first stood.
                let first = !done.contains(&child.kind.0);
                done.push(child.kind.0);
                let result = match &child.kind.0 {
                    b"iinf" if first => self.items(out),
                    b"iloc" if first => self.iloc(out),
                    b"iref" if first => self.references(out),
                    b"iprp" if first => self.properties(out),
                    b"grpl" if first => {
                        self.groups(out);
                        Ok(())
                    }
                    b"idat" if first => {
                        if !self.idat.is_empty() {
                            write(out, b"idat", |o| o.extend_from_slice(&self.idat));
                        }
                        Ok(())
                    }
                    b"iinf" | b"iloc" | b"iref" | b"iprp" | b"grpl" | b"idat" => Ok(()),
                    _ => {
                        if Meta::is_kept(child, self.edit.policy) {
                            out.extend_from_slice(child.whole);
                        }
                        Ok(())
                    }
                };
                if let Err(e) = result {
                    failed.get_or_insert(e);
                }
            }
        });
        failed.map_or(Ok(out), Err)
    }

    fn stays(&self, id: u32) -> bool {
        !self.edit.drop.contains(&id)
    }

    fn items(&self, out: &mut Vec<u8>) -> Result<(), Fixed> {
        let kept: Vec<_> = self.meta.items.iter().filter(|i| self.stays(i.id)).collect();
        let wide = kept.len() > usize::from(u16::MAX);
        write_full(out, b"iinf", u8::from(wide), 0, |o| {
            number(o, kept.len() as u32, wide);
            kept.iter().for_each(|i| o.extend_from_slice(i.entry));
        });
        Ok(())
    }

    fn iloc(&self, out: &mut Vec<u8>) -> Result<(), Fixed> {
        let wide = self.places.len() > usize::from(u16::MAX) || self.places.keys().any(|id| *id > 0xffff);
        let version = if wide { 2 } else { u8::from(self.places.values().any(|p| p.idat)) };
        if self.places.values().any(|p| p.extents.len() > usize::from(u16::MAX)) {
            return Err(Fixed::Feature("an item in more than 65535 parts"));
        }
        write_full(out, b"iloc", version, 0, |o| {
            o.extend_from_slice(&[0x44, 0]);
            number(o, self.places.len() as u32, wide);
            for (id, place) in &self.places {
                number(o, *id, wide);
                if version > 0 {
                    o.extend_from_slice(&u16::from(place.idat).to_be_bytes());
                }
                o.extend_from_slice(&[0, 0]);
                o.extend_from_slice(&(place.extents.len() as u16).to_be_bytes());
                for (start, length) in &place.extents {
                    // The whole file is known to be below 4 GiB.
                    o.extend_from_slice(&(*start as u32).to_be_bytes());
                    o.extend_from_slice(&(*length as u32).to_be_bytes());
                }
            }
        });
        Ok(())
    }

    fn references(&self, out: &mut Vec<u8>) -> Result<(), Fixed> {
        let mut kept = Vec::new();
        for r in self.meta.references.iter().filter(|r| self.stays(r.from)) {
            let to: Vec<u32> = r.to.iter().copied().filter(|t| self.stays(*t)).collect();
            // What is made of several pictures cannot lose one.
            if r.kind == b"dimg" && to.len() < r.to.len() {
                return Err(Fixed::Feature("a picture that is made of a dropped one"));
            }
            if !to.is_empty() || r.to.is_empty() {
                kept.push((r.kind, r.from, to));
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        let wide = kept.iter().any(|(_, from, to)| *from > 0xffff || to.iter().any(|t| *t > 0xffff));
        write_full(out, b"iref", u8::from(wide), 0, |o| {
            for (kind, from, to) in &kept {
                write(o, &kind.0, |o| {
                    number(o, *from, wide);
                    o.extend_from_slice(&(to.len() as u16).to_be_bytes());
                    to.iter().for_each(|t| number(o, *t, wide));
                });
            }
        });
        Ok(())
    }

    fn properties(&self, out: &mut Vec<u8>) -> Result<(), Fixed> {
        let (mut boxes, mut numbers) = (Vec::new(), BTreeMap::new());
        let mut lists: BTreeMap<u32, Vec<(usize, bool)>> = BTreeMap::new();
        let mut uses: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
        for item in self.meta.items.iter().filter(|i| self.stays(i.id)) {
            for (place, a) in item.properties.iter().enumerate() {
                if !self.edit.drop_properties.contains(&a.index) {
                    uses.entry(a.index).or_default().push((item.id, place));
                }
            }
        }
        let mut once = |boxes: &mut Vec<_>, bytes| {
            *numbers.entry(bytes).or_insert_with(|| {
                boxes.push(bytes);
                boxes.len()
            })
        };
        // In the order of the old ones, so that writing again changes nothing.
        for (index, b) in self.meta.properties.iter().enumerate() {
            let uses = uses.get(&index).map_or(&[][..], Vec::as_slice);
            // A profile that is there twice is one to a decoder, but two to tools that list what a file has.
            let listed = b.kind == b"colr" && self.edit.policy == Metadata::All;
            let mut own = None;
            if listed && uses.iter().all(|(id, _)| !self.edit.properties.contains_key(&(*id, index))) {
                boxes.push(b.whole);
                own = Some(boxes.len());
            }
            for (id, place) in uses {
                let number = match self.edit.properties.get(&(*id, index)) {
                    Some(new) => once(&mut boxes, new.as_slice()),
                    // Profiles are long: each is compared once, not once for each tile.
                    None => *own.get_or_insert_with(|| once(&mut boxes, b.whole)),
                };
                let old = self.meta.item(*id).and_then(|i| i.properties.get(*place));
                let essential = old.is_some_and(|a| a.essential);
                lists.entry(*id).or_default().push((place << 16 | number, essential));
            }
        }
        if boxes.len() > 0x7fff || lists.values().any(|l| l.len() > 255) {
            return Err(Fixed::Feature("more properties than can be told apart"));
        }
        let long = boxes.len() > 0x7f;
        let wide = lists.keys().any(|id| *id > 0xffff);
        write(out, b"iprp", |o| {
            write(o, b"ipco", |o| boxes.iter().for_each(|b| o.extend_from_slice(b)));
            write_full(o, b"ipma", u8::from(wide), u32::from(long), |o| {
                o.extend_from_slice(&(lists.len() as u32).to_be_bytes());
                for (id, list) in &lists {
                    number(o, *id, wide);
                    o.push(list.len() as u8);
                    let mut list = list.clone();
                    list.sort_unstable();
                    for (key, essential) in list {
                        let n = (key & 0x7fff) as u16;
                        if long {
                            o.extend_from_slice(&(n | u16::from(essential) << 15).to_be_bytes());
                        } else {
                            o.push(n as u8 | u8::from(essential) << 7);
                        }
                    }
                }
            });
        });
        Ok(())
    }

    fn groups(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        for g in &self.meta.groups {
            let kept: Vec<u32> = g.entities.iter().copied().filter(|e| self.stays(*e)).collect();
            if kept.is_empty() && !g.entities.is_empty() {
                continue;
            }
            write(&mut body, &g.kind.0, |o| {
                for n in [g.head, g.id, kept.len() as u32].iter().chain(&kept) {
                    o.extend_from_slice(&n.to_be_bytes());
                }
                o.extend_from_slice(g.rest);
            });
        }
        if !body.is_empty() {
            write(out, b"grpl", |o| o.extend_from_slice(&body));
        }
    }
}

/// Two bytes, or four where `wide`.
fn number(out: &mut Vec<u8>, n: u32, wide: bool) {
    let bytes = n.to_be_bytes();
    out.extend_from_slice(if wide { &bytes } else { &bytes[2..] });
}
