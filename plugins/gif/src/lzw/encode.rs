//! The encoder: where to clear is a shortest path, where to end a string looks ahead, and a pixel that may be drawn in
//! several ways is drawn in the one that makes the longest string. Same input, same bytes.

use squeezed_plugin_api::Error;

use super::table::Table;
use super::{CODES, width};

/// What may be drawn: `pixels[i]`, or any of `near[pixels[i]]`, or the transparent index where the pixel is free.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    /// The symbol of each pixel.
    pub pixels: &'a [u8],
    /// Whether each pixel may be transparent instead, and the index that is.
    pub free: Option<(&'a [bool], u8)>,
    /// For each symbol all that may stand for it, itself first; empty where nothing may.
    pub near: &'a [Vec<u8>],
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Places for a clear per table that is filled.
    pub clears: usize,
    /// After how many places that gain nothing a later start is given up.
    pub patience: usize,
    /// How much shorter than the longest a string may end.
    pub ahead: usize,
    /// Whether clears are placed for strings that look ahead, and not for greedy ones alone.
    pub thorough: bool,
}

/// More strings than this are not followed side by side.
const SIDE_BY_SIDE: usize = 12;

/// Encodes symbols below `1 << min_code`; gives the sub-blocks with their terminator.
///
/// # Errors
/// Those of `check`, which is called every few milliseconds.
pub fn encode(
    choice: &Choice<'_>,
    min_code: u8,
    depth: Depth,
    check: &dyn Fn() -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut coder = Coder::new(choice, min_code);
    let places = coder.places(depth.clears);
    let mut best: Option<Vec<u8>> = None;
    let looks: &[usize] = if depth.ahead == 0 { &[0] } else { &[0, depth.ahead] };
    let mut cuts = Vec::new();
    for ahead in looks {
        check()?;
        if *ahead == 0 || depth.thorough {
            cuts = coder.cuts(&places, *ahead, depth.patience, check)?;
        }
        let bytes = coder.write(&cuts, *ahead);
        if best.as_ref().is_none_or(|b| bytes.len() < b.len()) {
            best = Some(bytes);
        }
    }
    Ok(best.unwrap_or_default())
}

struct Coder<'a> {
    choice: &'a Choice<'a>,
    min_code: u8,
    table: Table,
    /// The first symbol of each string.
    heads: Vec<u8>,
    /// Codes since the clear.
    k: usize,
    /// The last code, whose string plus the next symbol is to be learnt.
    last: Option<u16>,
    /// One string for each length of the match that was looked for last.
    path: Vec<u16>,
    frontier: [Vec<u16>; 2],
}

impl<'a> Coder<'a> {
    fn new(choice: &'a Choice<'a>, min_code: u8) -> Self {
        Self {
            choice,
            min_code,
            table: Table::new(),
            heads: vec![0; CODES],
            k: 0,
            last: None,
            path: Vec::new(),
            frontier: [Vec::new(), Vec::new()],
        }
    }

    fn clear(&mut self) {
        self.table.clear();
        self.k = 0;
        self.last = None;
    }

    fn len(&self) -> usize {
        self.choice.pixels.len()
    }

    /// Everything that may be drawn at `i`.
    fn options(&self, i: usize, mut each: impl FnMut(u8)) {
        let symbol = self.choice.pixels[i];
        // Transparent first: what is not drawn repeats more often than any colour, once it is learnt.
        if let Some((free, transparent)) = self.choice.free
            && free[i]
            && symbol != transparent
        {
            each(transparent);
        }
        match self.choice.near.get(usize::from(symbol)) {
            Some(near) if !near.is_empty() => near.iter().for_each(|s| each(*s)),
            _ => each(symbol),
        }
    }

    fn single(&self, i: usize) -> bool {
        let near = self.choice.near.get(usize::from(self.choice.pixels[i])).map_or(1, Vec::len);
        near <= 1 && self.choice.free.is_none_or(|(free, _)| !free[i])
    }

    /// The longest string at `from` that ends before `end`; its prefixes are left in `path`.
    fn longest(&mut self, from: usize, end: usize) -> usize {
        self.path.clear();
        if self.choice.free.is_none() && self.choice.near.is_empty() {
            let mut node = u16::from(self.choice.pixels[from]);
            self.path.push(node);
            for symbol in &self.choice.pixels[from + 1..end] {
                match self.table.find(node, *symbol) {
                    Some(longer) => node = longer,
                    None => break,
                }
                self.path.push(node);
            }
            return self.path.len();
        }
        let [mut now, mut then] = std::mem::take(&mut self.frontier);
        now.clear();
        self.options(from, |s| now.push(u16::from(s)));
        let mut at = from;
        while let Some(node) = now.first() {
            self.path.push(*node);
            at += 1;
            if at == end {
                break;
            }
            then.clear();
            for node in &now {
                self.options(at, |s| {
                    if then.len() < SIDE_BY_SIDE
                        && let Some(longer) = self.table.find(*node, s)
                    {
                        then.push(longer);
                    }
                });
            }
            std::mem::swap(&mut now, &mut then);
        }
        self.frontier = [now, then];
        self.path.len()
    }

