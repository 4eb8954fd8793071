//! Differences between canvases: which rectangle each frame draws, what it leaves behind, and which colours it needs.
//! Decides from rendered canvases alone, so that a file that was made here is found as it is.

use squeezed_plugin_api::{Error, Job};

use crate::canvas::{Area, CLEAR, Canvas, Pixel, colours, indices};
use crate::colours::Colours;
use crate::container::{Container, Disposal};
use crate::reduce::Reduction;

/// Renders a file canvas by canvas.
pub struct Film<'c, 'a> {
    c: &'c Container<'a>,
    canvas: Canvas,
    indices: Vec<u8>,
    shown: usize,
    /// Whether every index that was drawn had a colour.
    pub known: bool,
    reduced: Option<(&'c Reduction, Vec<Pixel>)>,
}

impl<'c, 'a> Film<'c, 'a> {
    /// Before the first frame.
    pub fn new(c: &'c Container<'a>) -> Self {
        Self { c, canvas: Canvas::new(c), indices: Vec::new(), shown: 0, known: true, reduced: None }
    }

    /// The same in fewer colours.
    pub fn reduced(c: &'c Container<'a>, reduction: &'c Reduction) -> Self {
        let film = Self::new(c);
        let shown = film.canvas.pixels.clone();
        Self { reduced: Some((reduction, shown)), ..film }
    }

    /// The next canvas; `None` behind the last.
    ///
    /// # Errors
    /// `BadImage` where picture data is missing or wrong.
    pub fn next(&mut self) -> Result<Option<&[Pixel]>, Error> {
        let Some(frame) = self.c.frames.get(self.shown) else { return Ok(None) };
        if let Some(before) = self.shown.checked_sub(1).and_then(|i| self.c.frames.get(i)) {
            self.canvas.dispose(before);
        }
        self.shown += 1;
        indices(frame, &mut self.indices)?;
        let colours = colours(self.c.palette_of(frame), frame.transparent());
        self.known &= self.canvas.draw(frame, &self.indices, &colours);
        // What lies off the canvas is not drawn, but it is there.
        self.known &= self.indices.iter().all(|i| colours[usize::from(*i)].is_some());
        let Some((reduction, shown)) = &mut self.reduced else { return Ok(Some(&self.canvas.pixels)) };
        reduction.apply(&self.canvas.pixels, shown);
        Ok(Some(shown))
    }
}

/// How one frame is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its rectangle.
    pub area: Area,
    /// What becomes of it.
    pub disposal: Disposal,
    /// The colours that must be drawn.
    pub colours: Vec<Pixel>,
    /// Whether it has a transparent index.
    pub transparent: bool,
}

/// Why differences are not taken: readers do not agree on what such a file looks like, so its structure stays.
pub fn disagreement(c: &Container<'_>) -> Option<&'static str> {
    let (width, height) = (usize::from(c.width), usize::from(c.height));
    let inside = |f: &crate::container::Frame<'_>| {
        usize::from(f.x) + usize::from(f.width) <= width && usize::from(f.y) + usize::from(f.height) <= height
    };
    let first = c.frames.first()?;
    if first.pixels() != width * height || !c.frames.iter().all(inside) {
        return Some("a first frame that is not the canvas, or frames beyond it");
    }
    let shown: Vec<_> = c.frames.iter().take(c.frames.len() - 1).collect();
    if shown.iter().any(|f| f.disposal().is_none()) {
        return Some("an unknown disposal");
    }
    if shown.iter().any(|f| f.disposal() == Some(Disposal::Clear) && f.transparent().is_none()) {
        return Some("a frame that is cleared without a transparent colour");
    }
    if shown.first().is_some_and(|f| f.disposal() == Some(Disposal::Restore)) {
        return Some("a first frame that is undone");
    }
    None
}

/// The pixels between two frames: what is there before, and what is to be seen.
pub struct Step<'p> {
    /// The canvas that the frame is drawn on.
    pub base: &'p [Pixel],
    /// The canvas that it makes.
    pub canvas: &'p [Pixel],
}

