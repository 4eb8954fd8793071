//! `squeeze status`: what the daemon is doing, once or again and again.

mod text;
mod watch;

use squeezed_client::StatusReport;

use crate::args::Global;
use crate::exit::Exit;
use crate::place;
use crate::stdio;

/// Shows the daemon's state, with `every` again after that many seconds. Starts no daemon: one that was just started has
/// nothing to tell.
///
/// # Errors
/// When no daemon answers, or stdout takes nothing.
pub async fn run(global: Global, every: Option<f64>) -> anyhow::Result<Exit> {
    let unreachable = |e: squeezed_client::Error| {
        Exit::Unreachable.because(format!("{e}; {}", place::how_to_start(&global)))
    };
    let client = place::connect(&global).await.map_err(unreachable)?;
    if let Some(seconds) = every {
        return watch::run(&global, client, std::time::Duration::from_secs_f64(seconds)).await;
    }
    let report = client.status().await.map_err(|e| Exit::Failed.because(e.to_string()))?;
    let socket = client.path().display().to_string();
    let text =
        if global.json { json(&report)? } else { text::lines(&socket, &report, width()).join("\n") + "\n" };
    stdio::print(text.as_bytes()).map_err(|e| Exit::Unwritable.because(format!("stdout: {e}")))?;
    Ok(Exit::Ok)
}

fn json(report: &StatusReport) -> anyhow::Result<String> {
    Ok(serde_json::to_string(report)? + "\n")
}

/// Columns of the terminal; `None` where stdout is none and lines may be as long as they are.
fn width() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}
