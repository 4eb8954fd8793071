//! A complete plugin: it makes a textual PPM picture (P3) a binary one (P6) of the same pixels.
//!
//! `cargo build --release --example ppm` gives `target/release/examples/libppm.so`; dropped into a plugin folder it
//! teaches squeezed a new format.

use squeezed_plugin_api::{
    AlphaKind, Candidate, ColdCost, ColorModel, Description, Effort, Error, Format, FrameHeader, FrameRole,
    FrameSink, ImageHeader, ImageInfo, InfoFlags, Job, Kind, Magic, Metadata, MetadataItem, Optimizer,
    PixelLayout, Plan, SampleKind, export_plugin,
};

/// The plugin: one value serves all jobs.
pub struct Ppm;
export_plugin!(Ppm);

/// What the header says, and where the samples begin.
struct Header {
    width: u32,
    height: u32,
    binary: bool,
    comments: Vec<String>,
    raster: usize,
}

/// Reads words that white space and comments separate.
struct Words<'a> {
    input: &'a [u8],
    at: usize,
    comments: Vec<String>,
}

impl Words<'_> {
    fn number(&mut self) -> Result<u32, Error> {
        loop {
            match self.input.get(self.at) {
                Some(b'#') => {
                    let rest = &self.input[self.at + 1..];
                    let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                    self.comments.push(String::from_utf8_lossy(&rest[..len]).into_owned());
                    self.at += 1 + len;
                }
                Some(b) if b.is_ascii_whitespace() => self.at += 1,
                _ => break,
            }
        }
        let digits = self.input[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.input[self.at..self.at + digits]).unwrap_or_default();
        self.at += digits;
        text.parse().map_err(|_| Error::bad_image(format!("no number at byte {}", self.at)))
    }
}

fn header(input: &[u8]) -> Result<Header, Error> {
    let binary = match input.get(..2) {
        Some(b"P3") => false,
        Some(b"P6") => true,
        _ => return Err(Error::bad_image("not a PPM picture")),
    };
    let mut words = Words { input, at: 2, comments: Vec::new() };
    let (width, height, max) = (words.number()?, words.number()?, words.number()?);
    if width == 0 || height == 0 {
        return Err(Error::bad_image("a side is 0 pixels long"));
    }
    if max != 255 {
        return Err(Error::unsupported(format!("samples up to {max}")));
    }
    Ok(Header { width, height, binary, comments: words.comments, raster: words.at + 1 })
}

/// The samples, and all comments, those between samples included.
fn read(input: &[u8], max_pixels: u64) -> Result<(Header, Vec<u8>), Error> {
    let mut head = header(input)?;
    let pixels = u64::from(head.width) * u64::from(head.height);
    if pixels > max_pixels {
        return Err(Error::too_large(format!("{pixels} pixels, but at most {max_pixels} are allowed")));
    }
    let count =
        usize::try_from(pixels * 3).map_err(|_| Error::too_large("more samples than memory can hold"))?;
    let rest = input.get(head.raster..).unwrap_or_default();
    if head.binary {
        let samples = rest.get(..count).ok_or_else(|| Error::bad_image("ends before its last pixel"))?;
        if rest.len() > count {
            return Err(Error::unsupported("bytes after the picture"));
        }
        return Ok((head, samples.to_vec()));
    }
    // Each textual sample takes two bytes at least: a lying header reserves no memory.
    if rest.len() < count.saturating_mul(2).saturating_sub(1) {
        return Err(Error::bad_image("ends before its last pixel"));
    }
    let mut words = Words { input, at: head.raster, comments: Vec::new() };
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let sample = u8::try_from(words.number()?).map_err(|_| Error::bad_image("a sample is above 255"))?;
        samples.push(sample);
    }
    if !input[words.at..].trim_ascii().is_empty() {
        return Err(Error::unsupported("text after the picture"));
    }
    head.comments.append(&mut words.comments);
    Ok((head, samples))
}

impl Optimizer for Ppm {
    fn describe(&self) -> Description {
        let cost = |effort| ColdCost { lossy: false, effort, ns_per_pixel: 10, bytes_per_pixel: 6 };
        Description {
            id: "ppm".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "MIT OR Apache-2.0".into(),
            codecs: String::new(),
            formats: vec![Format {
                name: "ppm".into(),
                mime: "image/x-portable-pixmap".into(),
                extensions: vec!["ppm".into()],
                magic: vec![vec![Magic::at(0, b"P3")], vec![Magic::at(0, b"P6")]],
            }],
            capabilities: vec!["lossless".into(), "metadata".into()],
            costs: [Effort::Fast, Effort::Balanced, Effort::Best].map(cost).to_vec(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let head = header(input)?;
        for comment in &head.comments {
            items(MetadataItem::new(Kind::Comment, "comment", comment.as_bytes()));
        }
        Ok(ImageInfo {
            width: head.width,
            height: head.height,
            frames: 1,
            loop_count: 1,
            orientation: 1,
            color: ColorModel::Rgb,
            channels: 3,
            sample: SampleKind::U8,
            bits: 8,
            alpha: AlphaKind::None,
            source_quality: 0,
            flags: InfoFlags::default(),
        })
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        // An option that was not understood could lose more than was asked for.
        if let Some((key, _)) = job.options.extra.first() {
            return Err(Error::new(
                squeezed_plugin_api::ErrorCode::BadOption,
                format!("ppm has no option {key}"),
            ));
        }
        let pixels = u64::from(job.info.width) * u64::from(job.info.height);
        Ok(Plan {
            peak_bytes: pixels.saturating_mul(6),
            expected_ns: pixels.saturating_mul(10),
            useful_threads: 1,
            ..Plan::default()
        })
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let (head, samples) = read(input, u64::MAX)?;
        sink.image(&ImageHeader { width: head.width, height: head.height, loop_count: 1 })?;
        sink.frame(&FrameHeader {
            role: FrameRole::Picture,
            width: head.width,
            height: head.height,
            duration: (0, 1),
            layout: PixelLayout {
                sample: SampleKind::U8,
                color: ColorModel::Rgb,
                channels: 3,
                bits: 8,
                alpha: AlphaKind::None,
            },
        })?;
        let stride = head.width as usize * 3;
        for row in samples.chunks_exact(stride) {
            sink.rows(1, stride, row)?;
        }
        Ok(())
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        let (head, samples) = read(job.input, job.options.limits.pixels)?;
        job.check()?;
        let label = || (Kind::Comment, "comment".to_string());
        let labels: Vec<_> = head.comments.iter().map(|_| label()).collect();
        let mut out = b"P6\n".to_vec();
        let (kept, dropped) = match job.options.metadata {
            Metadata::All => (labels.as_slice(), [].as_slice()),
            Metadata::Display => ([].as_slice(), labels.as_slice()),
        };
        if !kept.is_empty() {
            for comment in &head.comments {
                out.extend_from_slice(format!("#{comment}\n").as_bytes());
            }
        }
        out.extend_from_slice(format!("{} {}\n255\n", head.width, head.height).as_bytes());
        out.extend_from_slice(&samples);
        job.offer(&Candidate::lossless(&out, "binary").with_metadata(kept, dropped))?;
        Ok(())
    }
}
