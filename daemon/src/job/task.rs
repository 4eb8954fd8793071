//! The first look at a job, on a thread of Light: find the plugin, look at the image, say what the work will need, and
//! answer what can be answered at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use squeezed_cache::{Joined, Seat};
use squeezed_host::{Control as _, Examined, JobError, Rules};
use squeezed_plugin_api::{Effort, Metadata, Mode, Options, Plan, Progressive, StopReason};
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorCode, ErrorReply, Outcome, Request, Reused};

use super::asker::Made;
use super::ending::Ending;
use super::reuse::{Identity, Run};
use super::{Asker, Charge, JobControl, Reuse, receipt};
use crate::config::Config;
use crate::costs::{CostKey, planned_cpu};
use crate::executor::{Lane, Placed, Running};
use crate::registry::Handler;
use crate::state::{Daemon, LIGHT_LIMIT};

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
    /// Which user.
    pub uid: u32,
    /// The whole image.
    pub input: Vec<u8>,
    /// The memory that it takes: shared with whoever waits for the answer, and held until the bytes are gone.
    #[expect(dead_code, reason = "held for as long as the bytes are")]
    pub charge: Charge,
    /// Options.
    pub request: Request,
    /// When the last byte came.
    pub ready: Instant,
    /// The switches of its run.
    pub control: Arc<JobControl>,
    /// Who waits for the answer; with a seat, those in the flight do.
    pub asker: Option<Asker>,
    /// The run that others may have joined.
    pub seat: Option<Seat>,
    /// Where those in the flight are found.
    pub reuse: Arc<Reuse>,
    /// The job's span in the log, from when a thread takes it up.
    pub span: tracing::Span,
}

impl Drop for Task {
    /// A panic on the way must not leave anybody without an answer. A task that was forgotten is dropped calmly: it was
    /// answered before.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let made = Made { result: Err(internal()), body: Bytes::new(), input: &[], ran: Duration::ZERO };
        for asker in self.askers() {
            asker.answer(&made, None);
        }
    }
}

/// What is known of a task once its image was looked at.
pub struct Prepared {
    pub handler: Handler,
    pub options: Options,
    pub rules: Rules,
    pub seen: Examined,
    pub identity: Option<Identity>,
    pub cost: CostKey,
    /// What the plan says, before anything learned.
    pub planned: Duration,
    pub memory_planned: u64,
    pub plan: Plan,
    /// Time in the queue so far, and on a thread.
    pub waited: Duration,
    pub ran: Duration,
    pub placed: Instant,
}

/// What a first look found.
enum Found {
    /// There is work to do.
    Work(Box<Prepared>),
    /// The answer.
    Answer(Box<Outcome>, Bytes, Option<Reused>),
    /// An identical job is at work, and will answer.
    Shared,
}

impl Task {
    /// CPU time that the first look at so many bytes takes: `inspect` may take 1 ms for each MiB, hashing takes less.
    pub fn look_cost(bytes: u64) -> Duration {
        Duration::from_micros(50) + Duration::from_nanos(bytes)
    }

    /// The first look.
    pub fn look(mut self, daemon: &Arc<Daemon>, run: &Arc<Running>) -> Option<Placed> {
        let waited = self.ready.elapsed();
        self.span = tracing::info_span!(
            "job",
            stream = self.asker.as_ref().map(|a| a.stream),
            uid = self.uid,
            format = tracing::field::Empty,
            before = self.input.len(),
            after = tracing::field::Empty,
            queue_ms = tracing::field::Empty,
            run_ms = tracing::field::Empty,
        );
        self.control.begin(run);
        let mut handler = None;
        let found = shielded(|| self.prepare(daemon, run, waited, &mut handler));
        let ending = |result, body, reused| Ending {
            result,
            body,
            reused,
            waited,
            ran: run.since.elapsed(),
            cpu: run.own_cpu(),
            lane: run.lane(),
            plugin: handler.as_ref().map(|h: &Handler| h.plugin.description().id.clone()),
        };
        match found {
            Ok(Found::Work(prepared)) => Some(self.place(daemon, *prepared)),
            Ok(Found::Answer(outcome, body, reused)) => {
                self.end(daemon, ending(Ok(*outcome), body, reused));
                None
            }
            Ok(Found::Shared) => {
                daemon.metrics.shared_run();
                None
            }
            Err(e) => {
                self.end(daemon, ending(Err(e), Bytes::new(), None));
                None
            }
        }
    }

