//! `squeezed`: reads flags and configuration, sets up the process, serves until told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use squeezed::args::Args;
use squeezed::config::Loader;
use squeezed::metrics;
use squeezed::socket::{BindError, Bound};
use squeezed::{logging, prepare, server};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.downcast_ref::<squeezed::config::ConfigError>().is_some() => {
            eprintln!("squeezed: {e:#}");
            ExitCode::from(2)
        }
        Err(e) => {
            eprintln!("squeezed: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let loader = Loader::new(&args);
    let layers = loader.load()?;
    if args.print_config {
        print!("{}", layers.print());
        return Ok(());
    }
    let config = Arc::new(layers.config()?);
    squeezed::set_up_allocator();
    // Before any thread starts: a session, limits and signal masks are inherited.
    prepare(args.autostarted);
    let bound = match Bound::bind(&config) {
        Ok(bound) => bound,
        // Many clients may start a daemon at once; one wins and the others have nothing to do.
        Err(BindError::Live(_)) if args.autostarted => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    let log_level = logging::start(&config, args.autostarted.then(|| bound.log_path()).as_deref())?;
    // Still before any thread starts: the mode of a Unix socket comes from the process's umask.
    let metrics = metrics::Listener::bind(&config.metrics.listen()).unwrap_or_else(|e| {
        tracing::warn!("running without metrics: {e:#}");
        None
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("squeezed-io")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(server::serve(bound, metrics, config, loader, log_level));
    runtime.shutdown_background();
    ended.context("the server ended")
}
