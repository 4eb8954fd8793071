//! The JPEG plugin: lossless recoding of coefficients and lossy encoding with mozjpeg.
//!
//! The container (segments, multi-picture index, trailing data) is read and written here, byte for byte; only the
//! codestream of the primary picture goes through the codec. See `docs/formats/jpeg.md`.

mod chroma;
mod ciff;
mod codec;
mod directory;
mod envelope;
mod file;
mod frame;
mod inventory;
mod job;
mod lossless;
mod lossy;
mod mpf;
mod picture_info;
mod quality;
mod scans;
mod segment;
mod stream;
mod walk;

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Description, Error, Format, FrameHeader, FrameRole, FrameSink, ImageHeader,
    ImageInfo, InfoFlags, Job, Limits, Magic, MetadataItem, Optimizer, PixelLayout, Plan, SampleKind,
    export_plugin,
};
use squeezed_plugin_common::{costs, exif};

use crate::file::File;
use crate::segment::Role;

/// The plugin.
struct Jpeg;

export_plugin!(Jpeg);

impl Optimizer for Jpeg {
    fn describe(&self) -> Description {
        Description {
            id: "jpeg".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "(MIT OR Apache-2.0) AND IJG AND BSD-3-Clause AND Zlib".into(),
            codecs: "mozjpeg 4.1".into(),
            formats: vec![Format {
                name: "jpeg".into(),
                mime: "image/jpeg".into(),
                extensions: ["jpg", "jpeg", "jpe", "jfif", "mpo"].map(String::from).to_vec(),
                magic: vec![vec![Magic::at(0, &[0xff, 0xd8, 0xff])]],
            }],
            capabilities: ["lossless", "lossy", "metadata"].map(String::from).to_vec(),
            costs: costs::cold(|lossy, effort| {
                (job::ns_per_pixel(lossy, effort), job::bytes_per_pixel(lossy))
            }),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let file = File::parse(input)?;
        inventory::items(&file, items);
        let frame = &file.walk.frame;
        let orientation = file.values(Role::Exif).next().and_then(exif::orientation);
        let inner = |r: &std::ops::Range<usize>| input.get(r.clone()).and_then(|b| File::parse(b).ok());
        Ok(ImageInfo {
            width: u32::from(frame.width),
            height: file.walk.height(),
            frames: 1,
            loop_count: 1,
            orientation: orientation.unwrap_or(1),
            color: frame.color(),
            channels: u8::try_from(frame.components.len()).unwrap_or(u8::MAX),
            sample: if frame.precision > 8 { SampleKind::U16 } else { SampleKind::U8 },
            bits: frame.precision,
            alpha: AlphaKind::None,
            source_quality: job::recognized(&file.walk).map_or(0, |r| r.quality),
            flags: InfoFlags {
                signed: inventory::is_signed(&file),
                gain_map: file.has_gain_map()
                    || file.pictures.iter().filter_map(inner).any(|f| f.has_gain_map()),
                motion_photo: file.gaps.iter().any(|g| file.is_video(g)),
                damaged: false,
                frames_at_least: false,
            },
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        job::plan(job)
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let file = File::parse(input)?;
        // The host has checked its limit of pixels before; what is too short for its size is refused here.
        stream::admit(&file.walk, &Limits { pixels: u64::MAX, ..Limits::default() })?;
        let stream = stream::codestream(input, &file.walk);
        let never = || false;
        let sink = std::cell::RefCell::new(sink);
        let layout = |rows: &codec::Rows| PixelLayout {
            sample: SampleKind::U8,
            color: match rows.channels {
                1 => ColorModel::Grey,
                3 if rows.known => ColorModel::Rgb,
                4 if rows.known => ColorModel::Cmyk,
                _ => ColorModel::Other,
            },
            channels: rows.channels,
            bits: 8,
            alpha: AlphaKind::None,
        };
        let mut begin = |rows: &codec::Rows| {
            let mut sink = sink.borrow_mut();
            let (width, height) = (rows.width, rows.height);
            let header = FrameHeader {
                role: FrameRole::Picture,
                width,
                height,
                duration: (0, 1),
                layout: layout(rows),
            };
            sink.image(&ImageHeader { width, height, loop_count: 1 }).is_ok() && sink.frame(&header).is_ok()
        };
        let mut row = |line: &[u8]| sink.borrow_mut().rows(1, line.len(), line).is_ok();
        codec::rows(&stream, &never, &mut begin, &mut row).map_err(lossless::refused)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        job::run(job)
    }
}

#[cfg(test)]
mod tests;
