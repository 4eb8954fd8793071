//! A loaded plugin as an [`Optimizer`]: every call goes through the C table and comes back as safe values.
//!
//! This is the seam for isolation: a plugin in a process of its own is an [`Optimizer`] too.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use squeezed_plugin_api::abi::{
    SQZ_OK, SqzBytes, SqzCandidate, SqzEstimate, SqzFrameHeader, SqzFrameSink, SqzHost, SqzImageHeader,
    SqzImageInfo, SqzInspectSink, SqzItem, SqzPair, SqzPlan, SqzPlugin, read_struct,
};
use squeezed_plugin_api::{
    AlphaKind, Candidate, ColorModel, Description, Error, ErrorCode, Estimate, FrameHeader, FrameRole,
    FrameSink, ImageHeader, ImageInfo, Job, LogLevel, MetadataItem, Optimizer, PixelLayout, Plan, SampleKind,
    Verdict,
};

use crate::{LoadError, convert, library};

/// A plugin in this process.
pub struct Plugin {
    table: SqzPlugin,
    description: Description,
    path: PathBuf,
}

impl Plugin {
    /// Loads the plugin in this file.
    ///
    /// # Errors
    /// Why the file is not used.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let (table, path) = library::open(path)?;
        let describe = table.describe.ok_or(LoadError::Missing("describe"))?;
        // SAFETY: the plugin's own function; what it returns is valid for ever.
        let description = unsafe { convert::description(describe()) }?;
        Ok(Self { table, description, path })
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where it was loaded from, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `call` with the C forms of a job; what the plugin told `fail` becomes the error.
    fn with_job(
        &self,
        job: &Job<'_>,
        call: impl FnOnce(
            SqzBytes,
            *const SqzImageInfo,
            *const squeezed_plugin_api::abi::SqzOptions,
            *const SqzHost,
        ) -> u32,
    ) -> Result<(), Error> {
        let mut pairs: Vec<SqzPair> = Vec::new();
        let options = convert::options(job.options, &mut pairs);
        let info = SqzImageInfo::from_info(job.info);
        let ctx = JobCtx { job, failure: Failure::default() };
        let host = SqzHost {
            struct_size: size_of::<SqzHost>() as u32,
            reserved: 0,
            ctx: std::ptr::from_ref(&ctx).cast_mut().cast(),
            offer: Some(offer),
            bytes_to_beat: Some(bytes_to_beat),
            floor: Some(floor),
            stop: Some(stop),
            progress: Some(progress),
            max_threads: Some(max_threads),
            reserve: Some(reserve),
            score: Some(score),
            log: Some(log),
            fail: Some(fail_job),
        };
        let code = call(SqzBytes::new(job.input), &info, &options, &host);
        ctx.failure.check(code)
    }
}

impl Optimizer for Plugin {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        let mut ctx = InspectCtx { items, left: MAX_ITEMS, failure: Failure::default() };
        let sink = SqzInspectSink {
            struct_size: size_of::<SqzInspectSink>() as u32,
            reserved: 0,
            ctx: std::ptr::from_mut(&mut ctx).cast(),
            item: Some(inspect_item),
            fail: Some(fail_inspect),
        };
        let mut out = SqzImageInfo { struct_size: size_of::<SqzImageInfo>() as u32, ..EMPTY_INFO };
        let call = self.table.inspect.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        let code = unsafe { call(SqzBytes::new(input), &sink, &mut out) };
        ctx.failure.check(code)?;
        let info = out
            .to_info()
            .ok_or_else(|| Error::failed("the plugin described the image with unknown values"))?;
        if info.width == 0 || info.height == 0 || info.frames == 0 {
            return Err(Error::bad_image("an image without pixels"));
        }
        Ok(info)
    }

    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        let call = self.table.plan.ok_or_else(missing)?;
        let mut out = SqzPlan {
            struct_size: size_of::<SqzPlan>() as u32,
            useful_threads: 1,
            peak_bytes: 0,
            bytes_per_thread: 0,
            expected_ns: 0,
            stop_gap_ns: 0,
        };
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe {
            call(input, info, options, host, &mut out)
        })?;
        Ok(Plan {
            peak_bytes: out.peak_bytes,
            bytes_per_thread: out.bytes_per_thread,
            expected_ns: out.expected_ns,
            useful_threads: out.useful_threads.max(1),
            stop_gap_ns: out.stop_gap_ns,
        })
    }

    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        let mut ctx = SinkCtx { sink, row_bytes: 0, failure: Failure::default() };
        let raw = SqzFrameSink {
            struct_size: size_of::<SqzFrameSink>() as u32,
            reserved: 0,
            ctx: std::ptr::from_mut(&mut ctx).cast(),
            image: Some(sink_image),
            frame: Some(sink_frame),
            rows: Some(sink_rows),
            metadata: Some(sink_metadata),
            warning: Some(sink_warning),
            fail: Some(fail_sink),
        };
        let call = self.table.decode.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        let code = unsafe { call(SqzBytes::new(input), &raw) };
        ctx.failure.check(code)
    }

    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        let call = self.table.optimize.ok_or_else(missing)?;
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe { call(input, info, options, host) })
    }

    fn estimate(&self, job: &Job<'_>) -> Result<Option<Estimate>, Error> {
        let Some(call) = self.table.estimate else { return Ok(None) };
        let mut out = SqzEstimate { struct_size: size_of::<SqzEstimate>() as u32, lossless: 0, bytes: 0 };
        // SAFETY: structs as the ABI says, alive for the call.
        self.with_job(job, |input, info, options, host| unsafe {
            call(input, info, options, host, &mut out)
        })?;
        Ok((out.bytes > 0).then_some(Estimate { bytes: out.bytes, lossless: out.lossless == 1 }))
    }
}

