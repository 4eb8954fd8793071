//! The file format: magic, `key=value` lines up to an empty line, raw samples frame after frame, padding.
//!
//! Knows how files are read and written, not what is done to them.

use squeezed_plugin_api::{
    AlphaKind, ColorModel, Error, FrameHeader, FrameRole, ImageHeader, ImageInfo, InfoFlags, Kind,
    MetadataItem, PixelLayout, SampleKind,
};

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"CHAOS1\n";

const HEADER_MAX: usize = 1 << 16;

/// A whole file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// `grey`, `rgb`, `rgba` or `cmyk`.
    pub color: String,
    /// 8 or 16.
    pub bits: u8,
    /// At least 1.
    pub frames: u32,
    /// 0 is for ever; 1 for a still.
    pub loop_count: u32,
    /// Of each frame.
    pub duration_ms: u32,
    /// Profile bytes; hexadecimal in the header.
    pub icc: Option<Vec<u8>>,
    /// `meta.NAME=VALUE`; a NAME that is a kind's name (`gps`, `rights`, `orientation`) is of that kind.
    pub meta: Vec<(String, String)>,
    /// How `optimize` misbehaves.
    pub command: String,
    /// What `plan` says; `None` is a guess from the size.
    pub expect_ns: Option<u64>,
    /// What `plan` says; `None` is a guess from the size.
    pub peak: Option<u64>,
    /// Raw samples, frame after frame, rows from top to bottom; 16 bit is little-endian.
    pub samples: Vec<u8>,
    /// Useless bytes at the end of the file.
    pub padding: u32,
}

impl Picture {
    /// A picture that shows a coloured gradient with a bright corner (so that no turn, swap or inversion of it looks
    /// like itself), alpha falling from left to right where there is alpha, and a square that moves from frame to frame.
    pub fn gradient(width: u32, height: u32, color: &str, bits: u8, frames: u32) -> Self {
        let mut p = Self {
            width,
            height,
            color: color.into(),
            bits,
            frames,
            loop_count: u32::from(frames == 1),
            duration_ms: if frames > 1 { 40 } else { 0 },
            icc: None,
            meta: Vec::new(),
            command: "honest".into(),
            expect_ns: None,
            peak: None,
            samples: Vec::new(),
            padding: 0,
        };
        let channels = p.channels();
        for frame in 0..frames {
            for y in 0..height {
                for x in 0..width {
                    for c in 0..channels {
                        p.push(sample(x, y, width, height, frame, c, channels));
                    }
                }
            }
        }
        p
    }

    /// The same with this command.
    #[must_use]
    pub fn command(mut self, command: &str) -> Self {
        self.command = command.into();
        self
    }

    /// The same with this many useless bytes.
    #[must_use]
    pub fn padding(mut self, bytes: u32) -> Self {
        self.padding = bytes;
        self
    }

