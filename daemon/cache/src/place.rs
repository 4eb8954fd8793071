//! Where the cache is when nobody says so.

use std::path::PathBuf;

/// The usual folder: `/var/cache/squeezed` for a daemon of the system, which runs as root, serves many users and has no
/// home to speak of; else `$XDG_CACHE_HOME/squeezed`, else `~/.cache/squeezed`. `None` where neither variable names an
/// absolute path: guessing a place in `/tmp` would put pictures where others look.
pub fn default_folder() -> Option<PathBuf> {
    let root = rustix::process::geteuid().is_root();
    choose(root, |name| std::env::var_os(name).map(PathBuf::from))
}

fn choose(root: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if root {
        return Some("/var/cache/squeezed".into());
    }
    // Relative ones are to be ignored, says the XDG base directory specification.
    let absolute = |name: &str| variable(name).filter(|p| p.is_absolute());
    let home = || Some(absolute("HOME")?.join(".cache"));
    Some(absolute("XDG_CACHE_HOME").or_else(home)?.join("squeezed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_a_place_of_the_system_and_a_user_one_of_its_own() {
        let set = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.into())
        };
        let both = set(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]);
        assert_eq!(choose(true, both), Some("/var/cache/squeezed".into()));
        assert_eq!(choose(false, both), Some("/x/squeezed".into()));
        assert_eq!(choose(false, set(&[("HOME", "/h")])), Some("/h/.cache/squeezed".into()));
        let relative = set(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]);
        assert_eq!(choose(false, relative), Some("/h/.cache/squeezed".into()));
        assert_eq!(choose(false, set(&[])), None);
    }
}
