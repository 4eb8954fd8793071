//! One job on its thread: find the plugin, look at the image, take memory, run, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use squeezed_host::{Control as _, Examined, JobError, Ran};
use squeezed_plugin_api::{Effort, Metadata, Mode, Options, Progressive, StopReason};
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorCode, ErrorReply, Outcome, Request};

use super::{Answer, Event, JobControl, receipt};
use crate::config::Config;
use crate::logging::{Throttle, plain};
use crate::memory::Permit;
use crate::registry::Handler;
use crate::state::Daemon;

/// What is asked of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Make it smaller.
    Optimize,
    /// Guess how small it would get.
    Estimate,
    /// Say what it is.
    Inspect,
}

/// A complete request.
pub struct Task {
    /// What is asked.
    pub kind: Kind,
    /// Which stream asked.
    pub stream: u32,
    /// Which user.
    pub uid: u32,
    /// The whole image.
    pub input: Vec<u8>,
    /// The memory it takes.
    pub charge: Vec<Permit>,
    /// Options.
    pub request: Request,
    /// When the last byte came.
    pub ready: Instant,
    /// The link to the connection.
    pub control: Arc<JobControl>,
    /// The job's span in the log, from when a thread takes it up.
    pub span: tracing::Span,
}

/// What is known of a task once its image was looked at.
struct Prepared {
    handler: Handler,
    options: Options,
    seen: Examined,
    queued: Duration,
    start: Instant,
}

impl Task {
    /// Runs on the calling thread and tells the connection the end; or, where there is no memory for it yet, gives the
    /// thread back and goes on when there is.
    pub fn run(mut self, daemon: &Arc<Daemon>) {
        let queued = self.ready.elapsed();
        self.span = tracing::info_span!(
            "job",
            stream = self.stream,
            uid = self.uid,
            format = tracing::field::Empty,
            before = self.input.len(),
            after = tracing::field::Empty,
            queue_ms = queued.as_millis(),
            run_ms = tracing::field::Empty,
        );
        self.control.set_started(true);
        let start = Instant::now();
        let prepared = shielded(|| self.prepare(daemon, queued, start));
        let (prepared, need) = match prepared {
            Ok(Ok(ready)) => ready,
            Ok(Err(outcome)) => return self.end(daemon, Ok(*outcome), Vec::new(), start),
            Err(e) => return self.end(daemon, Err(e), Vec::new(), start),
        };
        if let Some(memory) = daemon.work.take_in_turn(need) {
            return self.finish(daemon, &prepared, memory);
        }
        self.control.set_started(false);
        let (control, then) = (self.control.clone(), daemon.clone());
        let place = daemon.work.take_later(need, move |memory| {
            let daemon = then.clone();
            then.executor.resume(Box::new(move || {
                self.control.set_started(true);
                self.finish(&daemon, &prepared, memory);
            }));
        });
        control.stand_in_line(place);
    }

