//! `squeeze bench`: real load over the socket, measured where it is felt. Knows the daemon by its socket alone, and by the
//! CPU time of its process.

mod args;
mod bar;
mod cpu;
mod load;
mod material;
mod mix;
mod mixed;
mod report;
mod sample;
mod scenario;
mod stage;
mod stats;
mod target;
mod texture;

pub use args::Bench;

use crate::args::Global;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::stdio;
use target::Target;

/// Puts the daemon under load, as a mix or a scenario, and prints what was measured, after Ctrl-C as well.
///
/// # Errors
/// When there is nothing to send, no daemon, or stdout takes nothing.
pub async fn run(global: Global, args: Bench) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen_and_say("squeeze: stopping the load; once more to stop at once")?;
    match args.scenario {
        None => mixed::run(&global, args, interrupt).await,
        Some(name) => scenario::run(&global, args, name, interrupt).await,
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    stdio::print(text.as_bytes()).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))
}
