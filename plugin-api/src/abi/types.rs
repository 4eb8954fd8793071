//! The structs of the ABI. `include/squeezed_plugin.h` is generated from this file.

use std::ffi::c_void;

/// "SQZPLUG1" in ASCII, first byte lowest.
pub const SQZ_MAGIC: u64 = 0x3147_554c_505a_5153;
/// Plugins of another major are refused.
pub const SQZ_ABI_MAJOR: u32 = 1;
/// Grows when structs grow at their end.
pub const SQZ_ABI_MINOR: u32 = 0;
/// The one exported symbol: a function without arguments that returns `const SqzPlugin *`, valid for ever.
pub const SQZ_ENTRY: &str = "squeezed_plugin_entry";
/// What a call returns when all is well; other values are error codes, told by `fail` before.
pub const SQZ_OK: u32 = 0;

/// Bytes or UTF-8 text; `ptr` may be null where `len` is 0. Owned by whoever passes it, for the time of the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzBytes {
    /// First byte.
    pub ptr: *const u8,
    /// How many.
    pub len: u64,
}

/// A list; element `i` stands at `items + i * stride`. Owned by whoever passes it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzList {
    /// First element.
    pub items: *const c_void,
    /// How many.
    pub count: u32,
    /// Bytes from one to the next.
    pub stride: u32,
}

/// Bytes at a fixed place that mark a format.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzMagic {
    /// Size of this struct.
    pub struct_size: u32,
    /// Where they stand.
    pub offset: u32,
    /// The bytes.
    pub bytes: SqzBytes,
    /// Which bits count; empty means all.
    pub mask: SqzBytes,
}

/// Magic that must all match.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzMagicSet {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Of `SqzMagic`.
    pub magic: SqzList,
}

/// A file format.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzFormat {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Short name.
    pub name: SqzBytes,
    /// Media type.
    pub mime: SqzBytes,
    /// Of `SqzBytes`: file name extensions without the dot.
    pub extensions: SqzList,
    /// Of `SqzMagicSet`: one set is enough.
    pub magic: SqzList,
}

/// What a job costs before anything was measured.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzCost {
    /// Size of this struct.
    pub struct_size: u32,
    /// 1 for lossy jobs.
    pub lossy: u32,
    /// 0 fast, 1 balanced, 2 best.
    pub effort: u32,
    /// CPU nanoseconds per pixel.
    pub ns_per_pixel: u32,
    /// Peak bytes per pixel.
    pub bytes_per_pixel: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a plugin is. Owned by the plugin, constant, valid for ever.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzDescription {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Stable id, `[a-z0-9-]`.
    pub id: SqzBytes,
    /// Version.
    pub version: SqzBytes,
    /// SPDX expression.
    pub licence: SqzBytes,
    /// Codec versions, for people.
    pub codecs: SqzBytes,
    /// Of `SqzFormat`.
    pub formats: SqzList,
    /// Of `SqzBytes`.
    pub capabilities: SqzList,
    /// Of `SqzCost`.
    pub costs: SqzList,
}

/// `SqzImageInfo.flags`: signed by content credentials.
pub const SQZ_INFO_SIGNED: u32 = 1;
/// `SqzImageInfo.flags`: has a gain map.
pub const SQZ_INFO_GAIN_MAP: u32 = 2;
/// `SqzImageInfo.flags`: has a motion photo's video.
pub const SQZ_INFO_MOTION_PHOTO: u32 = 4;
/// `SqzImageInfo.flags`: picture data is missing or wrong.
pub const SQZ_INFO_DAMAGED: u32 = 8;
/// `SqzImageInfo.flags`: `frames` is a lower bound.
pub const SQZ_INFO_FRAMES_AT_LEAST: u32 = 16;

