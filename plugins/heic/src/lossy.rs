//! Fewer bytes at a quality: the coded pictures behind the primary one (itself, the tiles of a grid, the layers of an
//! overlay) are coded again by x265, each as an item of its own, and take the place of the old ones. Everything else of
//! the file stays. What was made at the asked quality or below stays as it is, so a second run finds nothing to do.

use libheif_rs::{ColorSpace, Image};
use squeezed_isobmff::facts::picture;
use squeezed_isobmff::{Edit, Item, Meta};
use squeezed_plugin_api::{Candidate, Error, Job};
use squeezed_plugin_common::labels::Labels;
use squeezed_plugin_common::trials;

use crate::codec::{self, Coded, Decoder};
use crate::hevc::Config;
use crate::inspect::Source;
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

/// A picture that is to be coded again.
struct Part<'s, 'a> {
    item: &'s Item<'a>,
    /// The number of its `hvcC` in `ipco`.
    config: usize,
    image: Image,
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
        let Some((meta, _, coded)) = self.source.primary() else {
            return Err(Error::unsupported("files without a primary picture are not coded again"));
        };
        let mean = self.source.mean_qp(&coded);
        if mean.is_some_and(|m| quality::is_at_or_below(m, asked)) {
            return Ok(());
        }
        if coded.iter().any(|i| picture(meta, i).layered) {
            return Err(Error::unsupported("layered pictures are not coded again"));
        }
        let Some(parts) = self.parts(meta, &coded)? else { return Ok(()) };
        let floor = self.job.floor();
        // Above the source's own parameter nothing is gained.
        let found = trials::search_capped(asked, floor, |q| self.file(&parts, q))?;
        let Some((q, file)) = found else { return Ok(()) };
        let method = format!("hevc-q{q}");
        let candidate =
            Candidate::lossy(&file, &method, q).with_metadata(&self.labels.kept, &self.labels.dropped);
        self.job.offer(&candidate.with_rank(20))?;
        Ok(())
    }

    /// The decoded parts; `None` where one is too small for x265, or is another than its item says.
    fn parts<'s>(&self, meta: &Meta<'a>, coded: &[&'s Item<'a>]) -> Result<Option<Vec<Part<'s, 'a>>>, Error> {
        let decoder = Decoder::open(self.job.input, crate::decode::largest(self.source))?;
        let mut parts = Vec::with_capacity(coded.len());
        for (i, item) in coded.iter().enumerate() {
            self.job.check()?;
            self.job.progress((300 * i / coded.len().max(1)) as u32);
            let Some(config) = config_of(meta, item) else {
                return Err(Error::bad_image("a picture has no hvcC"));
            };
            let handle = decoder.handle(item.id)?;
            let image = decoder.decode(&handle, ColorSpace::Undefined)?;
            let size = (image.width(), image.height());
            let even = |n: u32| n % 2 == 0 && n >= codec::MIN_SIDE;
            if picture(meta, item).size != Some(size) || !even(size.0) || !even(size.1) {
                return Ok(None);
            }
            parts.push(Part { item, config, image });
        }
        Ok(Some(parts))
    }

    /// The file at a quality.
    fn file(&self, parts: &[Part<'_, 'a>], quality: u8) -> Result<Vec<u8>, Error> {
        let qp = quality::qp(quality);
        let mut edit = self.edit.clone();
        for (i, part) in parts.iter().enumerate() {
            self.job.check()?;
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
