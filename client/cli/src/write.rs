//! Writing a file so that its name shows the old bytes or the new ones, never anything between.
//!
//! A temporary file in the same folder is filled, synced and renamed over the name. An error, a full disk or an end by
//! Ctrl-C removes it; only a kill that cannot be caught leaves a `.squeeze-` file, which nothing ever takes for an image.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::preserve::{Attributes, PreserveError};
use crate::source::Identity;
use crate::stdio::shown;

/// How the names of temporary files begin.
pub const PREFIX: &str = ".squeeze-";

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its name; links are followed before.
    pub path: &'a Path,
    /// What it takes over.
    pub attributes: Attributes<'a>,
    /// What must still stand under the name when it is replaced; `None` for a name that is not an input.
    pub replaces: Option<Identity>,
    /// Whether something under the name may be replaced.
    pub overwrite: bool,
}

static UMASK: AtomicU32 = AtomicU32::new(0o077);
static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished { paths: BTreeSet::new(), over: false });

/// Temporary files that exist now.
struct Unfinished {
    paths: BTreeSet<PathBuf>,
    /// No new ones are made any more.
    over: bool,
}

fn unfinished() -> MutexGuard<'static, Unfinished> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the umask. Only while there is one thread: the kernel tells it by changing it.
pub fn remember_umask() {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::umask(mask);
    UMASK.store(mask.bits(), Ordering::Relaxed);
}

/// The mode of a new file whose source has this mode, or of one that replaces `existing`.
pub fn new_mode(source: u32, existing: Option<&Path>) -> u32 {
    let there = existing.and_then(|p| fs::metadata(p).ok());
    match there {
        Some(meta) => meta.permissions().mode() & 0o777,
        None => source & 0o777 & !UMASK.load(Ordering::Relaxed),
    }
}

/// Removes every temporary file and lets no new one be made: the program is about to end.
pub fn abandon() {
    let mut all = unfinished();
    all.over = true;
    for path in std::mem::take(&mut all.paths) {
        let _ = fs::remove_file(path);
    }
}

/// A temporary file that [`abandon`] knows of.
struct Temporary {
    file: NamedTempFile,
    path: PathBuf,
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<Self> {
        let mut all = unfinished();
        if all.over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?;
        let path = file.path().to_path_buf();
        all.paths.insert(path.clone());
        Ok(Self { file, path })
    }

    fn rename(self, to: &Path, overwrite: bool) -> io::Result<()> {
        let Self { file, path } = self;
        let done = if overwrite { file.persist(to) } else { file.persist_noclobber(to) };
        unfinished().paths.remove(&path);
        done.map(drop).map_err(|e| e.error)
    }
}

/// Writes a file whole, or not at all.
///
/// # Errors
/// Whatever went wrong; what stood under the name still does.
pub fn write(target: &Target<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let folder = target.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = Temporary::create(folder)
        .map_err(|e| Failure::write(format_args!("no file can be made in {}", shown(folder)), &e))?;
    let ready = fill(&mut temporary.file, target, bytes);
    if let Err(failure) = ready {
        let path = temporary.path.clone();
        drop(temporary);
        unfinished().paths.remove(&path);
        return Err(failure);
    }
    temporary.rename(target.path, target.overwrite).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => exists(target.path),
        _ => Failure::write("it cannot be renamed into its place", &e),
    })?;
    sync_folder(folder).map_err(|e| Failure::write("it is written, but its folder cannot be synced", &e))
}

/// Why a file is passed over that exists already.
pub fn exists(path: &Path) -> Failure {
    Failure::skip("EXISTS", format!("{} exists already", shown(path)))
}

fn fill(file: &mut NamedTempFile, target: &Target<'_>, bytes: &[u8]) -> Result<(), Failure> {
    file.write_all(bytes).map_err(|e| Failure::write("it cannot be written", &e))?;
    target.attributes.give(file.as_file()).map_err(not_preserved)?;
    file.as_file().sync_all().map_err(|e| Failure::write("it cannot be written to the disk", &e))?;
    if let Some(identity) = target.replaces {
        let now = fs::metadata(target.path).ok();
        if now.as_ref().map(Identity::from) != Some(identity) {
            let message = "it was changed while it was being optimized, and stays as it is now; run it again";
            return Err(Failure::refused("CHANGED", message));
        }
    }
    Ok(())
}

