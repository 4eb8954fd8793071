//! Calls a plugin through its table as a host does, with a host made by hand.

use std::ffi::c_void;
use std::sync::Mutex;

use squeezed_plugin_api::abi::*;
use squeezed_plugin_api::{
    AlphaKind, Candidate, ColdCost, ColorModel, Description, Effort, Error, ErrorCode, Format, FrameHeader,
    FrameSink, ImageHeader, ImageInfo, InfoFlags, Job, Kind, Magic, MetadataItem, Optimizer, PixelLayout,
    Plan, SampleKind, Verdict, export_plugin,
};

/// Does what the first byte of its input says.
struct Puppet;
export_plugin!(Puppet);

fn info() -> ImageInfo {
    ImageInfo {
        width: 3,
        height: 2,
        frames: 1,
        loop_count: 1,
        orientation: 6,
        color: ColorModel::Rgb,
        channels: 3,
        sample: SampleKind::U8,
        bits: 8,
        alpha: AlphaKind::None,
        source_quality: 77,
        flags: InfoFlags { signed: true, ..InfoFlags::default() },
    }
}

impl Optimizer for Puppet {
    fn describe(&self) -> Description {
        Description {
            id: "puppet".into(),
            version: "1.2.3".into(),
            licence: "MIT".into(),
            codecs: "none".into(),
            formats: vec![Format {
                name: "pup".into(),
                mime: "image/x-pup".into(),
                extensions: vec!["pup".into(), "puppet".into()],
                magic: vec![vec![Magic::at(0, b"PU"), Magic::at(4, b"P")], vec![Magic::at(0, b"pu")]],
            }],
            capabilities: vec!["lossless".into()],
            costs: vec![ColdCost { lossy: true, effort: Effort::Best, ns_per_pixel: 5, bytes_per_pixel: 7 }],
        }
    }
    fn inspect(&self, input: &[u8], items: &mut dyn FnMut(MetadataItem)) -> Result<ImageInfo, Error> {
        match input.first() {
            Some(b'i') => {
                items(MetadataItem::new(Kind::Icc, "iCCP", b"profile"));
                Ok(info())
            }
            Some(b'p') => panic!("inspect of {} bytes", input.len()),
            _ => Err(Error::bad_image("not a puppet")),
        }
    }
    fn plan(&self, job: &Job<'_>) -> Result<Plan, Error> {
        if let Some((key, value)) = job.options.extra.first() {
            return Err(Error::new(ErrorCode::BadOption, format!("no option {key} ({value})")));
        }
        let peak_bytes = job.options.quality().map_or(0, u64::from);
        Ok(Plan { peak_bytes, expected_ns: 9, ..Plan::default() })
    }
    fn decode(&self, input: &[u8], sink: &mut dyn FrameSink) -> Result<(), Error> {
        sink.image(&ImageHeader { width: 1, height: 2, loop_count: 1 })?;
        let layout = PixelLayout { channels: 3, bits: 8, ..PixelLayout::default() };
        sink.frame(&FrameHeader {
            width: 1,
            height: 2,
            duration: (1, 25),
            layout,
            ..FrameHeader::default()
        })?;
        sink.rows(2, 3, input)?;
        sink.warning("late")?;
        Ok(())
    }
    fn optimize(&self, job: &Job<'_>) -> Result<(), Error> {
        match job.input.first() {
            Some(b'o') => {
                let (kept, dropped) =
                    ([(Kind::Icc, "iCCP".to_string())], [(Kind::Gps, "GPSLatitude".to_string())]);
                let candidate = Candidate::lossy(b"small", "puppet-q80", 80).with_metadata(&kept, &dropped);
                let verdict = job.offer(&candidate.with_rank(3))?;
                assert_eq!(verdict, Verdict::Kept);
                job.check()?;
                Ok(())
            }
            Some(b'p') => panic!("at work"),
            Some(b't') => std::thread::spawn(|| panic!("in a thread"))
                .join()
                .map_err(|payload| std::panic::resume_unwind(payload)),
            Some(b's') => loop {
                job.check()?;
            },
            _ => Err(Error::unsupported("strings")),
        }
    }
}

/// Bytes, method, quality, lossless, rank, how many kept and dropped.
type SeenOffer = (Vec<u8>, String, u32, u32, u32, usize, usize);
type Change = fn(&mut SqzOptions);

/// What the callbacks saw.
#[derive(Default)]
struct Seen {
    failures: Vec<(u32, String)>,
    offers: Vec<SeenOffer>,
    items: Vec<(u32, String, u64)>,
    calls: Vec<String>,
    stop: u32,
    verdict: u32,
}

