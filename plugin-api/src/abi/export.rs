//! The plugin's side of the ABI: turns an [`Optimizer`] into a function table. Panics end here.

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Once, OnceLock};

use super::types::*;
use crate::{
    AlphaKind, Candidate, ColorModel, Description, Effort, Error, ErrorCode, FrameHeader, FrameSink, Host,
    ImageHeader, ImageInfo, InfoFlags, Job, Kind, Limits, LogLevel, Metadata, MetadataItem, Mode, Optimizer,
    Options, Progressive, SampleKind, Stop, StopReason, Verdict,
};

/// Names the one value of a plugin type; [`crate::export_plugin!`] implements it.
pub trait Instance: Optimizer + Sized {
    /// The value that serves all calls.
    fn instance() -> &'static Self;
    /// Where its description is kept for the ABI.
    fn description() -> &'static OnceLock<Described>;
}

/// Exports a plugin: `export_plugin!(Png);` where `Png` is a unit struct that implements [`crate::Optimizer`].
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ident) => {
        impl $crate::abi::Instance for $plugin {
            fn instance() -> &'static Self {
                static PLUGIN: $plugin = $plugin;
                &PLUGIN
            }
            fn description() -> &'static ::std::sync::OnceLock<$crate::abi::Described> {
                static KEPT: ::std::sync::OnceLock<$crate::abi::Described> = ::std::sync::OnceLock::new();
                &KEPT
            }
        }

        /// The entry of this plugin.
        #[unsafe(no_mangle)]
        pub extern "C" fn squeezed_plugin_entry() -> *const $crate::abi::SqzPlugin {
            static TABLE: $crate::abi::SqzPlugin = $crate::abi::table::<$plugin>();
            &TABLE
        }
    };
}

/// The function table of a plugin.
pub const fn table<P: Instance>() -> SqzPlugin {
    SqzPlugin {
        magic: SQZ_MAGIC,
        struct_size: size_of::<SqzPlugin>() as u32,
        abi_major: SQZ_ABI_MAJOR,
        abi_minor: SQZ_ABI_MINOR,
        reserved: 0,
        describe: Some(describe::<P>),
        inspect: Some(inspect::<P>),
        plan: Some(plan::<P>),
        decode: Some(decode::<P>),
        optimize: Some(optimize::<P>),
        estimate: Some(estimate::<P>),
    }
}

/// A description with its C form, which points into it.
pub struct Described {
    raw: SqzDescription,
    // What `raw` points to. Boxed or on the heap already, so moving this struct moves none of it.
    _owned: Owned,
}

struct Owned {
    _description: Box<Description>,
    _bytes: Vec<Box<[SqzBytes]>>,
    _magic: Vec<Box<[SqzMagic]>>,
    _sets: Vec<Box<[SqzMagicSet]>>,
    _formats: Box<[SqzFormat]>,
    _costs: Box<[SqzCost]>,
}

// SAFETY: the pointers lead to memory that this value owns and never changes.
unsafe impl Send for Described {}
// SAFETY: as above.
unsafe impl Sync for Described {}