    /// Looks at the image. The second `Err` is an answer that needs no more work.
    fn prepare(
        &self,
        daemon: &Daemon,
        queued: Duration,
        start: Instant,
    ) -> Result<Result<(Prepared, u64), Box<Outcome>>, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let handler = self.handler(daemon)?;
        self.span.record("format", handler.format.name.as_str());
        let options = self.options(&daemon.config());
        let seen = squeezed_host::examine(&*handler.plugin, &self.input, &options.limits).map_err(fail)?;
        if self.kind == Kind::Inspect {
            let info = Some(receipt::info(&handler, &seen));
            return Ok(Err(Box::new(Outcome { info, ..Outcome::default() })));
        }
        let need = self.memory_needed(daemon, &handler, &seen, &options)?;
        Ok(Ok((Prepared { handler, options, seen, queued, start }, need)))
    }

    /// Runs with all the memory it needs.
    fn finish(self, daemon: &Daemon, prepared: &Prepared, memory: Permit) {
        let mut body = Vec::new();
        let result = shielded(|| self.work(daemon, prepared, &mut body));
        if result.is_err() {
            body.clear();
        }
        drop(memory);
        self.end(daemon, result, body, prepared.start);
    }

    fn end(self, daemon: &Daemon, result: Result<Outcome, ErrorReply>, body: Vec<u8>, start: Instant) {
        let counter = if result.is_ok() { &daemon.stats.done } else { &daemon.stats.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        self.report(&result, start);
        self.control.release();
        let Self { stream, input, charge, control, .. } = self;
        // A large input is given back here, not on the runtime's thread.
        drop(input);
        control.tell(Event::Done(stream, Box::new(Answer { result, body, charge })));
    }

    fn check(&self) -> Result<(), ErrorReply> {
        match self.control.stop() {
            Some(StopReason::Cancelled) => Err(receipt::error(&JobError::Cancelled)),
            Some(StopReason::Deadline) => Err(receipt::error(&JobError::Deadline)),
            None => Ok(()),
        }
    }

    fn work(&self, daemon: &Daemon, p: &Prepared, body: &mut Vec<u8>) -> Result<Outcome, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let (handler, seen, options) = (&p.handler, &p.seen, &p.options);
        let _in = self.span.enter();
        let size = self.input.len() as u64;
        let listed = daemon.stats.list(self.uid, &handler.format.name, size, self.control.gauge());
        let rules = daemon.config().rules(self.request.options.min_savings.unwrap_or(0.0));
        if self.kind == Kind::Estimate {
            let e =
                squeezed_host::estimate(&*handler.plugin, &self.input, seen, options, &rules, &*self.control);
            let e = e.map_err(fail)?;
            let estimate = wire::Estimate { bytes: e.bytes, lossless: e.lossless };
            return Ok(Outcome { estimate: Some(estimate), ..Outcome::default() });
        }
        let ran = squeezed_host::optimize(
            &*handler.plugin,
            &handler.format,
            &self.input,
            seen,
            options,
            &rules,
            &*self.control,
        );
        let ran = ran.map_err(fail)?;
        log_defects(&ran, handler, listed.job);
        let times = (p.queued, p.start.elapsed());
        let receipt = receipt::fit(receipt::receipt(&ran, handler, seen, size, times));
        match ran.end {
            Ok(answer) => *body = answer.bytes,
            Err(_) if self.request.want_unchanged_body => body.clone_from(&self.input),
            Err(_) => {}
        }
        Ok(Outcome { size: body.len() as u64, receipt: Some(receipt), ..Outcome::default() })
    }

    /// One line for the log, inside the span of the job.
    fn report(&self, result: &Result<Outcome, ErrorReply>, start: Instant) {
        static THROTTLE: Throttle = Throttle::new(100);
        let Some(held_back) = THROTTLE.pass() else { return };
        let receipt = result.as_ref().ok().and_then(|o| o.receipt.as_ref());
        let _in = self.span.enter();
        self.span.record("after", receipt.map(|r| r.after));
        self.span.record("run_ms", start.elapsed().as_millis());
        match (result, receipt) {
            (Ok(_), Some(r)) => {
                tracing::info!(
                    method = r.method,
                    reason = r.reason.map(wire::Reason::name),
                    held_back,
                    "job done"
                );
            }
            (Ok(_), None) => tracing::info!(held_back, "job done"),
            (Err(e), _) => {
                tracing::info!(error = e.name.name(), held_back, "job failed: {}", plain(&e.message))
            }
        }
    }

    /// The plugin for what the bytes are, never for what a name says.
    fn handler(&self, daemon: &Daemon) -> Result<Handler, ErrorReply> {
        let unsupported = |text: String| ErrorReply::new(ErrorCode::UnsupportedFormat, text);
        let handler = daemon.registry.sniff(&self.input).ok_or_else(|| {
            let known: Vec<String> = daemon.registry.formats().into_iter().map(|f| f.name).collect();
            unsupported(format!("the bytes are of no known format; known are {}", known.join(", ")))
        })?;
        match &self.request.options.format {
            Some(wanted) if *wanted != handler.format.name => Err(unsupported(format!(
                "the bytes are {}, but the request says {wanted}; leave `format` out to take what they are",
                handler.format.name
            ))),
            _ => Ok(handler),
        }
    }

    fn options(&self, config: &Config) -> Options {
        let o = &self.request.options;
        Options {
            mode: o.lossy_quality().map_or(Mode::Lossless, Mode::Quality),
            metadata: match o.metadata {
                wire::Metadata::All => Metadata::All,
                wire::Metadata::Display => Metadata::Display,
            },
            effort: match o.effort {
                wire::Effort::Fast => Effort::Fast,
                wire::Effort::Balanced => Effort::Balanced,
                wire::Effort::Best => Effort::Best,
            },
            progressive: match o.progressive {
                wire::Progressive::Auto => Progressive::Auto,
                wire::Progressive::On => Progressive::On,
                wire::Progressive::Off => Progressive::Off,
            },
            max_reduction: o.max_reduction,
            limits: config.limits(),
            extra: Vec::new(),
        }
    }

    /// Bytes for the plugin's plan, the judge and two candidates.
    fn memory_needed(
        &self,
        daemon: &Daemon,
        handler: &Handler,
        seen: &Examined,
        options: &Options,
    ) -> Result<u64, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        let plan = squeezed_host::plan(&*handler.plugin, &self.input, seen, options, &*self.control)
            .map_err(fail)?;
        // The judge works after the plugin; the two candidates that are kept live through both.
        let judge = squeezed_judge::peak_bytes(&handler.format.name, &seen.info);
        let need = plan.peak_bytes.max(judge).saturating_add(2 * self.input.len() as u64);
        if daemon.work.could_fit(need) {
            return Ok(need);
        }
        Err(fail(JobError::TooLarge(format!(
            "the job needs {need} bytes of memory, but one job gets at most {}; raise memory.work_bytes",
            daemon.work.largest()
        ))))
    }
}

/// Turns a panic of the daemon's own code into an answer: a stream gets one, whatever happens.
fn shielded<T>(body: impl FnOnce() -> Result<T, ErrorReply>) -> Result<T, ErrorReply> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        tracing::error!("a defect of the daemon: a job panicked");
        Err(ErrorReply::new(ErrorCode::Internal, "a defect of the daemon; report it with the image"))
    })
}

fn log_defects(ran: &Ran, handler: &Handler, job: u64) {
    static THROTTLE: Throttle = Throttle::new(20);
    for defect in &ran.defects {
        if THROTTLE.pass().is_some() {
            let plugin = &handler.plugin.description().id;
            tracing::error!(
                job,
                plugin,
                "judge rejected a candidate: {defect}; the file is safe, the plugin has a defect"
            );
        }
    }
}