/// What `inspect` found. Owned by the host, written by the plugin.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzImageInfo {
    /// Size of this struct, set by the host.
    pub struct_size: u32,
    /// Canvas width in pixels.
    pub width: u32,
    /// Canvas height in pixels.
    pub height: u32,
    /// Frames or pages.
    pub frames: u32,
    /// 0 for ever.
    pub loop_count: u32,
    /// 1 to 8.
    pub orientation: u32,
    /// 1 grey, 2 RGB, 3 CMYK, 4 Lab, 5 other.
    pub color: u32,
    /// Alpha included.
    pub channels: u32,
    /// 1 u8, 2 u16, 3 u32, 4 f16, 5 f32, 6 f64.
    pub sample: u32,
    /// Significant bits.
    pub bits: u32,
    /// 0 none, 1 straight, 2 premultiplied.
    pub alpha: u32,
    /// 1 to 100, 0 unknown.
    pub source_quality: u32,
    /// `SQZ_INFO_*`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// One metadata item.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzItem {
    /// Size of this struct.
    pub struct_size: u32,
    /// A kind of the written vocabulary.
    pub kind: u32,
    /// Name within the kind.
    pub name: SqzBytes,
    /// Length in the file.
    pub length: u64,
    /// Equal for equal values.
    pub hash: u64,
}

/// A metadata item's kind and name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzLabel {
    /// Size of this struct.
    pub struct_size: u32,
    /// A kind of the written vocabulary.
    pub kind: u32,
    /// Name within the kind.
    pub name: SqzBytes,
}

/// An option of one plugin alone.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzPair {
    /// Its name.
    pub key: SqzBytes,
    /// Its value.
    pub value: SqzBytes,
}

/// `SqzOptions.mode`: pixels stay identical.
pub const SQZ_MODE_LOSSLESS: u32 = 0;
/// `SqzOptions.mode`: lossy at `quality`.
pub const SQZ_MODE_QUALITY: u32 = 1;
/// `SqzOptions.mode`: the smallest whose score is at least `target`. Reserved.
pub const SQZ_MODE_TARGET: u32 = 2;

/// What a job was asked for. Owned by the host.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzOptions {
    /// Size of this struct.
    pub struct_size: u32,
    /// `SQZ_MODE_*`.
    pub mode: u32,
    /// 1 to 100 in mode 1.
    pub quality: u32,
    /// 0 all, 1 display.
    pub metadata: u32,
    /// 0 fast, 1 balanced, 2 best.
    pub effort: u32,
    /// 0 auto, 1 on, 2 off.
    pub progressive: u32,
    /// SSIMULACRA2 score in mode 2.
    pub target: f64,
    /// Percent; negative for none.
    pub max_reduction: f64,
    /// Limit: pixels of one canvas.
    pub max_pixels: u64,
    /// Limit: frames.
    pub max_frames: u64,
    /// Limit: frames times pixels.
    pub max_total_pixels: u64,
    /// Limit: bytes of metadata after decompression.
    pub max_metadata_bytes: u64,
    /// Of `SqzPair`. An unknown key is an error.
    pub extra: SqzList,
}

/// What a job will need. Owned by the host, written by the plugin.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzPlan {
    /// Size of this struct, set by the host.
    pub struct_size: u32,
    /// At least 1.
    pub useful_threads: u32,
    /// Bytes.
    pub peak_bytes: u64,
    /// Bytes.
    pub bytes_per_thread: u64,
    /// CPU nanoseconds.
    pub expected_ns: u64,
    /// Nanoseconds.
    pub stop_gap_ns: u64,
}

/// A guess at the result. Owned by the host, written by the plugin.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzEstimate {
    /// Size of this struct, set by the host.
    pub struct_size: u32,
    /// 1 if it would be lossless.
    pub lossless: u32,
    /// Bytes; 0 leaves the estimate to the host.
    pub bytes: u64,
}

/// A proposed encoding. Owned by the plugin.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzCandidate {
    /// Size of this struct.
    pub struct_size: u32,
    /// 0 for lossless.
    pub quality: u32,
    /// 1 if every sample is the source's.
    pub lossless: u32,
    /// Breaks ties, lowest first.
    pub rank: u32,
    /// The whole file.
    pub bytes: SqzBytes,
    /// One word for the receipt.
    pub method: SqzBytes,
    /// Of `SqzLabel`.
    pub kept: SqzList,
    /// Of `SqzLabel`.
    pub dropped: SqzList,
}

