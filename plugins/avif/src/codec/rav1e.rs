//! Encoding by rav1e, for machines without libaom. Larger and slower, but all in Rust.

use rav1e::prelude::{
    ChromaSamplePosition, ChromaSampling, ColorDescription, ColorPrimaries, Config, Context, EncoderConfig,
    EncoderStatus, MatrixCoefficients, PixelRange, SpeedSettings, TransferCharacteristics, Tune,
};
use squeezed_plugin_api::Error;

use super::How;
use super::picture::{Layout, Picture};

/// Name and version, for people.
#[cfg(not(aom))]
pub fn version() -> String {
    format!("rav1e {}", rav1e::version::short())
}

/// Encodes a picture as one temporal unit. Cannot be interrupted.
///
/// # Errors
/// `Failed` where rav1e refuses, which it does for `lossless`.
pub fn encode(picture: &Picture, how: How) -> Result<Vec<u8>, Error> {
    if how.lossless {
        return Err(Error::failed("rav1e does not encode without loss"));
    }
    if !picture.is_whole() {
        return Err(Error::failed("a picture has another number of samples than its size says"));
    }
    // rav1e goes by the step that an index stands for, and so ends up beside the index: never finer than asked for.
    let wanted = crate::quality::index(how.cq);
    let mut quantizer = usize::from(wanted);
    loop {
        let coded = encode_at(picture, how, quantizer)?;
        match crate::av1::headers(&coded) {
            Some((_, frame)) if frame.base_q < wanted && quantizer < 255 => {
                quantizer += usize::from(wanted - frame.base_q);
            }
            _ => return Ok(coded),
        }
    }
}

fn encode_at(picture: &Picture, how: How, quantizer: usize) -> Result<Vec<u8>, Error> {
    let refused = |e: &dyn std::fmt::Display| Error::failed(format!("rav1e refuses the picture: {e}"));
    let config = Config::new().with_encoder_config(settings(picture, how, quantizer)).with_threads(1);
    let mut context: Context<u16> = config.new_context().map_err(|e| refused(&e))?;
    let mut frame = context.new_frame();
    for (i, (plane, samples)) in frame.planes.iter_mut().zip(&picture.planes).enumerate() {
        let width = picture.layout.plane_size(i, picture.width, picture.height).0 as usize;
        for (to, from) in plane.rows_iter_mut().zip(samples.chunks_exact(width)) {
            if let Some(to) = to.get_mut(..width) {
                to.copy_from_slice(from);
            }
        }
    }
    context.send_frame(frame).map_err(|e| refused(&e))?;
    context.flush();
    loop {
        match context.receive_packet() {
            Ok(packet) => return Ok(packet.data),
            Err(EncoderStatus::Encoded | EncoderStatus::NeedMoreData) => {}
            Err(e) => return Err(Error::failed(format!("rav1e cannot encode: {e}"))),
        }
    }
}

fn settings(picture: &Picture, how: How, quantizer: usize) -> EncoderConfig {
    let c = picture.color;
    EncoderConfig {
        width: picture.width as usize,
        height: picture.height as usize,
        bit_depth: picture.depth.into(),
        chroma_sampling: match picture.layout {
            Layout::Grey => ChromaSampling::Cs400,
            Layout::Half => ChromaSampling::Cs420,
            Layout::HalfWide => ChromaSampling::Cs422,
            Layout::Full => ChromaSampling::Cs444,
        },
        chroma_sample_position: match c.chroma_position {
            1 => ChromaSamplePosition::Vertical,
            2 => ChromaSamplePosition::Colocated,
            _ => ChromaSamplePosition::Unknown,
        },
        pixel_range: if c.full_range { PixelRange::Full } else { PixelRange::Limited },
        color_description: description(c.primaries, c.transfer, c.matrix),
        still_picture: true,
        quantizer: quantizer.min(255),
        speed_settings: SpeedSettings::from_preset(how.speed.min(10)),
        tune: if how.tuned { Tune::Psychovisual } else { Tune::Psnr },
        ..EncoderConfig::default()
    }
}

/// Numbers by their names in rav1e, which knows those that H.273 has.
fn description(primaries: u8, transfer: u8, matrix: u8) -> Option<ColorDescription> {
    use num_names::{MATRICES, PRIMARIES, TRANSFERS};
    let color_primaries = PRIMARIES.into_iter().find(|p| *p as u8 == primaries)?;
    let transfer_characteristics = TRANSFERS.into_iter().find(|t| *t as u8 == transfer)?;
    let matrix_coefficients = MATRICES.into_iter().find(|m| *m as u8 == matrix)?;
    Some(ColorDescription { color_primaries, transfer_characteristics, matrix_coefficients })
}

mod num_names {
    use super::{ColorPrimaries as P, MatrixCoefficients as M, TransferCharacteristics as T};

    pub const PRIMARIES: [P; 12] = [
        P::BT709,
        P::Unspecified,
        P::BT470M,
        P::BT470BG,
        P::BT601,
        P::SMPTE240,
        P::GenericFilm,
        P::BT2020,
        P::XYZ,
        P::SMPTE431,
        P::SMPTE432,
        P::EBU3213,
    ];
    pub const TRANSFERS: [T; 17] = [
        T::BT709,
        T::Unspecified,
        T::BT470M,
        T::BT470BG,
        T::BT601,
        T::SMPTE240,
        T::Linear,
        T::Log100,
        T::Log100Sqrt10,
        T::IEC61966,
        T::BT1361,
        T::SRGB,
        T::BT2020_10Bit,
        T::BT2020_12Bit,
        T::SMPTE2084,
        T::SMPTE428,
        T::HLG,
    ];
    pub const MATRICES: [M; 14] = [
        M::Identity,
        M::BT709,
        M::Unspecified,
        M::FCC,
        M::BT470BG,
        M::BT601,
        M::SMPTE240,
        M::YCgCo,
        M::BT2020NCL,
        M::BT2020CL,
        M::SMPTE2085,
        M::ChromatNCL,
        M::ChromatCL,
        M::ICtCp,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Color, Content};

    #[test]
    fn every_layout_is_encoded_at_the_quantizer_asked_for() {
        for layout in [Layout::Grey, Layout::Half, Layout::HalfWide, Layout::Full] {
            for depth in [8, 10] {
                let planes = (0..layout.planes()).map(|i| {
                    let len = Picture::plane_len(layout, i, 48, 32).unwrap();
                    (0..len).map(|at| (at % 200) as u16).collect()
                });
                let color =
                    Color { full_range: true, primaries: 1, transfer: 13, matrix: 6, chroma_position: 0 };
                let picture =
                    Picture { width: 48, height: 32, layout, depth, color, planes: planes.collect() };
                let how = How { cq: 30, speed: 10, content: Content::Photo, lossless: false, tuned: true };
                let coded = encode(&picture, how).unwrap();
                let (sequence, frame) = crate::av1::headers(&coded).unwrap();
                assert_eq!((sequence.depth, sequence.mono), (depth, layout == Layout::Grey));
                assert!(frame.base_q >= 120, "{layout:?} {depth}: {}", frame.base_q);
                let back = crate::codec::Decoder::open(0, false, 1 << 20).unwrap().decode(&coded).unwrap();
                assert_eq!((back.width, back.height, back.layout), (48, 32, layout));
            }
        }
    }
}
