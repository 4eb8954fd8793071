//! What a plugin calls back during a call: C functions that lead to safe values. Panics end here.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use squeezed_plugin_api::abi::{
    SQZ_OK, SqzBytes, SqzCandidate, SqzFrameHeader, SqzFrameSink, SqzHost, SqzImageHeader, SqzInspectSink,
    SqzItem, read_struct,
};
use squeezed_plugin_api::{
    AlphaKind, Candidate, ColorModel, Error, ErrorCode, FrameHeader, FrameRole, FrameSink, ImageHeader, Job,
    LogLevel, MetadataItem, PixelLayout, SampleKind, Verdict,
};

use crate::convert;

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

/// More metadata items of one file are not listened to.
const MAX_ITEMS: usize = 65_536;

/// What a job's callbacks work on.
pub struct JobCtx<'a> {
    job: &'a Job<'a>,
    failure: Failure,
}

/// What the callbacks of `inspect` work on.
pub struct InspectCtx<'a> {
    items: &'a mut dyn FnMut(MetadataItem),
    left: usize,
    failure: Failure,
}

/// What the callbacks of `decode` work on.
pub struct SinkCtx<'a> {
    sink: &'a mut dyn FrameSink,
    row_bytes: usize,
    failure: Failure,
}

impl<'a> JobCtx<'a> {
    pub fn new(job: &'a Job<'a>) -> Self {
        Self { job, failure: Failure::default() }
    }

    /// The table for one call; it points to this value.
    pub fn table(&self) -> SqzHost {
        SqzHost {
            struct_size: size_of::<SqzHost>() as u32,
            reserved: 0,
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
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
        }
    }

    /// Turns what the call returned into what the plugin said.
    pub fn check(&self, code: u32) -> Result<(), Error> {
        self.failure.check(code)
    }
}

impl<'a> InspectCtx<'a> {
    pub fn new(items: &'a mut dyn FnMut(MetadataItem)) -> Self {
        Self { items, left: MAX_ITEMS, failure: Failure::default() }
    }

    /// The table for one call; it points to this value.
    pub fn table(&mut self) -> SqzInspectSink {
        SqzInspectSink {
            struct_size: size_of::<SqzInspectSink>() as u32,
            reserved: 0,
            ctx: std::ptr::from_mut(self).cast(),
            item: Some(inspect_item),
            fail: Some(fail_inspect),
        }
    }

    /// Turns what the call returned into what the plugin said.
    pub fn check(&self, code: u32) -> Result<(), Error> {
        self.failure.check(code)
    }
}

impl<'a> SinkCtx<'a> {
    pub fn new(sink: &'a mut dyn FrameSink) -> Self {
        Self { sink, row_bytes: 0, failure: Failure::default() }
    }

    /// The table for one call; it points to this value.
    pub fn table(&mut self) -> SqzFrameSink {
        SqzFrameSink {
            struct_size: size_of::<SqzFrameSink>() as u32,
            reserved: 0,
            ctx: std::ptr::from_mut(self).cast(),
            image: Some(sink_image),
            frame: Some(sink_frame),
            rows: Some(sink_rows),
            metadata: Some(sink_metadata),
            warning: Some(sink_warning),
            fail: Some(fail_sink),
        }
    }

    /// Turns what the call returned into what the plugin said.
    pub fn check(&self, code: u32) -> Result<(), Error> {
        self.failure.check(code)
    }
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