fn not_preserved(error: PreserveError) -> Failure {
    Failure::refused("NOT_PRESERVED", error.to_string())
}

/// Makes the rename itself last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems have nothing to sync in a folder.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};
    use tempfile::TempDir;

    fn original() -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        fs::write(&path, "old bytes").unwrap();
        (dir, path)
    }

    fn in_place<'a>(path: &'a Path, source: &'a Source) -> Target<'a> {
        let attributes = Attributes::OfFile(source);
        Target { path, attributes, replaces: Some(source.identity()), overwrite: true }
    }

    fn names(dir: &TempDir) -> Vec<String> {
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn mode_owner_and_attributes_stay() {
        let (dir, path) = original();
        fs::set_permissions(&path, Permissions::from_mode(0o4640)).unwrap();
        xattr::set(&path, "user.note", b"kept").unwrap();
        let source = Source::open(&path).unwrap();
        write(&in_place(&path, &source), b"new").unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(meta.mode() & 0o7777, 0o4640);
        assert_eq!((meta.uid(), meta.gid()), (source.meta.uid(), source.meta.gid()));
        assert_eq!(xattr::get(&path, "user.note").unwrap().unwrap(), b"kept");
        assert_ne!(meta.ino(), source.meta.ino());
        assert_eq!(names(&dir), ["image"]);
    }

    #[test]
    fn times_stay_when_asked() {
        let (_dir, path) = original();
        let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        let source = Source::open(&path).unwrap();
        let target = Target { attributes: Attributes::OfFileWithTimes(&source), ..in_place(&path, &source) };
        write(&target, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), then);
    }

    #[test]
    fn acls_stay_and_inherited_ones_go() {
        // user::rw-, user:1234:r--, group::---, mask::r--, other::---
        let acl: Vec<u8> =
            [(1u16, 6u16, u32::MAX), (2, 4, 1234), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
                .iter()
                .flat_map(|(tag, perm, id)| {
                    [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat()
                })
                .collect();
        let acl = [&2u32.to_le_bytes()[..], &acl].concat();
        let (dir, path) = original();
        xattr::set(&path, ACL_NAME, &acl).unwrap();
        let source = Source::open(&path).unwrap();
        write(&in_place(&path, &source), b"new").unwrap();
        assert_eq!(xattr::get(&path, ACL_NAME).unwrap().unwrap(), acl);

        let plain = dir.path().join("plain");
        fs::write(&plain, "old bytes").unwrap();
        xattr::set(dir.path(), "system.posix_acl_default", &acl).unwrap();
        let source = Source::open(&plain).unwrap();
        write(&in_place(&plain, &source), b"new").unwrap();
        assert_eq!(xattr::get(&plain, ACL_NAME).unwrap(), None);
        assert_eq!(fs::metadata(&plain).unwrap().mode(), source.meta.mode());
    }

    const ACL_NAME: &str = "system.posix_acl_access";

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let (dir, path) = original();
        let source = Source::open(&path).unwrap();
        fs::write(&path, "edited").unwrap();
        let failure = write(&in_place(&path, &source), b"new").unwrap_err();
        assert_eq!(failure.name, "CHANGED");
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        assert_eq!(names(&dir), ["image"]);
    }

    #[test]
    fn without_overwrite_what_is_there_stays() {
        let (dir, path) = original();
        let target =
            Target { path: &path, attributes: Attributes::Mode(0o600), replaces: None, overwrite: false };
        assert_eq!(write(&target, b"new").unwrap_err().name, "EXISTS");
        assert_eq!(fs::read(&path).unwrap(), b"old bytes");
        assert_eq!(names(&dir), ["image"]);
    }

    #[test]
    fn modes_of_new_files() {
        let (_dir, path) = original();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        UMASK.store(0o027, Ordering::Relaxed);
        assert_eq!(new_mode(0o100_666, None), 0o640);
        assert_eq!(new_mode(0o100_666, Some(&path)), 0o600, "an output that exists keeps its own");
    }
    use std::fs::Permissions;
}
