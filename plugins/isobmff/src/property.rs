//! Item properties: how a picture is described. Knows each box by itself, not whose it is.

use crate::reader::Reader;
use crate::{BoxRef, Broken, FourCc};

/// What a property box says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property<'a> {
    /// `ispe`: width and height as coded, before anything else.
    Size(u32, u32),
    /// `pixi`: bits of each channel.
    Bits(&'a [u8]),
    /// `colr`.
    Color(Color<'a>),
    /// `irot`: quarter turns, anti-clockwise.
    Rotation(u8),
    /// `imir`: 0 exchanges top and bottom, 1 left and right.
    Mirror(u8),
    /// `clap`.
    Crop(Clap),
    /// `pasp`: horizontal and vertical spacing.
    Aspect(u32, u32),
    /// `auxC`: what an auxiliary picture is, as a URN.
    Auxiliary(&'a [u8]),
    /// `hvcC`, the body.
    Hevc(&'a [u8]),
    /// `av1C`, the body.
    Av1(&'a [u8]),
    /// `a1lx`, `a1op` or `lsel`: one of several layers.
    Layer,
    /// `clli`, `mdcv`, `cclv`, `amve`, `ndwt`, `reve`: light levels.
    Light,
    /// Texts for people: `udes`, `altt`.
    Text,
    /// Any other.
    Other,
}

/// How samples become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color<'a> {
    /// By numbers.
    Nclx(Nclx),
    /// By a profile.
    Icc(&'a [u8]),
    /// In a way that is not known here.
    Other,
}

/// Coding-independent code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nclx {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Full range.
    pub full_range: bool,
}

/// A clean aperture: each number as numerator and denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clap {
    /// Width.
    pub width: (u32, u32),
    /// Height.
    pub height: (u32, u32),
    /// Horizontal offset of its centre.
    pub x: (i32, u32),
    /// Vertical offset of its centre.
    pub y: (i32, u32),
}

impl<'a> Property<'a> {
    /// Reads a property box.
    ///
    /// # Errors
    /// A box of a known type is too short.
    pub fn read(b: &BoxRef<'a>) -> Result<Self, Broken> {
        let mut r = Reader::new(b.body);
        Ok(match &b.kind.0 {
            b"ispe" => {
                r.u32()?;
                Property::Size(r.u32()?, r.u32()?)
            }
            b"pixi" => {
                r.u32()?;
                let n = r.u8()?;
                Property::Bits(r.bytes(usize::from(n))?)
            }
            b"colr" => Property::Color(Color::read(&mut r)?),
            b"irot" => Property::Rotation(r.u8()? & 3),
            b"imir" => Property::Mirror(r.u8()? & 1),
            b"clap" => Property::Crop(Clap::read(&mut r)?),
            b"pasp" => Property::Aspect(r.u32()?, r.u32()?),
            b"auxC" => {
                r.u32()?;
                Property::Auxiliary(r.text())
            }
            b"hvcC" => Property::Hevc(b.body),
            b"av1C" => Property::Av1(b.body),
            b"a1lx" | b"a1op" | b"lsel" => Property::Layer,
            b"clli" | b"mdcv" | b"cclv" | b"amve" | b"ndwt" | b"reve" => Property::Light,
            b"udes" | b"altt" => Property::Text,
            _ => Property::Other,
        })
    }
}

impl<'a> Color<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, Broken> {
        let kind = FourCc(r.array()?);
        Ok(match &kind.0 {
            b"nclx" => Color::Nclx(Nclx {
                primaries: r.u16()?,
                transfer: r.u16()?,
                matrix: r.u16()?,
                full_range: r.u8()? & 0x80 != 0,
            }),
            b"prof" | b"rICC" => Color::Icc(r.rest()),
            _ => Color::Other,
        })
    }
}

impl Clap {
    fn read(r: &mut Reader<'_>) -> Result<Self, Broken> {
        Ok(Self {
            width: (r.u32()?, r.u32()?),
            height: (r.u32()?, r.u32()?),
            x: (r.u32()?.cast_signed(), r.u32()?),
            y: (r.u32()?.cast_signed(), r.u32()?),
        })
    }
}
