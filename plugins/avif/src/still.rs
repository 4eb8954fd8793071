//! The pictures that are items: what a file's picture is made of, and its coded pictures decoded. Knows items and planes,
//! not how they are shown.

use squeezed_isobmff::{File, Item, Meta, facts};
use squeezed_plugin_api::{Error, Limits};

use crate::codec::{Decoder, Picture};
use crate::grid::Grid;
use crate::render::Meaning;

/// What the primary item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One coded picture.
    Coded,
    /// Tiles.
    Grid(Grid),
    /// One of several layers.
    Layered,
    /// Made of others in a way that is only copied here; the type of the item.
    Derived(String),
}

/// What `item` is.
///
/// # Errors
/// `BadImage` where it contradicts itself, `UnsupportedFeature` where it is no AV1 picture.
pub fn shape(file: &File<'_>, meta: &Meta<'_>, item: &Item<'_>) -> Result<Shape, Error> {
    match &item.kind.0 {
        b"av01" if facts::picture(meta, item).layered => Ok(Shape::Layered),
        b"av01" => Ok(Shape::Coded),
        b"grid" => {
            let grid = Grid::read(&file.data(item)?).ok_or_else(|| Error::bad_image("a grid is broken"))?;
            let tiles = meta.targets(item.id, b"dimg").count();
            if tiles != grid.count() {
                return Err(Error::bad_image(format!("a grid of {} tiles has {tiles}", grid.count())));
            }
            Ok(Shape::Grid(grid))
        }
        _ if facts::is_derived(item.kind) => Ok(Shape::Derived(item.kind.to_string())),
        _ => Err(Error::unsupported(format!("pictures of type {}", item.kind))),
    }
}

/// The tiles of a grid in its order, or the item itself.
///
/// # Errors
/// `BadImage` where one is missing or no coded picture.
pub fn tiles<'m, 'a>(meta: &'m Meta<'a>, item: &'m Item<'a>) -> Result<Vec<&'m Item<'a>>, Error> {
    if item.kind != b"grid" {
        return Ok(vec![item]);
    }
    let tile = |id| {
        let found = meta.item(id).filter(|t| t.kind == b"av01");
        found.ok_or_else(|| Error::bad_image(format!("tile {id} of a grid is missing")))
    };
    meta.targets(item.id, b"dimg").map(tile).collect()
}

/// What the samples of an item mean: its container says it, else its bitstream.
pub fn meaning(meta: &Meta<'_>, item: &Item<'_>, picture: &Picture) -> Meaning {
    match facts::picture(meta, item).nclx {
        Some(n) => Meaning { matrix: n.matrix, primaries: n.primaries, full_range: n.full_range },
        None => Meaning {
            matrix: picture.color.matrix.into(),
            primaries: picture.color.primaries.into(),
            full_range: picture.color.full_range,
        },
    }
}

/// Decodes a coded item.
///
/// # Errors
/// `BadImage` where anything of it is missing or wrong, `TooLarge` beyond the limits.
pub fn decode(file: &File<'_>, meta: &Meta<'_>, item: &Item<'_>, limits: &Limits) -> Result<Picture, Error> {
    let data = file.data(item)?;
    let facts = facts::picture(meta, item);
    let picture = Decoder::open(0, facts.layered, limits.pixels)?.decode(&data)?;
    // A layer may be smaller than its picture.
    if let Some(size) = facts.size.filter(|_| !facts.layered)
        && size != (picture.width, picture.height)
    {
        return Err(Error::bad_image("a coded picture has another size than its container says"));
    }
    Ok(picture)
}

/// A decoded item: one picture, or the tiles of a grid.
pub struct Sheet {
    /// Width of the whole.
    pub width: u32,
    /// Height of the whole.
    pub height: u32,
    /// Tiles across.
    pub columns: u32,
    /// Row by row; all of one size, layout and depth.
    pub tiles: Vec<Picture>,
    /// What their samples mean.
    pub meaning: Meaning,
}

impl Sheet {
    /// Decodes a coded item or a grid. `stop` is asked before each tile.
    ///
    /// # Errors
    /// As [`decode`], and what `stop` answers.
    pub fn decode(
        file: &File<'_>,
        meta: &Meta<'_>,
        item: &Item<'_>,
        limits: &Limits,
        stop: &dyn Fn() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let grid = match shape(file, meta, item)? {
            Shape::Grid(grid) => Some(grid),
            _ => None,
        };
        if let Some(g) = &grid
            && u64::from(g.width) * u64::from(g.height) > limits.pixels
        {
            return Err(Error::too_large("a grid has more pixels than allowed, raise pixels to allow it"));
        }
        let items = tiles(meta, item)?;
        let mut decoded: Vec<Picture> = Vec::with_capacity(items.len());
        let mut pixels = 0u64;
        for tile in items {
            stop()?;
            let picture = decode(file, meta, tile, limits)?;
            pixels += u64::from(picture.width) * u64::from(picture.height);
            if pixels > limits.pixels.saturating_mul(2) {
                return Err(Error::too_large(
                    "the tiles of a grid have more pixels than allowed, raise pixels to allow it",
                ));
            }
            let form = |p: &Picture| (p.width, p.height, p.layout, p.depth);
            if decoded.first().is_some_and(|first| form(first) != form(&picture)) {
                return Err(Error::bad_image("the tiles of a grid are not alike"));
            }
            decoded.push(picture);
        }
        let first = decoded.first().ok_or_else(|| Error::bad_image("a grid has no tiles"))?;
        if let Some(g) = &grid
            && !g.is_covered_by((first.width, first.height))
        {
            return Err(Error::bad_image("the tiles of a grid do not cover it"));
        }
        let meaning = meaning(meta, item, first);
        let (width, height) = grid.map_or((first.width, first.height), |g| (g.width, g.height));
        Ok(Self { width, height, columns: grid.map_or(1, |g| g.columns), tiles: decoded, meaning })
    }
}
