//! Rows of a page, whatever strips or tiles they come in. Decodes each strip once as long as rows are asked for in order.

use std::borrow::Cow;

use squeezed_plugin_api::Error;

use crate::codec;
use crate::raster::Raster;

/// A page with the file it is in.
pub struct Source<'a> {
    /// What its tags tell.
    pub raster: &'a Raster<'a>,
    input: &'a [u8],
    last: Option<(usize, Cow<'a, [u8]>)>,
}

impl<'a> Source<'a> {
    /// The page of a file.
    pub fn new(raster: &'a Raster<'a>, input: &'a [u8]) -> Self {
        Self { raster, input, last: None }
    }

    /// A strip or tile as coded.
    pub fn coded(&self, index: usize) -> &'a [u8] {
        self.raster.chunks.get(index).and_then(|r| self.input.get(r.clone())).unwrap_or_default()
    }

    /// The packed rows of a strip or tile.
    ///
    /// # Errors
    /// As [`codec::decode`].
    pub fn chunk(&self, index: usize) -> Result<Cow<'a, [u8]>, Error> {
        let (width, rows) = self.raster.chunk_shape(index);
        codec::decode(self.raster, self.coded(index), width, rows)
    }

    /// Packed rows of a plane of a page in strips. Where chroma is stored in units, both numbers are of whole units.
    ///
    /// # Errors
    /// As [`codec::decode`].
    pub fn rows(&mut self, plane: usize, first: u32, count: u32) -> Result<Vec<u8>, Error> {
        let raster = self.raster;
        let strips = raster.grid().1 as usize;
        let mut out = Vec::with_capacity(usize::try_from(raster.bytes_of(raster.width, count)).unwrap_or(0));
        let (mut row, end) = (first, first.saturating_add(count).min(raster.height));
        while row < end {
            let index = plane * strips + (row / raster.rows_per_strip) as usize;
            if self.last.as_ref().is_none_or(|l| l.0 != index) {
                self.last = None;
                self.last = Some((index, self.chunk(index)?));
            }
            let start = row / raster.rows_per_strip * raster.rows_per_strip;
            let to = end.min(start.saturating_add(raster.rows_per_strip));
            let bytes = |rows| usize::try_from(raster.bytes_of(raster.width, rows)).unwrap_or(usize::MAX);
            let part = self.last.as_ref().and_then(|l| l.1.get(bytes(row - start)..bytes(to - start)));
            out.extend_from_slice(part.ok_or_else(|| Error::bad_image("a strip ends too early"))?);
            row = to;
        }
        Ok(out)
    }
}
