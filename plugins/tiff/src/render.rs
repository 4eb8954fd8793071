//! Decodes a whole file for the host: each page of the chain, then the pictures below it, row by row.

use squeezed_plugin_api::{Error, FrameHeader, FrameRole, FrameSink, ImageHeader, PixelLayout};

use crate::directory::{Directory, File};
use crate::raster::Raster;
use crate::samples;
use crate::source::Source;
use crate::tag;

/// Rows of a page in strips that are decoded at once.
const BAND: u32 = 64;

/// Gives every picture of a file to a sink.
///
/// # Errors
/// `BadImage` where data is missing or wrong, `UnsupportedFeature` where it cannot be read, `Stopped`.
pub fn decode(file: &File<'_>, sink: &mut dyn FrameSink) -> Result<(), Error> {
    let pictures = pictures(file);
    let mut rasters = Vec::with_capacity(pictures.len());
    for (page, role) in &pictures {
        let raster = Raster::read(file, page)?;
        if !raster.has_picture() {
            continue;
        }
        if let Some(what) = &raster.unsupported {
            return Err(Error::unsupported(what.clone()));
        }
        rasters.push((raster, *role));
    }
    let Some((first, _)) = rasters.first() else { return Err(Error::bad_image("no page")) };
    sink.image(&ImageHeader { width: first.width, height: first.height, loop_count: 1 })?;
    for (raster, role) in &rasters {
        picture(&mut Source::new(raster, file.input), *role, sink)?;
    }
    Ok(())
}

/// The directories of a file that have pictures: the chain, and behind each page what its SubIFDs tag leads to.
pub fn pictures<'f, 'a>(file: &'f File<'a>) -> Vec<(&'f Directory<'a>, FrameRole)> {
    let role = if file.pages.len() > 1 { FrameRole::Page } else { FrameRole::Picture };
    let mut all = Vec::new();
    for page in &file.pages {
        all.push((page, role));
        below(page, &mut all);
    }
    all
}

fn below<'f, 'a>(page: &'f Directory<'a>, all: &mut Vec<(&'f Directory<'a>, FrameRole)>) {
    for child in page.children(tag::SUB_IFDS) {
        all.push((child, FrameRole::Page));
        below(child, all);
    }
}

fn picture(source: &mut Source<'_>, role: FrameRole, sink: &mut dyn FrameSink) -> Result<(), Error> {
    let raster = source.raster;
    let layout = samples::layout(raster);
    sink.frame(&FrameHeader { role, width: raster.width, height: raster.height, duration: (0, 1), layout })?;
    let step = raster.tile.map_or(BAND, |t| t.1);
    let mut first = 0;
    while first < raster.height {
        let count = step.min(raster.height - first);
        let planes: Vec<Vec<u8>> =
            (0..raster.planes()).map(|p| band(source, &layout, p, first, count)).collect::<Result<_, _>>()?;
        let stride = planes.first().map_or(0, |p| p.len() / count as usize);
        for row in 0..count as usize {
            let part = |p: &Vec<u8>| p.get(row * stride..(row + 1) * stride).unwrap_or_default().to_vec();
            let mut samples = match planes.as_slice() {
                [one] => part(one),
                many => interleave(
                    &many.iter().map(part).collect::<Vec<_>>(),
                    layout.sample.bytes(),
                    raster.width as usize,
                ),
            };
            samples::show(raster, &layout, &mut samples);
            sink.rows(1, samples.len(), &samples)?;
        }
        first += count;
    }
    Ok(())
}

/// Samples of some rows of one plane, in this machine's order.
fn band(
    source: &mut Source<'_>,
    layout: &PixelLayout,
    plane: usize,
    first: u32,
    count: u32,
) -> Result<Vec<u8>, Error> {
    let raster = source.raster;
    let together = usize::from(raster.samples_together());
    let mut out = Vec::new();
    let Some((tile_width, tile_height)) = raster.tile else {
        let packed = source.rows(plane, first, count)?;
        if raster.is_subsampled() {
            return Ok(samples::spread(raster, &packed, raster.width, count));
        }
        let row = usize::try_from(raster.row_bytes(raster.width)).unwrap_or(usize::MAX);
        packed
            .chunks_exact(row)
            .for_each(|r| samples::unpack(raster, r, raster.width as usize * together, &mut out));
        return Ok(out);
    };
    let (across, down) = (raster.grid().0 as usize, raster.grid().1 as usize);
    let size = layout_bytes(raster, layout) * together;
    let width = raster.width as usize;
    out.resize(width * count as usize * size, 0);
    for column in 0..across {
        let index = (plane * down + (first / tile_height) as usize) * across + column;
        let packed = source.chunk(index)?;
        let mut tile = Vec::new();
        if raster.is_subsampled() {
            tile = samples::spread(raster, &packed, tile_width, tile_height);
        } else {
            let row = usize::try_from(raster.row_bytes(tile_width)).unwrap_or(usize::MAX);
            let rows = packed.chunks_exact(row).take(count as usize);
            rows.for_each(|r| samples::unpack(raster, r, tile_width as usize * together, &mut tile));
        }
        let left = column * tile_width as usize;
        let used = (tile_width as usize).min(width - left);
        for (row, from) in tile.chunks_exact(tile_width as usize * size).take(count as usize).enumerate() {
            let at = (row * width + left) * size;
            if let (Some(to), Some(from)) = (out.get_mut(at..at + used * size), from.get(..used * size)) {
                to.copy_from_slice(from);
            }
        }
    }
    Ok(out)
}

/// Bytes of one stored sample once unpacked; complex ones are two.
fn layout_bytes(raster: &Raster<'_>, layout: &PixelLayout) -> usize {
    match (raster.format, raster.bits) {
        (crate::raster::SampleFormat::Complex, _) => 2 * layout.sample.bytes(),
        // Before they become colours, indices are as wide as they are deep.
        (_, ..=8) => 1,
        (_, 9..=16) => 2,
        _ => layout.sample.bytes(),
    }
}

fn interleave(planes: &[Vec<u8>], size: usize, width: usize) -> Vec<u8> {
    // Of complex samples both halves belong together.
    let size = planes.first().map_or(size, |p| p.len() / width.max(1));
    let mut out = Vec::with_capacity(planes.len() * width * size);
    for x in 0..width {
        for plane in planes {
            out.extend_from_slice(plane.get(x * size..(x + 1) * size).unwrap_or_default());
        }
    }
    out
}