type Ctx = Mutex<Seen>;

fn seen<'a>(ctx: *mut c_void) -> std::sync::MutexGuard<'a, Seen> {
    // SAFETY: every call below passes a `Ctx` that outlives it.
    unsafe { &*ctx.cast::<Ctx>() }.lock().unwrap()
}

fn text(bytes: SqzBytes) -> String {
    // SAFETY: borrowed for the call.
    unsafe { bytes.as_text() }.into_owned()
}

unsafe extern "C" fn fail(ctx: *mut c_void, code: u32, message: SqzBytes) {
    seen(ctx).failures.push((code, text(message)));
}
unsafe extern "C" fn offer(ctx: *mut c_void, candidate: *const SqzCandidate) -> u32 {
    // SAFETY: the plugin passes a candidate for the time of the call.
    let c = unsafe { read_struct(candidate) }.unwrap();
    // SAFETY: as above.
    let bytes = unsafe { c.bytes.as_slice() }.to_vec();
    // SAFETY: as above.
    let (kept, dropped) = unsafe { (c.kept.read::<SqzLabel>(9), c.dropped.read::<SqzLabel>(9)) };
    assert_eq!((kept[0].kind, text(kept[0].name)), (1, "iCCP".into()));
    let mut seen = seen(ctx);
    seen.offers.push((bytes, text(c.method), c.quality, c.lossless, c.rank, kept.len(), dropped.len()));
    seen.verdict
}
unsafe extern "C" fn stop(ctx: *mut c_void) -> u32 {
    seen(ctx).stop
}
unsafe extern "C" fn item(ctx: *mut c_void, item: *const SqzItem) {
    // SAFETY: the plugin passes an item for the time of the call.
    let i = unsafe { read_struct(item) }.unwrap();
    seen(ctx).items.push((i.kind, text(i.name), i.length));
}

fn host(ctx: &Ctx) -> SqzHost {
    SqzHost {
        struct_size: size_of::<SqzHost>() as u32,
        reserved: 0,
        ctx: std::ptr::from_ref(ctx).cast_mut().cast(),
        offer: Some(offer),
        bytes_to_beat: None,
        floor: None,
        stop: Some(stop),
        progress: None,
        max_threads: None,
        reserve: None,
        score: None,
        log: None,
        fail: Some(fail),
    }
}

fn options() -> SqzOptions {
    SqzOptions {
        struct_size: size_of::<SqzOptions>() as u32,
        mode: SQZ_MODE_QUALITY,
        quality: 80,
        metadata: 0,
        effort: 1,
        progressive: 0,
        target: 0.0,
        max_reduction: -1.0,
        max_pixels: 100,
        max_frames: 1,
        max_total_pixels: 100,
        max_metadata_bytes: 100,
        extra: SqzList { items: std::ptr::null(), count: 0, stride: 0 },
    }
}

fn empty_plan() -> SqzPlan {
    SqzPlan {
        struct_size: size_of::<SqzPlan>() as u32,
        useful_threads: 0,
        peak_bytes: 0,
        bytes_per_thread: 0,
        expected_ns: 0,
        stop_gap_ns: 0,
    }
}

fn table() -> &'static SqzPlugin {
    // SAFETY: the table is constant and lives for ever.
    unsafe { &*squeezed_plugin_entry() }
}

fn optimize(input: &[u8], ctx: &Ctx) -> u32 {
    let info = SqzImageInfo::from_info(&info());
    // SAFETY: all structs live for the call.
    unsafe { table().optimize.unwrap()(SqzBytes::new(input), &info, &options(), &host(ctx)) }
}

fn plan(options: &SqzOptions, ctx: &Ctx) -> (u32, SqzPlan) {
    let (info, mut out) = (SqzImageInfo::from_info(&info()), empty_plan());
    // SAFETY: all structs live for the call.
    let code = unsafe { table().plan.unwrap()(SqzBytes::new(b"x"), &info, options, &host(ctx), &mut out) };
    (code, out)
}

fn inspect(input: &[u8], ctx: &Ctx, out: *mut SqzImageInfo) -> u32 {
    let sink = SqzInspectSink {
        struct_size: size_of::<SqzInspectSink>() as u32,
        reserved: 0,
        ctx: std::ptr::from_ref(ctx).cast_mut().cast(),
        item: Some(item),
        fail: Some(fail),
    };
    // SAFETY: all structs live for the call; a null `out` is part of the test.
    unsafe { table().inspect.unwrap()(SqzBytes::new(input), &sink, out) }
}

fn with(stop: u32, verdict: u32) -> Ctx {
    Mutex::new(Seen { stop, verdict, ..Seen::default() })
}

