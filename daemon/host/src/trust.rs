//! Whose code may be loaded: files and folders that only root or the daemon's user can change.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a file is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// It cannot be looked at.
    #[error("cannot look at {}: {source}", .path.display())]
    Look {
        /// What was looked at.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It belongs to someone else.
    #[error("{} belongs to uid {owner}, but must belong to root or uid {user}; chown it", .path.display())]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The daemon's user.
        user: u32,
    },
    /// Others can write to it.
    #[error("{} is writable by group or others (mode {mode:o}); chmod go-w it", .path.display())]
    Writable {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// Checks a file and all of its parent folders. A sticky folder owned by root (`/tmp`) may be writable, since nobody
/// but the owner can replace what lies in it. Returns the path with all links resolved.
pub fn check(path: &Path) -> Result<PathBuf, Distrust> {
    let look = |source| Distrust::Look { path: path.to_path_buf(), source };
    let real = path.canonicalize().map_err(look)?;
    let user = rustix::process::geteuid().as_raw();
    for place in real.ancestors() {
        let meta = place.metadata().map_err(|source| Distrust::Look { path: place.to_path_buf(), source })?;
        let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
        if owner != 0 && owner != user {
            return Err(Distrust::Owner { path: place.to_path_buf(), owner, user });
        }
        let sticky = place != real && mode & 0o1000 != 0 && owner == 0;
        if mode & 0o022 != 0 && !sticky {
            return Err(Distrust::Writable { path: place.to_path_buf(), mode });
        }
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_can_write_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("libx.so");
        std::fs::write(&file, b"x").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(check(&file).is_ok());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(check(&file).unwrap_err().to_string().contains("chmod go-w"));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(check(&file).is_err());
    }
}
