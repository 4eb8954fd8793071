//! `squeeze`: makes image files smaller through squeezed.
//!
//! Reads the command line and hands over to one module a command. It never looks into an image: that is the daemon's.

mod args;
mod autostart;
mod bench;
mod daemon;
mod exit;
mod failure;
mod inspect;
mod interrupt;
mod job;
mod link;
mod magic;
mod place;
mod plan;
mod plugins;
mod preserve;
mod progress;
mod record;
mod report;
mod run;
mod size;
mod source;
mod status;
mod stdio;
mod table;
mod values;
mod walk;
mod write;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::from_command_line(std::env::args_os());
    match start(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            stdio::say(&format!("squeeze: {error:#}"));
            Exit::of(&error).into()
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<Exit> {
    // Read while there is one thread only: the kernel tells it by changing it.
    write::remember_umask();
    if let Some(Command::Completions { shell }) = cli.command {
        return args::completions(shell);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let exit = runtime.block_on(async {
        match cli.command {
            None => run::run(cli.global, cli.optimize).await,
            Some(Command::Inspect { paths }) => inspect::run(cli.global, paths).await,
            Some(Command::Plugins) => plugins::run(cli.global).await,
            Some(Command::Status { watch }) => status::run(cli.global, watch).await,
            Some(Command::Bench(args)) => bench::run(cli.global, *args).await,
            Some(Command::Sockname) => place::run(cli.global).await,
            Some(Command::Daemon { action }) => daemon::run(cli.global, action).await,
            Some(Command::Completions { .. }) => Ok(Exit::Ok),
        }
    });
    // A read from stdin that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    exit
}
