//! Binds the socket: under a lock, in a folder that only its owner (or a configured group) can enter.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::config::Config;

/// Why the socket is not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon serves it.
    #[error("another squeezed serves {}; stop it first, or choose another --socket", .0.display())]
    Live(PathBuf),
    /// The path does not fit.
    #[error("{0}")]
    Path(String),
    /// The folder is not safe.
    #[error("the folder {} belongs to uid {owner}, not to uid {user}; choose another --socket", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This user.
        user: u32,
    },
    /// Others can write to the folder.
    #[error("others can write to the folder {}; chmod go-w it, or choose another --socket", .0.display())]
    Open(PathBuf),
    /// The group is not there.
    #[error("socket.group: there is no group {0}")]
    Group(String),
    /// The system refused.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// A bound socket. Dropping it removes the socket's file, if it is still this one.
pub struct Bound {
    listener: Option<UnixListener>,
    path: PathBuf,
    inode: u64,
    // Held for as long as the name is.
    lock: Option<File>,
}

impl Bound {
    /// Binds as configured, or takes the socket that systemd passed.
    ///
    /// # Errors
    /// Another daemon is live, or the system refused.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let path = config.socket.path.clone();
        let passed = listenfd::ListenFd::from_env().take_unix_listener(0);
        if let Some(listener) = passed.map_err(|e| io("take the passed socket for", &path, e))? {
            return Ok(Self { listener: Some(listener), path, inode: 0, lock: None });
        }
        let group = match config.socket.group.as_str() {
            "" => None,
            name => Some(group_id(name).ok_or_else(|| BindError::Group(name.into()))?),
        };
        Self::bind_path(&path, group)
    }

    /// Binds this path, for the daemon's user alone or for a group too.
    ///
    /// # Errors
    /// Another daemon is live, or the system refused.
    pub fn bind_path(path: &Path, group: Option<u32>) -> Result<Self, BindError> {
        let path = path.to_path_buf();
        squeezed_protocol::socket::check_length(&path).map_err(BindError::Path)?;
        prepare_folder(&path, group)?;
        let lock = lock(&path)?;
        // Whoever holds the lock owns the name, so what is left there is stale; unless somebody removed the lock's file
        // under a daemon that lives.
        if UnixStream::connect(&path).is_ok() {
            return Err(BindError::Live(path));
        }
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io("replace", &path, e)),
            _ => {}
        }
        // Created without rights for anybody else: there is no moment in which others could connect.
        let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(&path);
        rustix::process::umask(old);
        let listener = listener.map_err(|e| io("bind", &path, e))?;
        if let Some(gid) = group {
            chown(&path, None, Some(gid)).map_err(|e| io("change the group of", &path, e))?;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o660))
                .map_err(|e| io("change the mode of", &path, e))?;
        }
        let inode = path.metadata().map_err(|e| io("look at", &path, e))?.ino();
        Ok(Self { listener: Some(listener), path, inode, lock: Some(lock) })
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where an autostarted daemon logs.
    pub fn log_path(&self) -> PathBuf {
        self.path.with_extension("log")
    }

    /// The listening socket, once.
    pub fn take(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl Bound {
    /// Gives the name up, so that another daemon may take it: the file goes while the lock is still held.
    pub fn release(&mut self) {
        if self.inode != 0 && self.path.symlink_metadata().is_ok_and(|m| m.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
        self.inode = 0;
        self.lock = None;
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.release();
    }
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> BindError {
    BindError::Io { what, path: path.into(), source }
}

/// Makes the socket's folder, or checks that the one that is there is nobody else's to change.
fn prepare_folder(socket: &Path, group: Option<u32>) -> Result<(), BindError> {
    let Some(folder) = socket.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Err(BindError::Path(format!("socket path {} has no folder", socket.display())));
    };
    let mode = if group.is_some() { 0o750 } else { 0o700 };
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above).map_err(|e| io("create the folder", above, e))?;
    }
    let made = match std::fs::DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => true,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => false,
        Err(e) => return Err(io("create the folder", folder, e)),
    };
    let open = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(folder, open, rustix::fs::Mode::empty());
    let dir = File::from(dir.map_err(|e| io("open as a folder (it must not be a link)", folder, e.into()))?);
    let meta = dir.metadata().map_err(|e| io("look at", folder, e))?;
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() != user && meta.uid() != 0 {
        return Err(BindError::Folder { path: folder.into(), owner: meta.uid(), user });
    }
    if made || is_usual(folder) {
        if let Some(gid) = group {
            std::os::unix::fs::fchown(&dir, None, Some(gid))
                .map_err(|e| io("change the group of", folder, e))?;
        }
        let set = dir.set_permissions(PermissionsExt::from_mode(mode));
        return set.map_err(|e| io("change the mode of", folder, e));
    }
    // In root's sticky /tmp nobody else can take the socket's file away, only squat on names that are free.
    let sticky = meta.mode() & 0o1000 != 0 && meta.uid() == 0;
    if meta.mode() & 0o022 != 0 && !sticky {
        return Err(BindError::Open(folder.into()));
    }
    Ok(())
}

/// Whether this is one of the folders that are squeezed's own by name.
fn is_usual(folder: &Path) -> bool {
    squeezed_protocol::socket::places(None).iter().any(|p| !p.explicit && p.path.parent() == Some(folder))
}

/// Takes the lock beside the socket. Its file stays: removing it would let two daemons lock two files of one name.
fn lock(socket: &Path) -> Result<File, BindError> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&path)
        .map_err(|e| io("open the lock", &path, e))?;
    match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(BindError::Live(socket.into())),
        Err(e) => Err(io("lock", &path, e.into())),
    }
}

fn group_id(name: &str) -> Option<u32> {
    if let Ok(gid) = name.parse() {
        return Some(gid);
    }
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next()? == name).then(|| parts.nth(1)?.parse().ok())?
    })
}
