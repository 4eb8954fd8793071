//! One job on its thread: find the plugin, look at the image, take memory, run, answer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use squeezed_host::{Control as _, Examined, JobError, Ran};
use squeezed_plugin_api::{Effort, Metadata, Mode, Options, Progressive, StopReason};
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorCode, ErrorReply, Outcome, Request};

use super::{Answer, Event, JobControl, receipt};
use crate::config::Config;
use crate::logging::Throttle;
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
}

impl Task {
    /// Runs on the calling thread and tells the connection the end.
    pub fn run(self, daemon: &Daemon) {
        let queued = self.ready.elapsed();
        self.control.start();
        let span = tracing::info_span!(
            "job",
            stream = self.stream,
            uid = self.uid,
            format = tracing::field::Empty,
            before = self.input.len(),
            after = tracing::field::Empty,
            queue_ms = queued.as_millis(),
            run_ms = tracing::field::Empty,
        );
        let _in = span.enter();
        let start = Instant::now();
        let mut body = Vec::new();
        let result = self.work(daemon, queued, start, &mut body);
        span.record("run_ms", start.elapsed().as_millis());
        let counter = if result.is_ok() { &daemon.stats.done } else { &daemon.stats.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        report(&result, &span);
        self.control.release();
        let Self { stream, input, charge, control, .. } = self;
        // A large input is given back here, not on the runtime's thread.
        drop(input);
        control.tell(Event::Done(stream, Box::new(Answer { result, body, charge })));
    }

    fn work(
        &self,
        daemon: &Daemon,
        queued: Duration,
        start: Instant,
        body: &mut Vec<u8>,
    ) -> Result<Outcome, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        match self.control.stop() {
            Some(StopReason::Cancelled) => return Err(fail(JobError::Cancelled)),
            Some(StopReason::Deadline) => return Err(fail(JobError::Deadline)),
            None => {}
        }
        let config = daemon.config();
        let handler = self.handler(daemon)?;
        tracing::Span::current().record("format", handler.format.name.as_str());
        let uid = self.uid;
        let listed =
            daemon.stats.list(uid, &handler.format.name, self.input.len() as u64, self.control.gauge());
        let options = self.options(&config);
        let seen = squeezed_host::examine(&*handler.plugin, &self.input, &options.limits).map_err(fail)?;
        if self.kind == Kind::Inspect {
            return Ok(Outcome { info: Some(receipt::info(&handler, &seen)), ..Outcome::default() });
        }
        let _work = self.take_memory(daemon, &handler, &seen, &options)?;
        let rules = config.rules(self.request.options.min_savings.unwrap_or(0.0));
        if self.kind == Kind::Estimate {
            let e = squeezed_host::estimate(
                &*handler.plugin,
                &self.input,
                &seen,
                &options,
                &rules,
                &*self.control,
            );
            let e = e.map_err(fail)?;
            let estimate = wire::Estimate { bytes: e.bytes, lossless: e.lossless };
            return Ok(Outcome { estimate: Some(estimate), ..Outcome::default() });
        }
        let ran = squeezed_host::optimize(
            &*handler.plugin,
            &handler.format,
            &self.input,
            &seen,
            &options,
            &rules,
            &*self.control,
        );
        let ran = ran.map_err(fail)?;
        log_defects(&ran, &handler, listed.job);
        let times = (queued, start.elapsed());
        let receipt = receipt::receipt(&ran, &handler, &seen, self.input.len() as u64, times);
        match ran.end {
            Ok(answer) => *body = answer.bytes,
            Err(_) if self.request.want_unchanged_body => body.clone_from(&self.input),
            Err(_) => {}
        }
        Ok(Outcome { size: body.len() as u64, receipt: Some(receipt), ..Outcome::default() })
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

    /// Waits for the memory that the plugin's plan and the judge need, at once and all of it.
    fn take_memory(
        &self,
        daemon: &Daemon,
        handler: &Handler,
        seen: &Examined,
        options: &Options,
    ) -> Result<Permit, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        let plan = squeezed_host::plan(&*handler.plugin, &self.input, seen, options, &*self.control)
            .map_err(fail)?;
        // The judge works after the plugin; the two candidates that are kept live through both.
        let judge = squeezed_judge::peak_bytes(&handler.format.name, &seen.info);
        let need = plan.peak_bytes.max(judge).saturating_add(2 * self.input.len() as u64);
        if !daemon.work.could_fit(need) {
            return Err(fail(JobError::TooLarge(format!(
                "the job needs {need} bytes of memory, but one job gets at most {}; raise memory.work_bytes",
                daemon.work.largest()
            ))));
        }
        let (tx, rx) = mpsc::channel();
        let _place = daemon.work.take_later(need, move |permit| {
            let _ = tx.send(permit);
        });
        loop {
            match rx.recv_timeout(Duration::from_millis(20)) {
                Ok(permit) => return Ok(permit),
                Err(_) => match self.control.stop() {
                    Some(StopReason::Cancelled) => return Err(fail(JobError::Cancelled)),
                    Some(StopReason::Deadline) => return Err(fail(JobError::Deadline)),
                    None => {}
                },
            }
        }
    }
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

fn report(result: &Result<Outcome, ErrorReply>, span: &tracing::Span) {
    static THROTTLE: Throttle = Throttle::new(100);
    let Some(held_back) = THROTTLE.pass() else { return };
    match result {
        Ok(Outcome { receipt: Some(r), .. }) => {
            span.record("after", r.after);
            tracing::info!(
                method = r.method,
                reason = r.reason.map(wire::Reason::name),
                held_back,
                "job done"
            );
        }
        Ok(_) => tracing::info!(held_back, "job done"),
        Err(e) => tracing::info!(error = e.name.name(), held_back, "job failed: {}", e.message),
    }
}
