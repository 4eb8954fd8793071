//! Where the socket is.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Longest socket path that the kernel takes (`sun_path` less its end).
pub const MAX_PATH: usize = 107;

/// A place where a socket may be, and why it is looked for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path of the socket.
    pub path: PathBuf,
    /// Whether it was named by a person (flag or `$SQUEEZED_SOCKET`): then no other place is tried.
    pub explicit: bool,
}

/// The places in the order in which a client tries them: `$SQUEEZED_SOCKET` alone if set, else
/// `$XDG_RUNTIME_DIR/squeezed/squeezed.sock`, `/run/squeezed/squeezed.sock`, `/tmp/squeezed-UID/squeezed.sock`.
pub fn places(flag: Option<&Path>) -> Vec<Place> {
    places_from(flag, env::var_os("SQUEEZED_SOCKET"), env::var_os("XDG_RUNTIME_DIR"), uid())
}

fn places_from(
    flag: Option<&Path>,
    named: Option<OsString>,
    runtime: Option<OsString>,
    uid: u32,
) -> Vec<Place> {
    let named = flag.map(Path::to_path_buf).or_else(|| named.filter(|s| !s.is_empty()).map(PathBuf::from));
    if let Some(path) = named {
        return vec![Place { path, explicit: true }];
    }
    let mut list = Vec::new();
    if let Some(dir) = runtime.filter(|s| !s.is_empty()) {
        list.push(PathBuf::from(dir).join("squeezed/squeezed.sock"));
    }
    list.push("/run/squeezed/squeezed.sock".into());
    list.push(format!("/tmp/squeezed-{uid}/squeezed.sock").into());
    list.into_iter().map(|path| Place { path, explicit: false }).collect()
}

/// Where a daemon started for this user binds: the first place of [`places`] that is the user's own.
pub fn own_place() -> PathBuf {
    let list = places(None);
    let own = list.iter().find(|p| p.explicit || !p.path.starts_with("/run/squeezed") || uid() == 0);
    own.or(list.last()).map(|p| p.path.clone()).unwrap_or_default()
}

/// The real user id of this process.
pub fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Whether a path is short enough for a socket.
///
/// # Errors
/// A sentence that names the path, its length and the limit.
pub fn check_length(path: &Path) -> Result<(), String> {
    let len = path.as_os_str().len();
    if len <= MAX_PATH {
        return Ok(());
    }
    Err(format!(
        "socket path {} has {len} bytes, but the kernel takes {MAX_PATH}; choose a shorter one",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_as_documented() {
        let paths = |p: Vec<Place>| p.into_iter().map(|p| p.path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(paths(places_from(None, Some("/a".into()), Some("/r".into()), 7)), ["/a"]);
        assert_eq!(paths(places_from(Some(Path::new("/f")), Some("/a".into()), None, 7)), ["/f"]);
        assert_eq!(
            paths(places_from(None, None, Some("/r".into()), 7)),
            ["/r/squeezed/squeezed.sock", "/run/squeezed/squeezed.sock", "/tmp/squeezed-7/squeezed.sock"]
        );
        assert_eq!(paths(places_from(None, None, None, 7)).len(), 2);
    }

    #[test]
    fn long_paths_are_named() {
        let long = PathBuf::from("/".to_string() + &"x".repeat(120));
        assert!(check_length(&long).unwrap_err().contains("121 bytes"));
    }
}
