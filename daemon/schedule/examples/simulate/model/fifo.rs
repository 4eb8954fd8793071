//! The policy to compare with: a pool of one thread a core that takes jobs in order of arrival.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Outcome, Workload};

/// Runs the workload through the pool.
pub fn fifo(load: &Workload, cores: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut queue = VecDeque::new();
    let mut running: BinaryHeap<Reverse<(u64, bool, usize, u64)>> = BinaryHeap::new();
    let (mut next_open, mut next_closed) = (0, load.depth.min(load.closed.len()));
    queue.extend((0..next_closed).map(|n| (true, n, 0)));
    loop {
        let arrival = load.open.get(next_open).map(|job| job.at);
        let end = running.peek().map(|Reverse((end, ..))| *end);
        let now = match (arrival, end) {
            _ if running.is_empty() && !queue.is_empty() => 0,
            (Some(arrival), Some(end)) => arrival.min(end),
            (Some(time), None) | (None, Some(time)) => time,
            (None, None) => break,
        };
        if arrival == Some(now) {
            queue.push_back((false, next_open, now));
            next_open += 1;
        } else if end == Some(now) {
            let Some(Reverse((_, greedy, n, from))) = running.pop() else { break };
            let job = if greedy { &load.closed[n] } else { &load.open[n] };
            outcome.ended(job, greedy, from, now, load);
            if greedy && next_closed < load.closed.len() {
                queue.push_back((true, next_closed, now));
                next_closed += 1;
            }
        }
        while running.len() < cores {
            let Some((greedy, n, from)) = queue.pop_front() else { break };
            let job = if greedy { &load.closed[n] } else { &load.open[n] };
            running.push(Reverse((now + job.examination + job.work, greedy, n, from)));
        }
    }
    outcome.finish(load, cores)
}