    /// The same with this item.
    #[must_use]
    pub fn meta(mut self, name: &str, value: &str) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }

    /// The same with this profile.
    #[must_use]
    pub fn icc(mut self, profile: &[u8]) -> Self {
        self.icc = Some(profile.to_vec());
        self
    }

    /// Channels, alpha included.
    pub fn channels(&self) -> usize {
        match self.color.as_str() {
            "grey" => 1,
            "rgb" => 3,
            _ => 4,
        }
    }

    /// Bytes of one pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.channels() * if self.bits == 16 { 2 } else { 1 }
    }

    /// Bytes of one frame; `None` where that is no number.
    pub fn frame_bytes(&self) -> Option<usize> {
        let pixels = usize::try_from(u64::from(self.width).checked_mul(u64::from(self.height))?).ok()?;
        pixels.checked_mul(self.pixel_bytes())
    }

    fn push(&mut self, value: u16) {
        if self.bits == 16 {
            self.samples.extend(value.to_le_bytes());
        } else {
            self.samples.push((value >> 8) as u8);
        }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            out.extend(format!("{key}={value}\n").bytes());
        };
        line("width", &self.width);
        line("height", &self.height);
        line("color", &self.color);
        line("bits", &self.bits);
        line("frames", &self.frames);
        line("loop", &self.loop_count);
        line("duration_ms", &self.duration_ms);
        line("command", &self.command);
        if let Some(profile) = &self.icc {
            line("icc", &profile.iter().map(|b| format!("{b:02x}")).collect::<String>());
        }
        for (name, value) in &self.meta {
            line(&format!("meta.{name}"), value);
        }
        if let Some(ns) = self.expect_ns {
            line("expect_ns", &ns);
        }
        if let Some(bytes) = self.peak {
            line("peak", &bytes);
        }
        if self.padding > 0 {
            line("padding", &self.padding);
        }
        out.push(b'\n');
        out.extend(&self.samples);
        out.resize(out.len() + self.padding as usize, b'.');
        out
    }

    /// Reads header and length, and the samples too if they are wanted.
    ///
    /// # Errors
    /// `BadImage` where a line is wrong or the file has another length than its header says.
    pub fn parse(input: &[u8], samples: bool) -> Result<Self, Error> {
        let rest = input.strip_prefix(MAGIC).ok_or_else(|| Error::bad_image("not a CHAOS1 file"))?;
        let end = rest[..rest.len().min(HEADER_MAX)].windows(2).position(|w| w == b"\n\n");
        let end = end.ok_or_else(|| Error::bad_image("the header has no end"))?;
        let header =
            std::str::from_utf8(&rest[..end]).map_err(|_| Error::bad_image("the header is not text"))?;
        let mut p = Self::gradient(0, 0, "rgb", 8, 1);
        for line in header.lines() {
            let (key, value) = line.split_once('=').ok_or_else(|| bad(line))?;
            p.set(key, value).ok_or_else(|| bad(line))?;
        }
        if p.width == 0 || p.height == 0 || p.frames == 0 {
            return Err(Error::bad_image("an empty picture"));
        }
        let data = &rest[end + 2..];
        let len = p.frame_bytes().and_then(|b| b.checked_mul(p.frames as usize));
        let whole = len.and_then(|l| l.checked_add(p.padding as usize));
        let len = len.filter(|_| whole == Some(data.len()));
        let len =
            len.ok_or_else(|| Error::bad_image("the file is longer or shorter than its header says"))?;
        if samples {
            p.samples = data[..len].to_vec();
        }
        Ok(p)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "width" => self.width = value.parse().ok()?,
            "height" => self.height = value.parse().ok()?,
            "color" if ["grey", "rgb", "rgba", "cmyk"].contains(&value) => self.color = value.into(),
            "bits" if ["8", "16"].contains(&value) => self.bits = value.parse().ok()?,
            "frames" => self.frames = value.parse().ok()?,
            "loop" => self.loop_count = value.parse().ok()?,
            "duration_ms" => self.duration_ms = value.parse().ok()?,
            "command" => self.command = value.into(),
            "icc" => self.icc = Some(unhex(value)?),
            "expect_ns" => self.expect_ns = Some(value.parse().ok()?),
            "peak" => self.peak = Some(value.parse().ok()?),
            "padding" => self.padding = value.parse().ok()?,
            _ => self.meta.push((key.strip_prefix("meta.")?.into(), value.into())),
        }
        Some(())
    }

    /// What `inspect` says of it.
    pub fn info(&self) -> ImageInfo {
        let layout = self.layout();
        let orientation =
            self.meta.iter().find(|(n, _)| n == "orientation").and_then(|(_, v)| v.parse().ok());
        ImageInfo {
            width: self.width,
            height: self.height,
            frames: self.frames,
            loop_count: self.loop_count,
            orientation: orientation.unwrap_or(1),
            color: layout.color,
            channels: layout.channels,
            sample: layout.sample,
            bits: layout.bits,
            alpha: layout.alpha,
            source_quality: 0,
            flags: InfoFlags { signed: self.meta.iter().any(|(n, _)| n == "c2pa"), ..InfoFlags::default() },
        }
    }

    /// Its metadata with values.
    pub fn items(&self) -> Vec<(MetadataItem, Vec<u8>)> {
        let mut all = Vec::new();
        if let Some(profile) = &self.icc {
            all.push((MetadataItem::new(Kind::Icc, "icc", profile), profile.clone()));
        }
        for (name, value) in &self.meta {
            all.push((MetadataItem::new(kind_of(name), name, value.as_bytes()), value.clone().into_bytes()));
        }
        all
    }

    /// Forgets what `metadata = display` drops; gives what that was.
    pub fn strip(&mut self) -> Vec<(Kind, String)> {
        let labels = |(name, _): &(String, String)| (kind_of(name), name.clone());
        let dropped = self.meta.iter().map(labels).filter(|(k, _)| !k.is_display()).collect();
        self.meta.retain(|(name, _)| kind_of(name).is_display());
        dropped
    }

    /// How pixels are laid out.
    pub fn layout(&self) -> PixelLayout {
        PixelLayout {
            sample: if self.bits == 16 { SampleKind::U16 } else { SampleKind::U8 },
            color: match self.color.as_str() {
                "grey" => ColorModel::Grey,
                "cmyk" => ColorModel::Cmyk,
                _ => ColorModel::Rgb,
            },
            channels: self.channels() as u8,
            bits: self.bits,
            alpha: if self.color == "rgba" { AlphaKind::Straight } else { AlphaKind::None },
        }
    }

    /// What a decoder says of the image.
    pub fn image_header(&self) -> ImageHeader {
        ImageHeader { width: self.width, height: self.height, loop_count: self.loop_count }
    }

    /// What a decoder says of each frame.
    pub fn frame_header(&self) -> FrameHeader {
        FrameHeader {
            role: FrameRole::Picture,
            width: self.width,
            height: self.height,
            duration: (self.duration_ms, if self.duration_ms == 0 { 1 } else { 1000 }),
            layout: self.layout(),
        }
    }
}

