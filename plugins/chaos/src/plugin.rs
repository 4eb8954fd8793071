//! The plugin itself: the contract's calls, each read from the header.

use std::time::Duration;

use squeezed_plugin_api::{
    ColdCost, Description, Effort, Error, Format, FrameSink, ImageInfo, Job, Magic, MetadataItem, Optimizer,
    Plan, export_plugin,
};

use crate::{Command, MAGIC, Picture, misbehave};

/// The plugin.
pub struct Chaos;
export_plugin!(Chaos);

const ROWS: usize = 16;

impl Optimizer for Chaos {
    fn describe(&self) -> Description {
        let cost = |lossy, effort| ColdCost { lossy, effort, ns_per_pixel: 4, bytes_per_pixel: 16 };
        Description {
            id: "chaos".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            licence: "MIT OR Apache-2.0".into(),
            codecs: "none".into(),
            formats: vec![Format {
                name: "chaos".into(),
                mime: "application/x-chaos".into(),
                extensions: vec!["chaos".into()],
                magic: vec![vec![Magic::at(0, MAGIC)]],
            }],
            capabilities: ["lossless", "lossy", "animation", "metadata"].map(String::from).to_vec(),
            costs: [Effort::Fast, Effort::Balanced, Effort::Best]
                .into_iter()
                .flat_map(|e| [cost(false, e), cost(true, e)])
                .collect(),
        }
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let picture = Picture::parse(input, false)?;
        let mut info = picture.info();
        match Command::parse(&picture.command)? {
            Command::SlowInspect(ms) => std::thread::sleep(Duration::from_millis(ms)),
            Command::HugeDims => (info.width, info.height) = (1_000_000_000, 1_000_000_000),
            Command::InspectPanic => panic!("chaos panics in inspect as it was told"),
            _ => {}
        }
        picture.items().into_iter().for_each(|(item, _)| items(item));
        Ok(info)
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        let picture = Picture::parse(job.input, false)?;
        let gap_ms = match Command::parse(&picture.command)? {
            Command::Deaf(ms) => ms,
            _ => 1,
        };
        let size = job.input.len() as u64;
        Ok(Plan {
            peak_bytes: picture.peak.unwrap_or(size.saturating_mul(4)),
            bytes_per_thread: 0,
            expected_ns: picture.expect_ns.unwrap_or(100_000 + size.saturating_mul(4)),
            useful_threads: 1,
            stop_gap_ns: gap_ms.saturating_mul(1_000_000),
        })
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let picture = Picture::parse(input, true)?;
        if Command::parse(&picture.command)? == Command::DecodePanic {
            panic!("chaos panics in decode as it was told");
        }
        sink.image(&picture.image_header())?;
        for (item, value) in picture.items() {
            sink.metadata(&item, &value)?;
        }
        let frame = picture.frame_bytes().unwrap_or(usize::MAX);
        let stride = picture.width as usize * picture.pixel_bytes();
        for data in picture.samples.chunks_exact(frame) {
            sink.frame(&picture.frame_header())?;
            for rows in data.chunks(stride * ROWS) {
                let count = (rows.len() / stride) as u32;
                if picture.bits == 16 {
                    sink.rows(count, stride, &native(rows))?;
                } else {
                    sink.rows(count, stride, rows)?;
                }
            }
        }
        Ok(())
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        let limits = &job.options.limits;
        let pixels = u64::from(job.info.width).saturating_mul(u64::from(job.info.height));
        if pixels > limits.pixels {
            return Err(Error::too_large(format!(
                "{pixels} pixels are more than the limit pixels = {}",
                limits.pixels
            )));
        }
        if u64::from(job.info.frames) > limits.frames {
            return Err(Error::too_large(format!("more frames than the limit frames = {}", limits.frames)));
        }
        let picture = Picture::parse(job.input, true)?;
        job.check()?;
        misbehave::optimize(Command::parse(&picture.command)?, picture, job)
    }
}

/// 16-bit samples in this machine's byte order.
fn native(rows: &[u8]) -> Vec<u8> {
    rows.chunks_exact(2).flat_map(|s| u16::from_le_bytes([s[0], s[1]]).to_ne_bytes()).collect()
}