/// Finds the shapes of all frames; `None` where one would need too many colours, or has indices without a colour, which
/// readers show as they like.
///
/// # Errors
/// `BadImage` for damage, `Stopped`.
pub fn shapes(job: &Job<'_>, c: &Container<'_>, mut film: Film<'_, '_>) -> Result<Option<Vec<Shape>>, Error> {
    let restores = c.frames.iter().any(|f| f.disposal() == Some(Disposal::Restore));
    let width = usize::from(c.width);
    let whole = Area { x: 0, y: 0, width, height: c.height.into() };
    let mut base = vec![CLEAR; whole.pixels()];
    let mut canvas = film.next()?.unwrap_or_default().to_vec();
    let mut shapes = Vec::with_capacity(c.frames.len());
    let mut set = Colours::new();
    loop {
        job.check()?;
        let mut area = match shapes.len() {
            0 => whole,
            _ => bounds(width, |p| base[p] != canvas[p], whole),
        };
        if area.pixels() == 0 {
            area = Area { width: 1, height: 1, ..whole };
        }
        let Some(next) = film.next()? else {
            let step = Step { base: &base, canvas: &canvas };
            let Some(shape) = shape(&step, width, area, Disposal::Keep, &mut set) else { return Ok(None) };
            shapes.push(shape);
            return Ok(film.known.then_some(shapes));
        };
        let (disposal, area) = choose(&base, &canvas, next, width, area, restores && !shapes.is_empty());
        let Some(shape) = shape(&Step { base: &base, canvas: &canvas }, width, area, disposal, &mut set)
        else {
            return Ok(None);
        };
        leave(&mut base, &canvas, width, &shape);
        shapes.push(shape);
        canvas.copy_from_slice(next);
    }
}

/// Makes of a frame's base the next one's.
pub fn leave(base: &mut [Pixel], canvas: &[Pixel], width: usize, shape: &Shape) {
    match shape.disposal {
        Disposal::Keep => base.copy_from_slice(canvas),
        Disposal::Clear => {
            base.copy_from_slice(canvas);
            shape.area.rows(width).for_each(|row| base[row].fill(CLEAR));
        }
        Disposal::Restore => {}
    }
}

/// The disposal that leaves the least to draw. A pixel can only become transparent by disposal.
fn choose(
    base: &[Pixel],
    canvas: &[Pixel],
    next: &[Pixel],
    width: usize,
    area: Area,
    may_restore: bool,
) -> (Disposal, Area) {
    let vanishes = |p: usize| next[p] == CLEAR && canvas[p] != CLEAR;
    let whole = Area { x: 0, y: 0, width, height: canvas.len() / width.max(1) };
    let gone = bounds(width, vanishes, whole);
    let cost = |from: &dyn Fn(usize) -> Pixel| {
        let drawn = (0..next.len()).filter(|p| from(*p) != next[*p]).count();
        drawn * 8 + bounds(width, |p| from(p) != next[p], whole).pixels()
    };
    let (disposal, area, price) = if gone.pixels() == 0 {
        (Disposal::Keep, area, may_restore.then(|| cost(&|p| canvas[p])))
    } else {
        let area = area.with(gone);
        let inside = |p: usize| {
            let (x, y) = (p % width, p / width);
            x >= area.x && x < area.x + area.width && y >= area.y && y < area.y + area.height
        };
        (Disposal::Clear, area, may_restore.then(|| cost(&|p| if inside(p) { CLEAR } else { canvas[p] })))
    };
    let can_restore = may_restore && !(0..next.len()).any(|p| next[p] == CLEAR && base[p] != CLEAR);
    match price {
        Some(price) if can_restore && cost(&|p| base[p]) < price => (Disposal::Restore, area),
        _ => (disposal, area),
    }
}

/// The smallest rectangle with all pixels that differ.
fn bounds(width: usize, differs: impl Fn(usize) -> bool, whole: Area) -> Area {
    let (mut left, mut right, mut top, mut bottom) = (width, 0, whole.height, 0);
    for y in 0..whole.height {
        let row = y * width;
        let Some(first) = (0..width).find(|x| differs(row + x)) else { continue };
        let last = (first..width).rev().find(|x| differs(row + x)).unwrap_or(first);
        (left, right) = (left.min(first), right.max(last + 1));
        (top, bottom) = (top.min(y), y + 1);
    }
    if right == 0 {
        return Area { width: 0, height: 0, ..whole };
    }
    Area { x: left, y: top, width: right - left, height: bottom - top }
}

fn shape(step: &Step<'_>, width: usize, area: Area, disposal: Disposal, set: &mut Colours) -> Option<Shape> {
    let (mut still, mut clear) = (false, disposal == Disposal::Clear);
    for row in area.rows(width) {
        for (base, canvas) in step.base[row.clone()].iter().zip(&step.canvas[row]) {
            if base == canvas {
                still = true;
                clear |= *canvas == CLEAR;
            } else {
                set.insert(*canvas);
            }
        }
    }
    // A full palette has no room for a transparent index; it may do without if it has all colours anyway.
    let full = set.len() == 256;
    let covered = || {
        let mut pixels = area.rows(width).flat_map(|row| &step.canvas[row]);
        pixels.all(|p| *p != CLEAR && set.contains(*p))
    };
    let possible = set.len() <= 255 || full && !clear && (!still || covered());
    let colours = set.take();
    possible.then_some(Shape { area, disposal, colours, transparent: clear || still && !full })
}
