//! What headers and structure tell. Decodes nothing.

use squeezed_isobmff::facts::{Picture, picture};
use squeezed_isobmff::{File, Item, Meta, Movie, inventory, policy};
use squeezed_plugin_api::{AlphaKind, ColorModel, Error, ImageInfo, InfoFlags, MetadataItem, SampleKind};

use crate::hevc::Config;
use crate::integrity::{self, Damage};
use crate::quality;

/// A file as this plugin sees it.
pub struct Source<'a> {
    /// Its structure.
    pub file: File<'a>,
    /// The sequence, where that is what the file is for.
    pub sequence: Option<Movie>,
}

impl<'a> Source<'a> {
    /// Parses a file and makes sure that it is coded as HEVC.
    ///
    /// # Errors
    /// It is broken, or coded in another way.
    pub fn read(input: &'a [u8]) -> Result<Self, Error> {
        let file = File::parse(input)?;
        let movie = file.sequence()?;
        let brand = matches!(&file.brands.major, b"msf1" | b"hevc" | b"hevx" | b"hevm" | b"hevs");
        let sequence = movie.filter(|m| {
            let hevc = m.picture().is_some_and(|t| matches!(&t.codec, b"hvc1" | b"hev1"));
            hevc && (brand || file.meta.as_ref().is_none_or(|m| m.primary.is_none()))
        });
        let source = Self { file, sequence };
        if source.sequence.is_none() {
            let (meta, item) = source.file.primary()?;
            for part in meta.coded(item.id)? {
                if !is_hevc(part) {
                    return Err(Error::unsupported(format!("HEIF pictures coded as {}", part.kind)));
                }
            }
        }
        Ok(source)
    }

    /// The `meta` box with its primary picture and what that is coded as, if there is one.
    pub fn primary(&self) -> Option<(&Meta<'a>, &Item<'a>, Vec<&Item<'a>>)> {
        let (meta, item) = self.file.primary().ok()?;
        let coded = meta.coded(item.id).ok()?;
        Some((meta, item, coded))
    }

    /// Pictures of the file, each a page, or the frames of its sequence.
    pub fn frames(&self) -> u32 {
        match &self.sequence {
            Some(m) => m.picture().map_or(1, |t| t.samples),
            None => u32::try_from(self.pages().len()).unwrap_or(u32::MAX),
        }
    }

    /// The pictures that are shown by themselves and coded as HEVC, the primary first.
    pub fn pages(&self) -> Vec<&Item<'a>> {
        let Some(meta) = &self.file.meta else { return Vec::new() };
        let decodable = |i: &&Item<'a>| {
            i.kind != b"tmap" && meta.coded(i.id).is_ok_and(|c| !c.is_empty() && c.iter().all(|p| is_hevc(p)))
        };
        meta.masters().into_iter().filter(decodable).collect()
    }

    /// The configuration of a coded item, once it is known that its pictures are no larger than `pixels`, or not by much:
    /// libde265 allocates what parameter sets say.
    ///
    /// # Errors
    /// They are larger, or that cannot be told.
    pub fn bounded(&self, item: &Item<'a>, pixels: u64) -> Result<Config, Error> {
        let config = self.file.meta.as_ref().and_then(|m| picture(m, item).hevc).and_then(Config::read);
        let config = config.ok_or_else(|| Error::bad_image("a picture has no configuration"))?;
        let data = self.file.data(item)?;
        if config.split(&data).is_none() {
            return Err(Error::bad_image("the data of a picture is not whole"));
        }
        match config.largest(&data) {
            Some(n) if n <= pixels.saturating_mul(2).saturating_add(1 << 16) => Ok(config),
            Some(_) => Err(Error::bad_image("a coded picture is larger than the file says")),
            None => Err(Error::unsupported("parameter sets of HEVC that are not understood")),
        }
    }

    /// Looks for damage in everything that is coded as HEVC and shown.
    ///
    /// # Errors
    /// There is some, or `check` said to stop.
    pub fn check_pictures(&self, check: &dyn Fn() -> Result<(), Error>) -> Result<(), Error> {
        let Some(meta) = &self.file.meta else { return Ok(()) };
        let (shown, pixels) = (policy::shown(meta), crate::decode::largest(self));
        for item in meta.items.iter().filter(|i| is_hevc(i) && shown.contains(&i.id)) {
            check()?;
            let config = self.bounded(item, pixels)?;
            let data = self.file.data(item)?;
            match integrity::check(&config, &data) {
                Ok(()) => {}
                Err(Damage::Structure) => return Err(Error::bad_image("the data of a picture is not whole")),
                Err(Damage::Coding(code)) => {
                    return Err(Error::bad_image(format!(
                        "the data of a picture is damaged (libde265 says {code})"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Width and height before cropping and turning.
    ///
    /// # Errors
    /// The file does not tell.
    pub fn size(&self) -> Result<(u32, u32), Error> {
        let track = self.sequence.as_ref().and_then(Movie::picture).map(|t| t.size);
        let of_item = || self.primary().and_then(|(meta, item, _)| picture(meta, item).size);
        let size = track.filter(|s| s.0 > 0 && s.1 > 0).or_else(of_item);
        size.filter(|s| s.0 > 0 && s.1 > 0).ok_or_else(|| Error::bad_image("the picture has no size"))
    }

    /// The mean quantization parameter over coded pictures, weighted by their bytes; `None` if one does not tell.
    pub fn mean_qp(&self, coded: &[&Item<'a>]) -> Option<f64> {
        let meta = self.file.meta.as_ref()?;
        let (mut sum, mut weight) = (0.0, 0.0);
        for item in coded {
            let config = Config::read(picture(meta, item).hevc?)?;
            let data = self.file.data(item).ok()?;
            sum += config.mean_qp(&data)? * data.len() as f64;
            weight += data.len() as f64;
        }
        (weight > 0.0).then(|| sum / weight)
    }
}

/// Whether an item is coded as HEVC in a way that is decoded here.
pub fn is_hevc(item: &Item<'_>) -> bool {
    item.kind == b"hvc1"
}

/// Facts and items of a file.
pub fn inspect(input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
    let source = Source::read(input)?;
    inventory::items(&source.file, items)?;
    let (width, height) = source.size()?;
    let (mut first, mut alpha, mut orientation) = (Picture::default(), AlphaKind::None, 1);
    let mut source_quality = 0;
    if let Some((meta, item, coded)) = source.primary() {
        let own = picture(meta, item);
        orientation = own.orientation;
        first = coded.first().map_or(own, |c| picture(meta, c));
        alpha = match meta.alpha(item.id) {
            Some((_, true)) => AlphaKind::Premultiplied,
            Some((_, false)) => AlphaKind::Straight,
            None => AlphaKind::None,
        };
        source_quality = source.mean_qp(&coded).map_or(0, quality::of_qp);
    }
    let grey = first.channels == 1;
    Ok(ImageInfo {
        width,
        height,
        frames: source.frames(),
        loop_count: source.sequence.as_ref().map_or(1, Movie::loops),
        orientation,
        color: if grey { ColorModel::Grey } else { ColorModel::Rgb },
        channels: if grey { 1 } else { 3 } + u8::from(alpha != AlphaKind::None),
        sample: if first.bits > 8 { SampleKind::U16 } else { SampleKind::U8 },
        bits: first.bits.max(8),
        alpha,
        source_quality,
        flags: InfoFlags {
            signed: inventory::is_signed(&source.file),
            gain_map: source.file.meta.as_ref().is_some_and(Meta::has_gain_map),
            motion_photo: inventory::has_motion_photo(&source.file),
            ..InfoFlags::default()
        },
    })
}
