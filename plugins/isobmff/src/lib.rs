//! The container that AVIF and HEIC share (ISO/IEC 14496-12 and 23008-12): reads it, tells what is in it, and writes it
//! again with less metadata or other coded pictures.
//!
//! [`File`] is the parsed file, [`facts`] what it says of its pictures, [`inventory`] its metadata in the vocabulary of all
//! plugins, [`policy`] what of it goes, [`rewrite`] the way back to bytes. Nothing here decodes a picture or knows a codec
//! beyond the boxes that describe it. Every byte of a file may be a lie: arithmetic is checked, nothing recurses without a
//! bound, and a structure that is broken is an error.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod boxes;
mod error;
pub mod facts;
mod file;
mod four_cc;
pub mod inventory;
mod item;
mod layout;
mod meta;
mod meta_writer;
mod movie;
pub mod policy;
mod property;
mod reader;
mod rewrite;

pub use boxes::{BoxRef, Boxes};
pub use error::Broken;
pub use file::{Brands, File};
pub use four_cc::FourCc;
pub use item::{Association, Construction, Extent, Item, Reference};
pub use meta::{Group, Meta};
pub use movie::{Movie, Track};
pub use property::{Clap, Color, Nclx, Property};
pub use reader::Reader;
pub use rewrite::{Edit, Fixed, XMP_UUID};

#[cfg(test)]
mod tests;