/// What the host does for a running job. Owned by the host. Each function may be called from any thread of the job.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzHost {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// First argument of each function.
    pub ctx: *mut c_void,
    /// Takes a candidate: 1 kept, 2 not smaller, 3 over the cap, 4 rejected, 5 stop.
    pub offer: Option<unsafe extern "C" fn(*mut c_void, *const SqzCandidate) -> u32>,
    /// The size the next candidate (argument: 1 lossless) must be below.
    pub bytes_to_beat: Option<unsafe extern "C" fn(*mut c_void, u32) -> u64>,
    /// The size a lossy candidate must not be below.
    pub floor: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    /// 0 go on, 1 cancelled, 2 deadline.
    pub stop: Option<unsafe extern "C" fn(*mut c_void) -> u32>,
    /// 0 to 1000.
    pub progress: Option<unsafe extern "C" fn(*mut c_void, u32)>,
    /// Threads the job may use at once.
    pub max_threads: Option<unsafe extern "C" fn(*mut c_void) -> u32>,
    /// More memory than planned: 1 granted.
    pub reserve: Option<unsafe extern "C" fn(*mut c_void, u64) -> u32>,
    /// SSIMULACRA2 score of an encoding; NaN where the host cannot tell.
    pub score: Option<unsafe extern "C" fn(*mut c_void, SqzBytes) -> f64>,
    /// A log line: level 1 error to 4 debug.
    pub log: Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>,
    /// Tells the text of the error that the call is about to return.
    pub fail: Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>,
}

/// Receives what `inspect` finds. Owned by the host; to be called from the calling thread alone.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzInspectSink {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// First argument of each function.
    pub ctx: *mut c_void,
    /// A metadata item.
    pub item: Option<unsafe extern "C" fn(*mut c_void, *const SqzItem)>,
    /// Tells the text of the error that the call is about to return.
    pub fail: Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>,
}

/// What is true of a decoded image.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzImageHeader {
    /// Size of this struct.
    pub struct_size: u32,
    /// Canvas width.
    pub width: u32,
    /// Canvas height.
    pub height: u32,
    /// 0 for ever.
    pub loop_count: u32,
}

/// What is true of a decoded frame.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzFrameHeader {
    /// Size of this struct.
    pub struct_size: u32,
    /// 1 picture, 2 page, 3 gain map, 4 depth, 5 thumbnail.
    pub role: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Numerator of the duration in seconds.
    pub duration_num: u32,
    /// Denominator of the duration.
    pub duration_den: u32,
    /// As in `SqzImageInfo`.
    pub sample: u32,
    /// As in `SqzImageInfo`.
    pub color: u32,
    /// Alpha included.
    pub channels: u32,
    /// Significant bits.
    pub bits: u32,
    /// As in `SqzImageInfo`.
    pub alpha: u32,
    /// Zero.
    pub reserved: u32,
}

/// Receives decoded pictures. Owned by the host; to be called from the calling thread alone. Each answers 0 to go on.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzFrameSink {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// First argument of each function.
    pub ctx: *mut c_void,
    /// Begins the image.
    pub image: Option<unsafe extern "C" fn(*mut c_void, *const SqzImageHeader) -> u32>,
    /// Begins a frame.
    pub frame: Option<unsafe extern "C" fn(*mut c_void, *const SqzFrameHeader) -> u32>,
    /// Rows: count, stride, data.
    pub rows: Option<unsafe extern "C" fn(*mut c_void, u32, u64, SqzBytes) -> u32>,
    /// A metadata item and its value.
    pub metadata: Option<unsafe extern "C" fn(*mut c_void, *const SqzItem, SqzBytes) -> u32>,
    /// Something the decoder got over.
    pub warning: Option<unsafe extern "C" fn(*mut c_void, SqzBytes) -> u32>,
    /// Tells the text of the error that the call is about to return.
    pub fail: Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>,
}

