//! The command line. Says what may be asked for, and does none of it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use squeezed_client::{Effort, JobOptions, Metadata, Progressive};

use crate::exit::Exit;
use crate::stdio;
use crate::values::{interval, percent, seconds};

/// Makes image files smaller: same format, same picture, never bigger.
///
/// By default nothing at all is lost. Each kind of loss is asked for by name: -q, --max-reduction, --metadata display.
#[derive(Debug, Parser)]
#[command(
    name = "squeeze",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    override_usage = "squeeze [OPTIONS] <PATH|DIR|->...\n       squeeze <COMMAND>",
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// A command; without one, paths are optimized.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// Without a command.
    #[command(flatten)]
    pub optimize: Optimize,
}

const EXIT_CODES: &str = "A file that is called like a command is given as ./status.\n\n\
Exit codes: 0 ok (files that stay unchanged included), 1 bench: requests failed or --check missed a figure, 2 usage, 3 no input could be read, 4 an output could not be \
written, 5 some files failed (the highest of 3, 4 and 5 wins), 69 no daemon, 130 interrupted.";

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Socket of the daemon [default: $SQUEEZED_SOCKET, or the first of the usual places that answers]
    #[arg(long, value_name = "PATH", global = true, display_order = 100, value_hint = ValueHint::FilePath)]
    pub socket: Option<PathBuf>,
    /// Do not start a daemon where none answers
    #[arg(long, global = true, display_order = 101)]
    pub no_autostart: bool,
    /// Answer in JSON on stdout, one object a line
    #[arg(long, global = true, display_order = 102)]
    pub json: bool,
    /// No progress, no summary; failures are still told
    #[arg(long, global = true, display_order = 103)]
    pub quiet: bool,
}

/// What to optimize, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct Optimize {
    /// Image files, folders with -r, or - for stdin to stdout
    #[arg(value_name = "PATH|DIR|-", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Write here: a file for one input, else a folder that keeps the inputs' tree and gets every image
    #[arg(short, long, value_name = "FILE|DIR", conflicts_with = "in_place", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Replace the inputs by what is smaller, each at once or not at all
    #[arg(short, long)]
    pub in_place: bool,
    /// Lossy at this quality; 80 is the usual choice [default: lossless]
    #[arg(short, long, value_name = "1-100", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: Option<u8>,
    /// Lossy, but at most this much smaller than lossless would be
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub max_reduction: Option<f64>,
    /// How much time to spend on each file
    #[arg(long, value_enum, default_value = "balanced")]
    pub effort: EffortArg,
    /// What to keep besides the picture: all of it, or only what changes how it looks, rights and capture time
    #[arg(long, value_enum, default_value = "all")]
    pub metadata: MetadataArg,
    /// JPEG scan order; auto takes whichever is smaller
    #[arg(long, value_enum, default_value = "auto")]
    pub progressive: ProgressiveArg,
    /// Leave a file as it is unless this much is saved [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min_savings: Option<f64>,
    /// Output files that exist already: keep them, replace those older than their input, or replace them all
    #[arg(long, value_enum, default_value = "always")]
    pub overwrite: Overwrite,
    /// Look into folders; symlinks to folders inside them are not followed
    #[arg(short, long)]
    pub recursive: bool,
    /// Files in flight at once [default: number of cores + 1]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub jobs: Option<u16>,
    /// Compress for real and report real numbers, but write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Keep times, mode, owner, extended attributes and ACLs (in place, all but the times are kept anyway)
    #[arg(short, long)]
    pub preserve: bool,
    /// Take the best result found within this time, for each file
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<f64>,
}

/// What else can be asked.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Say what images are, without changing them
    Inspect {
        /// Image files, or - for stdin
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
        paths: Vec<PathBuf>,
    },
    /// List the daemon's plugins and the formats they handle
    Plugins,
    /// Show what the daemon is doing: lanes, queue, memory, plugins, running jobs
    Status {
        /// Show it again and again until Ctrl-C, in place on a terminal [default: every second]
        #[arg(
            long,
            value_name = "SECONDS",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "1",
            value_parser = interval
        )]
        watch: Option<f64>,
    },
    /// Put the daemon under load and measure it
    Bench(Box<crate::bench::Bench>),
    /// Print the socket of the daemon that answers, or where one would be started
    Sockname,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Run, start, stop or reload the daemon
    Daemon {
        /// What to do with it.
        #[command(subcommand)]
        action: Action,
    },
}

/// What to do with the daemon.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Run the daemon in the foreground
    Run {
        /// Options of squeezed
        #[arg(last = true, value_name = "OPTIONS")]
        options: Vec<OsString>,
    },
    /// Start a daemon in the background that stays until it is stopped
    Start,
    /// Let the daemon finish what runs, then end it
    Stop,
    /// Let the daemon read its configuration again
    Reload,
}

/// `--effort`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum EffortArg {
    Fast,
    #[default]
    Balanced,
    Best,
}

/// `--metadata`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum MetadataArg {
    #[default]
    All,
    Display,
}

/// `--progressive`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ProgressiveArg {
    #[default]
    Auto,
    On,
    Off,
}

/// `--overwrite`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Overwrite {
    Never,
    Older,
    #[default]
    Always,
}