/// More metadata items of one file are not listened to.
const MAX_ITEMS: usize = 65_536;

const EMPTY_INFO: SqzImageInfo = SqzImageInfo {
    struct_size: 0,
    width: 0,
    height: 0,
    frames: 0,
    loop_count: 1,
    orientation: 1,
    color: 2,
    channels: 0,
    sample: 1,
    bits: 0,
    alpha: 0,
    source_quality: 0,
    flags: 0,
    reserved: 0,
};

fn missing() -> Error {
    Error::failed("the plugin lacks this function")
}

/// What a plugin told `fail`.
#[derive(Default)]
struct Failure(std::sync::Mutex<Option<String>>);

impl Failure {
    fn tell(&self, text: SqzBytes) {
        // SAFETY: the text is borrowed for the call, as the ABI says.
        let text = convert::cut(&unsafe { text.as_text() }, 1000);
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(text);
    }

    fn check(&self, code: u32) -> Result<(), Error> {
        if code == SQZ_OK {
            return Ok(());
        }
        let text = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match ErrorCode::from_u32(code) {
            Some(code) => Err(Error::new(code, text.unwrap_or_else(|| "the plugin gave no reason".into()))),
            None => Err(Error::failed(format!("the plugin returned the unknown code {code}"))),
        }
    }
}

struct JobCtx<'a> {
    job: &'a Job<'a>,
    failure: Failure,
}

struct InspectCtx<'a> {
    items: &'a mut dyn FnMut(MetadataItem),
    left: usize,
    failure: Failure,
}

struct SinkCtx<'a> {
    sink: &'a mut dyn FrameSink,
    row_bytes: usize,
    failure: Failure,
}

// Each callback below gets back the `ctx` that its table carries, from the thread(s) that the ABI allows.

/// # Safety
/// `ctx` is the `JobCtx` of a running call.
unsafe fn job<'a>(ctx: *mut c_void) -> &'a JobCtx<'a> {
    // SAFETY: the caller vouches for it; a JobCtx is only read, so many threads may.
    unsafe { &*ctx.cast::<JobCtx<'a>>() }
}

/// Runs a callback. A panic that left it would abort the process; the answer makes the plugin stop instead, and the judge
/// or the job fails for want of what was not told.
fn calm<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

unsafe extern "C" fn offer(ctx: *mut c_void, raw: *const SqzCandidate) -> u32 {
    calm(Verdict::Stop as u32, || {
        // SAFETY: as the ABI says.
        let (job, Some(c)) = (unsafe { (job(ctx), convert::candidate(raw)) }) else {
            return Verdict::Rejected as u32;
        };
        let made = Candidate {
            bytes: c.bytes,
            method: &c.method,
            quality: c.quality,
            lossless: c.lossless,
            rank: c.rank,
            kept: &c.kept,
            dropped: &c.dropped,
        };
        job.job.offer(&made).map_or(Verdict::Stop, |v| v) as u32
    })
}

unsafe extern "C" fn bytes_to_beat(ctx: *mut c_void, lossless: u32) -> u64 {
    calm(0, || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.job.bytes_to_beat(lossless == 1)
    })
}

unsafe extern "C" fn floor(ctx: *mut c_void) -> u64 {
    calm(0, || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.job.floor()
    })
}

unsafe extern "C" fn stop(ctx: *mut c_void) -> u32 {
    calm(1, || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.job.stop_reason().map_or(0, |r| r as u32)
    })
}

unsafe extern "C" fn progress(ctx: *mut c_void, permille: u32) {
    calm((), || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.job.progress(permille);
    })
}

unsafe extern "C" fn max_threads(ctx: *mut c_void) -> u32 {
    calm(1, || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.job.max_threads()
    })
}

unsafe extern "C" fn reserve(ctx: *mut c_void, bytes: u64) -> u32 {
    calm(0, || {
        // SAFETY: as the ABI says.
        u32::from(unsafe { job(ctx) }.job.reserve(bytes).is_ok())
    })
}

