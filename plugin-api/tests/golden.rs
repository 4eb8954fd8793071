//! The layout of the ABI is golden: `fixtures/abi/layout.txt` changes together with the version or not at all.

use std::fmt::Write as _;
use std::path::Path;

use squeezed_plugin_api::abi::{SQZ_ABI_MAJOR, SQZ_ABI_MINOR};
use squeezed_plugin_api::{
    AlphaKind, ColorModel, Effort, ErrorCode, FrameRole, Kind, LogLevel, Metadata, Progressive, SampleKind,
    StopReason, Verdict,
};

mod layout;

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/abi/layout.txt")
}

fn version() -> String {
    format!("abi {SQZ_ABI_MAJOR}.{SQZ_ABI_MINOR}")
}

macro_rules! numbers {
    ($out:ident, $name:ident: $($variant:ident),*) => {
        $( writeln!($out, "{} {} {}", stringify!($name), stringify!($variant), $name::$variant as u32).unwrap(); )*
    };
}

fn current() -> String {
    let mut out = format!("{}\n", version());
    for l in layout::all() {
        writeln!(out, "{} size {} align {}", l.name, l.size, l.align).unwrap();
        for (field, offset) in l.fields {
            writeln!(out, "  {field} {offset}").unwrap();
        }
    }
    numbers!(out, ErrorCode: BadImage, UnsupportedFeature, WouldDegrade, TooLarge, Stopped, BadOption, Failed, Panicked);
    numbers!(out, StopReason: Cancelled, Deadline);
    numbers!(out, Verdict: Kept, NotSmaller, OverCap, Rejected, Stop);
    numbers!(out, LogLevel: Error, Warn, Info, Debug);
    numbers!(out, Metadata: All, Display);
    numbers!(out, Effort: Fast, Balanced, Best);
    numbers!(out, Progressive: Auto, On, Off);
    numbers!(out, SampleKind: U8, U16, U32, F16, F32, F64);
    numbers!(out, ColorModel: Grey, Rgb, Cmyk, Lab, Other);
    numbers!(out, AlphaKind: None, Straight, Premultiplied);
    numbers!(out, FrameRole: Picture, Page, GainMap, Depth, Thumbnail);
    for kind in Kind::ALL {
        writeln!(out, "Kind {} {}", kind.name(), kind as u32).unwrap();
    }
    out
}

#[test]
fn the_layout_is_the_golden_one() {
    let golden = std::fs::read_to_string(path()).unwrap_or_default();
    let current = current();
    if golden == current {
        return;
    }
    assert!(
        golden.lines().next() != Some(version().as_str()),
        "the ABI changed, but its version is still {}: raise SQZ_ABI_MINOR (or MAJOR) in plugin-api/src/abi/types.rs",
        version()
    );
    assert!(
        std::env::var_os("SQUEEZED_BLESS").is_some(),
        "the ABI's version is new: run this test with SQUEEZED_BLESS=1 to write fixtures/abi/layout.txt"
    );
    std::fs::write(path(), current).unwrap();
}

/// A struct that is added to the source has to be added to the golden layout too.
#[test]
fn every_struct_of_the_source_is_in_the_layout() {
    let source = include_str!("../src/abi/types.rs");
    let mut names: Vec<_> = source
        .lines()
        .filter_map(|l| l.strip_prefix("pub struct "))
        .map(|l| l.trim_end_matches(" {").to_string())
        .collect();
    let mut known: Vec<_> = layout::all().iter().map(|l| l.name.to_string()).collect();
    names.sort();
    known.sort();
    assert_eq!(names, known);
}