    /// Where the work belongs.
    fn place(self, daemon: &Arc<Daemon>, prepared: Prepared) -> Placed {
        self.control.pause();
        let cpu = daemon.costs.cpu(&prepared.cost, prepared.planned);
        // What was learned makes a job wait for more, but never refuses it.
        let memory = daemon.costs.memory(&prepared.cost, prepared.memory_planned).min(daemon.work.largest());
        // What Light's own part of the memory cannot hold would make Light wait for heavy jobs.
        let light = cpu <= LIGHT_LIMIT && memory <= daemon.work.reserve();
        let lane = if light { Lane::Light } else { Lane::Heavy };
        let plan = prepared.plan;
        // Either the work or the refusal takes the task.
        let task = Arc::new(Mutex::new(Some((self, prepared))));
        let (other, daemon, also) = (task.clone(), daemon.clone(), daemon.clone());
        Placed {
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
                    also.metrics.deadline_refused();
                    let ending = Ending {
                        result: Err(receipt::refused(&refused)),
                        body: Bytes::new(),
                        reused: None,
                        waited: p.waited,
                        ran: p.ran,
                        cpu: Duration::ZERO,
                        lane,
                        plugin: Some(p.handler.plugin.description().id.clone()),
                    };
                    task.end(&also, ending);
                }
            }),
        }
    }

    /// Looks at the image.
    fn prepare(
        &mut self,
        daemon: &Daemon,
        run: &Running,
        waited: Duration,
        known: &mut Option<Handler>,
    ) -> Result<Found, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let handler = known.insert(self.handler(daemon)?).clone();
        self.span.record("format", handler.format.name.as_str());
        let _ = run.about.format.set(handler.format.name.clone());
        let config = daemon.config();
        let options = self.options(&config);
        let rules = config.rules(self.request.options.min_savings.unwrap_or(0.0));
        let identity =
            (self.kind == Kind::Optimize).then(|| Identity::of(&self.input, &handler, &options, &rules));
        let kept = identity.as_ref().and_then(|id| daemon.reuse.kept(self.uid, id, self.input.len()));
        if let Some((outcome, body)) = kept {
            return Ok(Found::Answer(Box::new(outcome), body, Some(Reused::Cache)));
        }
        let seen = squeezed_host::examine(&*handler.plugin, &self.input, &options.limits).map_err(fail)?;
        if self.kind == Kind::Inspect {
            let info = Some(receipt::info(&handler, &seen));
            let outcome = Outcome { info, ..Outcome::default() };
            return Ok(Found::Answer(Box::new(outcome), Bytes::new(), None));
        }
        let planning = match self.kind {
            // An estimate runs at effort fast, whatever was asked.
            Kind::Estimate => Options { effort: Effort::Fast, ..options.clone() },
            _ => options.clone(),
        };
        let plan = squeezed_host::plan(&*handler.plugin, &self.input, &seen, &planning, &*self.control)
            .map_err(fail)?;
        let description = handler.plugin.description();
        let memory_planned = self.memory_needed(daemon, &handler, &seen, &plan)?;
        let planned = planned_cpu(&plan, description, &seen.info, &planning);
        let judged = self.kind == Kind::Optimize;
        let cost = CostKey::new(&description.id, &planning, planned, judged);
        // An answer that a deadline cut short is nobody else's.
        if let Some(id) = identity.as_ref().filter(|_| self.request.options.deadline_ms.is_none()) {
            match self.share(daemon, run, id) {
                None => return Err(fail(JobError::Cancelled)),
                Some(Joined::Follower(_)) => return Ok(Found::Shared),
                Some(Joined::Leader(seat)) => self.seat = Some(seat),
                Some(Joined::Alone(asker)) => self.asker = Some(asker),
            }
        }
        let (ran, placed) = (run.since.elapsed(), Instant::now());
        Ok(Found::Work(Box::new(Prepared {
            handler,
            options,
            rules,
            seen,
            identity,
            cost,
            planned,
            memory_planned,
            plan,
            waited,
            ran,
            placed,
        })))
    }

    /// Joins an identical job, or lets others join this one; nothing for a job that was cancelled.
    fn share(&mut self, daemon: &Daemon, run: &Running, identity: &Identity) -> Option<Joined<Asker>> {
        let asker = self.asker.take()?;
        let leading = Run { control: self.control.clone(), id: run.id, connection: run.about.connection };
        self.control.enter(&daemon.reuse, || daemon.reuse.join(self.uid, identity, asker, leading))
    }

    /// Whoever waits for the answer. They are given once.
    pub fn askers(&mut self) -> Vec<Asker> {
        match self.seat.take() {
            Some(seat) => self.reuse.finish(&seat),
            None => self.asker.take().into_iter().collect(),
        }
    }

    /// Why the job should not go on.
    pub fn check(&self) -> Result<(), ErrorReply> {
        match self.control.stop() {
            Some(StopReason::Cancelled) => Err(receipt::error(&JobError::Cancelled)),
            Some(StopReason::Deadline) => Err(receipt::error(&JobError::Deadline)),
            None => Ok(()),
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

/// Turns a panic of the daemon's own code into an answer: a stream gets one, whatever happens.
pub fn shielded<T>(body: impl FnOnce() -> Result<T, ErrorReply>) -> Result<T, ErrorReply> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        tracing::error!("a defect of the daemon: a job panicked");
        Err(internal())
    })
}

fn internal() -> ErrorReply {
    ErrorReply::new(ErrorCode::Internal, "a defect of the daemon; report it with the image")
}
