//! Every picture of a file for a sink: the primary first, or each canvas of a sequence, then the others.

use squeezed_isobmff::facts::{self, Auxiliary};
use squeezed_isobmff::{File, Item, Meta};
use squeezed_plugin_api::{Error, FrameRole, FrameSink, ImageHeader, Limits};

use crate::sequence::Sequence;
use crate::show;
use crate::still::{self, Shape, Sheet};

/// Decodes a file.
///
/// # Errors
/// `BadImage` where any picture of it is missing or wrong.
pub fn decode(input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
    let file = File::parse(input)?;
    let limits = Limits::default();
    if let Some(sequence) = Sequence::find(&file)? {
        let (width, height) = sequence.colour.size;
        sink.image(&ImageHeader { width, height, loop_count: sequence.loop_count })?;
        return sequence.decode(&file, &limits, &mut |colour, alpha, duration| {
            show::send(sink, FrameRole::Picture, duration, colour, alpha)
        });
    }
    let (meta, primary) = file.primary()?;
    let (width, height) = canvas(meta, primary)?;
    sink.image(&ImageHeader { width, height, loop_count: 1 })?;
    each(&file, &limits, &|| Ok(()), &mut |shown| {
        let alpha = shown.alpha.as_ref().map(|(sheet, premultiplied)| (sheet, *premultiplied));
        show::send(sink, shown.role, (0, 1), &shown.colour, alpha)
    })
}

/// A decoded picture with its alpha.
pub struct Shown {
    /// What it is for.
    pub role: FrameRole,
    /// Colour.
    pub colour: Sheet,
    /// Alpha, and whether colour was multiplied by it.
    pub alpha: Option<(Sheet, bool)>,
}

/// Decodes the pictures of a file that are items, one after the other. `stop` is asked before each tile.
///
/// # Errors
/// `BadImage` where any of them is missing or wrong, and what `stop` and `show` answer.
pub fn each(
    file: &File<'_>,
    limits: &Limits,
    stop: &dyn Fn() -> Result<(), Error>,
    show: &mut dyn FnMut(Shown) -> Result<(), Error>,
) -> Result<(), Error> {
    let (meta, _) = file.primary()?;
    let reader = Reader { file, meta, limits, stop };
    pictures(file)?.into_iter().try_for_each(|(item, role)| show(reader.shown(item, role)?))
}

/// The size of the picture before it is cropped or turned.
///
/// # Errors
/// `BadImage` where there is none.
pub fn canvas(meta: &Meta<'_>, primary: &Item<'_>) -> Result<(u32, u32), Error> {
    let size = facts::picture(meta, primary).size.filter(|s| s.0 > 0 && s.1 > 0);
    size.ok_or_else(|| Error::bad_image("the picture has no size"))
}

/// What is decoded by itself, in order. Alpha belongs to its picture, tiles to their grid; of a picture that is made in a
/// way that is only copied here, its parts.
pub fn pictures<'m, 'a>(file: &'m File<'a>) -> Result<Vec<(&'m Item<'a>, FrameRole)>, Error> {
    let (meta, primary) = file.primary()?;
    let mut all = Vec::new();
    match still::shape(file, meta, primary)? {
        Shape::Derived(_) => {
            all.extend(meta.coded(primary.id)?.into_iter().map(|item| (item, FrameRole::Page)));
        }
        _ => all.push((primary, FrameRole::Picture)),
    }
    for item in meta.items.iter().filter(|i| is_shown_apart(meta, i)) {
        if all.iter().any(|(known, _)| known.id == item.id) {
            continue;
        }
        let auxiliary = meta.references.iter().any(|r| r.kind == b"auxl" && r.from == item.id);
        let role = match auxiliary.then(|| meta.auxiliary(item)) {
            Some(Auxiliary::Alpha) if belongs_to_shown(meta, item) => continue,
            Some(Auxiliary::GainMap) => FrameRole::GainMap,
            Some(Auxiliary::Depth) => FrameRole::Depth,
            _ if meta.references.iter().any(|r| r.kind == b"thmb" && r.from == item.id) => {
                FrameRole::Thumbnail
            }
            _ if is_gain_map(meta, item.id) => FrameRole::GainMap,
            _ => FrameRole::Page,
        };
        all.push((item, role));
    }
    Ok(all)
}

/// Whether an item is coded here and no tile of a grid.
fn is_shown_apart(meta: &Meta<'_>, item: &Item<'_>) -> bool {
    let tile = |grid: &Item<'_>| grid.kind == b"grid" && meta.targets(grid.id, b"dimg").any(|t| t == item.id);
    matches!(&item.kind.0, b"av01" | b"grid") && !meta.items.iter().any(tile)
}

/// Whether an alpha picture belongs to one that is sent with its alpha.
fn belongs_to_shown(meta: &Meta<'_>, alpha: &Item<'_>) -> bool {
    meta.targets(alpha.id, b"auxl")
        .filter_map(|id| meta.item(id))
        .any(|master| meta.alpha(master.id).is_some_and(|found| found.0.id == alpha.id))
}

/// Whether a tone-mapped picture takes its gain map from here: it names its base first, then the map.
fn is_gain_map(meta: &Meta<'_>, id: u32) -> bool {
    let maps = meta.items.iter().filter(|i| i.kind == b"tmap");
    maps.into_iter().any(|tmap| meta.targets(tmap.id, b"dimg").nth(1) == Some(id))
}

/// What decoding needs everywhere.
struct Reader<'r, 'a> {
    file: &'r File<'a>,
    meta: &'r Meta<'a>,
    limits: &'r Limits,
    stop: &'r dyn Fn() -> Result<(), Error>,
}

impl<'a> Reader<'_, 'a> {
    fn sheet(&self, item: &Item<'a>) -> Result<Sheet, Error> {
        Sheet::decode(self.file, self.meta, item, self.limits, self.stop)
    }

    fn shown(&self, item: &Item<'a>, role: FrameRole) -> Result<Shown, Error> {
        let colour = self.sheet(item)?;
        let alpha = match self.meta.alpha(item.id).filter(|a| a.0.id != item.id) {
            Some((alpha, premultiplied)) => Some((self.alpha(item, alpha)?, premultiplied)),
            None => None,
        };
        Ok(Shown { role, colour, alpha })
    }

    /// The alpha of a picture. Where a grid has none of its own, that of each tile.
    fn alpha(&self, master: &Item<'a>, alpha: &Item<'a>) -> Result<Sheet, Error> {
        let own = self.meta.targets(alpha.id, b"auxl").any(|id| id == master.id);
        if own || master.kind != b"grid" {
            return self.sheet(alpha);
        }
        let mut whole: Option<Sheet> = None;
        for tile in still::tiles(self.meta, master)? {
            let alpha = self.meta.alpha(tile.id);
            let (alpha, _) = alpha.ok_or_else(|| Error::bad_image("a tile of a grid has no alpha"))?;
            let mut part = self.sheet(alpha)?;
            match &mut whole {
                Some(sheet) => sheet.tiles.append(&mut part.tiles),
                None => whole = Some(part),
            }
        }
        let mut whole = whole.ok_or_else(|| Error::bad_image("a grid has no tiles"))?;
        if let Shape::Grid(grid) = still::shape(self.file, self.meta, master)? {
            (whole.width, whole.height, whole.columns) = (grid.width, grid.height, grid.columns);
        }
        Ok(whole)
    }
}
