//! From what was named on the command line to the files behind it. Does not know where results go.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::stdio::shown;
use crate::write;

/// A file to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is, as the user would name it.
    pub path: PathBuf,
    /// Its place under an output folder.
    pub relative: PathBuf,
    /// Whether it was found in a folder and not named itself.
    pub in_folder: bool,
    /// Device and inode behind all symlinks; `None` where there is nothing.
    pub node: Option<(u64, u64)>,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files, in the order of the command line and of their names.
    pub files: Vec<Found>,
    /// Folders that were named.
    pub folders: Vec<PathBuf>,
    /// What could not be looked at.
    pub troubles: Vec<(PathBuf, Failure)>,
}

/// Looks at everything that was named.
///
/// # Errors
/// A folder without `recursive`.
pub fn walk(paths: &[PathBuf], recursive: bool) -> anyhow::Result<Walk> {
    let mut walk = Walk::default();
    for path in paths {
        let is_folder = fs::metadata(path).is_ok_and(|m| m.is_dir());
        if is_folder && !recursive {
            let text = format!("{} is a folder; add -r to work on the images in it", shown(path));
            return Err(Exit::Usage.because(text));
        }
        if is_folder {
            walk.folder(path);
        } else {
            // A path that ends in `..` or `/` is a folder or nothing.
            let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
            walk.files.push(Found { path: path.clone(), relative, in_folder: false, node: node(path) });
        }
    }
    Ok(walk)
}

fn node(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

impl Walk {
    fn folder(&mut self, root: &Path) {
        self.folders.push(root.to_path_buf());
        let entries = WalkDir::new(root).follow_links(false).follow_root_links(true).sort_by_file_name();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_path_buf();
                    let error = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                    self.troubles.push((path, Failure::read(&error)));
                    continue;
                }
            };
            if entry.file_name().as_bytes().starts_with(write::PREFIX.as_bytes()) {
                continue;
            }
            let kind = entry.file_type();
            // A link to a folder could lead out of the tree or round in a circle; one to a file cannot.
            let wanted = kind.is_file()
                || (kind.is_symlink() && !fs::metadata(entry.path()).is_ok_and(|m| !m.is_file()));
            if !wanted {
                continue;
            }
            let relative =
                entry.path().strip_prefix(root).unwrap_or(Path::new(entry.file_name())).to_path_buf();
            let node = node(entry.path());
            self.files.push(Found { path: entry.into_path(), relative, in_folder: true, node });
        }
    }
}

/// Whether a path was written with a slash at its end, and so means a folder.
pub fn means_folder(path: &Path) -> bool {
    OsStr::as_bytes(path.as_os_str()).ends_with(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(walk: &Walk) -> Vec<String> {
        walk.files.iter().map(|f| f.relative.display().to_string()).collect()
    }

    #[test]
    fn a_folder_is_walked_in_order_without_links_to_folders() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("b/deep")).unwrap();
        fs::create_dir(root.join("elsewhere")).unwrap();
        for file in ["b/deep/2.png", "b/1.png", "a.png", "elsewhere/3.png", ".squeeze-tmp"] {
            fs::write(root.join(file), "x").unwrap();
        }
        symlink("..", root.join("b/loop")).unwrap();
        symlink("../a.png", root.join("b/link.png")).unwrap();
        symlink("nowhere", root.join("dangling.png")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        let walk = walk(&[root.to_path_buf()], true).unwrap();
        assert_eq!(
            names(&walk),
            ["a.png", "b/1.png", "b/deep/2.png", "b/link.png", "dangling.png", "elsewhere/3.png"]
        );
        assert_eq!(walk.files[0].node, walk.files[3].node);
        assert_eq!(walk.files[4].node, None);
    }

    #[test]
    fn a_link_that_is_named_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("real/1.png"), "x").unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        assert_eq!(names(&walk(&[dir.path().join("link")], true).unwrap()), ["1.png"]);
    }

    #[test]
    fn a_folder_needs_recursive() {
        let dir = tempfile::tempdir().unwrap();
        let error = walk(&[dir.path().to_path_buf()], false).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
    }

    #[test]
    fn slashes() {
        assert!(means_folder(Path::new("a/")));
        assert!(!means_folder(Path::new("a")));
    }
}
