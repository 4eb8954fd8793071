//! libwebp behind a safe face. The only module with `unsafe` code; knows bitstreams and pixels, no container.
//!
//! Pixels are `0xAARRGGBB` words, as libwebp's encoder takes them.

use std::ffi::{c_int, c_void};

use libwebp_sys as sys;
use squeezed_plugin_api::{Error, Stop};

/// The largest side of a lossy picture.
pub const MAX_LOSSY_SIDE: u32 = 16383;

/// A picture to encode.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height` words.
    pub pixels: &'a [u32],
}

/// How to encode without loss. The colour under transparent pixels is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lossless {
    /// 0 to 6.
    pub method: u8,
    /// Effort within a method, 0 to 100.
    pub effort: u8,
}

/// How to encode with loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lossy {
    /// 0 to 100.
    pub quality: u8,
    /// 0 to 6.
    pub method: u8,
    /// Chooses chroma by what it does to the decoded picture.
    pub sharp_yuv: bool,
    /// Finds the deblocking strength by trying.
    pub autofilter: bool,
    /// Deblocking strength, 0 to 100, where it is not found by trying.
    pub filter_strength: u8,
    /// How much the quantizers of segments differ, 0 to 100.
    pub sns: u8,
    /// Segments, 1 to 4.
    pub segments: u8,
    /// Passes of the entropy statistics, 1 to 10.
    pub passes: u8,
}

/// libwebp's version.
pub fn version() -> String {
    // SAFETY: takes and touches nothing.
    let v = unsafe { sys::WebPGetEncoderVersion() };
    format!("{}.{}.{}", v >> 16, v >> 8 & 255, v & 255)
}

/// Decodes one bitstream: a file, or the chunk `VP8L`, or `ALPH` and `VP8 ` one after the other. `stop` is asked now and
/// then.
///
/// # Errors
/// `BadImage` where anything is missing or wrong, `Stopped`.
pub fn decode(bitstream: &[u8], width: u32, height: u32, stop: &dyn Fn() -> bool) -> Result<Vec<u32>, Error> {
    let count = pixel_count(width, height)?;
    let stride = c_int::try_from(u64::from(width) * 4).map_err(|_| too_wide())?;
    let mut pixels = vec![0u32; count];
    let mut config = sys::WebPDecoderConfig::new()
        .map_err(|()| Error::failed("libwebp has another version than its header"))?;
    // The words are native, so the order of their bytes is the machine's.
    config.output.colorspace = if cfg!(target_endian = "little") {
        sys::WEBP_CSP_MODE::MODE_BGRA
    } else {
        sys::WEBP_CSP_MODE::MODE_ARGB
    };
    config.output.is_external_memory = 1;
    config.output.u.RGBA =
        sys::WebPRGBABuffer { rgba: pixels.as_mut_ptr().cast(), stride, size: count.saturating_mul(4) };
    let status = if count > STEPWISE {
        decode_in_steps(bitstream, &mut config, stop)?
    } else {
        // SAFETY: the input is borrowed for the call; the output is memory of ours of the size and stride told, which
        // libwebp checks against the picture's dimensions.
        unsafe { sys::WebPDecode(bitstream.as_ptr(), bitstream.len(), &mut config) }
    };
    // SAFETY: frees what libwebp owns of the buffer; ours is external, so it neither keeps nor frees that.
    unsafe { sys::WebPFreeDecBuffer(&mut config.output) };
    if config.input.width as u32 != width || config.input.height as u32 != height {
        return Err(Error::bad_image("a bitstream has other dimensions than its container"));
    }
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => Ok(pixels),
        sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY => Err(Error::failed("libwebp is out of memory")),
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {
            Err(Error::bad_image("picture data ends early"))
        }
        _ => Err(Error::bad_image("picture data is wrong")),
    }
}

/// Pixels above which decoding takes long enough to be stopped in between, and in how many steps it is then done.
const STEPWISE: usize = 1 << 20;
const STEPS: usize = 32;

/// As `WebPDecode`, with a look at `stop` after each part of the input.
fn decode_in_steps(
    bitstream: &[u8],
    config: &mut sys::WebPDecoderConfig,
    stop: &dyn Fn() -> bool,
) -> Result<sys::VP8StatusCode, Error> {
    struct Decoder(*mut sys::WebPIDecoder);
    impl Drop for Decoder {
        fn drop(&mut self) {
            // SAFETY: made by WebPIDecode, not null, deleted once.
            unsafe { sys::WebPIDelete(self.0) };
        }
    }
    // SAFETY: reads the header's facts into `config`, of this version.
    let status = unsafe { sys::WebPGetFeatures(bitstream.as_ptr(), bitstream.len(), &mut config.input) };
    if status != sys::VP8StatusCode::VP8_STATUS_OK {
        return Ok(status);
    }
    // SAFETY: no data yet; the decoder keeps pointers to `config` and to its output, which both outlive it.
    let decoder = Decoder(unsafe { sys::WebPIDecode(std::ptr::null(), 0, config) });
    if decoder.0.is_null() {
        return Ok(sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY);
    }
    let mut status = sys::VP8StatusCode::VP8_STATUS_SUSPENDED;
    for step in 1..=STEPS {
        let end = bitstream.len() / STEPS * step + if step == STEPS { bitstream.len() % STEPS } else { 0 };
        // SAFETY: the decoder is alive; each call gets the same input, from its begin on and longer than before.
        status = unsafe { sys::WebPIUpdate(decoder.0, bitstream.as_ptr(), end) };
        if status != sys::VP8StatusCode::VP8_STATUS_SUSPENDED {
            break;
        }
        if stop() {
            return Err(Stop.into());
        }
    }
    Ok(status)
}

