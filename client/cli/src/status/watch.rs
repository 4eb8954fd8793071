//! `squeeze status --watch`: one report after the other, in place on a terminal. Outlives the daemon that it watches.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use squeezed_client::{Client, StatusReport};
use tokio::signal::unix::{SignalKind, signal};

use super::{json, text, width};
use crate::args::Global;
use crate::exit::Exit;
use crate::place;
use crate::stdio;

/// How long an answer may take before the daemon counts as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches until Ctrl-C, which is how it is meant to end.
///
/// # Errors
/// When stdout takes nothing.
pub async fn run(global: &Global, client: Client, every: Duration) -> anyhow::Result<Exit> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let unwritable = |e: io::Error| Exit::Unwritable.because(format!("stdout: {e}"));
    let mut face = Face::new(global.json);
    let mut watched =
        Watched { socket: client.path().display().to_string(), client: Some(client), pid: None, lost: None };
    loop {
        let show = async {
            let seen = watched.look(global).await;
            face.show(&watched, seen)
        };
        tokio::select! {
            shown = show => shown.map_err(unwritable)?,
            _ = interrupt.recv() => return Ok(Exit::Ok),
            _ = terminate.recv() => return Ok(Exit::Ok),
            _ = hangup.recv() => return Ok(Exit::Ok),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = interrupt.recv() => return Ok(Exit::Ok),
            _ = terminate.recv() => return Ok(Exit::Ok),
            _ = hangup.recv() => return Ok(Exit::Ok),
        }
    }
}

/// What one look found.
enum Seen {
    /// A report, and whether it is another process than before.
    Report(Box<StatusReport>, bool),
    /// Nobody answers, and why.
    Nobody(String),
}

/// The daemon that is watched, or the place where it was.
struct Watched {
    socket: String,
    client: Option<Client>,
    pid: Option<u32>,
    lost: Option<Instant>,
}

impl Watched {
    async fn look(&mut self, global: &Global) -> Seen {
        match tokio::time::timeout(PATIENCE, self.ask(global)).await {
            Ok(Ok(report)) => {
                self.lost = None;
                let another = self.pid.replace(report.pid).is_some_and(|pid| pid != report.pid);
                Seen::Report(Box::new(report), another)
            }
            Ok(Err(error)) => self.gone(error.to_string()),
            Err(_) => self.gone(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    fn gone(&mut self, why: String) -> Seen {
        self.client = None;
        self.lost.get_or_insert_with(Instant::now);
        Seen::Nobody(why)
    }

    async fn ask(&mut self, global: &Global) -> squeezed_client::Result<StatusReport> {
        if let Some(client) = &self.client {
            match client.status().await {
                // It ended since the last look. Perhaps the next one is there already.
                Err(error) if error.wants_reconnect() => {}
                answer => return answer,
            }
        }
        let client = place::connect(global).await?;
        self.socket = client.path().display().to_string();
        let report = client.status().await;
        self.client = Some(client);
        report
    }
}

/// Where the reports go.
enum Face {
    /// Each in the place of the last one.
    Terminal(Screen),
    /// One after the other.
    Lines { json: bool, first: bool, away: bool },
}

impl Face {
    fn new(json: bool) -> Self {
        if !json && io::stdout().is_terminal() {
            return Face::Terminal(Screen { begun: false, last: Vec::new() });
        }
        Face::Lines { json, first: true, away: false }
    }

    fn show(&mut self, watched: &Watched, seen: Seen) -> io::Result<()> {
        match self {
            Face::Terminal(screen) => screen.show(watched, seen),
            Face::Lines { json: as_json, first, away } => {
                let (report, another) = match seen {
                    Seen::Report(report, another) => (report, another),
                    Seen::Nobody(why) => {
                        if !std::mem::replace(away, true) {
                            stdio::say(&format!(
                                "squeeze: the daemon does not answer any more ({why}); waiting for it"
                            ));
                        }
                        return Ok(());
                    }
                };
                if std::mem::replace(away, false) || another {
                    let what = if another { "another daemon answers" } else { "the daemon answers again" };
                    stdio::say(&format!("squeeze: {what} (process {})", report.pid));
                }
                let gap = if std::mem::replace(first, false) || *as_json { "" } else { "\n" };
                let text = if *as_json {
                    json(&report).map_err(io::Error::other)?
                } else {
                    text::lines(&watched.socket, &report, None).join("\n") + "\n"
                };
                stdio::print((gap.to_owned() + &text).as_bytes())
            }
        }
    }
}

/// A terminal's other screen, so that what was on it before comes back at the end.
struct Screen {
    begun: bool,
    last: Vec<String>,
}

impl Screen {
    fn show(&mut self, watched: &Watched, seen: Seen) -> io::Result<()> {
        // A terminal that does not know its size says 0.
        let rows = console::Term::stdout().size_checked().map_or(0, |(rows, _)| usize::from(rows));
        let width = width();
        let mut lines = Vec::new();
        match seen {
            Seen::Report(report, another) => {
                if another {
                    lines.push("another daemon answers than before".to_owned());
                }
                self.last = text::lines(&watched.socket, &report, width);
            }
            Seen::Nobody(why) => {
                let since = watched.lost.map_or(0, |lost| lost.elapsed().as_secs());
                lines.push(text::shorten(
                    &format!("no answer for {since} s ({why}); waiting for the daemon; its last state:"),
                    width,
                ));
            }
        }
        lines.extend(self.last.iter().cloned());
        let open = if std::mem::replace(&mut self.begun, true) { "" } else { "\x1b[?1049h\x1b[?25l" };
        stdio::print((open.to_owned() + &frame(lines, if rows == 0 { usize::MAX } else { rows })).as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.begun {
            // Nobody is left to be told if the terminal is gone.
            let _ = stdio::print(b"\x1b[?25h\x1b[?1049l");
        }
    }
}

/// What to write so that these lines stand on the screen and nothing else does. Nothing is cleared before it is written
/// over, so nothing flickers.
fn frame(mut lines: Vec<String>, rows: usize) -> String {
    let room = rows.max(2) - 1;
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(format!("  ... {more} more lines"));
    }
    let body: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[H{body}\x1b[J")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_writes_over_the_last_one() {
        let lines = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(frame(lines(2), 24), "\x1b[H0\x1b[K\n1\x1b[K\n\x1b[J");
        let text = frame(lines(30), 5);
        assert_eq!(text.matches('\n').count(), 4, "the last row stays free, or the screen would scroll");
        assert!(text.contains("  ... 27 more lines"), "{text}");
    }
}
