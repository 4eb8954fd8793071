//! Decodes what is shown: the pages of a file, the frames of its sequence, its gain maps. Each as it is stored, before
//! cropping, turning and mirroring, which are properties that are compared as such.

use libheif_rs::{ColorSpace, ImageHandle, RgbChroma};
use squeezed_isobmff::facts::{Auxiliary, picture};
use squeezed_isobmff::{Boxes, Item, Movie};
use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameRole, FrameSink, ImageHeader, PixelLayout, SampleKind,
};

use crate::codec::Decoder;
use crate::hevc::Config;
use crate::inspect::{Source, is_hevc};
use crate::sink;

/// Decodes a file into a sink.
pub fn decode(input: &[u8], out: &mut dyn FrameSink) -> Result<(), Error> {
    let source = Source::read(input)?;
    let (width, height) = source.size()?;
    let loop_count = source.sequence.as_ref().map_or(1, Movie::loops);
    out.image(&ImageHeader { width, height, loop_count })?;
    let decoder = Decoder::open(input, largest(&source))?;
    if let Some(movie) = &source.sequence {
        frames(&decoder, movie, out)?;
    }
    for (i, page) in source.pages().into_iter().enumerate() {
        let role = if i == 0 && source.sequence.is_none() { FrameRole::Picture } else { FrameRole::Page };
        item(&source, &decoder, page, role, out)?;
    }
    for map in gain_maps(&source) {
        item(&source, &decoder, map, FrameRole::GainMap, out)?;
    }
    Ok(())
}

/// Pixels of the largest picture in a file.
pub fn largest(source: &Source<'_>) -> u64 {
    let area = |(w, h): (u32, u32)| u64::from(w) * u64::from(h);
    let items = source.file.meta.iter().flat_map(|m| m.items.iter().filter_map(|i| picture(m, i).size));
    items.chain(source.size().ok()).map(area).max().unwrap_or(0)
}

/// The gain maps that belong to pages and can be decoded.
fn gain_maps<'s, 'a>(source: &'s Source<'a>) -> Vec<&'s Item<'a>> {
    let Some(meta) = &source.file.meta else { return Vec::new() };
    let decodable =
        |i: &Item<'a>| meta.coded(i.id).is_ok_and(|c| !c.is_empty() && c.iter().all(|p| is_hevc(p)));
    let mut found: Vec<&Item<'a>> = Vec::new();
    for page in source.pages() {
        for (map, what) in meta.auxiliaries(page.id) {
            let new = found.iter().all(|f| f.id != map.id);
            if what == Auxiliary::GainMap && new && decodable(map) {
                found.push(map);
            }
        }
    }
    found
}

fn item(
    source: &Source<'_>,
    decoder: &Decoder<'_>,
    item: &Item<'_>,
    role: FrameRole,
    out: &mut dyn FrameSink,
) -> Result<(), Error> {
    let size = source.file.meta.as_ref().and_then(|m| picture(m, item).size);
    let (width, height) = size.ok_or_else(|| Error::bad_image("a picture has no size"))?;
    let meta = source.file.meta.as_ref();
    let alpha = meta.and_then(|m| m.alpha(item.id)).map(|a| a.0.id);
    for picture in [item.id].into_iter().chain(alpha) {
        for part in meta.map(|m| m.coded(picture)).transpose()?.unwrap_or_default() {
            source.bounded(part, largest(source))?;
        }
    }
    let handle = decoder.handle(item.id)?;
    let form = Form::of(&handle)?;
    let mut frame = sink::Frame::begin(out, role, (width, height), (0, 1), form.layout())?;
    let image = decoder.decode(&handle, form.space())?;
    frame.rows(&image)
}

/// The frames of a sequence, each with its own duration.
fn frames(decoder: &Decoder<'_>, movie: &Movie, out: &mut dyn FrameSink) -> Result<(), Error> {
    let missing = || Error::bad_image("the sequence has no pictures");
    let (track, about) = (decoder.track().ok_or_else(missing)?, movie.picture().ok_or_else(missing)?);
    let config = Boxes::new(&about.description).filter_map(Result::ok).find(|b| b.kind == b"hvcC");
    let config = config.and_then(|b| Config::read(b.body));
    let coding = config
        .as_ref()
        .and_then(Config::sequence)
        .ok_or_else(|| Error::bad_image("the sequence has no hvcC"))?;
    let area = |(w, h): (u32, u32)| u64::from(w) * u64::from(h);
    if area(coding.coded) > area(about.size).saturating_mul(2).saturating_add(1 << 16) {
        return Err(Error::bad_image("a coded picture is larger than the file says"));
    }
    let alpha = if track.has_alpha_channel() { AlphaKind::Straight } else { AlphaKind::None };
    let form = Form {
        grey: coding.chroma == 0 && alpha == AlphaKind::None,
        bits: coding.bits.0.max(coding.bits.1),
        alpha,
    };
    let mut found = 0u32;
    while let Some(image) = decoder.next_frame(&track, form.space())? {
        found += 1;
        if found > about.samples {
            return Err(Error::bad_image("the sequence has more pictures than samples"));
        }
        let size = (image.width(), image.height());
        let duration = (image.duration(), track.timescale().max(1));
        sink::Frame::begin(out, FrameRole::Picture, size, duration, form.layout())?.rows(&image)?;
    }
    if found < about.samples {
        return Err(Error::bad_image("the sequence has fewer pictures than samples"));
    }
    Ok(())
}

/// How a picture's samples are handed on.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    grey: bool,
    bits: u8,
    alpha: AlphaKind,
}

impl Form {
    fn of(handle: &ImageHandle) -> Result<Self, Error> {
        let alpha = match (handle.has_alpha_channel(), handle.is_premultiplied_alpha()) {
            (false, _) => AlphaKind::None,
            (true, false) => AlphaKind::Straight,
            (true, true) => AlphaKind::Premultiplied,
        };
        let space = handle.preferred_decoding_colorspace();
        let grey = matches!(space, Ok(ColorSpace::Monochrome)) && alpha == AlphaKind::None;
        let bits = handle.luma_bits_per_pixel().max(handle.chroma_bits_per_pixel());
        Ok(Self { grey, bits: if bits > 16 { 8 } else { bits.max(8) }, alpha })
    }

    fn space(self) -> ColorSpace {
        let alpha = self.alpha != AlphaKind::None;
        match (self.grey, self.bits > 8, alpha) {
            (true, ..) => ColorSpace::Monochrome,
            (_, false, false) => ColorSpace::Rgb(RgbChroma::Rgb),
            (_, false, true) => ColorSpace::Rgb(RgbChroma::Rgba),
            (_, true, false) => ColorSpace::Rgb(RgbChroma::HdrRgbLe),
            (_, true, true) => ColorSpace::Rgb(RgbChroma::HdrRgbaLe),
        }
    }

    fn layout(self) -> PixelLayout {
        let channels = if self.grey { 1 } else { 3 } + u8::from(self.alpha != AlphaKind::None);
        PixelLayout {
            sample: if self.bits > 8 { SampleKind::U16 } else { SampleKind::U8 },
            color: if self.grey { ColorModel::Grey } else { ColorModel::Rgb },
            channels,
            bits: self.bits,
            alpha: self.alpha,
        }
    }
}
