//! Items: what they are, where their data lies, what they refer to.

use crate::FourCc;

/// One entry of `iinf` with everything that other boxes say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its number.
    pub id: u32,
    /// Its type; zeros for entries of versions 0 and 1, which have none.
    pub kind: FourCc,
    /// Not meant to be shown by itself.
    pub hidden: bool,
    /// Its name.
    pub name: &'a [u8],
    /// The media type of a `mime` item.
    pub content_type: &'a [u8],
    /// How a `mime` item is compressed; empty where it is not.
    pub content_encoding: &'a [u8],
    /// The `infe` box.
    pub entry: &'a [u8],
    /// Where its data is counted from.
    pub construction: Construction,
    /// Its data is in another file.
    pub external: bool,
    /// Whether `iloc` has an entry for it.
    pub placed: bool,
    /// The parts of its data, in order. None for items without data.
    pub extents: Vec<Extent>,
    /// Its properties, in order.
    pub properties: Vec<Association>,
}

/// What the offsets of an item's extents are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Construction {
    /// The start of the file.
    #[default]
    File,
    /// The start of `idat`.
    Idat,
    /// The start of other items.
    Item,
    /// A number that this crate does not know.
    Unknown,
}

/// A part of an item's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it starts.
    pub offset: u64,
    /// How long it is; `None` for all that there is.
    pub length: Option<u64>,
}

/// A property of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Association {
    /// Its number in `ipco`, from 0.
    pub index: usize,
    /// Whether a reader that does not know it must not show the item.
    pub essential: bool,
}

/// References of one kind from one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What they mean.
    pub kind: FourCc,
    /// The item that has them.
    pub from: u32,
    /// The items that it refers to, in order.
    pub to: Vec<u32>,
}

impl Item<'_> {
    /// Whether it is an XMP packet.
    pub fn is_xmp(&self) -> bool {
        self.kind == b"mime" && self.content_type == b"application/rdf+xml"
    }
}
