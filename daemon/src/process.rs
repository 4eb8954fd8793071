//! What the process sets up before it starts any thread.

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};

use crate::config::Config;

/// No core dumps (they would hold other people's pictures), as many descriptors as allowed, and for an autostarted
/// daemon a session of its own: it must outlive its client's terminal, and nice counts within one session only.
pub fn prepare(autostarted: bool) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
    if autostarted {
        // Fails where this process leads a session already, which is as good.
        let _ = setsid();
        let _ = std::env::set_current_dir("/");
    }
}

/// Bytes of memory that this process may expect to get: the machine's available memory or its cgroup's limit,
/// whichever is less. Limits of cgroup v1 and v2 are both read.
pub fn available_memory() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| -> Option<u64> {
        meminfo.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    };
    let machine =
        kib("MemAvailable:").or_else(|| kib("MemTotal:")).map_or(1 << 30, |k| k.saturating_mul(1024));
    cgroup_limits().into_iter().fold(machine, u64::min)
}

/// Where what outlives the daemon is kept: as configured, as systemd says, else the usual place of root or of the user.
pub fn state_dir(config: &Config) -> Option<PathBuf> {
    if !config.daemon.state_dir.as_os_str().is_empty() {
        return Some(config.daemon.state_dir.clone());
    }
    let var = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    // systemd separates several by a colon.
    let given = std::env::var("STATE_DIRECTORY").ok();
    let given = given.as_deref().and_then(|list| list.split(':').next()).map(PathBuf::from);
    given.filter(|p| p.is_absolute()).or_else(|| Some(var("XDG_STATE_HOME")?.join("squeezed"))).or_else(
        || {
            if rustix::process::geteuid().is_root() {
                return Some("/var/lib/squeezed".into());
            }
            Some(var("HOME")?.join(".local/state/squeezed"))
        },
    )
}

fn cgroup_limits() -> Vec<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            c if c.split(',').any(|c| c == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        // A limit of any ancestor counts; inside a container the root itself is the group.
        for place in std::path::Path::new(path).ancestors() {
            let file = std::path::Path::new(root).join(place.strip_prefix("/").unwrap_or(place)).join(file);
            limits.extend(std::fs::read_to_string(file).ok().and_then(|t| t.trim().parse::<u64>().ok()));
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_found() {
        assert!(super::available_memory() > 16 << 20);
    }
}