impl Described {
    fn new(description: Description) -> Self {
        let d = Box::new(description);
        let (mut bytes, mut magic, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        let mut texts = |list: &[String]| {
            let raw: Box<[SqzBytes]> = list.iter().map(|s| SqzBytes::new(s.as_bytes())).collect();
            let head = SqzList::new(&raw);
            bytes.push(raw);
            head
        };
        let formats: Box<[SqzFormat]> = d
            .formats
            .iter()
            .map(|f| {
                let raw_sets: Box<[SqzMagicSet]> = f
                    .magic
                    .iter()
                    .map(|set| {
                        let raw: Box<[SqzMagic]> = set
                            .iter()
                            .map(|m| SqzMagic {
                                struct_size: size_of::<SqzMagic>() as u32,
                                offset: m.offset,
                                bytes: SqzBytes::new(&m.bytes),
                                mask: SqzBytes::new(&m.mask),
                            })
                            .collect();
                        let head = SqzList::new(&raw);
                        magic.push(raw);
                        SqzMagicSet { struct_size: size_of::<SqzMagicSet>() as u32, reserved: 0, magic: head }
                    })
                    .collect();
                let head = SqzList::new(&raw_sets);
                sets.push(raw_sets);
                SqzFormat {
                    struct_size: size_of::<SqzFormat>() as u32,
                    reserved: 0,
                    name: SqzBytes::new(f.name.as_bytes()),
                    mime: SqzBytes::new(f.mime.as_bytes()),
                    extensions: texts(&f.extensions),
                    magic: head,
                }
            })
            .collect();
        let costs: Box<[SqzCost]> = d
            .costs
            .iter()
            .map(|c| SqzCost {
                struct_size: size_of::<SqzCost>() as u32,
                lossy: u32::from(c.lossy),
                effort: c.effort as u32,
                ns_per_pixel: c.ns_per_pixel,
                bytes_per_pixel: c.bytes_per_pixel,
                reserved: 0,
            })
            .collect();
        let raw = SqzDescription {
            struct_size: size_of::<SqzDescription>() as u32,
            reserved: 0,
            id: SqzBytes::new(d.id.as_bytes()),
            version: SqzBytes::new(d.version.as_bytes()),
            licence: SqzBytes::new(d.licence.as_bytes()),
            codecs: SqzBytes::new(d.codecs.as_bytes()),
            formats: SqzList::new(&formats),
            capabilities: texts(&d.capabilities),
            costs: SqzList::new(&costs),
        };
        let owned = Owned {
            _description: d,
            _bytes: bytes,
            _magic: magic,
            _sets: sets,
            _formats: formats,
            _costs: costs,
        };
        Self { raw, _owned: owned }
    }
}

type FailFn = Option<unsafe extern "C" fn(*mut c_void, u32, SqzBytes)>;

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; an error or a panic is told to `fail` and becomes the call's code.
fn guard(ctx: *mut c_void, fail: FailFn, body: impl FnOnce() -> Result<(), Error>) -> u32 {
    static HOOK: Once = Once::new();
    // A hook of our own: the default one prints, and a backtrace costs 50 ms.
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
            let text = info.payload_as_str().unwrap_or("panic");
            PANIC.with_borrow_mut(|p| *p = Some(format!("{text}{place}")));
        }));
    });
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return SQZ_OK,
        Ok(Err(e)) => e,
        Err(_) => {
            let text = PANIC.with_borrow_mut(Option::take).unwrap_or_else(|| "panic".into());
            Error::new(ErrorCode::Panicked, text)
        }
    };
    if let Some(fail) = fail {
        // SAFETY: the host's function with the host's context, the text borrowed for the call.
        unsafe { fail(ctx, error.code as u32, SqzBytes::new(error.message.as_bytes())) };
    }
    error.code as u32
}

fn bad_call() -> Error {
    Error::failed("the host passed a null pointer or an unknown value")
}

unsafe extern "C" fn describe<P: Instance>() -> *const SqzDescription {
    match catch_unwind(|| P::description().get_or_init(|| Described::new(P::instance().describe()))) {
        Ok(d) => &d.raw,
        Err(_) => std::ptr::null(),
    }
}

unsafe extern "C" fn inspect<P: Instance>(
    input: SqzBytes,
    sink: *const SqzInspectSink,
    out: *mut SqzImageInfo,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    let (Some(sink), input) = (unsafe { (read_struct(sink), input.as_slice()) }) else {
        return ErrorCode::Failed as u32;
    };
    guard(sink.ctx, sink.fail, || {
        let info = P::instance().inspect(input, &mut |item| {
            if let Some(f) = sink.item {
                // SAFETY: the host's function with the host's context.
                unsafe { f(sink.ctx, &raw_item(&item)) };
            }
        })?;
        // SAFETY: the host owns a struct of the size it wrote there.
        unsafe { write_struct(out, &raw_info(&info)) }
    })
}

unsafe extern "C" fn plan<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    out: *mut SqzPlan,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe {
        with_job(input, info, options, host, |job| {
            let p = P::instance().plan(job)?;
            let raw = SqzPlan {
                struct_size: size_of::<SqzPlan>() as u32,
                useful_threads: p.useful_threads.max(1),
                peak_bytes: p.peak_bytes,
                bytes_per_thread: p.bytes_per_thread,
                expected_ns: p.expected_ns,
                stop_gap_ns: p.stop_gap_ns,
            };
            write_struct(out, &raw)
        })
    }
}