#[test]
fn the_table_says_who_it_is() {
    let t = table();
    assert_eq!((t.magic, t.abi_major, t.abi_minor), (SQZ_MAGIC, 1, 0));
    assert_eq!(t.magic.to_le_bytes(), *b"SQZPLUG1");
    assert_eq!(t.struct_size as usize, size_of::<SqzPlugin>());
}

#[test]
fn the_description_is_read_back_in_full() {
    // SAFETY: the description lives for ever.
    let d = unsafe { read_struct(table().describe.unwrap()()) }.unwrap();
    assert_eq!(
        (text(d.id), text(d.version), text(d.licence)),
        ("puppet".into(), "1.2.3".into(), "MIT".into())
    );
    // SAFETY: as above, all that it points to as well.
    let (formats, costs) = unsafe { (d.formats.read::<SqzFormat>(9), d.costs.read::<SqzCost>(9)) };
    assert_eq!(
        (costs[0].lossy, costs[0].effort, costs[0].ns_per_pixel, costs[0].bytes_per_pixel),
        (1, 2, 5, 7)
    );
    // SAFETY: as above.
    let (extensions, sets) =
        unsafe { (formats[0].extensions.read::<SqzBytes>(9), formats[0].magic.read::<SqzMagicSet>(9)) };
    assert_eq!(extensions.into_iter().map(text).collect::<Vec<_>>(), ["pup", "puppet"]);
    // SAFETY: as above.
    let magic: Vec<Vec<SqzMagic>> = sets.iter().map(|s| unsafe { s.magic.read(9) }).collect();
    assert_eq!(magic.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        (magic[0][1].offset, text(magic[0][1].bytes), text(magic[0][1].mask)),
        (4, "P".into(), "".into())
    );
    // SAFETY: both calls give the same for ever.
    assert_eq!(unsafe { table().describe.unwrap()() }, unsafe { table().describe.unwrap()() });
}

#[test]
fn inspect_gives_facts_and_items() {
    let ctx = with(0, 1);
    let mut out = SqzImageInfo { width: 0, height: 0, ..SqzImageInfo::from_info(&info()) };
    assert_eq!(inspect(b"i", &ctx, &mut out), SQZ_OK);
    assert_eq!(out.to_info(), Some(info()));
    assert_eq!(ctx.lock().unwrap().items, [(1, "iCCP".to_string(), 7)]);
}

#[test]
fn an_error_is_told_before_its_code_is_returned() {
    let ctx = with(0, 1);
    let mut out = SqzImageInfo::from_info(&info());
    assert_eq!(inspect(b"?", &ctx, &mut out), ErrorCode::BadImage as u32);
    assert_eq!(optimize(b"?", &ctx), ErrorCode::UnsupportedFeature as u32);
    let failures = &ctx.lock().unwrap().failures;
    assert_eq!(failures[..], [(1, "not a puppet".to_string()), (2, "strings".to_string())]);
}

#[test]
fn a_panic_is_caught_with_its_text_and_place() {
    let ctx = with(0, 1);
    assert_eq!(optimize(b"p", &ctx), ErrorCode::Panicked as u32);
    assert_eq!(optimize(b"t", &ctx), ErrorCode::Panicked as u32);
    let mut out = SqzImageInfo::from_info(&info());
    assert_eq!(inspect(b"pp", &ctx, &mut out), ErrorCode::Panicked as u32);
    let failures = &ctx.lock().unwrap().failures;
    assert!(failures[0].1.starts_with("at work at ") && failures[0].1.contains("abi.rs:"), "{failures:?}");
    assert_eq!(failures[1], (8, "in a thread".to_string()));
    assert!(failures[2].1.starts_with("inspect of 2 bytes at "), "{failures:?}");
}

#[test]
fn an_offer_arrives_with_all_its_fields() {
    let ctx = with(0, Verdict::Kept as u32);
    assert_eq!(optimize(b"o", &ctx), SQZ_OK);
    let offers = &ctx.lock().unwrap().offers;
    assert_eq!(offers[..], [(b"small".to_vec(), "puppet-q80".to_string(), 80, 0, 3, 1, 1)]);
}

#[test]
fn stop_ends_the_job_from_a_verdict_and_from_a_poll() {
    assert_eq!(optimize(b"o", &with(0, Verdict::Stop as u32)), ErrorCode::Stopped as u32);
    for reason in [1, 2, 99] {
        assert_eq!(optimize(b"s", &with(reason, 1)), ErrorCode::Stopped as u32, "reason {reason}");
    }
}

