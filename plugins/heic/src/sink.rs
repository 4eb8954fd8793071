//! From libheif's planes to rows. Knows samples, not files.

use libheif_rs::Image;
use squeezed_plugin_api::{Error, FrameHeader, FrameRole, FrameSink, PixelLayout};

/// Rows handed on at once.
const ROWS: usize = 64;

/// A frame whose rows are to come.
pub struct Frame<'s> {
    out: &'s mut dyn FrameSink,
    size: (u32, u32),
    layout: PixelLayout,
}

impl<'s> Frame<'s> {
    /// Tells of a frame, so that its size can be refused before it is decoded.
    ///
    /// # Errors
    /// The receiver wants to stop.
    pub fn begin(
        out: &'s mut dyn FrameSink,
        role: FrameRole,
        size: (u32, u32),
        duration: (u32, u32),
        layout: PixelLayout,
    ) -> Result<Self, Error> {
        out.frame(&FrameHeader { role, width: size.0, height: size.1, duration, layout })?;
        Ok(Self { out, size, layout })
    }

    /// Hands on its rows.
    ///
    /// # Errors
    /// The picture is not what was told, or the receiver wants to stop.
    pub fn rows(&mut self, image: &Image) -> Result<(), Error> {
        let planes = image.planes();
        let plane = planes.interleaved.or(planes.y).ok_or_else(|| Error::failed("libheif gave no rows"))?;
        if (plane.width, plane.height) != self.size {
            return Err(Error::bad_image("the picture has another size than the file says"));
        }
        let len = self.size.0 as usize * self.layout.pixel_bytes();
        if plane.stride < len || plane.bits_per_pixel.max(8) > self.layout.bits.max(8) {
            return Err(Error::failed("libheif gave other rows than were asked for"));
        }
        let bytes = self.size.1 as usize * plane.stride;
        let data = plane.data.get(..bytes).ok_or_else(|| Error::failed("libheif gave too few rows"))?;
        for rows in data.chunks(plane.stride * ROWS) {
            self.out.rows((rows.len() / plane.stride) as u32, plane.stride, rows)?;
        }
        Ok(())
    }
}
