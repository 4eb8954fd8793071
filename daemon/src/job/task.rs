//! One job on its thread: find the plugin, look at the image, take memory, run, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use squeezed_host::{Control as _, Examined, JobError, Ran};
use squeezed_plugin_api::{Effort, Metadata, Mode, Options, Plan, Progressive, StopReason};
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorCode, ErrorReply, Outcome, Request};

use super::{Answer, Event, JobControl, receipt};
use crate::allocator::{peak, reset_peak};
use crate::config::Config;
use crate::costs::{CostKey, planned_cpu};
use crate::executor::{JobId, Lane, Placed, Running};
use crate::logging::{Throttle, plain};
use crate::memory::Permit;
use crate::registry::Handler;
use crate::state::{Daemon, LIGHT_LIMIT};
use crate::status::Load;

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
    cost: CostKey,
    /// What the plan says, before anything learned.
    planned: Duration,
    memory_planned: u64,
    plan: Plan,
    /// Time in the queue so far, and on a thread.
    waited: Duration,
    ran: Duration,
    placed: Instant,
}

impl Task {
    /// CPU time that the first look at so many bytes takes: `inspect` may take 1 ms for each MiB, hashing takes less.
    pub fn look_cost(bytes: u64) -> Duration {
        Duration::from_micros(50) + Duration::from_nanos(bytes)
    }

