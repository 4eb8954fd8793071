//! Finds libaom and dav1d and compiles the two C files that speak with them.
//!
//! libaom is looked for in this order: the system's from 3.12 on, which has tune=iq; what `make` built into `aom` in
//! cargo's target folder (scripts/aom.sh); an older one of the system; else none, and rav1e encodes. `SQUEEZED_AVIF_ENCODER`
//! = `rav1e` asks for that, `old-aom` for an older libaom: to test what a machine without network gets.

use std::path::PathBuf;

use pkg_config::Config;

/// The first with tune=iq.
const WITH_IQ: &str = "3.12";
/// The first whose interface the C file uses.
const OLDEST: &str = "3.2";

/// A libaom.
struct Aom {
    version: String,
    include: Vec<PathBuf>,
    iq: bool,
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SQUEEZED_AVIF_ENCODER");
    println!("cargo:rustc-check-cfg=cfg(aom)");
    decoder();
    encoder();
}

fn decoder() {
    println!("cargo:rerun-if-changed=c/decode.c");
    let Ok(dav1d) = Config::new().atleast_version("1.0").probe("dav1d") else {
        fail(
            "dav1d is missing: install it (Debian: apt-get install libdav1d-dev), AVIF cannot be read without it",
        );
    };
    compile("c/decode.c", "squeezed_decode", &dav1d.include_paths, false);
}

fn encoder() {
    println!("cargo:rerun-if-changed=c/encode.c");
    let asked = std::env::var("SQUEEZED_AVIF_ENCODER").unwrap_or_default();
    match asked.as_str() {
        "" | "old-aom" | "rav1e" => {}
        _ => fail("SQUEEZED_AVIF_ENCODER may be old-aom or rav1e"),
    }
    let found = match asked.as_str() {
        "rav1e" => None,
        "old-aom" => system(OLDEST, false),
        _ => system(WITH_IQ, true).or_else(built).or_else(|| system(OLDEST, false)),
    };
    match found {
        Some(aom) => {
            compile("c/encode.c", "squeezed_encode", &aom.include, aom.iq);
            println!("cargo:rustc-cfg=aom");
            if !aom.iq && asked.is_empty() {
                let version = aom.version;
                println!(
                    "cargo:warning=libaom {version} has no tune=iq: AVIF will be larger; `make` builds a newer one"
                );
            }
        }
        None if asked.is_empty() => {
            println!(
                "cargo:warning=no libaom was found: rav1e encodes AVIF, larger and slower; `make` builds libaom"
            );
        }
        None => {}
    }
}

fn system(at_least: &str, iq: bool) -> Option<Aom> {
    let found = Config::new().atleast_version(at_least).probe("aom").ok()?;
    Some(Aom { version: found.version, include: found.include_paths, iq })
}

/// What scripts/aom.sh left in the target folder.
fn built() -> Option<Aom> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR")?);
    // target/PROFILE/build/CRATE/out, and one more where a triple is named.
    let folders: Vec<_> = out.ancestors().skip(4).take(2).map(|f| f.join("aom")).collect();
    // The script writes it last, whatever came of it. Where it never ran there is none, and cargo comes back each time.
    let states: Vec<_> = folders.iter().map(|f| f.join("state")).collect();
    let watched = states.iter().find(|s| s.exists()).or(states.first())?;
    println!("cargo:rerun-if-changed={}", watched.display());
    let aom = folders.into_iter().find(|f| f.join("lib/pkgconfig/aom.pc").exists())?;
    let description = std::fs::read_to_string(aom.join("lib/pkgconfig/aom.pc")).ok()?;
    let version = description.lines().find_map(|line| line.strip_prefix("Version:"))?.trim().to_string();
    println!("cargo:rustc-link-search=native={}", aom.join("lib").display());
    println!("cargo:rustc-link-lib=static=aom");
    Some(Aom { version, include: vec![aom.join("include")], iq: true })
}

fn compile(file: &str, name: &str, include: &[PathBuf], iq: bool) {
    let mut build = cc::Build::new();
    build.file(file).includes(include).warnings(true).extra_warnings(true);
    if iq {
        build.define("SQ_HAVE_IQ", "1");
    }
    build.compile(name);
}

fn fail(text: &str) -> ! {
    println!("cargo:warning={text}");
    std::process::exit(1);
}
