//! `squeeze PATH...`: all files of a run, a few at a time, and what is said about them.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::args::{Global, Optimize};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::job::{self, Rules};
use crate::link::Link;
use crate::plan::{Plan, plan};
use crate::progress::Progress;
use crate::record::Record;
use crate::report::Report;
use crate::size;
use crate::stdio::{self, shown};

/// Optimizes everything that was named.
///
/// # Errors
/// What keeps it from beginning: a usage error, no daemon.
pub async fn run(global: Global, args: Optimize) -> anyhow::Result<Exit> {
    if args.is_stdin() {
        return stdin(&global, &args).await;
    }
    let plan = plan(&args)?;
    let interrupt = Interrupt::listen()?;
    let started = Instant::now();
    let mut teller = Teller {
        report: Report::default(),
        progress: Progress::new(plan.items.len() as u64, global.quiet),
        json: global.json,
        lines: args.dry_run && !global.quiet && !global.json,
    };
    work(&global, &args, plan, &interrupt, &mut teller).await?;
    teller.progress.end();
    teller.report.interrupted = interrupt.asked();
    if !global.quiet {
        stdio::say(&teller.report.summary(started.elapsed(), args.dry_run));
    }
    Ok(teller.report.exit())
}

async fn work(
    global: &Global,
    args: &Optimize,
    plan: Plan,
    interrupt: &Interrupt,
    teller: &mut Teller,
) -> anyhow::Result<()> {
    for (path, failure) in plan.troubles {
        teller.tell(&Record::failed(&path, failure));
    }
    if plan.items.is_empty() {
        return Ok(());
    }
    let link = Link::open(global).await?;
    let rules = Arc::new(Rules::new(args, link));
    let at_once = args.jobs.map_or_else(default_jobs, usize::from);
    let mut items = plan.items.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_once && !interrupt.asked() && !teller.report.is_lost() {
            let Some(item) = items.next() else { break };
            let rules = rules.clone();
            running.spawn(job::run(rules, item));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(record)) => teller.tell(&record),
            Some(Err(error)) => return Err(anyhow::Error::new(error).context("a defect of squeeze")),
        }
    }
    teller.report.left = items.len() as u64;
    Ok(())
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).saturating_add(1)
}

/// Says what happened to each file, where it was asked for.
struct Teller {
    report: Report,
    progress: Progress,
    json: bool,
    /// Whether each file gets a line for people.
    lines: bool,
}

impl Teller {
    fn tell(&mut self, record: &Record) {
        self.report.add(record);
        let path = shown(&record.path);
        if let Some(failure) = record.failure.as_ref().filter(|_| record.status() == "failed") {
            self.progress.say(&format!("squeeze: {path}: {failure}"));
        }
        let mut line = Vec::new();
        if self.json {
            line = record.json();
        } else if let (true, Some(r), None) = (self.lines, &record.receipt, &record.failure) {
            let percent = size::saved_percent(r.before, r.after);
            let why = r.reason.map_or(r.method.as_str(), |reason| reason.name());
            line = format!("{path}: {} -> {} bytes, {percent:.1} %, {why}\n", r.before, r.after).into_bytes();
        }
        if !line.is_empty() && !self.report.stdout_failed {
            // Later lines are not tried: whoever read them has gone.
            self.report.stdout_failed = stdio::print(&line).is_err();
        }
        self.progress.step(self.report.saved());
    }
}

/// `squeeze -`
async fn stdin(global: &Global, args: &Optimize) -> anyhow::Result<Exit> {
    let to_stdout = args.output.is_none() && !args.dry_run;
    if to_stdout && io::stdout().is_terminal() {
        let text = "the image would go to this terminal; send it somewhere with > FILE, | PROGRAM or -o FILE";
        return Err(Exit::Usage.because(text));
    }
    let mut interrupt = Interrupt::listen()?;
    let started = Instant::now();
    let link = Link::open(global).await?;
    let limit = link.get().await.client.hello().limits.image_bytes;
    let rules = Rules::new(args, link);
    let record = tokio::select! {
        record = job::stdin(&rules, args.output.as_deref(), read_stdin(limit)) => record,
        () = interrupt.wait() => return Ok(Exit::Interrupted),
    };
    let mut teller = Teller {
        report: Report::default(),
        progress: Progress::new(1, true),
        json: global.json,
        lines: false,
    };
    teller.tell(&record);
    if !global.quiet {
        stdio::say(&teller.report.summary(started.elapsed(), args.dry_run));
    }
    Ok(teller.report.exit())
}

async fn read_stdin(limit: u64) -> Result<Vec<u8>, Failure> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.await.map_err(io::Error::other).flatten().map_err(|e| Failure::read(&e))?;
    if bytes.len() as u64 > limit {
        let text = format!("stdin has more bytes than the daemon takes ({limit}); raise limits.image_bytes");
        return Err(Failure::refused("TOO_LARGE", text));
    }
    Ok(bytes)
}
