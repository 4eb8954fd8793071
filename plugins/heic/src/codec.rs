//! libheif with libde265 and x265 behind one face: decodes items of a file, encodes one picture. Knows no policy.
//!
//! Neither codec gets threads of its own choice: libheif decodes tiles in the calling thread, libde265 has the one worker
//! that libheif always starts, x265 one frame encoder without a pool.

use std::sync::OnceLock;

use libheif_rs::{
    Chroma, ColorSpace, CompressionFormat, DecodingOptions, EncoderParameterValue, EncoderQuality,
    EncodingOptions, HeifContext, HeifError, HeifErrorCode, HeifErrorSubCode, Image, ImageHandle, LibHeif,
    SecurityLimits, Track,
};
use squeezed_isobmff::File;
use squeezed_plugin_api::{Effort, Error};

/// Kept for the life of the process: libheif shuts its codecs down when the last of these goes, whoever uses them.
fn lib() -> &'static LibHeif {
    static LIB: OnceLock<LibHeif> = OnceLock::new();
    LIB.get_or_init(LibHeif::new)
}

/// Versions of what is inside, for people.
pub fn versions() -> String {
    let [major, minor, patch] = lib().version();
    let format = Some(CompressionFormat::Hevc);
    let mut all = vec![format!("libheif {major}.{minor}.{patch}")];
    all.extend(lib().decoder_descriptors(4, format).iter().map(|d| d.name()));
    all.extend(lib().encoder_descriptors(4, format, None).iter().map(|d| d.name()));
    all.join(", ")
}

/// A file that libheif has read.
pub struct Decoder<'a> {
    context: HeifContext<'a>,
}

impl<'a> Decoder<'a> {
    /// Reads the structure of a file. Pictures of more than `pixels` are refused.
    ///
    /// # Errors
    /// libheif cannot read it.
    pub fn open(input: &'a [u8], pixels: u64) -> Result<Self, Error> {
        lib();
        let mut context = HeifContext::new().map_err(failed)?;
        let mut limits = SecurityLimits::new();
        // Coded pictures are filled up to whole blocks.
        limits.set_max_image_size_pixels(pixels.saturating_mul(2).saturating_add(1 << 16));
        // A picture in all the forms that it goes through, and the file.
        let memory = pixels.saturating_mul(24).saturating_add(256 << 20);
        limits.set_max_total_memory(memory);
        limits.set_max_memory_block_size(memory);
        // What an item holds was parsed before, within bounds of the input's size.
        limits.set_max_color_profile_size(64 << 20);
        limits.set_max_children_per_box(100_000);
        limits.set_max_items(100_000);
        context.set_security_limits(&limits).map_err(failed)?;
        context.set_max_decoding_threads(0);
        context.read_bytes(input).map_err(bad)?;
        Ok(Self { context })
    }

    /// A picture.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn handle(&self, id: u32) -> Result<ImageHandle, Error> {
        self.context.image_handle(id).map_err(bad)
    }

    /// The first track of pictures.
    pub fn track(&self) -> Option<Track> {
        let tracks = self.context.track_ids().into_iter().filter_map(|id| self.context.track(id));
        tracks.into_iter().find(|t| matches!(&t.handler_type().0, b"pict" | b"vide"))
    }

    /// Decodes a picture as it is stored: not cropped, turned or mirrored.
    ///
    /// # Errors
    /// Its data is broken.
    pub fn decode(&self, handle: &ImageHandle, space: ColorSpace) -> Result<Image, Error> {
        lib().decode(handle, space, Some(options()?)).map_err(bad)
    }

    /// The next frame of a track; `None` behind the last.
    ///
    /// # Errors
    /// Its data is broken.
    pub fn next_frame(&self, track: &Track, space: ColorSpace) -> Result<Option<Image>, Error> {
        match track.decode_next_image(space, Some(options()?)) {
            Ok(image) => Ok(Some(image)),
            Err(e) if matches!(e.code, HeifErrorCode::EndOfSequence) => Ok(None),
            Err(e) => Err(bad(e)),
        }
    }
}

fn options() -> Result<DecodingOptions, Error> {
    let mut o = DecodingOptions::new().ok_or_else(|| Error::failed("no memory for libheif's options"))?;
    o.set_ignore_transformations(true);
    o.set_strict_decoding(true);
    o.set_num_codec_threads(1);
    o.set_output_image_nclx_profile_passthrough(true);
    Ok(o)
}

