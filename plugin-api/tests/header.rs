//! The C header is what cbindgen makes of the source, and C and C++ compilers lay it out as Rust does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

mod layout;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in ["error", "candidate", "metadata", "options", "frame", "job", "abi/types"] {
        builder = builder.with_src(root().join(format!("src/{source}.rs")));
    }
    let mut bytes = Vec::new();
    builder.generate().unwrap().write(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let path = root().join("include/squeezed_plugin.h");
    let (committed, generated) = (std::fs::read_to_string(&path).unwrap_or_default(), generate());
    if committed == generated {
        return;
    }
    if std::env::var_os("SQUEEZED_BLESS").is_some() {
        std::fs::write(&path, generated).unwrap();
        return;
    }
    let line = committed.lines().zip(generated.lines()).position(|(a, b)| a != b).unwrap_or(0);
    panic!(
        "{} is not what the source gives (first difference in line {}); run this test with SQUEEZED_BLESS=1",
        path.display(),
        line + 1
    );
}

/// A translation unit that asserts every size and offset.
fn asserts() -> String {
    let mut out = String::from(
        "#include \"squeezed_plugin.h\"\n#include <stddef.h>\n#ifdef __cplusplus\n#define CHECK(c) static_assert(c, #c)\n\
         #define ALIGN alignof\n#else\n#define CHECK(c) _Static_assert(c, #c)\n#define ALIGN _Alignof\n#endif\n",
    );
    for l in layout::all() {
        writeln!(out, "CHECK(sizeof({}) == {});", l.name, l.size).unwrap();
        writeln!(out, "CHECK(ALIGN({}) == {});", l.name, l.align).unwrap();
        for (field, offset) in l.fields {
            writeln!(out, "CHECK(offsetof({}, {field}) == {offset});", l.name).unwrap();
        }
    }
    out.push_str(
        "CHECK(SQZ_KIND_UNKNOWN == 43);\nCHECK(SQZ_ERROR_CODE_PANICKED == 8);\nCHECK(SQZ_VERDICT_STOP == 5);\n\
         CHECK(SQZ_ABI_MAJOR == 1);\n\
         const SqzPlugin *(*entry)(void) = squeezed_plugin_entry;\n",
    );
    out
}

fn compile(compiler: &str, args: &[&str], source: &Path, out: &Path) {
    let done = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(root().join("include"))
        .args(args)
        .arg(source)
        .arg("-o")
        .arg(out)
        .output()
        .unwrap_or_else(|e| panic!("{compiler} is needed for this test (`make deps` installs it): {e}"));
    assert!(
        done.status.success(),
        "{compiler} {args:?} refuses the header:\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn gcc_and_clang_lay_it_out_as_rust_does() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, asserts()).unwrap();
        path
    };
    let (c, cpp, out) = (write("layout.c"), write("layout.cpp"), dir.path().join("layout.o"));
    for compiler in ["gcc", "clang"] {
        compile(compiler, &["-std=c11", "-c"], &c, &out);
    }
    for compiler in ["g++", "clang++"] {
        compile(compiler, &["-std=c++17", "-c"], &cpp, &out);
    }
}

#[test]
fn the_example_in_c_compiles() {
    let dir = tempfile::tempdir().unwrap();
    for compiler in ["gcc", "clang"] {
        compile(
            compiler,
            &["-std=c11", "-shared", "-fPIC", "-fvisibility=hidden"],
            &root().join("examples/pgm.c"),
            &dir.path().join("libpgm.so"),
        );
    }
}
