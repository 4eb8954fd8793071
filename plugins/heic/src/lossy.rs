//! Fewer bytes at a quality: the coded pictures behind the primary one (itself, the tiles of a grid, the layers of an
//! overlay) are coded again by x265, each as an item of its own, and take the place of the old ones. Everything else of
//! the file stays. What was made at the asked quality or below stays as it is, so a second run finds nothing to do.

use std::collections::BTreeSet;

use libheif_rs::{ColorSpace, Image};
use squeezed_isobmff::facts::picture;
use squeezed_isobmff::{Edit, Item, Meta};
use squeezed_plugin_api::{Candidate, Error, Job};
use squeezed_plugin_common::labels::Labels;
use squeezed_plugin_common::trials;

use crate::codec::{self, Coded, Decoder};
use crate::hevc::Config;
use crate::inspect::{Source, is_hevc};
use crate::quality;

/// One lossy search over a file.
pub struct Search<'s, 'a> {
    /// The job.
    pub job: &'s Job<'a>,
    /// The source.
    pub source: &'s Source<'a>,
    /// What changes by the metadata policy.
    pub edit: &'s Edit,
    /// The same for the receipt.
    pub labels: &'s Labels,
}

/// How much finer alpha is coded than colour, in steps of the quantization parameter: its edges show.
const ALPHA_FINER: i32 = 4;

/// A picture that is to be coded again.
struct Part<'s, 'a> {
    item: &'s Item<'a>,
    /// The number of its `hvcC` in `ipco`.
    config: usize,
    image: Image,
    finer: i32,
}

impl<'a> Search<'_, 'a> {
    /// Offers the file at `asked`, or in capped mode at the lowest quality above that the cap allows.
    ///
    /// # Errors
    /// A feature that cannot be coded again, a damaged picture, or a stop.
    pub fn run(&self, asked: u8) -> Result<(), Error> {
        if self.source.sequence.is_some() {
            return Err(Error::unsupported("image sequences are not coded again"));
        }
        let Some(meta) = &self.source.file.meta else { return Ok(()) };
        let parts = self.parts(meta, asked)?;
        if parts.is_empty() {
            return Ok(());
        }
        let found = trials::search_capped(asked, self.job.floor(), |q| self.file(&parts, q))?;
        let Some((q, file)) = found else { return Ok(()) };
        let method = format!("hevc-q{q}");
        let candidate =
            Candidate::lossy(&file, &method, q).with_metadata(&self.labels.kept, &self.labels.dropped);
        self.job.offer(&candidate.with_rank(20))?;
        Ok(())
    }

    /// The decoded parts of all pictures that were made above the asked quality and can be coded again.
    fn parts<'s>(&'s self, meta: &'s Meta<'a>, asked: u8) -> Result<Vec<Part<'s, 'a>>, Error> {
        let decoder = Decoder::open(self.job.input, crate::decode::largest(self.source))?;
        let mut seen = BTreeSet::new();
        let mut parts = Vec::new();
        for page in self.source.pages() {
            let alpha = meta.alpha(page.id).map(|a| (a.0, ALPHA_FINER));
            for (picture, finer) in [(page, 0)].into_iter().chain(alpha) {
                let mut coded = meta.coded(picture.id)?;
                coded.retain(|i| seen.insert(i.id));
                if coded.iter().any(|i| !is_hevc(i) || self.edit.drop.contains(&i.id)) {
                    continue;
                }
                let mean = self.source.mean_qp(&coded).map(|m| m + f64::from(finer));
                if coded.is_empty() || mean.is_some_and(|m| quality::is_at_or_below(m, asked)) {
                    continue;
                }
                if let Some(mut group) = self.group(&decoder, meta, &coded, finer)? {
                    parts.append(&mut group);
                }
            }
        }
        Ok(parts)
    }

    /// The decoded parts of one picture; `None` where one of them is too small for x265, or is another than its item says:
    /// then none is coded again, so that their mean stays what a second run looks for.
    fn group<'s>(
        &self,
        decoder: &Decoder<'_>,
        meta: &Meta<'a>,
        coded: &[&'s Item<'a>],
        finer: i32,
    ) -> Result<Option<Vec<Part<'s, 'a>>>, Error> {
        let mut parts = Vec::with_capacity(coded.len());
        for item in coded {
            self.job.check()?;
            let about = picture(meta, item);
            let config = config_of(meta, item).ok_or_else(|| Error::bad_image("a picture has no hvcC"))?;
            if about.layered {
                return Ok(None);
            }
            let image = decoder.decode(&decoder.handle(item.id)?, ColorSpace::Undefined)?;
            let fits = |n: u32| n.is_multiple_of(2) && n >= codec::MIN_SIDE;
            if about.size != Some((image.width(), image.height()))
                || !fits(image.width())
                || !fits(image.height())
            {
                return Ok(None);
            }
            parts.push(Part { item, config, image, finer });
        }
        Ok(Some(parts))
    }

    /// The file at a quality.
    fn file(&self, parts: &[Part<'_, 'a>], quality: u8) -> Result<Vec<u8>, Error> {
        let qp = quality::qp(quality);
        let mut edit = self.edit.clone();
        for (i, part) in parts.iter().enumerate() {
            self.job.check()?;
            let qp = (qp - part.finer).max(0);
            let coded = codec::encode(&part.image, qp, self.job.options.effort)?;
            check(&coded, &part.image, qp)?;
            edit.data.insert(part.item.id, coded.data);
            edit.properties.insert((part.item.id, part.config), coded.config);
            self.job.progress((300 + 700 * (i + 1) / parts.len()) as u32);
        }
        Ok(self.source.file.rewrite(&edit)?)
    }
}

/// The number of the item's `hvcC` in `ipco`.
fn config_of(meta: &Meta<'_>, item: &Item<'_>) -> Option<usize> {
    let is = |i: &usize| meta.properties.get(*i).is_some_and(|b| b.kind == b"hvcC");
    item.properties.iter().map(|a| a.index).find(is)
}

/// Makes sure that what was coded is what was asked for and will be recognized.
fn check(coded: &Coded, image: &Image, qp: i32) -> Result<(), Error> {
    let config = Config::read(coded.config.get(8..).unwrap_or_default());
    let config = config.ok_or_else(|| Error::failed("x265 wrote no configuration"))?;
    let size = config.sequence().map(|s| s.size);
    if size != Some((image.width(), image.height())) {
        return Err(Error::failed(format!("x265 wrote a picture of {size:?}")));
    }
    let mean = config.mean_qp(&coded.data);
    if mean.is_none_or(|m| (m - f64::from(qp)).abs() > 0.01) {
        return Err(Error::failed(format!(
            "x265 wrote a quantization parameter of {mean:?} instead of {qp}"
        )));
    }
    Ok(())
}