#[test]
fn a_verdict_that_is_not_known_counts_as_rejected() {
    let ctx = with(0, 77);
    assert_eq!(optimize(b"o", &ctx), ErrorCode::Panicked as u32); // the puppet asserts `Kept`
    assert!(ctx.lock().unwrap().failures[0].1.contains("Rejected"));
}

#[test]
fn unknown_values_of_options_are_refused_by_name() {
    let cases: [(&str, Change); 8] = [
        ("mode", |o| o.mode = 3),
        ("quality", |o| o.quality = 101),
        ("metadata", |o| o.metadata = 2),
        ("effort", |o| o.effort = 3),
        ("progressive", |o| o.progressive = 3),
        ("max_reduction", |o| o.max_reduction = f64::NAN),
        ("max_reduction", |o| o.max_reduction = 101.0),
        ("mode", |o| (o.mode, o.target) = (SQZ_MODE_TARGET, f64::NAN)),
    ];
    for (name, change) in cases {
        let (ctx, mut o) = (with(0, 1), options());
        change(&mut o);
        assert_eq!(plan(&o, &ctx).0, ErrorCode::BadOption as u32, "{name}");
        assert!(ctx.lock().unwrap().failures[0].1.contains(name), "{name}");
    }
}

#[test]
fn options_of_one_plugin_arrive_and_none_is_lost() {
    let pair = SqzPair { key: SqzBytes::new(b"strings"), value: SqzBytes::new(b"3") };
    let (ctx, mut o) = (with(0, 1), options());
    let one = [pair];
    o.extra = SqzList::new(&one);
    assert_eq!(plan(&o, &ctx).0, ErrorCode::BadOption as u32);
    assert_eq!(ctx.lock().unwrap().failures[0].1, "no option strings (3)");
    let many = [pair; 65];
    o.extra = SqzList::new(&many);
    assert_eq!(plan(&o, &ctx).0, ErrorCode::BadOption as u32);
    assert!(ctx.lock().unwrap().failures[1].1.contains("65 keys"));
}

#[test]
fn facts_with_unknown_values_are_refused() {
    let ctx = with(0, 1);
    let raw = SqzImageInfo { color: 9, ..SqzImageInfo::from_info(&info()) };
    // SAFETY: all structs live for the call.
    let code = unsafe { table().optimize.unwrap()(SqzBytes::new(b"o"), &raw, &options(), &host(&ctx)) };
    assert_eq!(code, ErrorCode::Failed as u32);
    assert!(raw.to_info().is_none());
}

#[test]
fn a_shorter_struct_of_an_older_host_is_read_and_written_no_further() {
    // Options that end before `max_reduction` and the limits: read as zeros, and a cap of 0 loses nothing.
    let (ctx, mut o) = (with(0, 1), options());
    o.struct_size = std::mem::offset_of!(SqzOptions, max_reduction) as u32;
    o.extra = SqzList { items: std::ptr::dangling(), count: 1, stride: 4 };
    assert_eq!(plan(&o, &ctx).0, SQZ_OK);
    // A plan that ends before `expected_ns` keeps what lies behind it.
    let (info, mut out) = (SqzImageInfo::from_info(&info()), empty_plan());
    out.struct_size = std::mem::offset_of!(SqzPlan, expected_ns) as u32;
    out.expected_ns = 4711;
    // SAFETY: all structs live for the call.
    let code =
        unsafe { table().plan.unwrap()(SqzBytes::new(b"x"), &info, &options(), &host(&ctx), &mut out) };
    assert_eq!((code, out.peak_bytes, out.expected_ns), (SQZ_OK, 80, 4711));
    assert_eq!(out.struct_size as usize, std::mem::offset_of!(SqzPlan, expected_ns));
}

#[test]
fn a_longer_struct_of_a_newer_host_is_read_as_far_as_known() {
    #[repr(C)]
    struct Newer {
        known: SqzOptions,
        more: [u64; 4],
    }
    let mut newer = Newer { known: options(), more: [u64::MAX; 4] };
    newer.known.struct_size = size_of::<Newer>() as u32;
    let (ctx, info, mut out) = (with(0, 1), SqzImageInfo::from_info(&info()), empty_plan());
    let at = std::ptr::from_ref(&newer).cast::<SqzOptions>();
    // SAFETY: all structs live for the call.
    let code = unsafe { table().plan.unwrap()(SqzBytes::new(b"x"), &info, at, &host(&ctx), &mut out) };
    assert_eq!((code, out.peak_bytes), (SQZ_OK, 80));
    assert_eq!(newer.more, [u64::MAX; 4]);
}

