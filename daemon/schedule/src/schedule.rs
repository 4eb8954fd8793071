//! The state machine: admission, turns, runs. Knows no thread and no clock; it is told both.

use std::collections::HashMap;
use std::time::Duration;

use crate::admission::Admission;
use crate::config::Config;
use crate::connection::Entry;
use crate::debt::Debt;
use crate::drain::Drain;
use crate::job::{Arrival, Expected, Job, JobId, Run, Stage};
use crate::lane::{Lane, LaneState};
use crate::refused::Refused;
use crate::snapshot::{LaneSnapshot, Snapshot};
use crate::time::{Time, cpu_nanos};

/// Which job runs next.
///
/// A job is [admitted](Self::admit), its examination gets a [turn](Self::next) in Light, then it is
/// [placed](Self::place) into a lane and gets another turn for its work. Each run that [`next`](Self::next) gave is ended
/// by exactly one call: `place` for an examination that found work to do, [`ended`](Self::ended) for all others. Calls
/// about a job that is not in the state they are for do nothing.
///
/// # Order
/// Turns go round users, then round the connections of the user in turn, by deficit round robin over expected CPU, which
/// [`ended`](Self::ended) corrects by what was measured. On a connection the job with the smallest `arrival + stretch x
/// expected CPU` goes first. A job whose memory does not fit keeps its turn: no other work of its lane starts before it.
///
/// # Bounds
/// In CPU time that a lane's threads work off together, memory aside. `q` is the quantum, `J` the longest expected CPU of
/// a job in the lane, `n` the peers (users, or connections of one user) that have work waiting in it meanwhile.
///
/// - *Threads*: at most `cores` runs in Light and `heavy_threads` in Heavy, demoted ones aside.
/// - *Newcomer*: a peer that owes nothing goes next: it waits for one of the running jobs. If others came new just before
///   it, these, as much work of the rest as theirs, and `2 J` may go first.
/// - *Fair*: of two peers that have had work waiting since the same moment, neither was served more than `q + J` more
///   than the other, however many connections or jobs it has.
/// - *Starvation*: before a peer's next job the others of its level are served at most `2 (n - 1) (q + J)`, and newcomers
///   as much as these and `2 (q + J)`.
/// - *Ageing*: no job is overtaken by one of its connection that came later than `stretch` times its expected CPU after it.
/// - *Heavy's floor*: while Heavy has work that fits, it gets at least `heavy_share x (t - s) - debt_limit` of CPU in any
///   time `t`, where `s` is how long a light job may run before it ends or is demoted, plus twice the time between two
///   calls of [`heavy_used`](Self::heavy_used). So a job of CPU `c` that has Heavy to itself ends within
///   `(c + debt_limit) / heavy_share + s`.
#[derive(Debug)]
pub struct Schedule {
    config: Config,
    now: Time,
    jobs: HashMap<JobId, Job>,
    next_id: u64,
    light: LaneState,
    heavy: LaneState,
    demoted: usize,
    admission: Admission,
    drain: Drain,
    debt: Debt,
}

impl Schedule {
    /// An idle scheduler.
    pub fn new(config: Config) -> Self {
        let config = config.sane();
        let quantum = cpu_nanos(config.quantum);
        Self {
            now: Time::ZERO,
            jobs: HashMap::new(),
            next_id: 0,
            light: LaneState::new(quantum),
            heavy: LaneState::new(quantum),
            demoted: 0,
            admission: Admission::new(&config),
            drain: Drain::default(),
            debt: Debt::new(config.heavy_share, config.debt_limit),
            config,
        }
    }

