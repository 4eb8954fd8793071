//! The folders of the cache: one of the daemon's user alone, in it one for each user that is served.
//!
//! Everything is done relative to open folders and without following links, so nobody can exchange a folder under a
//! running daemon. Must not know what is in the files.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

const LOCK: &str = "lock";
const ENTER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Why the cache's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It belongs to somebody else.
    #[error("the cache folder {} belongs to uid {owner}, not to uid {user}; choose another cache.dir", .path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This user.
        user: u32,
    },
    /// Others can write to it.
    #[error("others can write to the cache folder {}; chmod go-w it, or choose another cache.dir", .0.display())]
    Writable(PathBuf),
    /// The system refused.
    #[error("cannot {what} the cache folder {}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The root folder, open.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
}

/// One user's folder, open.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: OwnedFd,
}

impl Root {
    /// Opens the folder, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |what, source| OpenError::Io { what, path: path.into(), source };
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).map_err(|e| io("make a place for", e))?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(io("create", e)),
            _ => {}
        }
        let dir = rustix::fs::open(path, ENTER, Mode::empty());
        let dir = dir.map_err(|e| io("open (it must be a folder and no link)", e.into()))?;
        let stat = rustix::fs::fstat(&dir).map_err(|e| io("look at", e.into()))?;
        let user = user();
        if stat.st_uid != user {
            return Err(OpenError::Owner { path: path.into(), owner: stat.st_uid, user });
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(OpenError::Writable(path.into()));
        }
        Ok(Self { dir })
    }

    /// Takes the lock of the folder, for as long as the result lives; `None` while another daemon has it.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.dir, LOCK, flags, Mode::from_raw_mode(0o600))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(File::from(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The users that have a folder.
    pub(crate) fn users(&self) -> io::Result<Vec<u32>> {
        let mut users = Vec::new();
        list(self.dir.as_fd(), |name| {
            // Only what this module would write: `7`, never `07` or `+7`.
            users.extend(name.parse().ok().filter(|uid: &u32| uid.to_string() == name));
            true
        })?;
        Ok(users)
    }

    /// Opens the folder of a user; `None` if there is none.
    pub(crate) fn shelf(&self, uid: u32) -> io::Result<Option<Shelf>> {
        let dir = match rustix::fs::openat(&self.dir, uid.to_string(), ENTER, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let stat = rustix::fs::fstat(&dir)?;
        if stat.st_uid != user() || stat.st_mode & 0o022 != 0 {
            let text = format!("the folder of uid {uid} is not the daemon's alone; remove it");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Some(Shelf { dir }))
    }

    /// Opens the folder of a user, which is made if it is not there.
    pub(crate) fn make_shelf(&self, uid: u32) -> io::Result<Shelf> {
        if let Some(shelf) = self.shelf(uid)? {
            return Ok(shelf);
        }
        match rustix::fs::mkdirat(&self.dir, uid.to_string(), Mode::RWXU) {
            Ok(()) => rustix::fs::fsync(&self.dir)?,
            Err(Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        self.shelf(uid)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Shelf {
    /// Opens a file of the daemon's; `None` if there is none of this name. What is no file, or somebody else's, is none.
    pub(crate) fn open(&self, name: &str) -> io::Result<Option<(File, Stat)>> {
        // NONBLOCK so that a pipe in the place of a file does not hold the thread.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        Ok(is_own_file(&stat).then(|| (File::from(file), stat)))
    }

    /// Makes a new file.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)?)
    }

    /// Looks at a file of the daemon's; `None` if there is none of this name.
    pub(crate) fn look(&self, name: &str) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(is_own_file(&stat).then_some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives a file its name, in the place of one that had it.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.dir, from, &self.dir, to)?)
    }

    /// Removes a file; one that is gone already is as good.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes the names in it last.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.dir)?)
    }

    /// Calls `each` with every name, until it answers `false`.
    pub(crate) fn names(&self, each: impl FnMut(&str) -> bool) -> io::Result<()> {
        list(self.dir.as_fd(), each)
    }
}

fn list(dir: impl AsFd, mut each: impl FnMut(&str) -> bool) -> io::Result<()> {
    for item in rustix::fs::Dir::read_from(dir)? {
        if item?.file_name().to_str().is_ok_and(|name| !each(name)) {
            break;
        }
    }
    Ok(())
}

fn is_own_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == user()
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
