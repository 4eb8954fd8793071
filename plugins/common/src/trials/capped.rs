//! The lowest quality that a cap on the reduction allows, by bisection. With more threads the points that the bisection
//! may come to are encoded ahead; which it comes to does not depend on that.

use std::collections::BTreeMap;

use squeezed_plugin_api::{Error, Job};

use super::{run, threads};

/// The lowest quality from `asked` to 100 whose encoding is at least `floor` bytes long, with that encoding; `None`
/// where even 100 is smaller.
///
/// Sizes are taken to grow with quality; where they do not quite, the answer is still one that reaches the floor.
/// Costs one encoding if `asked` reaches the floor by itself, else at most nine.
///
/// # Errors
/// Those of `encode`.
pub fn search_capped(
    asked: u8,
    floor: u64,
    mut encode: impl FnMut(u8) -> Result<Vec<u8>, Error>,
) -> Result<Option<(u8, Vec<u8>)>, Error> {
    bisect(asked, floor, |q, _| {
        let bytes = encode(q)?;
        Ok((bytes.len() as u64, bytes))
    })
}

/// The same on all threads that the host gave, with the same answer. `encode` tells the length apart from what it made.
///
/// # Errors
/// `Stopped`, and those of `encode`.
pub fn search_capped_on<T: Send>(
    job: &Job<'_>,
    asked: u8,
    floor: u64,
    encode: impl Fn(u8) -> Result<(u64, T), Error> + Sync,
) -> Result<Option<(u8, T)>, Error> {
    let threads = threads(job);
    let mut ahead: BTreeMap<u8, Result<(u64, T), Error>> = BTreeMap::new();
    bisect(asked, floor, |q, range| {
        ahead.retain(|q, _| (range.low..=range.high).contains(q));
        if !ahead.contains_key(&q) {
            let points: Vec<u8> = range.next(floor).into_iter().filter(|p| !ahead.contains_key(p)).collect();
            let points = points.get(..threads.min(points.len())).unwrap_or(&points);
            // What fails ahead counts only if the bisection comes to it.
            let made = run(job, points.len(), |i| Ok(points.get(i).map(|q| encode(*q))))?;
            ahead.extend(points.iter().copied().zip(made).filter_map(|(q, made)| Some((q, made?))));
        }
        ahead.remove(&q).unwrap_or_else(|| Err(Error::failed("a quality was not tried")))
    })
}

/// What is known before a point is encoded.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// The lowest and the highest quality that is still open.
    low: u8,
    high: u8,
    /// Sizes just below the one and at the other, once they are known.
    sizes: Option<(u64, u64)>,
}

impl Range {
    /// The point that is needed now, then those that may be needed after it, the likelier one first.
    fn next(self, floor: u64) -> Vec<u8> {
        let Some((below, at)) = self.sizes else {
            // What was asked for may do, so it is tried alone. If not, the top mostly does, and the bisection begins.
            let first = middle(self.low.saturating_sub(1), self.high);
            return if self.low < self.high { vec![self.high, first] } else { vec![self.high] };
        };
        let (low, high) = (self.low - 1, self.high);
        let middle = middle(low, high);
        // Sizes grow about exponentially with quality.
        let expected = (below.max(1) as f64 * at.max(1) as f64).sqrt();
        let (down, up) = (self::middle(low, middle), self::middle(middle, high));
        let mut points = vec![middle];
        points.extend(if expected >= floor as f64 { [down, up] } else { [up, down] });
        points.retain(|q| *q > low && *q < high);
        points.dedup();
        points
    }
}

fn middle(low: u8, high: u8) -> u8 {
    low + (high - low) / 2
}

/// Gives the first that reaches `floor`. `encode` is also told what it may be asked for later.
fn bisect<T>(
    asked: u8,
    floor: u64,
    mut encode: impl FnMut(u8, Range) -> Result<(u64, T), Error>,
) -> Result<Option<(u8, T)>, Error> {
    let asked = asked.clamp(1, 100);
    let (mut below, made) = encode(asked, Range { low: asked, high: asked, sizes: None })?;
    if below >= floor {
        return Ok(Some((asked, made)));
    }
    drop(made);
    if asked == 100 {
        return Ok(None);
    }
    let (mut at, made) = encode(100, Range { low: asked + 1, high: 100, sizes: None })?;
    if at < floor {
        return Ok(None);
    }
    // `low` is too small, `best` reaches the floor.
    let (mut low, mut best) = (asked, (100, made));
    while best.0 - low > 1 {
        let q = middle(low, best.0);
        let range = Range { low: low + 1, high: best.0 - 1, sizes: None };
        let (size, made) = encode(q, Range { high: best.0, sizes: Some((below, at)), ..range })?;
        if size >= floor {
            (best, at) = ((q, made), size);
        } else {
            (low, below) = (q, size);
        }
    }
    Ok(Some(best))
}