    /// What it was told.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes a job and queues its examination in Light.
    ///
    /// # Errors
    /// The queue has no room for it, or it cannot start before its deadline.
    pub fn admit(&mut self, now: Time, arrival: Arrival) -> Result<JobId, Refused> {
        self.advance(now);
        let cpu = cpu_nanos(arrival.expected);
        self.check_deadline(arrival.deadline, Lane::Light, arrival.uid, arrival.connection, cpu)?;
        let idle = self.config.cores.saturating_sub(self.light.running.len());
        if let Err(need) = self.admission.enter(&arrival, idle) {
            let drain = self.drain.time_for(need.jobs as f64, need.bytes as f64);
            let retry_after = drain.unwrap_or_else(|| self.time_for_a_quarter());
            return Err(Refused::Busy {
                retry_after: retry_after.clamp(Duration::from_millis(10), Duration::from_secs(60)),
            });
        }
        let id = JobId(self.next_id);
        self.next_id += 1;
        let job = Job {
            uid: arrival.uid,
            connection: arrival.connection,
            bytes: arrival.bytes,
            arrived: self.now,
            queued: self.now,
            deadline: arrival.deadline,
            stage: Stage::Examination,
            lane: Lane::Light,
            cpu,
            memory: 0,
            run: None,
        };
        self.queue(id, job);
        Ok(id)
    }

    /// An examination is over (its thread is free again): queues the work it found. `cpu` is what it took.
    ///
    /// # Errors
    /// The work cannot start before the job's deadline; the job is gone.
    pub fn place(&mut self, now: Time, id: JobId, cpu: Duration, expected: Expected) -> Result<(), Refused> {
        self.advance(now);
        if self.jobs.get(&id).is_none_or(|job| job.stage != Stage::Examination) {
            return Ok(());
        }
        let Some(mut job) = self.end_run(id, cpu) else { return Ok(()) };
        job.stage = Stage::Work;
        job.lane = expected.lane;
        job.cpu = cpu_nanos(expected.cpu);
        job.memory = expected.memory;
        if let Err(refused) = self.check_deadline(job.deadline, job.lane, job.uid, job.connection, job.cpu) {
            self.admission.leave(job.uid, job.connection, job.bytes);
            return Err(refused);
        }
        self.queue(id, job);
        Ok(())
    }

    /// A free thread of this lane asks for a job. `take` is asked to take the work memory of the job in turn; if it says
    /// that it does not fit, the lane waits for it: only examinations, which need none, go on.
    pub fn next(&mut self, now: Time, lane: Lane, take: &mut dyn FnMut(JobId, u64) -> bool) -> Option<JobId> {
        self.advance(now);
        let threads = match lane {
            Lane::Light => self.light_threads(),
            Lane::Heavy => self.config.heavy_threads,
        };
        if self.lane(lane).running.len() >= threads {
            return None;
        }
        let state = self.lane(lane);
        let id = state.blocked.or_else(|| state.queue.first())?;
        let job = self.jobs.get(&id)?;
        let fits = job.stage == Stage::Examination || take(id, job.memory);
        self.lane_mut(lane).blocked = (!fits).then_some(id);
        let id = if fits { id } else { self.lane(lane).queue.first_examination()? };
        self.start(id);
        Some(id)
    }

    /// A run is over and its thread is free again; the job is gone. `cpu` is what the run took.
    pub fn ended(&mut self, now: Time, id: JobId, cpu: Duration) {
        self.advance(now);
        if let Some(job) = self.end_run(id, cpu)
            && job.stage == Stage::Examination
        {
            self.admission.leave(job.uid, job.connection, job.bytes);
        }
    }

    /// A running job of Light takes too long: it goes on beside Heavy's threads, and Light has a thread again.
    pub fn demote(&mut self, now: Time, id: JobId) {
        self.advance(now);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(run) = job.run.as_mut().filter(|run| job.lane == Lane::Light && !run.demoted) else {
            return;
        };
        // Light's threads run at full speed, so the time it had one is the CPU it used there.
        let used = cpu_nanos(self.now.saturating_sub(run.started));
        let charged = std::mem::replace(&mut run.charged, used);
        run.demoted = true;
        let (end, uid, connection) = (run.expected_end, job.uid, job.connection);
        self.light.running.remove(&(end, id));
        self.light.queue.settle(uid, connection, charged, used);
        self.heavy.queue.adopt(uid, connection);
        self.demoted += 1;
    }

