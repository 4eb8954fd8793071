//! Turns the ABI's structs into safe values and back, from the host's side. Nothing read here is believed: lists are
//! capped, unknown values refused.

use squeezed_plugin_api::abi::{
    SqzBytes, SqzCandidate, SqzCost, SqzDescription, SqzFormat, SqzItem, SqzLabel, SqzList, SqzMagic,
    SqzMagicSet, SqzOptions, SqzPair, read_struct,
};
use squeezed_plugin_api::{ColdCost, Description, Effort, Format, Kind, Magic, MetadataItem, Mode, Options};

use crate::LoadError;

const MAX_LIST: usize = 256;

/// # Safety
/// `raw` must be null or a description as the ABI says, valid for ever.
pub unsafe fn description(raw: *const SqzDescription) -> Result<Description, LoadError> {
    let bad = |what: &str| LoadError::Description(what.into());
    // SAFETY: the caller vouches for the pointer, the contract for what hangs on it.
    unsafe {
        let d = read_struct(raw).ok_or_else(|| bad("none"))?;
        let id = d.id.as_text().into_owned();
        if id.is_empty()
            || id.len() > 32
            || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return Err(bad("id must be 1 to 32 of a-z, 0-9 and -"));
        }
        let formats: Vec<Format> =
            d.formats.read::<SqzFormat>(MAX_LIST).into_iter().map(|f| format(&f)).collect();
        if formats.is_empty()
            || formats.iter().any(|f| f.name.is_empty() || f.magic.iter().all(Vec::is_empty))
        {
            return Err(bad("every plugin needs a format, and every format a name and magic"));
        }
        Ok(Description {
            id,
            version: d.version.as_text().into_owned(),
            licence: d.licence.as_text().into_owned(),
            codecs: d.codecs.as_text().into_owned(),
            formats,
            capabilities: texts(d.capabilities),
            costs: d.costs.read::<SqzCost>(MAX_LIST).iter().filter_map(cost).collect(),
        })
    }
}

/// # Safety
/// The list must be one of `SqzBytes`.
unsafe fn texts(list: SqzList) -> Vec<String> {
    // SAFETY: the caller vouches for the list.
    unsafe { list.read::<SqzBytes>(MAX_LIST).into_iter().map(|b| b.as_text().into_owned()).collect() }
}

/// # Safety
/// What the struct points to must be valid.
unsafe fn format(f: &SqzFormat) -> Format {
    // SAFETY: the caller vouches for it.
    unsafe {
        let magic = |m: SqzMagic| Magic {
            offset: m.offset,
            bytes: m.bytes.as_slice().to_vec(),
            mask: m.mask.as_slice().to_vec(),
        };
        Format {
            name: f.name.as_text().into_owned(),
            mime: f.mime.as_text().into_owned(),
            extensions: texts(f.extensions),
            magic: f
                .magic
                .read::<SqzMagicSet>(MAX_LIST)
                .into_iter()
                .map(|set| set.magic.read::<SqzMagic>(MAX_LIST).into_iter().map(magic).collect())
                .collect(),
        }
    }
}

fn cost(c: &SqzCost) -> Option<ColdCost> {
    let effort =
        [Effort::Fast, Effort::Balanced, Effort::Best].into_iter().find(|e| *e as u32 == c.effort)?;
    Some(ColdCost {
        lossy: c.lossy != 0,
        effort,
        ns_per_pixel: c.ns_per_pixel,
        bytes_per_pixel: c.bytes_per_pixel,
    })
}

/// # Safety
/// `raw` must be null or an item as the ABI says, valid for the call.
pub unsafe fn item(raw: *const SqzItem) -> Option<MetadataItem> {
    // SAFETY: the caller vouches for it.
    unsafe {
        let i = read_struct(raw)?;
        let mut made = MetadataItem::new(Kind::from_u32(i.kind)?, i.name.as_text(), &[]);
        made.length = i.length;
        made.hash = i.hash;
        Some(made)
    }
}

/// A candidate whose texts are owned and whose bytes are borrowed from the plugin.
pub struct Offered<'a> {
    pub bytes: &'a [u8],
    pub method: String,
    pub quality: u8,
    pub lossless: bool,
    pub rank: u32,
    pub kept: Vec<(Kind, String)>,
    pub dropped: Vec<(Kind, String)>,
}

/// # Safety
/// `raw` must be null or a candidate as the ABI says, valid for `'a`.
pub unsafe fn candidate<'a>(raw: *const SqzCandidate) -> Option<Offered<'a>> {
    // SAFETY: the caller vouches for it.
    unsafe {
        let c = read_struct(raw)?;
        let labels = |list: SqzList| -> Vec<(Kind, String)> {
            let raw = list.read::<SqzLabel>(MAX_LIST);
            raw.into_iter()
                .filter_map(|l| Some((Kind::from_u32(l.kind)?, cut(&l.name.as_text(), 79))))
                .collect()
        };
        Some(Offered {
            bytes: c.bytes.as_slice(),
            method: cut(&c.method.as_text(), 64),
            quality: u8::try_from(c.quality).ok()?,
            lossless: c.lossless == 1,
            rank: c.rank,
            kept: labels(c.kept),
            dropped: labels(c.dropped),
        })
    }
}

/// `text` cut to at most `max` bytes at a character boundary.
pub fn cut(text: &str, max: usize) -> String {
    let end = (0..=max.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    text[..end].to_owned()
}

/// Options in their C form; `pairs` holds what the list in them points to.
pub fn options<'a>(o: &'a Options, pairs: &'a mut Vec<SqzPair>) -> SqzOptions {
    pairs.extend(
        o.extra
            .iter()
            .map(|(k, v)| SqzPair { key: SqzBytes::new(k.as_bytes()), value: SqzBytes::new(v.as_bytes()) }),
    );
    let (mode, quality, target) = match o.mode {
        Mode::Lossless => (0, 0, 0.0),
        Mode::Quality(q) => (1, u32::from(q), 0.0),
        Mode::Target(t) => (2, 0, f64::from(t)),
    };
    SqzOptions {
        struct_size: size_of::<SqzOptions>() as u32,
        mode,
        quality,
        metadata: o.metadata as u32,
        effort: o.effort as u32,
        progressive: o.progressive as u32,
        target,
        max_reduction: o.max_reduction.unwrap_or(-1.0),
        max_pixels: o.limits.pixels,
        max_frames: o.limits.frames,
        max_total_pixels: o.limits.total_pixels,
        max_metadata_bytes: o.limits.metadata_bytes,
        extra: SqzList::new(pairs),
    }
}