/// Encodes without loss; the answer is a whole WebP file. `stop` is asked now and then.
///
/// # Errors
/// `Stopped`, or `Failed` where libwebp refuses.
pub fn encode_lossless(
    picture: Picture<'_>,
    how: Lossless,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Error> {
    let mut config = base_config()?;
    config.lossless = 1;
    config.exact = 1;
    config.method = c_int::from(how.method);
    config.quality = f32::from(how.effort);
    encode(picture, &config, stop)
}

/// Encodes colour with loss; the answer is a whole WebP file. `stop` is asked now and then.
///
/// Where the picture is not opaque its alpha is in the file too, without loss, but not compressed: at method 6 libwebp
/// takes seconds for that, so [`encode_alpha`] does it, once and with an effort of its own.
///
/// # Errors
/// `Stopped`, or `Failed` where libwebp refuses.
pub fn encode_lossy(picture: Picture<'_>, how: Lossy, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Error> {
    let mut config = base_config()?;
    config.quality = f32::from(how.quality);
    config.method = c_int::from(how.method);
    config.use_sharp_yuv = c_int::from(how.sharp_yuv);
    config.autofilter = c_int::from(how.autofilter);
    config.filter_strength = c_int::from(how.filter_strength);
    config.sns_strength = c_int::from(how.sns);
    config.segments = c_int::from(how.segments);
    config.pass = c_int::from(how.passes);
    config.alpha_quality = 100;
    config.alpha_compression = 0;
    encode(picture, &config, stop)
}

/// Compresses alpha without loss; the answer is a whole WebP file, of which only the `ALPH` chunk is of use. There is none
/// where the picture is opaque.
///
/// # Errors
/// `Stopped`, or `Failed` where libwebp refuses.
pub fn encode_alpha(picture: Picture<'_>, method: u8, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Error> {
    let black: Vec<u32> = picture.pixels.iter().map(|p| p & 0xff00_0000).collect();
    let mut config = base_config()?;
    config.quality = 0.0;
    config.method = c_int::from(method);
    config.exact = 1;
    config.segments = 1;
    config.alpha_quality = 100;
    config.alpha_compression = 1;
    config.alpha_filtering = 2;
    encode(Picture { pixels: &black, ..picture }, &config, stop)
}

fn base_config() -> Result<sys::WebPConfig, Error> {
    let mut config =
        sys::WebPConfig::new().map_err(|()| Error::failed("libwebp has another version than its header"))?;
    // Threads are the host's to give.
    config.thread_level = 0;
    Ok(config)
}

struct Hooks<'a> {
    out: Vec<u8>,
    stop: &'a dyn Fn() -> bool,
}

fn encode(picture: Picture<'_>, config: &sys::WebPConfig, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Error> {
    if picture.pixels.len() != pixel_count(picture.width, picture.height)? {
        return Err(Error::failed("a picture has another number of pixels than its size says"));
    }
    let side = |n: u32| c_int::try_from(n).map_err(|_| too_wide());
    let mut pic =
        sys::WebPPicture::new().map_err(|()| Error::failed("libwebp has another version than its header"))?;
    let mut hooks = Hooks { out: Vec::new(), stop };
    pic.use_argb = 1;
    pic.width = side(picture.width)?;
    pic.height = side(picture.height)?;
    pic.argb_stride = pic.width;
    // Only read: libwebp writes to these words just where it may change the colour under transparent pixels in
    // lossless mode, and there `exact` is set.
    pic.argb = picture.pixels.as_ptr().cast_mut();
    pic.writer = Some(write);
    pic.progress_hook = Some(progress);
    let context: *mut Hooks<'_> = &mut hooks;
    pic.custom_ptr = context.cast();
    pic.user_data = context.cast();
    // SAFETY: the configuration and the picture are whole and of this version; pixels and hooks live longer than the
    // call; what libwebp allocates for the picture beside our pixels is freed by the second call.
    let ok = unsafe {
        let ok = sys::WebPEncode(config, &mut pic);
        sys::WebPPictureFree(&mut pic);
        ok
    };
    if ok != 0 {
        return Ok(hooks.out);
    }
    match pic.error_code {
        sys::WebPEncodingError::VP8_ENC_ERROR_USER_ABORT => Err(Stop.into()),
        code => Err(Error::failed(format!("libwebp cannot encode: {code:?}"))),
    }
}

unsafe extern "C" fn write(data: *const u8, size: usize, picture: *const sys::WebPPicture) -> c_int {
    if size == 0 || data.is_null() {
        return 1;
    }
    // SAFETY: libwebp passes `size` bytes and the picture that `encode` made, whose context is a `Hooks` that nothing else
    // touches during the call.
    let (bytes, hooks) = unsafe { (std::slice::from_raw_parts(data, size), hooks((*picture).custom_ptr)) };
    if hooks.out.try_reserve(size).is_err() {
        return 0;
    }
    hooks.out.extend_from_slice(bytes);
    1
}

unsafe extern "C" fn progress(_percent: c_int, picture: *const sys::WebPPicture) -> c_int {
    // SAFETY: as in `write`.
    let hooks = unsafe { hooks((*picture).user_data) };
    c_int::from(!(hooks.stop)())
}

/// # Safety
/// `context` must be the `Hooks` of a running `encode`.
unsafe fn hooks<'a>(context: *mut c_void) -> &'a mut Hooks<'a> {
    // SAFETY: the caller vouches for it.
    unsafe { &mut *context.cast::<Hooks<'a>>() }
}

fn pixel_count(width: u32, height: u32) -> Result<usize, Error> {
    usize::try_from(u64::from(width) * u64::from(height)).map_err(|_| too_wide())
}

fn too_wide() -> Error {
    Error::too_large("a picture is too large for this machine")
}
