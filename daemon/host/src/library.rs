//! Opens one shared library and checks that it is a plugin of this ABI.

use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use squeezed_plugin_api::abi::{SQZ_ABI_MAJOR, SQZ_ABI_MINOR, SQZ_ENTRY, SQZ_MAGIC, SqzPlugin, read_sized};

use crate::trust;

/// Why a file is not used as a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its place is not safe.
    #[error(transparent)]
    Untrusted(#[from] trust::Distrust),
    /// The dynamic linker refused it.
    #[error("cannot be loaded: {0}")]
    Open(String),
    /// It has no entry function.
    #[error("exports no {SQZ_ENTRY}: not a squeezed plugin")]
    NoEntry,
    /// The entry is null or begins with other bytes.
    #[error("its entry is not a plugin table: it does not begin with the magic")]
    NoMagic,
    /// Another major version.
    #[error(
        "speaks plugin ABI {found}.{found_minor}, this daemon {SQZ_ABI_MAJOR}.{SQZ_ABI_MINOR}; rebuild it against this version"
    )]
    Major {
        /// Its major.
        found: u32,
        /// Its minor.
        found_minor: u32,
    },
    /// A required function is missing.
    #[error("its table has no {0}")]
    Missing(&'static str),
    /// What it says of itself is unusable.
    #[error("its description is unusable: {0}")]
    Description(String),
}

/// Opens `path` and returns its table, which is valid for ever: the library is never unloaded, since thread-local
/// destructors make that unsafe.
pub fn open(path: &Path) -> Result<(SqzPlugin, PathBuf), LoadError> {
    let real = trust::check(path)?;
    // SAFETY: loading runs the library's constructors; its file and folders belong to root or this user alone.
    let library = unsafe { Library::open(Some(&real), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|e| LoadError::Open(error_text(&e)))?;
    // SAFETY: the contract gives this symbol this type.
    let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const SqzPlugin>(SQZ_ENTRY.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| LoadError::NoEntry)?;
    std::mem::forget(library);
    // SAFETY: as above; the function takes nothing.
    let at = unsafe { entry() };
    if at.is_null() {
        return Err(LoadError::NoMagic);
    }
    // SAFETY: the first sixteen bytes are there in every version: magic, size, major.
    let (magic, size, major, minor) = unsafe {
        let words = at.cast::<u32>();
        (
            at.cast::<u64>().read_unaligned(),
            words.add(2).read_unaligned(),
            words.add(3).read_unaligned(),
            words.add(4).read_unaligned(),
        )
    };
    if magic != SQZ_MAGIC {
        return Err(LoadError::NoMagic);
    }
    if major != SQZ_ABI_MAJOR {
        return Err(LoadError::Major { found: major, found_minor: minor });
    }
    // SAFETY: the table says how long it is; the struct is valid when zero.
    let table: SqzPlugin = unsafe { read_sized(at.cast(), size as usize) };
    let required = [
        ("describe", table.describe.is_none()),
        ("inspect", table.inspect.is_none()),
        ("plan", table.plan.is_none()),
        ("decode", table.decode.is_none()),
        ("optimize", table.optimize.is_none()),
    ];
    match required.into_iter().find(|(_, missing)| *missing) {
        Some((name, _)) => Err(LoadError::Missing(name)),
        None => Ok((table, real)),
    }
}

fn error_text(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