fn bad(line: &str) -> Error {
    Error::bad_image(format!("the header line {line:?} is wrong"))
}

fn kind_of(name: &str) -> Kind {
    Kind::ALL.into_iter().find(|k| k.name() == name).unwrap_or(Kind::Unknown)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect()
}

/// A 16-bit sample of [`Picture::gradient`].
fn sample(x: u32, y: u32, width: u32, height: u32, frame: u32, channel: usize, channels: usize) -> u16 {
    let part = |at: u32, of: u32| (at * 65_535 / of.max(2).saturating_sub(1)).min(65_535);
    let (across, down) = (part(x, width), part(y, height));
    let square = (width / 4).max(1);
    let from = frame * square / 2;
    if channel < 3 && (from..from + square).contains(&x) && y < square {
        return [64_000, 52_000, 33_000][channel];
    }
    let value = match channel {
        0 => across,
        1 => down / 2,
        3 if channels == 4 => 65_535 - across,
        _ => 20_000 - across / 8,
    };
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for color in ["grey", "rgb", "rgba", "cmyk"] {
            let p = Picture::gradient(5, 3, color, 16, 2).padding(7).meta("gps", "here").icc(b"profile");
            assert_eq!(Picture::parse(&p.to_bytes(), true), Ok(p));
        }
    }

    #[test]
    fn refuses_what_is_cut_or_senseless() {
        let bytes = Picture::gradient(5, 3, "rgb", 8, 1).to_bytes();
        for cut in 0..bytes.len() {
            assert!(Picture::parse(&bytes[..cut], false).is_err(), "cut at {cut}");
        }
        for header in
            ["width=99999999999", "frames=0", "width=4000000000\nheight=4000000000", "nonsense", "icc=abc"]
        {
            let text = [MAGIC, b"width=1\nheight=1\n", header.as_bytes(), b"\n\nrgb"].concat();
            assert!(Picture::parse(&text, true).is_err(), "{header}");
        }
    }
}
