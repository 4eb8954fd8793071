//! Finds plugin files in the configured folders, in order.

use std::path::{Path, PathBuf};

use crate::{LoadError, Plugin};

/// What a search found.
#[derive(Default)]
pub struct Found {
    /// Loaded plugins in path order; for one id the first wins.
    pub plugins: Vec<Plugin>,
    /// Files that are not used, and why.
    pub refused: Vec<Refused>,
    /// Plugins hidden by an earlier one of the same id.
    pub shadowed: Vec<PathBuf>,
}

/// A file that is not used as a plugin.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub why: LoadError,
}

/// Loads every `libsqueezed_*.so` in `dirs`, folder by folder, names in order. Folders that are not there are passed
/// over. A plugin of an id in `disabled` is left out.
pub fn discover(dirs: &[PathBuf], disabled: &[String]) -> Found {
    let mut found = Found::default();
    let mut seen = std::collections::HashSet::new();
    for file in dirs.iter().flat_map(|d| candidates(d)) {
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.insert(real) {
            continue;
        }
        match Plugin::load(&file) {
            Err(why) => found.refused.push(Refused { path: file, why }),
            Ok(p) if disabled.contains(&p.description().id) => {}
            Ok(p) if found.plugins.iter().any(|q| q.description().id == p.description().id) => {
                found.shadowed.push(file);
            }
            Ok(p) => found.plugins.push(p),
        }
    }
    found
}

fn candidates(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let is_plugin = |p: &PathBuf| {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("libsqueezed_") && name.ends_with(".so")
    };
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|e| e.path()).filter(is_plugin).collect();
    files.sort();
    files
}