/// The function table of a plugin. Owned by the plugin, constant, valid for ever. Every function may be called from
/// any thread and from several at once. Each returns `SQZ_OK` or an error code.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SqzPlugin {
    /// `SQZ_MAGIC`.
    pub magic: u64,
    /// Size of this struct.
    pub struct_size: u32,
    /// `SQZ_ABI_MAJOR`.
    pub abi_major: u32,
    /// `SQZ_ABI_MINOR`.
    pub abi_minor: u32,
    /// Zero.
    pub reserved: u32,
    /// What this plugin is.
    pub describe: Option<unsafe extern "C" fn() -> *const SqzDescription>,
    /// Headers and structure only.
    pub inspect: Option<unsafe extern "C" fn(SqzBytes, *const SqzInspectSink, *mut SqzImageInfo) -> u32>,
    /// What a job will need.
    pub plan: Option<
        unsafe extern "C" fn(
            SqzBytes,
            *const SqzImageInfo,
            *const SqzOptions,
            *const SqzHost,
            *mut SqzPlan,
        ) -> u32,
    >,
    /// Decodes every frame.
    pub decode: Option<unsafe extern "C" fn(SqzBytes, *const SqzFrameSink) -> u32>,
    /// Offers candidates to the host.
    pub optimize:
        Option<unsafe extern "C" fn(SqzBytes, *const SqzImageInfo, *const SqzOptions, *const SqzHost) -> u32>,
    /// A quick guess; may be null.
    pub estimate: Option<
        unsafe extern "C" fn(
            SqzBytes,
            *const SqzImageInfo,
            *const SqzOptions,
            *const SqzHost,
            *mut SqzEstimate,
        ) -> u32,
    >,
}

impl SqzBytes {
    /// Borrows a slice.
    pub fn new(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
    }

    /// The slice it names; empty for null or an impossible length.
    ///
    /// # Safety
    /// `ptr` must name `len` readable bytes that live and stay unchanged for `'a`, or be null.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        match usize::try_from(self.len) {
            // SAFETY: the caller vouches for ptr and len.
            Ok(len) if !self.ptr.is_null() && len > 0 && isize::try_from(len).is_ok() => unsafe {
                std::slice::from_raw_parts(self.ptr, len)
            },
            _ => &[],
        }
    }

    /// The text it names, with replacement characters where it is not UTF-8.
    ///
    /// # Safety
    /// As [`Self::as_slice`].
    pub unsafe fn as_text<'a>(self) -> std::borrow::Cow<'a, str> {
        // SAFETY: the caller vouches for ptr and len.
        String::from_utf8_lossy(unsafe { self.as_slice() })
    }
}

impl SqzList {
    /// Borrows a slice.
    pub fn new<T>(items: &[T]) -> Self {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Self { items: items.as_ptr().cast(), count, stride: size_of::<T>() as u32 }
    }

    /// Reads every element, each cut or filled with zeros to the size known here, at most `cap`.
    ///
    /// # Safety
    /// `items` must name `count` elements `stride` bytes apart, or be null. `T` must be a struct of this module
    /// (all of them are valid when zero).
    pub unsafe fn read<T: Copy>(self, cap: usize) -> Vec<T> {
        if self.items.is_null() {
            return Vec::new();
        }
        let count = (self.count as usize).min(cap);
        // SAFETY: element i lies at items + i * stride, as the caller vouches.
        (0..count)
            .map(|i| unsafe {
                read_sized(self.items.cast::<u8>().add(i * self.stride as usize), self.stride as usize)
            })
            .collect()
    }
}

/// Copies a struct of which `size` bytes are there; what is missing is zero, what is unknown is left.
///
/// # Safety
/// `at` must name `size` readable bytes. `T` must be a struct of this module (all of them are valid when zero).
pub unsafe fn read_sized<T: Copy>(at: *const u8, size: usize) -> T {
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: both sides hold at least the smaller size; an all-zero T is valid, as the caller vouches.
    unsafe {
        std::ptr::copy_nonoverlapping(at, value.as_mut_ptr().cast::<u8>(), size.min(size_of::<T>()));
        value.assume_init()
    }
}

/// Copies a struct that begins with its own `struct_size`.
///
/// # Safety
/// `at` must be null or name a struct whose first field is a true `u32` size. `T` as for [`read_sized`].
pub unsafe fn read_struct<T: Copy>(at: *const T) -> Option<T> {
    if at.is_null() {
        return None;
    }
    // SAFETY: every such struct begins with its size.
    unsafe {
        let size = at.cast::<u32>().read_unaligned() as usize;
        Some(read_sized(at.cast(), size))
    }
}
