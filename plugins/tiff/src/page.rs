//! Puts pages together from what stays of them and how they are coded. Knows fields, not codecs.

use std::borrow::Cow;

use squeezed_plugin_api::{Error, Metadata};

use crate::directory::{Directory, File};
use crate::metadata;
use crate::raster::{Raster, compression, photometric};
use crate::search::Coded;
use crate::tag::{self, Role};
use crate::write::{OutDirectory, OutEntry, Value};

/// Builds the directories of all pages. `coded` has an entry for each picture in the order of [`crate::render::pictures`];
/// `None` keeps a picture's coded data as it is.
///
/// # Errors
/// `UnsupportedFeature` where what stays cannot be written.
pub fn build<'a>(
    file: &File<'a>,
    rasters: &[Raster<'a>],
    coded: &[Option<&'a Coded<'a>>],
    policy: Metadata,
) -> Result<Vec<OutDirectory<'a>>, Error> {
    let mut next = rasters.iter().zip(coded.iter().copied());
    file.pages.iter().map(|page| directory(file, page, &mut next, policy)).collect()
}

fn directory<'a, 'r>(
    file: &File<'a>,
    page: &Directory<'a>,
    next: &mut dyn Iterator<Item = (&'r Raster<'a>, Option<&'a Coded<'a>>)>,
    policy: Metadata,
) -> Result<OutDirectory<'a>, Error>
where
    'a: 'r,
{
    let Some((raster, coded)) = next.next() else { return Err(Error::failed("a page without a picture")) };
    let mut out = metadata::kept(file, page, policy)?;
    out.linked = page.linked;
    match coded {
        // A directory has at least one field.
        _ if !raster.has_picture() && out.entries.is_empty() => {
            out.put_number(file.header, tag::NEW_SUBFILE_TYPE, 0)
        }
        _ if !raster.has_picture() => {}
        None => raw(file, page, raster, &mut out),
        Some(coded) => anew(file, raster, coded, &mut out),
    }
    if let Some(entry) = page.get(tag::SUB_IFDS).filter(|e| !e.children.is_empty()) {
        let below =
            entry.children.iter().map(|d| directory(file, d, next, policy)).collect::<Result<Vec<_>, _>>()?;
        out.entries.push(OutEntry {
            tag: entry.tag,
            kind: entry.kind,
            count: entry.count,
            value: Value::Directories(below),
        });
    }
    Ok(out)
}

/// The coded data as it is, and all fields that belong to it.
fn raw<'a>(file: &File<'a>, page: &Directory<'a>, raster: &Raster<'a>, out: &mut OutDirectory<'a>) {
    let places = [tag::STRIP_OFFSETS, tag::STRIP_COUNTS, tag::TILE_OFFSETS, tag::TILE_COUNTS];
    for entry in &page.entries {
        let coding = tag::role(entry.tag) == Role::Coding && !places.contains(&entry.tag);
        if coding && !out.entries.iter().any(|e| e.tag == entry.tag) {
            out.entries.push(metadata::copied(entry));
        }
    }
    let chunk = |r: &std::ops::Range<usize>| Cow::Borrowed(file.input.get(r.clone()).unwrap_or_default());
    out.put_chunks(file.header, raster.tile.is_some(), raster.chunks.iter().map(chunk).collect());
}

/// New coded data.
fn anew<'a>(file: &File<'a>, raster: &Raster<'a>, coded: &'a Coded<'a>, out: &mut OutDirectory<'a>) {
    let header = file.header;
    out.put_number(header, tag::COMPRESSION, coded.coding.compression);
    if coded.coding.predictor != 1 {
        out.put_number(header, tag::PREDICTOR, coded.coding.predictor);
    }
    if raster.tile.is_none() {
        out.put_number(header, tag::ROWS_PER_STRIP, u64::from(coded.rows_per_strip));
    }
    if coded.coding.compression == compression::JPEG && raster.samples == 3 {
        out.entries.retain(|e| e.tag != tag::PHOTOMETRIC && e.tag != tag::SUBSAMPLING);
        out.put_number(header, tag::PHOTOMETRIC, photometric::YCBCR);
        let (h, v) = coded.subsampling.unwrap_or((1, 1));
        let both = [h, v].iter().flat_map(|n| header.order.bytes(u64::from(*n), 2)).collect::<Vec<u8>>();
        out.entries.push(OutEntry {
            tag: tag::SUBSAMPLING,
            kind: 3,
            count: 2,
            value: Value::Bytes(both.into()),
        });
    }
    let chunks = coded.chunks.iter().map(|c| Cow::Borrowed(c.as_ref())).collect();
    out.put_chunks(header, raster.tile.is_some(), chunks);
}