#[test]
fn a_list_of_longer_elements_is_read_by_its_stride() {
    #[repr(C)]
    struct Longer(SqzLabel, u64);
    let label = |kind| SqzLabel { struct_size: size_of::<Longer>() as u32, kind, name: SqzBytes::new(b"n") };
    let list = [Longer(label(1), 7), Longer(label(2), 8)];
    // SAFETY: the list lives for the call.
    let read = unsafe { SqzList::new(&list).read::<SqzLabel>(9) };
    assert_eq!(read.iter().map(|l| l.kind).collect::<Vec<_>>(), [1, 2]);
    // SAFETY: as above.
    assert_eq!(unsafe { SqzList::new(&list).read::<SqzLabel>(1) }.len(), 1);
}

#[test]
fn null_pointers_are_refused() {
    let ctx = with(0, 1);
    assert_eq!(inspect(b"i", &ctx, std::ptr::null_mut()), ErrorCode::Failed as u32);
    let (info, null) = (SqzImageInfo::from_info(&info()), SqzBytes { ptr: std::ptr::null(), len: 5 });
    let t = table();
    // SAFETY: null is what this test is about.
    unsafe {
        let failed = ErrorCode::Failed as u32;
        assert_eq!(t.decode.unwrap()(SqzBytes::new(b"x"), std::ptr::null()), failed);
        assert_eq!(t.inspect.unwrap()(null, std::ptr::null(), std::ptr::null_mut()), failed);
        assert_eq!(t.optimize.unwrap()(null, &info, &options(), std::ptr::null()), failed);
        assert_eq!(t.optimize.unwrap()(null, &info, std::ptr::null(), &host(&ctx)), failed);
        assert_eq!(t.optimize.unwrap()(null, std::ptr::null(), &options(), &host(&ctx)), failed);
        assert!(null.as_slice().is_empty());
    }
}

#[test]
fn decode_sends_headers_rows_and_warnings_and_heeds_stop() {
    unsafe extern "C" fn image(ctx: *mut c_void, h: *const SqzImageHeader) -> u32 {
        // SAFETY: the plugin passes a header for the time of the call.
        let h = unsafe { read_struct(h) }.unwrap();
        let mut seen = seen(ctx);
        seen.calls.push(format!("image {}x{}", h.width, h.height));
        seen.stop
    }
    unsafe extern "C" fn frame(ctx: *mut c_void, h: *const SqzFrameHeader) -> u32 {
        // SAFETY: as above.
        let h = unsafe { read_struct(h) }.unwrap();
        let line =
            format!("frame {}/{} {} {} {}", h.duration_num, h.duration_den, h.sample, h.color, h.channels);
        seen(ctx).calls.push(line);
        0
    }
    unsafe extern "C" fn rows(ctx: *mut c_void, count: u32, stride: u64, data: SqzBytes) -> u32 {
        seen(ctx).calls.push(format!("rows {count} {stride} {}", text(data)));
        0
    }
    unsafe extern "C" fn warning(ctx: *mut c_void, what: SqzBytes) -> u32 {
        seen(ctx).calls.push(text(what));
        0
    }
    let decode = |ctx: &Ctx| {
        let sink = SqzFrameSink {
            struct_size: size_of::<SqzFrameSink>() as u32,
            reserved: 0,
            ctx: std::ptr::from_ref(ctx).cast_mut().cast(),
            image: Some(image),
            frame: Some(frame),
            rows: Some(rows),
            metadata: None,
            warning: Some(warning),
            fail: Some(fail),
        };
        // SAFETY: all structs live for the call.
        unsafe { table().decode.unwrap()(SqzBytes::new(b"abcdef"), &sink) }
    };
    let ctx = with(0, 1);
    assert_eq!(decode(&ctx), SQZ_OK);
    assert_eq!(ctx.lock().unwrap().calls, ["image 1x2", "frame 1/25 1 2 3", "rows 2 3 abcdef", "late"]);
    let ctx = with(1, 1);
    assert_eq!(decode(&ctx), ErrorCode::Stopped as u32);
    assert_eq!(ctx.lock().unwrap().calls, ["image 1x2"]);
}

#[test]
fn an_estimate_left_to_the_host_is_zero_bytes() {
    let (ctx, info) = (with(0, 1), SqzImageInfo::from_info(&info()));
    let mut out = SqzEstimate { struct_size: size_of::<SqzEstimate>() as u32, lossless: 1, bytes: 9 };
    // SAFETY: all structs live for the call.
    let code =
        unsafe { table().estimate.unwrap()(SqzBytes::new(b"x"), &info, &options(), &host(&ctx), &mut out) };
    assert_eq!((code, out.bytes, out.lossless), (SQZ_OK, 0, 0));
}
