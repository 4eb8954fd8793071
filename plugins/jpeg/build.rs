//! Refuses to build without nasm: mozjpeg-sys would silently leave out its SIMD code and be several times slower.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    let target = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(target.as_str(), "x86" | "x86_64") {
        return;
    }
    let found = ["nasm", "yasm"].iter().any(|tool| Command::new(tool).arg("-v").output().is_ok());
    assert!(
        found,
        "nasm is missing: install it (Debian: apt-get install nasm), without it mozjpeg has no SIMD"
    );
}
