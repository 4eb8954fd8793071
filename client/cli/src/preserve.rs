//! What belongs to a file besides its bytes: owner, mode, times, extended attributes, and ACLs, which are such too.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::fs::{Gid, Timespec, Timestamps, Uid};
use xattr::FileExt;

use crate::source::Source;

const ACL: &str = "system.posix_acl_access";

/// What a new file takes over.
#[derive(Debug, Clone, Copy)]
pub enum Attributes<'a> {
    /// Mode bits alone.
    Mode(u32),
    /// Everything of this file, but its times.
    OfFile(&'a Source),
    /// Everything of this file.
    OfFileWithTimes(&'a Source),
}

/// What could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum PreserveError {
    /// Another user's file.
    #[error(
        "it belongs to {uid}:{gid}, and a new file of yours cannot ({source}); run as its owner, or as root"
    )]
    Owner {
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// The system's word.
        source: io::Error,
    },
    /// An extended attribute or ACL.
    #[error("its attribute {} cannot be kept: {source}", .name.display())]
    Attribute {
        /// Which one.
        name: OsString,
        /// The system's word.
        source: io::Error,
    },
    /// Mode or times.
    #[error("its mode and times cannot be kept: {0}")]
    Mode(#[from] io::Error),
}

impl Attributes<'_> {
    /// Gives a new file what it should have.
    ///
    /// # Errors
    /// What could not be given; the new file should then not be used.
    pub fn give(self, to: &File) -> Result<(), PreserveError> {
        let (source, times) = match self {
            Attributes::Mode(mode) => {
                to.set_permissions(Permissions::from_mode(mode))?;
                return Ok(());
            }
            Attributes::OfFile(source) => (source, false),
            Attributes::OfFileWithTimes(source) => (source, true),
        };
        // In this order: a change of owner clears mode bits, an ACL changes them, and any of them touches the times.
        give_owner(&source.meta, to)?;
        give_attributes(&source.file, to)?;
        to.set_permissions(Permissions::from_mode(source.meta.mode() & 0o7777))?;
        if times {
            give_times(&source.meta, to)?;
        }
        Ok(())
    }
}

fn give_owner(from: &Metadata, to: &File) -> Result<(), PreserveError> {
    let (uid, gid) = (from.uid(), from.gid());
    let fail = |source: io::Error| PreserveError::Owner { uid, gid, source };
    let now = to.metadata()?;
    let owner = (now.uid() != uid).then(|| Uid::from_raw(uid));
    let group = (now.gid() != gid).then(|| Gid::from_raw(gid));
    if owner.is_none() && group.is_none() {
        return Ok(());
    }
    rustix::fs::fchown(to, owner, group).map_err(|e| fail(e.into()))
}

fn give_attributes(from: &File, to: &File) -> Result<(), PreserveError> {
    let names = list(from)?;
    for name in &names {
        let fail = |source| PreserveError::Attribute { name: name.clone(), source };
        let Some(value) = from.get_xattr(name).map_err(fail)? else { continue };
        if to.get_xattr(name).ok().flatten().as_ref() == Some(&value) {
            continue;
        }
        match to.set_xattr(name, &value) {
            Ok(()) => {}
            // Labels of the system, which it gives to the new file itself where it has to.
            Err(_) if is_systems_own(name) => {}
            Err(source) => return Err(fail(source)),
        }
    }
    // The folder may have given the new file an ACL that the old one did not have.
    if !names.iter().any(|n| n == ACL) && list(to)?.iter().any(|n| n == ACL) {
        to.remove_xattr(ACL).map_err(|source| PreserveError::Attribute { name: ACL.into(), source })?;
    }
    Ok(())
}

fn list(file: &File) -> Result<Vec<OsString>, PreserveError> {
    match file.list_xattr() {
        Ok(names) => Ok(names.collect()),
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(Vec::new()),
        Err(source) => Err(PreserveError::Attribute { name: "(list)".into(), source }),
    }
}

fn is_systems_own(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"security.") || name.starts_with(b"trusted.")
}

fn give_times(from: &Metadata, to: &File) -> Result<(), PreserveError> {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(from.atime(), from.atime_nsec()),
        last_modification: time(from.mtime(), from.mtime_nsec()),
    };
    rustix::fs::futimens(to, &times).map_err(|e| PreserveError::Mode(e.into()))
}
