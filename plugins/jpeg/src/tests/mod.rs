//! The plugin against files, through the contract's own test host.

mod corpus;
mod damage;
mod metadata;
mod optimizing;
mod threads;

use squeezed_plugin_api::testing::{self, Offer};
use squeezed_plugin_api::{Error, FrameHeader, FrameSink, ImageHeader, Optimizer, Options, Stop};

use crate::Jpeg;

/// A fixture's bytes.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../fixtures/images/jpeg/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All fixtures whose picture this plugin can write anew.
pub const PICTURES: [&str; 17] = [
    "420-exif.jpg",
    "422-restart.jpg",
    "440-progressive-icc.jpg",
    "444-comment-icc.jpg",
    "444-progressive.jpg",
    "arithmetic.jpg",
    "exif-gps-xmp.jpg",
    "gainmap-apple.jpg",
    "gainmap-big-endian.jpg",
    "gainmap-gps-iptc.jpg",
    "grey-icc-iptc.jpg",
    "jfxx-thumbnail.jpg",
    "odd-sampling-rgb.jpg",
    "q12-wide-tables.jpg",
    "restart-icc-iptc.jpg",
    "stray-dnl.jpg",
    "ycck-progressive.jpg",
];

/// A decoded picture.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// Width, height, channels.
    pub shape: (u32, u32, u8),
    /// All samples.
    pub samples: Vec<u8>,
}

impl FrameSink for Decoded {
    fn image(&mut self, _: &ImageHeader) -> Result<(), Stop> {
        Ok(())
    }
    fn frame(&mut self, f: &FrameHeader) -> Result<(), Stop> {
        self.shape = (f.width, f.height, f.layout.channels);
        Ok(())
    }
    fn rows(&mut self, _: u32, _: usize, data: &[u8]) -> Result<(), Stop> {
        self.samples.extend_from_slice(data);
        Ok(())
    }
}

/// Decodes with the plugin.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Error> {
    let mut sink = Decoded::default();
    Jpeg.decode(bytes, &mut sink)?;
    Ok(sink)
}

/// All offers of a job.
pub fn offers(bytes: &[u8], options: &Options) -> Result<Vec<Offer>, Error> {
    Ok(testing::run(&Jpeg, bytes, options)?.offers())
}

/// What the host would answer; `None` is unchanged.
pub fn winner(bytes: &[u8], options: &Options) -> Result<Option<Offer>, Error> {
    Ok(testing::run(&Jpeg, bytes, options)?.winner())
}

/// Encodes a made picture: `space` as stored and given, `sampling` of all but the first component halved or not.
pub fn made(space: mozjpeg::ColorSpace, channels: usize, progressive: bool) -> Vec<u8> {
    let (width, height) = (61, 45);
    let mut c = mozjpeg::Compress::new(space);
    c.set_size(width, height);
    c.set_color_space(space);
    c.set_quality(92.0);
    if progressive {
        c.set_progressive_mode();
    }
    let mut started = c.start_compress(Vec::new()).unwrap();
    let sample = |i: usize| ((i % 251) ^ (i / 7 % 64)) as u8;
    let samples: Vec<u8> = (0..width * height * channels).map(sample).collect();
    started.write_scanlines(&samples).unwrap();
    started.finish().unwrap()
}

/// A picture of six megapixels that takes a while.
pub fn large() -> Vec<u8> {
    let (width, height) = (3000, 2000);
    let mut c = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    c.set_size(width, height);
    c.set_quality(95.0);
    c.set_optimize_coding(false);
    let mut started = c.start_compress(Vec::new()).unwrap();
    let sample =
        |i: usize| ((i % (3 * width) / 7) ^ (i / (3 * width) / 3) ^ (i.wrapping_mul(i) >> 7 & 31)) as u8;
    let samples: Vec<u8> = (0..width * height * 3).map(sample).collect();
    started.write_scanlines(&samples).unwrap();
    started.finish().unwrap()
}