    /// Chooses the next string at `from`, not beyond `end`, and learns. Gives its code and length; `path` is that of it.
    fn next(&mut self, from: usize, end: usize, ahead: usize) -> (u16, usize) {
        let early = self.single(from);
        if early {
            self.learn(self.choice.pixels[from]);
        }
        let mut length = self.longest(from, end);
        if ahead > 0 && length > 1 && from + length < end && self.k + 2 < CODES * 8 {
            length = self.look_ahead(from, end, length, ahead);
        }
        let code = self.path[length - 1];
        if !early {
            let head = if code < 1 << self.min_code { code as u8 } else { self.heads[usize::from(code)] };
            self.learn(head);
        }
        self.last = Some(code);
        self.k += 1;
        (code, length)
    }

    /// The length that, with the string after it, reaches farthest; the longest among equals.
    fn look_ahead(&mut self, from: usize, end: usize, longest: usize, ahead: usize) -> usize {
        let path = std::mem::take(&mut self.path);
        let (mut best, mut reach) = (longest, 0);
        for length in (longest.saturating_sub(ahead).max(1)..=longest).rev() {
            let limit = end.min(from + longest + longest + 16);
            let far = length + self.longest(from + length, limit);
            if far > reach {
                (best, reach) = (length, far);
            }
        }
        self.path = path;
        best
    }

    fn learn(&mut self, symbol: u8) {
        let Some(last) = self.last.take() else { return };
        let string = (1usize << self.min_code) + 1 + self.k;
        if string < CODES {
            self.heads[string] =
                if last < 1 << self.min_code { last as u8 } else { self.heads[usize::from(last)] };
            self.table.insert(last, symbol, string as u16);
        }
    }

    fn full(&self) -> bool {
        (1usize << self.min_code) + 1 + self.k >= CODES
    }

    fn width(&self, k: usize) -> u64 {
        width(self.min_code, k).into()
    }

    /// Places where a clear may stand: `per_table` for each table that fills, the end included.
    fn places(&mut self, per_table: usize) -> Vec<usize> {
        self.clear();
        let (mut at, mut began) = (0, 0);
        let mut places = vec![0];
        while at < self.len() {
            at += self.next(at, self.len(), 0).1;
            if self.full() {
                places.extend((1..=per_table).map(|i| began + (at - began) * i / per_table));
                began = at;
                self.clear();
            }
        }
        places.push(self.len());
        places.dedup();
        places
    }

    /// The cheapest of `places` to clear at, the end included.
    fn cuts(
        &mut self,
        places: &[usize],
        ahead: usize,
        patience: usize,
        check: &dyn Fn() -> Result<(), Error>,
    ) -> Result<Vec<usize>, Error> {
        let mut best: Vec<(u64, usize)> = vec![(u64::MAX, 0); places.len()];
        best[0] = (0, 0);
        for start in 0..places.len() - 1 {
            if start.is_multiple_of(16) {
                check()?;
            }
            let (before, _) = best[start];
            if before == u64::MAX {
                continue;
            }
            self.clear();
            let (mut at, mut bits, mut place, mut lost) = (places[start], before, start + 1, 0);
            'run: while at < self.len() {
                let (_, length) = self.next(at, self.len(), ahead);
                let after = bits + self.width(self.k - 1);
                while let Some(end) = places.get(place).filter(|p| **p <= at + length) {
                    // The string is cut at the place, then the clear or the end comes.
                    let cost =
                        if *end == at { bits + self.width(self.k - 1) } else { after + self.width(self.k) };
                    if cost < best[place].0 {
                        best[place] = (cost, start);
                        lost = 0;
                    } else {
                        lost += 1;
                        if lost > patience {
                            break 'run;
                        }
                    }
                    place += 1;
                }
                bits = after;
                at += length;
            }
        }
        let mut cuts = Vec::new();
        let mut at = places.len() - 1;
        while at > 0 {
            cuts.push(places[at]);
            at = best[at].1;
        }
        cuts.reverse();
        Ok(cuts)
    }

    fn write(&mut self, cuts: &[usize], ahead: usize) -> Vec<u8> {
        let mut out = Writer::default();
        let clear = 1u16 << self.min_code;
        self.clear();
        out.put(clear, width(self.min_code, 0));
        let mut at = 0;
        for end in cuts {
            while at < *end {
                let (code, length) = self.next(at, *end, ahead);
                out.put(code, width(self.min_code, self.k - 1));
                at += length;
            }
            let last = at == self.len();
            out.put(if last { clear + 1 } else { clear }, width(self.min_code, self.k));
            self.clear();
        }
        out.finish()
    }
}

/// Collects codes into sub-blocks.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Writer {
    fn put(&mut self, code: u16, width: u32) {
        self.held |= u32::from(code) << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }
    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.held as u8);
        }
        let mut out = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 255 + 2);
        for block in self.bytes.chunks(255) {
            out.push(block.len() as u8);
            out.extend_from_slice(block);
        }
        out.push(0);
        out
    }
}
