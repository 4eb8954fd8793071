//! The work of a job, in its lane: the plugin proposes, the host judges, and what it took is learned.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use squeezed_host::{Control as _, JobError, Ran};
use squeezed_protocol as wire;
use squeezed_protocol::{ErrorReply, Outcome};

use super::ending::Ending;
use super::receipt;
use super::task::{Kind, Prepared, Task, shielded};
use crate::allocator::{peak, reset_peak};
use crate::executor::{JobId, Running};
use crate::logging::Throttle;
use crate::registry::Handler;
use crate::state::Daemon;
use crate::status::Load;

impl Task {
    /// Runs with all the memory it needs, and answers.
    pub fn finish(self, daemon: &Daemon, run: &Arc<Running>, mut prepared: Prepared) {
        prepared.waited += prepared.placed.elapsed();
        self.control.begin(run);
        let info = &prepared.seen.info;
        self.control.leave_for_judge(squeezed_judge::expected_time(&prepared.handler.format.name, info));
        let mut body = Vec::new();
        reset_peak();
        let result = shielded(|| self.work(run, &prepared, &mut body));
        if let Ok(outcome) = &result {
            learn(daemon, run, &prepared, outcome);
        }
        let body = if result.is_ok() { Bytes::from(body) } else { Bytes::new() };
        // A plugin may end early at a deadline without a word: what could be cut short is not kept.
        let whole = self.control.stop().is_none();
        if let (Ok(outcome), Some(identity), true) = (&result, &prepared.identity, whole) {
            daemon.reuse.keep(self.uid, identity, outcome, &body);
        }
        run.release_memory();
        let ending = Ending {
            result,
            body,
            reused: None,
            waited: prepared.waited,
            ran: prepared.ran + run.since.elapsed(),
            cpu: run.own_cpu(),
            lane: run.lane(),
            plugin: Some(prepared.handler.plugin.description().id.clone()),
        };
        if run.was_demoted()
            && let Some(plugin) = &ending.plugin
        {
            daemon.metrics.plugin(plugin).demoted();
        }
        self.end(daemon, ending);
    }

    fn work(&self, run: &Running, p: &Prepared, body: &mut Vec<u8>) -> Result<Outcome, ErrorReply> {
        let fail = |e: JobError| receipt::error(&e);
        self.check()?;
        let (handler, seen, options) = (&p.handler, &p.seen, &p.options);
        let _in = self.span.enter();
        let size = self.input.len() as u64;
        let rules = &p.rules;
        if self.kind == Kind::Estimate {
            let e =
                squeezed_host::estimate(&*handler.plugin, &self.input, seen, options, rules, &*self.control);
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
            rules,
            &*self.control,
        );
        let ran = ran.map_err(fail)?;
        log_defects(&ran, handler, run.id);
        let times = (p.waited, p.ran + run.since.elapsed());
        let receipt = receipt::fit(receipt::receipt(&ran, handler, seen, size, times));
        if let Ok(answer) = ran.end {
            *body = answer.bytes;
        }
        Ok(Outcome { receipt: Some(receipt), ..Outcome::default() })
    }
}

/// Compares what a job took with what its plan said.
fn learn(daemon: &Daemon, run: &Running, p: &Prepared, outcome: &Outcome) {
    static THROTTLE: Throttle = Throttle::new(5);
    let receipt = outcome.receipt.as_ref();
    let plugin = &p.handler.plugin.description().id;
    let cpu = run.own_cpu();
    // What helper threads used after they were seen last is not known: 10 ms each, which is nothing beside 200.
    let exact = run.threads == 1 || cpu > Duration::from_millis(200);
    if exact && receipt.is_none_or(|r| !r.best_so_far) {
        daemon.costs.learn_cpu(&p.cost, p.planned, cpu);
    }
    // The threads that a job started have counters of their own, which end with them.
    let peak = (run.threads == 1).then(peak).flatten().unwrap_or(0);
    let planned = p.memory_planned;
    let over = peak > 0 && daemon.costs.learn_memory(&p.cost, planned, peak);
    if over {
        daemon.metrics.plugin(plugin).memory_overrun();
    }
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
        output: receipt.map_or(0, |r| r.after),
        cpu,
        wall: run.since.elapsed(),
        planned,
        peak,
        over,
    };
    daemon.stats.add(plugin, &load);
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