unsafe extern "C" fn optimize<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe { with_job(input, info, options, host, |job| P::instance().optimize(job)) }
}

unsafe extern "C" fn estimate<P: Instance>(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    out: *mut SqzEstimate,
) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    unsafe {
        with_job(input, info, options, host, |job| {
            let e = P::instance().estimate(job)?.unwrap_or_default();
            let raw = SqzEstimate {
                struct_size: size_of::<SqzEstimate>() as u32,
                lossless: u32::from(e.lossless),
                bytes: e.bytes,
            };
            write_struct(out, &raw)
        })
    }
}

unsafe extern "C" fn decode<P: Instance>(input: SqzBytes, sink: *const SqzFrameSink) -> u32 {
    // SAFETY: the host passes valid structs for the time of the call.
    let (Some(raw), input) = (unsafe { (read_struct(sink), input.as_slice()) }) else {
        return ErrorCode::Failed as u32;
    };
    guard(raw.ctx, raw.fail, || P::instance().decode(input, &mut RawSink(raw)))
}

/// # Safety
/// All pointers are null or name valid structs for the time of the call.
unsafe fn with_job(
    input: SqzBytes,
    info: *const SqzImageInfo,
    options: *const SqzOptions,
    host: *const SqzHost,
    body: impl FnOnce(&Job<'_>) -> Result<(), Error>,
) -> u32 {
    // SAFETY: the caller vouches for them.
    let read = unsafe { (read_struct(host), read_struct(info), read_struct(options), input.as_slice()) };
    let (Some(host), Some(info), Some(options), input) = read else { return ErrorCode::Failed as u32 };
    guard(host.ctx, host.fail, || {
        let info = safe_info(&info).ok_or_else(bad_call)?;
        // SAFETY: the lists in the options live as long as the call.
        let options = unsafe { safe_options(&options) }?;
        body(&Job::new(input, &info, &options, &RawHost(host)))
    })
}

/// # Safety
/// `out` must be null or name a struct that begins with its true size.
unsafe fn write_struct<T: Copy>(out: *mut T, value: &T) -> Result<(), Error> {
    if out.is_null() {
        return Err(bad_call());
    }
    // SAFETY: the host wrote the size it has room for; only that much is written, and the size stays the host's.
    unsafe {
        let room = out.cast::<u32>().read_unaligned() as usize;
        std::ptr::copy_nonoverlapping(
            std::ptr::from_ref(value).cast::<u8>(),
            out.cast(),
            room.min(size_of::<T>()),
        );
        out.cast::<u32>().write_unaligned(room as u32);
    }
    Ok(())
}

fn raw_item(item: &MetadataItem) -> SqzItem {
    SqzItem {
        struct_size: size_of::<SqzItem>() as u32,
        kind: item.kind as u32,
        name: SqzBytes::new(item.name.as_bytes()),
        length: item.length,
        hash: item.hash,
    }
}

fn raw_info(i: &ImageInfo) -> SqzImageInfo {
    let flags = [
        (i.flags.signed, SQZ_INFO_SIGNED),
        (i.flags.gain_map, SQZ_INFO_GAIN_MAP),
        (i.flags.motion_photo, SQZ_INFO_MOTION_PHOTO),
        (i.flags.damaged, SQZ_INFO_DAMAGED),
        (i.flags.frames_at_least, SQZ_INFO_FRAMES_AT_LEAST),
    ];
    SqzImageInfo {
        struct_size: size_of::<SqzImageInfo>() as u32,
        width: i.width,
        height: i.height,
        frames: i.frames,
        loop_count: i.loop_count,
        orientation: u32::from(i.orientation),
        color: i.color as u32,
        channels: u32::from(i.channels),
        sample: i.sample as u32,
        bits: u32::from(i.bits),
        alpha: i.alpha as u32,
        source_quality: u32::from(i.source_quality),
        flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum(),
        reserved: 0,
    }
}

fn safe_info(r: &SqzImageInfo) -> Option<ImageInfo> {
    Some(ImageInfo {
        width: r.width,
        height: r.height,
        frames: r.frames,
        loop_count: r.loop_count,
        orientation: u8::try_from(r.orientation).ok()?,
        color: ColorModel::from_u32(r.color)?,
        channels: u8::try_from(r.channels).ok()?,
        sample: SampleKind::from_u32(r.sample)?,
        bits: u8::try_from(r.bits).ok()?,
        alpha: AlphaKind::from_u32(r.alpha)?,
        source_quality: u8::try_from(r.source_quality).ok()?,
        flags: InfoFlags {
            signed: r.flags & SQZ_INFO_SIGNED != 0,
            gain_map: r.flags & SQZ_INFO_GAIN_MAP != 0,
            motion_photo: r.flags & SQZ_INFO_MOTION_PHOTO != 0,
            damaged: r.flags & SQZ_INFO_DAMAGED != 0,
            frames_at_least: r.flags & SQZ_INFO_FRAMES_AT_LEAST != 0,
        },
    })
}

impl SqzImageInfo {
    /// The C form of `info`.
    pub fn from_info(info: &ImageInfo) -> Self {
        raw_info(info)
    }
    /// The safe form; `None` where a value is unknown.
    pub fn to_info(&self) -> Option<ImageInfo> {
        safe_info(self)
    }
}

/// # Safety
/// The lists must be valid for the call.
unsafe fn safe_options(r: &SqzOptions) -> Result<Options, Error> {
    let bad = |what: &str| Error::new(ErrorCode::BadOption, format!("unknown {what}"));
    let quality = u8::try_from(r.quality).ok().filter(|q| (1..=100).contains(q));
    // SAFETY: the caller vouches for the lists.
    let extra = unsafe {
        r.extra
            .read::<SqzPair>(64)
            .into_iter()
            .map(|p| (p.key.as_text().into_owned(), p.value.as_text().into_owned()))
            .collect()
    };
    Ok(Options {
        mode: match r.mode {
            0 => Mode::Lossless,
            1 => Mode::Quality(quality.ok_or_else(|| bad("quality"))?),
            2 => Mode::Target(r.target as f32),
            _ => return Err(bad("mode")),
        },
        metadata: match r.metadata {
            0 => Metadata::All,
            1 => Metadata::Display,
            _ => return Err(bad("metadata policy")),
        },
        effort: match r.effort {
            0 => Effort::Fast,
            1 => Effort::Balanced,
            2 => Effort::Best,
            _ => return Err(bad("effort")),
        },
        progressive: match r.progressive {
            0 => Progressive::Auto,
            1 => Progressive::On,
            2 => Progressive::Off,
            _ => return Err(bad("progressive")),
        },
        max_reduction: Some(r.max_reduction).filter(|m| *m >= 0.0),
        limits: Limits {
            pixels: r.max_pixels,
            frames: r.max_frames,
            total_pixels: r.max_total_pixels,
            metadata_bytes: r.max_metadata_bytes,
        },
        extra,
    })
}

struct RawHost(SqzHost);

// SAFETY: the contract says that the host's functions may be called from any thread of the job.
unsafe impl Sync for RawHost {}

impl Host for RawHost {
    fn offer(&self, c: &Candidate<'_>) -> Verdict {
        let labels = |list: &[(Kind, String)]| -> Vec<SqzLabel> {
            list.iter()
                .map(|(kind, name)| SqzLabel {
                    struct_size: size_of::<SqzLabel>() as u32,
                    kind: *kind as u32,
                    name: SqzBytes::new(name.as_bytes()),
                })
                .collect()
        };
        let (kept, dropped) = (labels(c.kept), labels(c.dropped));
        let raw = SqzCandidate {
            struct_size: size_of::<SqzCandidate>() as u32,
            quality: u32::from(c.quality),
            lossless: u32::from(c.lossless),
            rank: c.rank,
            bytes: SqzBytes::new(c.bytes),
            method: SqzBytes::new(c.method.as_bytes()),
            kept: SqzList::new(&kept),
            dropped: SqzList::new(&dropped),
        };
        let Some(f) = self.0.offer else { return Verdict::Rejected };
        // SAFETY: the host's function with the host's context.
        Verdict::from_u32(unsafe { f(self.0.ctx, &raw) }).unwrap_or(Verdict::Rejected)
    }
    fn bytes_to_beat(&self, lossless: bool) -> u64 {
        // SAFETY: the host's function with the host's context.
        self.0.bytes_to_beat.map_or(u64::MAX, |f| unsafe { f(self.0.ctx, u32::from(lossless)) })
    }
    fn floor(&self) -> u64 {
        // SAFETY: the host's function with the host's context.
        self.0.floor.map_or(0, |f| unsafe { f(self.0.ctx) })
    }
    fn stop(&self) -> Option<StopReason> {
        // SAFETY: the host's function with the host's context.
        self.0.stop.and_then(|f| StopReason::from_u32(unsafe { f(self.0.ctx) }))
    }
    fn progress(&self, permille: u32) {
        if let Some(f) = self.0.progress {
            // SAFETY: the host's function with the host's context.
            unsafe { f(self.0.ctx, permille) };
        }
    }
    fn max_threads(&self) -> u32 {
        // SAFETY: the host's function with the host's context.
        self.0.max_threads.map_or(1, |f| unsafe { f(self.0.ctx) })
    }
    fn reserve(&self, bytes: u64) -> bool {
        // SAFETY: the host's function with the host's context.
        self.0.reserve.is_none_or(|f| unsafe { f(self.0.ctx, bytes) } == 1)
    }
    fn score(&self, bytes: &[u8]) -> Option<f32> {
        // SAFETY: the host's function with the host's context.
        let score = self.0.score.map_or(f64::NAN, |f| unsafe { f(self.0.ctx, SqzBytes::new(bytes)) });
        (!score.is_nan()).then_some(score as f32)
    }
    fn log(&self, level: LogLevel, text: &str) {
        if let Some(f) = self.0.log {
            // SAFETY: the host's function with the host's context.
            unsafe { f(self.0.ctx, level as u32, SqzBytes::new(text.as_bytes())) };
        }
    }
}

struct RawSink(SqzFrameSink);

fn go_on(answer: Option<u32>) -> Result<(), Stop> {
    match answer {
        None | Some(0) => Ok(()),
        Some(_) => Err(Stop),
    }
}

impl FrameSink for RawSink {
    fn image(&mut self, h: &ImageHeader) -> Result<(), Stop> {
        let raw = SqzImageHeader {
            struct_size: size_of::<SqzImageHeader>() as u32,
            width: h.width,
            height: h.height,
            loop_count: h.loop_count,
        };
        // SAFETY: the host's function with the host's context.
        go_on(self.0.image.map(|f| unsafe { f(self.0.ctx, &raw) }))
    }
    fn frame(&mut self, h: &FrameHeader) -> Result<(), Stop> {
        let raw = SqzFrameHeader {
            struct_size: size_of::<SqzFrameHeader>() as u32,
            role: h.role as u32,
            width: h.width,
            height: h.height,
            duration_num: h.duration.0,
            duration_den: h.duration.1,
            sample: h.layout.sample as u32,
            color: h.layout.color as u32,
            channels: u32::from(h.layout.channels),
            bits: u32::from(h.layout.bits),
            alpha: h.layout.alpha as u32,
            reserved: 0,
        };
        // SAFETY: the host's function with the host's context.
        go_on(self.0.frame.map(|f| unsafe { f(self.0.ctx, &raw) }))
    }
    fn rows(&mut self, count: u32, stride: usize, data: &[u8]) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.rows.map(|f| unsafe { f(self.0.ctx, count, stride as u64, SqzBytes::new(data)) }))
    }
    fn metadata(&mut self, item: &MetadataItem, value: &[u8]) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.metadata.map(|f| unsafe { f(self.0.ctx, &raw_item(item), SqzBytes::new(value)) }))
    }
    fn warning(&mut self, text: &str) -> Result<(), Stop> {
        // SAFETY: the host's function with the host's context.
        go_on(self.0.warning.map(|f| unsafe { f(self.0.ctx, SqzBytes::new(text.as_bytes())) }))
    }
}