    /// Takes out a job that waits, because it was cancelled or its deadline passed. Answers what it waited for; nothing
    /// if it does not wait: a running one ends by [`Self::ended`].
    pub fn remove(&mut self, now: Time, id: JobId) -> Option<Stage> {
        self.advance(now);
        self.jobs.get(&id).filter(|job| job.run.is_none())?;
        let job = self.jobs.remove(&id)?;
        let entry = self.entry(id, &job);
        let lane = self.lane_mut(job.lane);
        lane.queue.remove(&entry);
        lane.forget_wait(id, job.queued);
        self.admission.leave(job.uid, job.connection, job.bytes);
        Some(job.stage)
    }

    /// Heavy's threads, demoted ones included, were measured to get this much CPU since the last call. To be told about
    /// every 10 ms while Heavy has work: what is not told counts as not given.
    pub fn heavy_used(&mut self, now: Time, cpu: Duration) {
        self.advance(now);
        self.debt.paid(cpu);
    }

    /// Threads that Light may use now: all, or one less while it owes Heavy.
    pub fn light_threads(&self) -> usize {
        self.config.cores - usize::from(self.debt.is_due() && self.is_heavy_hungry())
    }

    /// Threads for a job that [`Self::next`] just gave: all cores if nothing else waits or runs, else 1.
    pub fn threads_for_new_job(&self) -> usize {
        let running = self.light.running.len() + self.heavy.running.len() + self.demoted;
        let queued = self.light.queue.len() + self.heavy.queue.len();
        if running <= 1 && queued == 0 { self.config.cores } else { 1 }
    }

    /// When a Light thread that got nothing because of Heavy's debt may ask again; nothing if none waits for that.
    pub fn next_wake(&self, now: Time) -> Option<Duration> {
        let threads = self.light_threads();
        let held = threads < self.config.cores && self.light.running.len() >= threads;
        let passed = now.saturating_sub(self.now);
        let wait = self.debt.time_to_pay().filter(|_| held && self.light.queue.len() > 0)?;
        Some(wait.saturating_sub(passed).max(Duration::from_millis(1)))
    }

    /// The earliest start, from now on, of a job that came now: optimistic, as half of what goes before it may turn out
    /// to take no time and Heavy may get all cores. Looks at each peer with work, so it is for jobs with a deadline.
    pub fn expected_start(
        &self,
        now: Time,
        lane: Lane,
        uid: u32,
        connection: u64,
        cpu: Duration,
    ) -> Duration {
        self.start_of(now, lane, uid, connection, cpu_nanos(cpu))
    }

    /// Runs that wait for a thread of this lane. Costs nothing: for the decision whether to wake one.
    pub fn queued(&self, lane: Lane) -> usize {
        self.lane(lane).queue.len()
    }

    /// Whether the job in turn of this lane waits for memory.
    pub fn waits_for_memory(&self, lane: Lane) -> bool {
        self.lane(lane).blocked.is_some()
    }

