//! Refuses to build where libde265, x265 or what they need is missing: libheif would silently leave the codec out.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rerun-if-env-changed=CMAKE_TOOLCHAIN_FILE");
    let install = "(Debian: apt-get install cmake pkg-config libde265-dev libx265-dev libnuma-dev)";
    for (tool, flag) in [("cmake", "--version"), ("pkg-config", "--version")] {
        assert!(
            Command::new(tool).arg(flag).output().is_ok_and(|o| o.status.success()),
            "{tool} is missing, plugins/heic cannot be built without it: install it {install}"
        );
    }
    for library in ["libde265", "x265"] {
        assert!(
            Command::new("pkg-config").args(["--exists", library]).status().is_ok_and(|s| s.success()),
            "{library} is missing, plugins/heic cannot be built without it: install it {install}"
        );
    }
    assert!(
        std::env::var_os("CMAKE_TOOLCHAIN_FILE").is_some(),
        "CMAKE_TOOLCHAIN_FILE is not set: build inside of the repository, whose .cargo/config.toml names scripts/libheif.cmake"
    );
}
