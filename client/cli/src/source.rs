//! An input file: opened once, read whole, and told apart from whatever stands under its name later.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use bytes::Bytes;
use rustix::fs::OFlags;

use crate::failure::Failure;
use crate::magic;

/// What must stay the same between reading a file and replacing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// An open input.
#[derive(Debug)]
pub struct Source {
    /// Open for reading.
    pub file: File,
    /// As it was when it was opened.
    pub meta: Metadata,
    head: Vec<u8>,
}

impl Source {
    /// Opens a file and reads its first bytes.
    ///
    /// # Errors
    /// When it cannot be read or is no regular file.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        // A pipe under this name must not hold up the program.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let mut file = match opened {
            Ok(file) => file,
            // Nobody listens at a socket's name, and it cannot be opened to find out.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                return Err(Failure::not_a_file("a socket or device"));
            }
            Err(e) => return Err(Failure::read(&e)),
        };
        let meta = file.metadata().map_err(|e| Failure::read(&e))?;
        if !meta.is_file() {
            return Err(Failure::not_a_file(kind(meta.file_type())));
        }
        let mut head = Vec::with_capacity(magic::LEN);
        (&mut file).take(magic::LEN as u64).read_to_end(&mut head).map_err(|e| Failure::read(&e))?;
        Ok(Self { file, meta, head })
    }

    /// The file's first bytes, at most [`magic::LEN`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// When it cannot be read, is longer than `limit`, or changes meanwhile.
    pub fn read(&mut self, limit: u64) -> Result<Bytes, Failure> {
        if self.meta.len() > limit {
            return Err(too_large(self.meta.len(), limit));
        }
        let mut bytes = std::mem::take(&mut self.head);
        let rest = usize::try_from(self.meta.len()).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        bytes
            .try_reserve_exact(rest.saturating_add(1))
            .map_err(|_| Failure::read(&io::ErrorKind::OutOfMemory.into()))?;
        let room = limit.saturating_sub(bytes.len() as u64).saturating_add(1);
        (&mut self.file).take(room).read_to_end(&mut bytes).map_err(|e| Failure::read(&e))?;
        let now = self.file.metadata().map_err(|e| Failure::read(&e))?;
        if Identity::from(&now) != self.identity() || bytes.len() as u64 != now.len() {
            let message = "it was changed while it was being read; run it again when it is complete";
            return Err(Failure::refused("CHANGED", message));
        }
        Ok(bytes.into())
    }

    /// What must stay the same until it is replaced.
    pub fn identity(&self) -> Identity {
        Identity::from(&self.meta)
    }

    /// Whether replacing this file would do more than change its bytes.
    ///
    /// # Errors
    /// The reason.
    pub fn check_replaceable(&self, path: &Path) -> Result<(), Failure> {
        if self.meta.nlink() > 1 {
            let message = format!(
                "it has {} hard links, and replacing it would part them; copy it, or write elsewhere with -o",
                self.meta.nlink()
            );
            return Err(Failure::refused("HARD_LINKED", message));
        }
        // A rename needs no permission to write to the file itself, but whoever took that away meant something by it.
        let writable = rustix::fs::accessat(
            rustix::fs::CWD,
            path,
            rustix::fs::Access::WRITE_OK,
            rustix::fs::AtFlags::EACCESS,
        );
        if writable.is_err() {
            let message =
                "you have no permission to write to it; change its mode, or write elsewhere with -o";
            return Err(Failure::refused("READ_ONLY", message));
        }
        Ok(())
    }
}

fn too_large(size: u64, limit: u64) -> Failure {
    let message = format!(
        "{size} bytes are more than the daemon takes ({limit}); raise limits.image_bytes in its configuration"
    );
    Failure::refused("TOO_LARGE", message)
}

fn kind(kind: FileType) -> &'static str {
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}