unsafe extern "C" fn score(ctx: *mut c_void, bytes: SqzBytes) -> f64 {
    calm(f64::NAN, || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx).job.score(bytes.as_slice()) }.map_or(f64::NAN, f64::from)
    })
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, text: SqzBytes) {
    calm((), || {
        // SAFETY: as the ABI says.
        unsafe {
            job(ctx).job.log(
                LogLevel::from_u32(level).unwrap_or(LogLevel::Info),
                &convert::cut(&text.as_text(), 1000),
            )
        };
    })
}

unsafe extern "C" fn fail_job(ctx: *mut c_void, _code: u32, text: SqzBytes) {
    calm((), || {
        // SAFETY: as the ABI says.
        unsafe { job(ctx) }.failure.tell(text);
    })
}

unsafe extern "C" fn inspect_item(ctx: *mut c_void, raw: *const SqzItem) {
    calm((), || {
        // SAFETY: `ctx` is the InspectCtx of the running call, used by its thread alone.
        let (ctx, item) = unsafe { (&mut *ctx.cast::<InspectCtx<'_>>(), convert::item(raw)) };
        if let (Some(item), 1..) = (item, ctx.left) {
            ctx.left -= 1;
            (ctx.items)(item);
        }
    })
}

unsafe extern "C" fn fail_inspect(ctx: *mut c_void, _code: u32, text: SqzBytes) {
    calm((), || {
        // SAFETY: `ctx` is the InspectCtx of the running call, used by its thread alone.
        unsafe { &*ctx.cast::<InspectCtx<'_>>() }.failure.tell(text);
    })
}

/// # Safety
/// `ctx` is the `SinkCtx` of a running call, used by its thread alone.
unsafe fn sink<'a>(ctx: *mut c_void) -> &'a mut SinkCtx<'a> {
    // SAFETY: the caller vouches for it.
    unsafe { &mut *ctx.cast::<SinkCtx<'a>>() }
}

const STOP: u32 = 1;

unsafe extern "C" fn sink_image(ctx: *mut c_void, raw: *const SqzImageHeader) -> u32 {
    calm(STOP, || {
        // SAFETY: as the ABI says.
        let (ctx, Some(h)) = (unsafe { (sink(ctx), read_struct(raw)) }) else { return STOP };
        let header = ImageHeader { width: h.width, height: h.height, loop_count: h.loop_count };
        u32::from(ctx.sink.image(&header).is_err())
    })
}

unsafe extern "C" fn sink_frame(ctx: *mut c_void, raw: *const SqzFrameHeader) -> u32 {
    calm(STOP, || {
        // SAFETY: as the ABI says.
        let (ctx, Some(h)) = (unsafe { (sink(ctx), read_struct(raw)) }) else { return STOP };
        let known = (
            FrameRole::from_u32(h.role),
            SampleKind::from_u32(h.sample),
            ColorModel::from_u32(h.color),
            AlphaKind::from_u32(h.alpha),
            u8::try_from(h.channels),
            u8::try_from(h.bits),
        );
        let (Some(role), Some(sample), Some(color), Some(alpha), Ok(channels), Ok(bits)) = known else {
            return STOP;
        };
        let layout = PixelLayout { sample, color, channels, bits, alpha };
        ctx.row_bytes = (h.width as usize).saturating_mul(layout.pixel_bytes());
        let header = FrameHeader {
            role,
            width: h.width,
            height: h.height,
            duration: (h.duration_num, h.duration_den.max(1)),
            layout,
        };
        u32::from(ctx.sink.frame(&header).is_err())
    })
}

unsafe extern "C" fn sink_rows(ctx: *mut c_void, count: u32, stride: u64, data: SqzBytes) -> u32 {
    calm(STOP, || {
        // SAFETY: as the ABI says.
        let (ctx, data) = unsafe { (sink(ctx), data.as_slice()) };
        let Ok(stride) = usize::try_from(stride) else { return STOP };
        let needed = (count as usize).saturating_sub(1).saturating_mul(stride).saturating_add(ctx.row_bytes);
        if count == 0 || stride < ctx.row_bytes || data.len() < needed {
            return STOP;
        }
        u32::from(ctx.sink.rows(count, stride, data).is_err())
    })
}

unsafe extern "C" fn sink_metadata(ctx: *mut c_void, raw: *const SqzItem, value: SqzBytes) -> u32 {
    calm(STOP, || {
        // SAFETY: as the ABI says.
        let (ctx, Some(item), value) = (unsafe { (sink(ctx), convert::item(raw), value.as_slice()) }) else {
            return 0;
        };
        u32::from(ctx.sink.metadata(&item, value).is_err())
    })
}

unsafe extern "C" fn sink_warning(ctx: *mut c_void, text: SqzBytes) -> u32 {
    calm(STOP, || {
        // SAFETY: as the ABI says.
        let (ctx, text) = unsafe { (sink(ctx), text.as_text()) };
        u32::from(ctx.sink.warning(&text).is_err())
    })
}

unsafe extern "C" fn fail_sink(ctx: *mut c_void, _code: u32, text: SqzBytes) {
    calm((), || {
        // SAFETY: as the ABI says.
        unsafe { sink(ctx) }.failure.tell(text);
    })
}