/// A picture that was encoded.
pub struct Coded {
    /// The whole `hvcC` box.
    pub config: Vec<u8>,
    /// The coded data.
    pub data: Vec<u8>,
}

/// The smallest side that x265 takes here: libheif fills up anything below, and the picture would grow.
pub const MIN_SIDE: u32 = 64;

/// Encodes a picture in its own chroma format and depth with this quantization parameter.
///
/// # Errors
/// x265 cannot.
pub fn encode(image: &Image, qp: i32, effort: Effort) -> Result<Coded, Error> {
    let mut encoder = lib().encoder_for_format(CompressionFormat::Hevc).map_err(failed)?;
    let chroma = match image.color_space() {
        Some(ColorSpace::YCbCr(Chroma::C444)) => "444",
        Some(ColorSpace::YCbCr(Chroma::C422)) => "422",
        Some(ColorSpace::YCbCr(Chroma::C420) | ColorSpace::Monochrome) => "420",
        _ => return Err(Error::failed("a decoded picture is of no kind that can be encoded")),
    };
    encoder.set_quality(EncoderQuality::Lossy(50)).map_err(failed)?;
    let preset = match effort {
        Effort::Fast => "medium",
        Effort::Balanced => "slow",
        Effort::Best => "veryslow",
    };
    let set = |name: &str, value: &str| {
        encoder.set_parameter_value(name, EncoderParameterValue::String(value.into())).map_err(failed)
    };
    set("preset", preset)?;
    set("tune", "ssim")?;
    set("chroma", chroma)?;
    let more: &[_] = if effort == Effort::Best { &BEST } else { &[] };
    for (name, value) in PARAMETERS.iter().chain(more) {
        set(name, value)?;
    }
    set("x265:crf", &qp.to_string())?;
    let mut o = EncodingOptions::new().map_err(failed)?;
    o.set_save_alpha_channel(false);
    let mut context = HeifContext::new().map_err(failed)?;
    context.encode_image(image, &mut encoder, Some(o)).map_err(failed)?;
    let file = context.write_to_bytes().map_err(failed)?;
    let odd = || Error::failed("libheif wrote something else than one picture");
    let file = File::parse(&file).map_err(|_| odd())?;
    let (meta, item) = file.primary().map_err(|_| odd())?;
    let boxes = item.properties.iter().filter_map(|a| meta.properties.get(a.index));
    let config = boxes.into_iter().find(|b| b.kind == b"hvcC").ok_or_else(odd)?;
    let data = file.data(item).map_err(|_| odd())?;
    Ok(Coded { config: config.whole.to_vec(), data: data.into_owned() })
}

/// What x265 is told beside preset, chroma format and quantization.
///
/// With the two ratios at 1 the parameter in the slice header is the one that was asked for, whatever the picture, and a
/// second run can read it there. Measured at equal SSIMULACRA2 against x265 as libheif sets it up: finer chroma takes 3 %
/// off, no sample-adaptive offset and no psychovisual bias of coefficients 1 % each; wavefronts only serve threads.
const PARAMETERS: [(&str, &str); 10] = [
    ("x265:pools", "none"),
    ("x265:frame-threads", "1"),
    ("x265:wpp", "0"),
    ("x265:repeat-headers", "0"),
    ("x265:qcomp", "1"),
    ("x265:ipratio", "1"),
    ("x265:cbqpoffs", "-4"),
    ("x265:crqpoffs", "-4"),
    ("x265:sao", "0"),
    ("x265:psy-rdoq", "0"),
];

/// What the best effort adds: half a percent for half again the time.
const BEST: [(&str, &str); 3] = [("x265:tskip", "1"), ("x265:tu-intra-depth", "4"), ("x265:rd", "6")];

fn failed(e: HeifError) -> Error {
    Error::failed(format!("libheif: {}", e.message.to_lowercase()))
}

/// What went wrong while reading is the input's fault, but for memory and limits.
fn bad(e: HeifError) -> Error {
    let text = format!("{:?}: {}", e.sub_code, e.message);
    match (e.code, e.sub_code) {
        (HeifErrorCode::MemoryAllocationError, HeifErrorSubCode::SecurityLimitExceeded) => {
            Error::too_large(text)
        }
        (HeifErrorCode::MemoryAllocationError, _) => Error::too_large(text),
        (HeifErrorCode::UnsupportedFeature | HeifErrorCode::UnsupportedFileType, _) => {
            Error::unsupported(text)
        }
        _ => Error::bad_image(text),
    }
}