    /// What it looks like now.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        let (jobs_per_second, bytes_per_second) = self.drain.rate().unwrap_or_default();
        let waiting = self.admission.waiting();
        let lane = |state: &LaneState, demoted| LaneSnapshot {
            running: state.running.len(),
            demoted,
            queued: state.queue.len(),
            oldest_wait: state.waits.first().map_or(Duration::ZERO, |(since, _)| now.saturating_sub(*since)),
            expected_cpu: Duration::from_nanos(state.queue.cpu()),
            waits_for_memory: state.blocked.is_some(),
        };
        Snapshot {
            light: lane(&self.light, 0),
            heavy: lane(&self.heavy, self.demoted),
            waiting_jobs: usize::try_from(waiting.jobs).unwrap_or(usize::MAX),
            waiting_bytes: waiting.bytes,
            debt: self.debt.owed(),
            light_gives_way: self.light_threads() < self.config.cores,
            jobs_per_second,
            bytes_per_second,
        }
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        let hungry = self.is_heavy_hungry();
        let open = self.light.running.len() < self.config.cores;
        self.debt.advance(self.now, hungry, open);
        self.drain.advance(self.now, self.admission.waiting().jobs > 0);
    }

    /// Heavy has work that could run if it had a core.
    fn is_heavy_hungry(&self) -> bool {
        let waits = self.heavy.queue.len() > 0 && self.heavy.blocked.is_none();
        self.demoted > 0 || !self.heavy.running.is_empty() || waits
    }

    fn queue(&mut self, id: JobId, mut job: Job) {
        job.queued = self.now;
        let entry = self.entry(id, &job);
        let now = self.now;
        let lane = self.lane_mut(job.lane);
        lane.queue.push(&entry);
        lane.waits.insert((now, id));
        self.jobs.insert(id, job);
    }

    fn start(&mut self, id: JobId) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let run = Run {
            started: now,
            expected_end: now.saturating_add(Duration::from_nanos(job.cpu)),
            charged: job.cpu,
            demoted: false,
        };
        job.run = Some(run);
        let (lane, stage, queued, bytes) = (job.lane, job.stage, job.queued, job.bytes);
        let (uid, connection) = (job.uid, job.connection);
        let entry = Entry::new(id, job, self.config.stretch);
        let state = self.lane_mut(lane);
        state.queue.start(&entry);
        state.forget_wait(id, queued);
        state.running.insert((run.expected_end, id));
        if stage == Stage::Work {
            self.admission.leave(uid, connection, bytes);
            self.drain.left(bytes);
        }
    }

    /// Ends a run: its thread is free and its peers' accounts are put right.
    fn end_run(&mut self, id: JobId, cpu: Duration) -> Option<Job> {
        self.jobs.get(&id)?.run?;
        let mut job = self.jobs.remove(&id)?;
        let run = job.run.take()?;
        let used = cpu_nanos(cpu);
        if run.demoted {
            self.demoted -= 1;
            self.heavy.queue.settle(job.uid, job.connection, 0, used.saturating_sub(run.charged));
        } else {
            let state = self.lane_mut(job.lane);
            state.running.remove(&(run.expected_end, id));
            state.queue.settle(job.uid, job.connection, run.charged, used);
        }
        Some(job)
    }

    fn check_deadline(
        &self,
        deadline: Option<Time>,
        lane: Lane,
        uid: u32,
        connection: u64,
        cpu: u64,
    ) -> Result<(), Refused> {
        let Some(deadline) = deadline else { return Ok(()) };
        let expected_start = self.start_of(self.now, lane, uid, connection, cpu);
        if deadline <= self.now || self.now.saturating_add(expected_start) > deadline {
            return Err(Refused::Deadline { expected_start });
        }
        Ok(())
    }

    fn start_of(&self, now: Time, lane: Lane, uid: u32, connection: u64, cpu: u64) -> Duration {
        let (state, threads) = match lane {
            Lane::Light => (&self.light, self.config.cores),
            Lane::Heavy => (&self.heavy, self.config.heavy_threads),
        };
        if state.running.len() < threads && state.queue.len() == 0 {
            return Duration::ZERO;
        }
        let cores = self.config.cores as u64;
        let before = state.queue.cpu_before(uid, connection, cpu) / cores / 2;
        let first_end = state.running.first().map(|(end, _)| end.saturating_sub(now));
        let free = first_end.filter(|_| state.running.len() >= threads).unwrap_or_default();
        free.saturating_add(Duration::from_nanos(before))
    }

    /// When a quarter of what waits is through, by what it is expected to take.
    fn time_for_a_quarter(&self) -> Duration {
        let cpu = self.light.queue.cpu().saturating_add(self.heavy.queue.cpu());
        Duration::from_nanos(cpu / 4 / self.config.cores as u64)
    }

    fn entry(&self, id: JobId, job: &Job) -> Entry {
        Entry::new(id, job, self.config.stretch)
    }

    fn lane(&self, lane: Lane) -> &LaneState {
        match lane {
            Lane::Light => &self.light,
            Lane::Heavy => &self.heavy,
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Light => &mut self.light,
            Lane::Heavy => &mut self.heavy,
        }
    }
}
