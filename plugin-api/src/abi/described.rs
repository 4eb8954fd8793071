//! A description in its C form.

use super::types::*;
use crate::Description;

/// A plugin's description for the ABI. It is made once in a process's life and read for ever, so what it points to
/// is leaked on purpose: no owner, nothing that could move.
pub struct Described(SqzDescription);

// SAFETY: the pointers lead to memory that lives for ever and never changes.
unsafe impl Send for Described {}
// SAFETY: as above.
unsafe impl Sync for Described {}

impl Described {
    pub(super) fn new(description: Description) -> Self {
        let d: &'static Description = Box::leak(Box::new(description));
        let formats = d.formats.iter().map(|f| {
            let sets = f.magic.iter().map(|set| {
                let magic = set.iter().map(|m| SqzMagic {
                    struct_size: size_of::<SqzMagic>() as u32,
                    offset: m.offset,
                    bytes: SqzBytes::new(&m.bytes),
                    mask: SqzBytes::new(&m.mask),
                });
                SqzMagicSet {
                    struct_size: size_of::<SqzMagicSet>() as u32,
                    reserved: 0,
                    magic: list(magic.collect()),
                }
            });
            SqzFormat {
                struct_size: size_of::<SqzFormat>() as u32,
                reserved: 0,
                name: SqzBytes::new(f.name.as_bytes()),
                mime: SqzBytes::new(f.mime.as_bytes()),
                extensions: texts(&f.extensions),
                magic: list(sets.collect()),
            }
        });
        let costs = d.costs.iter().map(|c| SqzCost {
            struct_size: size_of::<SqzCost>() as u32,
            lossy: u32::from(c.lossy),
            effort: c.effort as u32,
            ns_per_pixel: c.ns_per_pixel,
            bytes_per_pixel: c.bytes_per_pixel,
            reserved: 0,
        });
        Self(SqzDescription {
            struct_size: size_of::<SqzDescription>() as u32,
            reserved: 0,
            id: SqzBytes::new(d.id.as_bytes()),
            version: SqzBytes::new(d.version.as_bytes()),
            licence: SqzBytes::new(d.licence.as_bytes()),
            codecs: SqzBytes::new(d.codecs.as_bytes()),
            formats: list(formats.collect()),
            capabilities: texts(&d.capabilities),
            costs: list(costs.collect()),
        })
    }

    pub(super) fn raw(&'static self) -> &'static SqzDescription {
        &self.0
    }
}

fn list<T: 'static>(items: Vec<T>) -> SqzList {
    SqzList::new(Box::leak(items.into_boxed_slice()))
}

fn texts(texts: &'static [String]) -> SqzList {
    list(texts.iter().map(|s| SqzBytes::new(s.as_bytes())).collect())
}