impl Optimize {
    /// The options as the daemon takes them.
    pub fn job_options(&self) -> JobOptions {
        JobOptions {
            quality: self.quality,
            metadata: match self.metadata {
                MetadataArg::All => Metadata::All,
                MetadataArg::Display => Metadata::Display,
            },
            max_reduction: self.max_reduction,
            effort: match self.effort {
                EffortArg::Fast => Effort::Fast,
                EffortArg::Balanced => Effort::Balanced,
                EffortArg::Best => Effort::Best,
            },
            progressive: match self.progressive {
                ProgressiveArg::Auto => Progressive::Auto,
                ProgressiveArg::On => Progressive::On,
                ProgressiveArg::Off => Progressive::Off,
            },
            min_savings: self.min_savings,
            deadline_ms: self.deadline.map(|s| (s * 1000.0).round() as u64),
            format: None,
        }
    }

    /// Whether stdin is the input.
    pub fn is_stdin(&self) -> bool {
        self.paths.iter().any(|p| p.as_os_str() == "-")
    }

    fn check(&self, json: bool) -> Result<(), (ErrorKind, String)> {
        let conflict = |text: &str| Err((ErrorKind::ArgumentConflict, text.to_owned()));
        if self.paths.is_empty() {
            return Err((
                ErrorKind::MissingRequiredArgument,
                "no input: name image files, or folders with -r".into(),
            ));
        }
        if self.output.as_ref().is_some_and(|o| o.as_os_str() == "-") {
            return conflict("-o takes a file or folder; for stdout, use squeeze - < FILE > FILE");
        }
        if self.is_stdin() {
            if self.paths.len() > 1 {
                return conflict("- (stdin) must be the only input");
            }
            if self.in_place {
                return conflict("- (stdin) cannot be replaced in place");
            }
            if json && self.output.is_none() && !self.dry_run {
                return conflict("--json and the image cannot both go to stdout; add -o FILE");
            }
        } else if self.output.is_none() && !self.in_place && !self.dry_run {
            let text = "say where the results go: -o FILE|DIR, or -i to replace the inputs (-n only reports)";
            return Err((ErrorKind::MissingRequiredArgument, text.into()));
        }
        if let Err(text) = self.job_options().validate() {
            return Err((ErrorKind::ValueValidation, text));
        }
        Ok(())
    }
}

impl Cli {
    /// Reads the command line, or ends the program with help, version or a usage error.
    pub fn from_command_line(args: impl IntoIterator<Item = OsString>) -> Self {
        let cli =
            Self::try_parse_from(command_first(args.into_iter().collect())).unwrap_or_else(|e| e.exit());
        if cli.command.is_none()
            && let Err((kind, text)) = cli.optimize.check(cli.global.json)
        {
            Self::command().error(kind, text).exit();
        }
        cli
    }
}

/// Moves options of every command that stand before a command behind it: after an option, the parser takes a command's
/// name for a path, so that `squeeze -i *` works in a folder with a file called `status`.
fn command_first(mut args: Vec<OsString>) -> Vec<OsString> {
    let mut end = 1;
    while let Some(arg) = args.get(end).and_then(|a| a.to_str()) {
        match arg {
            "--json" | "--quiet" | "--no-autostart" => end += 1,
            "--socket" => end += 2,
            _ if arg.starts_with("--socket=") => end += 1,
            _ => break,
        }
    }
    let is_command = |arg: &OsStr| Cli::command().get_subcommands().any(|c| arg == c.get_name());
    if end > 1 && args.get(end).is_some_and(|a| is_command(a)) {
        // A command of two words keeps its words together.
        let words = if args.get(end).is_some_and(|a| a == "daemon") { 2 } else { 1 };
        let rest = args.split_off(args.len().min(end + words));
        args.get_mut(1..).unwrap_or_default().rotate_left(end - 1);
        args.extend(rest);
    }
    args
}

/// Prints a completion script.
///
/// # Errors
/// When stdout does not take it.
pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "squeeze", &mut script);
    stdio::print(&script).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    fn parse(text: &str) -> Cli {
        Cli::try_parse_from(command_first(words(text))).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_a_command() {
        let cli = parse("squeeze --socket /s --json status --quiet");
        assert!(matches!(cli.command, Some(Command::Status { watch: None })));
        assert_eq!(cli.global.socket, Some("/s".into()));
        assert!(cli.global.json && cli.global.quiet);
        let cli = parse("squeeze --socket=/s daemon stop");
        assert!(matches!(cli.command, Some(Command::Daemon { action: Action::Stop })));
        assert_eq!(cli.global.socket, Some("/s".into()));
    }

    #[test]
    fn a_file_called_like_a_command_is_a_file_after_an_option_or_a_path() {
        for line in ["squeeze -i status", "squeeze a.png status -i", "squeeze --json -i status"] {
            let cli = parse(line);
            assert!(cli.command.is_none(), "{line}");
            assert_eq!(cli.optimize.paths.last(), Some(&"status".into()), "{line}");
        }
    }

    #[test]
    fn lone_options_do_not_panic() {
        for line in ["squeeze", "squeeze --socket", "squeeze --json", "squeeze --socket s daemon"] {
            let _ = Cli::try_parse_from(command_first(words(line)));
        }
    }

    #[test]
    fn a_deadline_is_told_in_milliseconds() {
        let cli = parse("squeeze -n a --deadline 0.25");
        assert_eq!(cli.optimize.job_options().deadline_ms, Some(250));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "squeeze a",
            "squeeze - b -n",
            "squeeze - -i",
            "squeeze - --json",
            "squeeze a -o -",
            "squeeze -n a --max-reduction 5 --min-savings 6",
        ] {
            let cli = parse(line);
            assert!(cli.optimize.check(cli.global.json).is_err(), "{line}");
        }
        assert!(Cli::try_parse_from(words("squeeze a -i -o b")).is_err());
    }
}
