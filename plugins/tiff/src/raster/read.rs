//! A page's tags as its raster: what they say, whether it makes sense, and whether a codec here reads it.

use squeezed_plugin_api::Error;

use super::{NO_PICTURE, Raster, SPARSE, SampleFormat, compression, photometric};
use crate::directory::{Directory, File};
use crate::order::Order;
use crate::tag;

impl<'a> Raster<'a> {
    /// Reads a page's tags; `None` where there is no picture.
    ///
    /// # Errors
    /// `BadImage` where they make no sense or strips lie outside of the file.
    pub fn read(file: &File<'a>, page: &Directory<'a>) -> Result<Self, Error> {
        let order = file.header.order;
        let number = |tag| page.number(tag, order);
        let bad = |what: &str| Error::bad_image(what.to_string());
        let dimension =
            |tag| number(tag).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0 && *n < 1 << 31);
        let empty = [tag::WIDTH, tag::HEIGHT, tag::STRIP_OFFSETS, tag::TILE_OFFSETS]
            .iter()
            .all(|t| page.get(*t).is_none());
        let dimensions = if empty { Some((1, 1)) } else { dimension(tag::WIDTH).zip(dimension(tag::HEIGHT)) };
        let Some((width, height)) = dimensions else { return Err(bad("a page without dimensions")) };
        let samples = number(tag::SAMPLES).unwrap_or(1);
        let samples =
            u16::try_from(samples).ok().filter(|n| *n > 0).ok_or_else(|| bad("no samples in a pixel"))?;
        let mut unsupported = None;
        let mut cannot = |what: String| {
            unsupported.get_or_insert(what);
        };
        if empty {
            cannot(NO_PICTURE.into());
        }
        if samples > 255 {
            cannot(format!("{samples} samples in a pixel"));
        }
        let all_bits: Vec<u64> =
            page.get(tag::BITS).map_or(vec![1], |e| e.numbers(order).take(usize::from(samples)).collect());
        let bits = all_bits
            .first()
            .and_then(|n| u16::try_from(*n).ok())
            .filter(|n| (1..=64).contains(n))
            .ok_or_else(|| bad("samples of no or too many bits"))?;
        if all_bits.iter().any(|b| *b != u64::from(bits)) {
            cannot("samples of different depths".into());
        }
        let formats: Vec<u64> = page
            .get(tag::SAMPLE_FORMAT)
            .map_or(vec![1], |e| e.numbers(order).take(usize::from(samples)).collect());
        if formats.windows(2).any(|w| w[0] != w[1]) {
            cannot("samples of different formats".into());
        }
        let format = match formats.first() {
            None | Some(1 | 4) => SampleFormat::Unsigned,
            Some(2) => SampleFormat::Signed,
            Some(3) => SampleFormat::Float,
            Some(5 | 6) => SampleFormat::Complex,
            Some(n) => {
                cannot(format!("sample format {n}"));
                SampleFormat::Unsigned
            }
        };
        match (format, bits) {
            (SampleFormat::Float, 16 | 24 | 32 | 64) | (SampleFormat::Complex, 32 | 64) => {}
            (SampleFormat::Float | SampleFormat::Complex, _) => cannot(format!("floats of {bits} bits")),
            (_, 33..=63) => cannot(format!("samples of {bits} bits")),
            _ => {}
        }
        let photometric = number(tag::PHOTOMETRIC).unwrap_or(if samples >= 3 {
            photometric::RGB
        } else {
            photometric::WHITE_IS_ZERO
        });
        let planar = match number(tag::PLANAR) {
            None | Some(1) => false,
            Some(2) => samples > 1,
            Some(_) => return Err(bad("unknown planar configuration")),
        };
        let colours: u16 = match photometric {
            photometric::RGB
            | photometric::YCBCR
            | photometric::CIE_LAB
            | photometric::ICC_LAB
            | photometric::ITU_LAB => 3,
            photometric::CMYK => 4,
            _ => 1,
        };
        let told: Vec<u64> = page
            .get(tag::EXTRA_SAMPLES)
            .map_or(Vec::new(), |e| e.numbers(order).take(usize::from(samples)).collect());
        let beyond = usize::from(samples.saturating_sub(colours));
        let extra: Vec<u64> = (0..beyond).map(|i| told.get(i).copied().unwrap_or(0)).collect();
        let subsampling =
            match page.get(tag::SUBSAMPLING).map(|e| e.numbers(order).collect::<Vec<_>>()).as_deref() {
                _ if photometric != photometric::YCBCR => (1, 1),
                Some([h @ (1 | 2 | 4), v @ (1 | 2 | 4), ..]) => (*h as u32, *v as u32),
                None => (2, 2),
                Some(_) => return Err(bad("unknown chroma subsampling")),
            };
        let mut raster = Self {
            order,
            width,
            height,
            samples,
            bits,
            format,
            photometric,
            compression: number(tag::COMPRESSION).unwrap_or(compression::NONE),
            predictor: number(tag::PREDICTOR).unwrap_or(1),
            reversed: number(tag::FILL_ORDER) == Some(2),
            planar,
            tile: None,
            rows_per_strip: height,
            chunks: Vec::new(),
            extra,
            subsampling,
            jpeg_tables: page.get(tag::JPEG_TABLES).map(|e| e.value),
            t4_options: number(tag::T4_OPTIONS).unwrap_or(0),
            palette: page
                .get(tag::COLOR_MAP)
                .map_or(Vec::new(), |e| e.numbers(order).map(|n| n as u16).collect()),
            calibrated: false,
            unsupported,
        };
        let fractions = |tag| page.get(tag).map(|e| fractions(e.value, order));
        let (coefficients, reference) =
            (fractions(tag::YCBCR_COEFFICIENTS), fractions(tag::REFERENCE_BLACK_WHITE));
        raster.calibrated = crate::lossy::is_calibrated(&raster, coefficients, reference);
        raster.check_codings();
        if !empty {
            raster.read_chunks(file, page)?;
        }
        Ok(raster)
    }

    /// Notes what no codec here reads.
    fn check_codings(&mut self) {
        use compression::{
            DEFLATE, G3, G4, JPEG, LZMA, LZW, NONE, OLD_DEFLATE, OLD_JPEG, PACK_BITS, RLE, RLE_WORD, WEBP,
            ZSTD,
        };
        let subsampled = self.is_subsampled();
        let mut cannot = |what: String| {
            self.unsupported.get_or_insert(what);
        };
        let fax = matches!(self.compression, RLE | G3 | G4 | RLE_WORD);
        match self.compression {
            NONE | LZW | JPEG | DEFLATE | OLD_DEFLATE | PACK_BITS | ZSTD | RLE | G3 | G4 | LZMA | WEBP => {}
            OLD_JPEG => cannot("old-style jpeg compression".into()),
            RLE_WORD => cannot("ccitt rle with word alignment".into()),
            34887 => cannot("lerc compression".into()),
            50002 | 52546 => cannot("jpeg xl compression".into()),
            33003 | 33005 | 34712 => cannot("jpeg 2000 compression".into()),
            n => cannot(format!("compression {n}")),
        }
        if fax && (self.bits != 1 || (self.samples != 1 && !self.planar)) {
            cannot("fax compression of samples of more than one bit".into());
        }
        if self.compression == G3 && self.t4_options & 2 != 0 {
            cannot("uncompressed mode of ccitt group 3".into());
        }
        let predicts = matches!(self.compression, LZW | DEFLATE | OLD_DEFLATE | ZSTD | LZMA);
        // Others have none, whatever the field says.
        if !predicts {
            self.predictor = 1;
        }
        match (self.predictor, self.format) {
            (1, _) => {}
            (2, SampleFormat::Unsigned | SampleFormat::Signed | SampleFormat::Float)
                if matches!(self.bits, 8 | 16 | 32 | 64) => {}
            (3, SampleFormat::Float) => {}
            (n, _) => cannot(format!("predictor {n} for samples of {} bits", self.bits)),
        }
        if self.reversed && matches!(self.compression, JPEG | ZSTD | LZMA | WEBP) {
            cannot("reversed bits of this compression".into());
        }
        if self.compression == JPEG && self.bits != 8 {
            cannot(format!("jpeg compression of {} bits", self.bits));
        }
        if self.compression == WEBP {
            let fits = self.bits == 8
                && !self.planar
                && self.photometric == photometric::RGB
                && matches!(self.samples, 3 | 4);
            if !fits {
                cannot("webp compression of other than rgb".into());
            }
        }
        if self.photometric == photometric::PALETTE {
            let fits = self.samples == 1 && self.bits <= 16 && self.palette.len() == 3 << self.bits.min(16);
            if !fits || self.format != SampleFormat::Unsigned {
                cannot("a palette that does not fit its samples".into());
            }
        }
        if subsampled && (self.planar || self.bits != 8 || self.samples != 3 || self.predictor != 1) {
            cannot("chroma subsampling in this layout".into());
        }
    }

    fn read_chunks(&mut self, file: &File<'a>, page: &Directory<'a>) -> Result<(), Error> {
        let order = self.order;
        let tiled = page.get(tag::TILE_OFFSETS).is_some() || page.get(tag::TILE_WIDTH).is_some();
        let (offsets, counts) = if tiled {
            let side = |tag| page.number(tag, order).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            let (Some(w), Some(h)) = (side(tag::TILE_WIDTH), side(tag::TILE_HEIGHT)) else {
                return Err(Error::bad_image("tiles without dimensions"));
            };
            // A tile may reach over the edge, but not by a picture's worth and more.
            let area = u64::from(w) * u64::from(h);
            if area > (u64::from(self.width) * u64::from(self.height)).saturating_mul(4).max(1 << 24) {
                return Err(Error::bad_image("a tile is far larger than its picture"));
            }
            self.tile = Some((w, h));
            // Some writers put tiles under the tags of strips.
            (
                page.get(tag::TILE_OFFSETS).or(page.get(tag::STRIP_OFFSETS)),
                page.get(tag::TILE_COUNTS).or(page.get(tag::STRIP_COUNTS)),
            )
        } else {
            let rows = page.number(tag::ROWS_PER_STRIP, order).unwrap_or(u64::MAX);
            self.rows_per_strip = u32::try_from(rows).unwrap_or(u32::MAX).min(self.height);
            if self.rows_per_strip == 0 {
                return Err(Error::bad_image("strips without rows"));
            }
            (page.get(tag::STRIP_OFFSETS), page.get(tag::STRIP_COUNTS))
        };
        let Some(offsets) = offsets else {
            if self.compression == compression::OLD_JPEG {
                return Ok(());
            }
            return Err(Error::bad_image("a page without strips"));
        };
        let expected = self.chunk_count();
        if offsets.count < expected || counts.is_some_and(|c| c.count < expected) {
            return Err(Error::bad_image("strips or tiles are missing"));
        }
        let expected = usize::try_from(expected).map_err(|_| Error::bad_image("too many strips"))?;
        let counts: Vec<u64> = match counts {
            Some(counts) => counts.numbers(order).take(expected).collect(),
            None => {
                // TIFF 6.0 demands them, older files lack them; for stored samples they can be told.
                if self.compression != compression::NONE {
                    return Err(Error::bad_image("a page without the lengths of its strips"));
                }
                (0..expected).map(|i| self.chunk_bytes(i).unwrap_or(u64::MAX)).collect()
            }
        };
        let places: Vec<(u64, u64)> = offsets.numbers(order).zip(counts).take(expected).collect();
        if places.len() < expected {
            return Err(Error::bad_image("strips or tiles are missing"));
        }
        self.chunks = Vec::with_capacity(expected);
        for (start, count) in places {
            if start == 0 && count == 0 {
                self.unsupported.get_or_insert(SPARSE.into());
            }
            let range = usize::try_from(start)
                .ok()
                .and_then(|s| Some(s..s.checked_add(usize::try_from(count).ok()?)?));
            match range.filter(|r| r.end <= file.input.len()) {
                Some(range)
                    if self.compression == compression::NONE
                        && (range.len() as u64) < self.least(self.chunks.len()) =>
                {
                    return Err(Error::bad_image("a strip or tile ends too early"));
                }
                Some(range) => self.chunks.push(range),
                None => return Err(Error::bad_image("a strip or tile reaches beyond the end of the file")),
            }
        }
        Ok(())
    }
}

/// Fractions of two 32-bit numbers.
fn fractions(value: &[u8], order: Order) -> Vec<f64> {
    let number = |b: &[u8]| order.number(b) as f64;
    value.as_chunks::<8>().0.iter().map(|f| number(&f[..4]) / number(&f[4..])).collect()
}
