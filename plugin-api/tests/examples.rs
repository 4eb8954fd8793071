//! The example plugins do what the guide says: the one in Rust through the trait, the one in C through its table.

use std::ffi::c_void;
use std::path::Path;
use std::process::Command;

use squeezed_plugin_api::abi::*;
use squeezed_plugin_api::{ErrorCode, Kind, Metadata, Options, testing};

#[path = "../examples/ppm.rs"]
mod ppm;

const TEXTUAL: &[u8] = b"P3\n# by hand\n2 1\n255\n1 2 3  250 251 252\n";

#[test]
fn ppm_becomes_binary_and_keeps_its_comments() {
    let winner = testing::run(&ppm::Ppm, TEXTUAL, &Options::default()).unwrap().winner().unwrap();
    assert_eq!(winner.bytes, b"P6\n# by hand\n2 1\n255\n\x01\x02\x03\xfa\xfb\xfc");
    assert_eq!(winner.kept, [(Kind::Comment, "comment".to_string())]);
    // Items are equal before and after, so the judge finds what was kept.
    let items = |bytes: &[u8]| testing::items(&ppm::Ppm, bytes).unwrap();
    assert_eq!(items(TEXTUAL), items(&winner.bytes));
    // A second run finds nothing smaller.
    assert!(testing::run(&ppm::Ppm, &winner.bytes, &Options::default()).unwrap().winner().is_none());
}

#[test]
fn ppm_drops_comments_only_when_asked() {
    let options = Options { metadata: Metadata::Display, ..Options::default() };
    let winner = testing::run(&ppm::Ppm, TEXTUAL, &options).unwrap().winner().unwrap();
    assert_eq!(winner.bytes, b"P6\n2 1\n255\n\x01\x02\x03\xfa\xfb\xfc");
    assert_eq!(winner.dropped.len(), 1);
}

#[test]
fn a_cut_or_lying_ppm_is_refused() {
    // From 21 on the header is whole; a cut inside `255` would be another picture, not a damaged one.
    for cut in (0..18).chain(21..TEXTUAL.len() - 4) {
        let Err(e) = testing::run(&ppm::Ppm, &TEXTUAL[..cut], &Options::default()) else {
            panic!("cut at {cut} was taken");
        };
        assert_eq!(e.code, ErrorCode::BadImage, "{cut}: {e}");
    }
    let Err(e) = testing::run(&ppm::Ppm, b"P6 99999 99999 255 x", &Options::default()) else {
        panic!("taken")
    };
    assert_eq!(e.code, ErrorCode::TooLarge);
}

#[derive(Default)]
struct Told {
    offer: Vec<u8>,
    failure: (u32, String),
}

unsafe extern "C" fn offer(ctx: *mut c_void, candidate: *const SqzCandidate) -> u32 {
    // SAFETY: the context is the `Told` of the call, the candidate is valid for it.
    unsafe { (*ctx.cast::<Told>()).offer = read_struct(candidate).unwrap().bytes.as_slice().to_vec() };
    1
}

unsafe extern "C" fn fail(ctx: *mut c_void, code: u32, text: SqzBytes) {
    // SAFETY: the context is the `Told` of the call, the text is valid for it.
    unsafe { (*ctx.cast::<Told>()).failure = (code, text.as_text().into_owned()) };
}

/// Inspects and optimizes through the table.
fn drive(table: &SqzPlugin, input: &[u8]) -> (u32, Told) {
    let mut told = Told::default();
    let ctx: *mut c_void = std::ptr::from_mut(&mut told).cast();
    // SAFETY: these structs are valid when zero, their functions absent.
    let (mut sink, mut info, mut options, mut host): (SqzInspectSink, SqzImageInfo, SqzOptions, SqzHost) =
        unsafe { std::mem::zeroed() };
    sink.struct_size = size_of::<SqzInspectSink>() as u32;
    info.struct_size = size_of::<SqzImageInfo>() as u32;
    options.struct_size = size_of::<SqzOptions>() as u32;
    host.struct_size = size_of::<SqzHost>() as u32;
    (sink.ctx, host.ctx) = (ctx, ctx);
    sink.fail = Some(fail);
    host.fail = Some(fail);
    host.offer = Some(offer);
    options.max_pixels = 1000;
    let input = SqzBytes::new(input);
    // SAFETY: all structs live for the calls.
    let code = unsafe {
        match table.inspect.unwrap()(input, &sink, &mut info) {
            SQZ_OK => table.optimize.unwrap()(input, &info, &options, &host),
            code => code,
        }
    };
    (code, told)
}

#[test]
fn a_plugin_in_c_is_loaded_and_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libpgm.so");
    let done = Command::new("gcc")
        .args(["-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-I"])
        .arg(root.join("include"))
        .arg(root.join("examples/pgm.c"))
        .arg("-o")
        .arg(&path)
        .status()
        .unwrap();
    assert!(done.success());
    // SAFETY: the library was just built from our own source; it runs nothing when loaded.
    let library = unsafe { libloading::Library::new(&path) }.unwrap();
    // SAFETY: the header gives the entry this type.
    let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const SqzPlugin>(SQZ_ENTRY) }.unwrap();
    // SAFETY: the table is constant and valid while the library is loaded.
    let table = unsafe { &*entry() };
    assert_eq!((table.magic, table.struct_size as usize), (SQZ_MAGIC, size_of::<SqzPlugin>()));
    // SAFETY: as above.
    let description = unsafe { read_struct(table.describe.unwrap()()) }.unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { description.id.as_text() }, "pgm");

    let (code, told) = drive(table, b"P2 3 1 255 7 8 255\n");
    assert_eq!((code, told.offer.as_slice()), (SQZ_OK, b"P5\n3 1\n255\n\x07\x08\xff".as_slice()));
    let (code, told) = drive(table, b"P2 3 1 255 7 8");
    assert_eq!((code, told.failure), (1, (1, "ends before its last pixel".to_string())));
    let (code, told) = drive(table, b"P5 9000 9000 255 7");
    assert_eq!((code, told.failure.1.as_str()), (4, "more pixels than allowed"));
}