    /// The first look, on a thread of Light: answers what can be answered at once, and says what the rest will need.
    pub fn look(mut self, daemon: &Arc<Daemon>, run: &Arc<Running>) -> Option<Placed> {
        let waited = self.ready.elapsed();
        self.span = tracing::info_span!(
            "job",
            stream = self.stream,
            uid = self.uid,
            format = tracing::field::Empty,
            before = self.input.len(),
            after = tracing::field::Empty,
            queue_ms = tracing::field::Empty,
            run_ms = tracing::field::Empty,
        );
        self.control.begin(run);
        let prepared = match shielded(|| self.prepare(daemon, run, waited)) {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(outcome)) => {
                let times = (waited, run.since.elapsed());
                self.end(daemon, Ok(*outcome), Vec::new(), times);
                return None;
            }
            Err(e) => {
                let times = (waited, run.since.elapsed());
                self.end(daemon, Err(e), Vec::new(), times);
                return None;
            }
        };
        self.control.pause();
        let cpu = daemon.costs.cpu(&prepared.cost, prepared.planned);
        let lane = if cpu <= LIGHT_LIMIT { Lane::Light } else { Lane::Heavy };
        // What was learned makes a job wait for more, but never refuses it.
        let memory = daemon.costs.memory(&prepared.cost, prepared.memory_planned).min(daemon.work.largest());
        let plan = prepared.plan;
        // Either the work or the refusal takes the task.
        let task = Arc::new(Mutex::new(Some((self, prepared))));
        let (other, daemon, also) = (task.clone(), daemon.clone(), daemon.clone());
        Some(Placed {
            cpu,
            memory,
            lane,
            useful_threads: plan.useful_threads.max(1),
            thread_bytes: plan.bytes_per_thread,
            work: Box::new(move |run| {
                if let Some((task, prepared)) = take(&task) {
                    task.finish(&daemon, run, prepared);
                }
            }),
            late: Box::new(move |refused| {
                if let Some((task, p)) = take(&other) {
                    task.end(&also, Err(receipt::refused(&refused)), Vec::new(), (p.waited, p.ran));
                }
            }),
        })
    }

    /// Looks at the image. The second `Err` is an answer that needs no more work.
    fn prepare(
        &self,
        daemon: &Daemon,
        run: &Running,
        waited: Duration,
    ) -> Result<Result<Prepared, Box<Outcome>>, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let handler = self.handler(daemon)?;
        self.span.record("format", handler.format.name.as_str());
        let _ = run.about.format.set(handler.format.name.clone());
        let options = self.options(&daemon.config());
        let seen = squeezed_host::examine(&*handler.plugin, &self.input, &options.limits).map_err(fail)?;
        if self.kind == Kind::Inspect {
            let info = Some(receipt::info(&handler, &seen));
            return Ok(Err(Box::new(Outcome { info, ..Outcome::default() })));
        }
        let planning = match self.kind {
            // An estimate runs at effort fast, whatever was asked.
            Kind::Estimate => Options { effort: Effort::Fast, ..options.clone() },
            _ => options.clone(),
        };
        let plan = squeezed_host::plan(&*handler.plugin, &self.input, &seen, &planning, &*self.control)
            .map_err(fail)?;
        let description = handler.plugin.description();
        let cost = CostKey::new(&description.id, &planning);
        let memory_planned = self.memory_needed(daemon, &handler, &seen, &plan)?;
        let planned = planned_cpu(&plan, description, &seen.info, &planning);
        let judging = squeezed_judge::expected_time(&handler.format.name, &seen.info);
        self.control.leave_for_judge(judging);
        let (ran, placed) = (run.since.elapsed(), Instant::now());
        Ok(Ok(Prepared { handler, options, seen, cost, planned, memory_planned, plan, waited, ran, placed }))
    }

    /// Runs with all the memory it needs.
    fn finish(self, daemon: &Daemon, run: &Arc<Running>, mut prepared: Prepared) {
        prepared.waited += prepared.placed.elapsed();
        self.control.begin(run);
        let mut body = Vec::new();
        reset_peak();
        let result = shielded(|| self.work(daemon, run, &prepared, &mut body));
        if result.is_err() {
            body.clear();
        }
        if result.is_ok() {
            learn(daemon, run, &prepared, &result);
        }
        run.release_memory();
        self.end(daemon, result, body, (prepared.waited, prepared.ran + run.since.elapsed()));
    }

    fn end(
        self,
        daemon: &Daemon,
        result: Result<Outcome, ErrorReply>,
        body: Vec<u8>,
        times: (Duration, Duration),
    ) {
        let counter = if result.is_ok() { &daemon.stats.done } else { &daemon.stats.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        self.report(&result, times);
        let Self { stream, input, charge, control, .. } = self;
        control.pause();
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

    fn work(
        &self,
        daemon: &Daemon,
        run: &Running,
        p: &Prepared,
        body: &mut Vec<u8>,
    ) -> Result<Outcome, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let (handler, seen, options) = (&p.handler, &p.seen, &p.options);
        let _in = self.span.enter();
        let size = self.input.len() as u64;
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
        log_defects(&ran, handler, run.id);
        let times = (p.waited, p.ran + run.since.elapsed());
        let receipt = receipt::fit(receipt::receipt(&ran, handler, seen, size, times));
        match ran.end {
            Ok(answer) => *body = answer.bytes,
            Err(_) if self.request.want_unchanged_body => body.clone_from(&self.input),
            Err(_) => {}
        }
        Ok(Outcome { size: body.len() as u64, receipt: Some(receipt), ..Outcome::default() })
    }

    /// One line for the log, inside the span of the job.
    fn report(&self, result: &Result<Outcome, ErrorReply>, times: (Duration, Duration)) {
        static THROTTLE: Throttle = Throttle::new(100);
        let Some(held_back) = THROTTLE.pass() else { return };
        let receipt = result.as_ref().ok().and_then(|o| o.receipt.as_ref());
        let _in = self.span.enter();
        self.span.record("after", receipt.map(|r| r.after));
        self.span.record("queue_ms", times.0.as_millis());
        self.span.record("run_ms", times.1.as_millis());
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
        plan: &Plan,
    ) -> Result<u64, ErrorReply> {
        // The judge works after the plugin; the two candidates that are kept live through both.
        let judge = squeezed_judge::peak_bytes(&handler.format.name, &seen.info);
        let need = plan.peak_bytes.max(judge).saturating_add(2 * self.input.len() as u64);
        let most = daemon.work.largest();
        if need > most {
            return Err(receipt::error(&JobError::TooLarge(format!(
                "the job needs {need} bytes of memory, but one job gets at most {most}; raise memory.work_bytes"
            ))));
        }
        Ok(need)
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Compares what a job took with what its plan said.
fn learn(daemon: &Daemon, run: &Running, p: &Prepared, result: &Result<Outcome, ErrorReply>) {
    static THROTTLE: Throttle = Throttle::new(5);
    let whole = result.as_ref().is_ok_and(|o| o.receipt.as_ref().is_none_or(|r| !r.best_so_far));
    let plugin = &p.handler.plugin.description().id;
    let cpu = run.own_cpu();
    if whole {
        daemon.costs.learn_cpu(&p.cost, p.planned, cpu);
    }
    // The threads that a job started have counters of their own, which end with them.
    let peak = (run.threads == 1).then(peak).flatten().unwrap_or(0);
    let planned = p.memory_planned;
    let over = peak > 0 && daemon.costs.learn_memory(&p.cost, planned, peak);
    if over && THROTTLE.pass().is_some() {
        tracing::warn!(
            plugin,
            planned,
            peak,
            "a job needed more than one and a half times its planned memory"
        );
    }
    let load = Load {
        input: run.about.bytes,
        output: result.as_ref().map_or(0, |o| o.receipt.as_ref().map_or(0, |r| r.after)),
        cpu,
        wall: run.since.elapsed(),
        planned,
        peak,
        over,
    };
    daemon.stats.add(plugin, &load);
}

/// Turns a panic of the daemon's own code into an answer: a stream gets one, whatever happens.
fn shielded<T>(body: impl FnOnce() -> Result<T, ErrorReply>) -> Result<T, ErrorReply> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        tracing::error!("a defect of the daemon: a job panicked");
        Err(ErrorReply::new(ErrorCode::Internal, "a defect of the daemon; report it with the image"))
    })
}

fn log_defects(ran: &Ran, handler: &Handler, job: JobId) {
    static THROTTLE: Throttle = Throttle::new(20);
    for defect in &ran.defects {
        if THROTTLE.pass().is_some() {
            let plugin = &handler.plugin.description().id;
            tracing::error!(
                job = job.get(),
                plugin,
                "judge rejected a candidate: {defect}; the file is safe, the plugin has a defect"
            );
        }
    }
}
