//! Flags of the daemon. Each overrides the configuration key that its help names.

use std::path::PathBuf;

use clap::Parser;

/// The image optimizer daemon: programs send an image over a Unix socket and get back a smaller file.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "squeezed", version, about, max_term_width = 100)]
pub struct Args {
    /// Configuration file [default: $XDG_CONFIG_HOME/squeezed/config.toml or /etc/squeezed/config.toml, if there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen (socket.path)
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Look for plugins here first; may be given more than once (plugins.path)
    #[arg(long, value_name = "DIR")]
    pub plugin_path: Vec<PathBuf>,
    /// End after this many seconds without a connection; 0 is never (daemon.idle_exit_seconds)
    #[arg(long, value_name = "SECONDS")]
    pub idle_exit: Option<u64>,
    /// Executor threads; 0 is one for each core (executor.threads)
    #[arg(long, value_name = "N")]
    pub threads: Option<u64>,
    /// Started by a client for its user: own session, log file beside the socket, ends after 60 s idle
    #[arg(long)]
    pub autostarted: bool,
    /// How log lines look: human or json (log.format)
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What is logged: error, warn, info, debug, or a filter (log.level)
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Set any configuration key; may be given more than once
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print the configuration with the origin of each value, and end
    #[arg(long)]
    pub print_config: bool,
}
