//! Newcomers, fair shares, ageing, starvation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use squeezed_schedule::{Arrival, Config, JobId, Lane, Stage, Time};

use crate::executor::{Executor, Run};

const MS: fn(u64) -> Duration = Duration::from_millis;
const LONGEST: u64 = 90;

fn executor(cores: usize) -> Executor {
    Executor::new(Config { queue_jobs: usize::MAX / 2, ..Config::for_cores(cores) })
}

/// A job whose examination costs nothing and is over at once, so that its work waits.
fn waiting(executor: &mut Executor, uid: u32, connection: u64, cpu: u64) -> JobId {
    let arrival = Arrival { uid, connection, bytes: 1, expected: Duration::ZERO, deadline: None };
    let id = executor.admit(arrival).unwrap();
    // An examination that nobody waits for goes before all work of its connection, not before that of others.
    executor.memory_fits = false;
    while executor.jobs[&id].stage == Stage::Examination {
        let other = executor.ask(Lane::Light).expect("an examination needs no memory");
        let cpu = if other == id { cpu } else { 1 };
        executor.end(other, Duration::ZERO, Some((MS(cpu), 1)));
    }
    executor.memory_fits = true;
    id
}

/// Runs one job of Light to its end; whose it was and what it took.
fn turn(executor: &mut Executor) -> Option<(JobId, u32, Duration)> {
    let id = executor.ask(Lane::Light)?;
    let known = executor.jobs[&id];
    executor.now += known.cpu;
    executor.end(id, known.cpu, None);
    Some((id, known.arrival.uid, known.cpu))
}

/// Runs jobs until each of these peers had a turn, so that none is new, and then some more.
fn settle(executor: &mut Executor, peers: impl Iterator<Item = u64>, more: usize) {
    let mut new: BTreeSet<u64> = peers.collect();
    while !new.is_empty() {
        let id = executor.ask(Lane::Light).unwrap();
        let known = executor.jobs[&id];
        new.remove(&known.arrival.connection);
        executor.end(id, known.cpu, None);
    }
    (0..more).for_each(|_| _ = turn(executor));
}

proptest! {
    /// A batch of one user does not delay the single file of another, at any moment, on any of its ways.
    #[test]
    fn a_newcomer_is_next(
        cores in 1_usize..4,
        batch in prop::collection::vec((0_u64..6, 1..=LONGEST), 1..120),
        turns in 0_usize..100,
        cpu in 1..=LONGEST,
    ) {
        let mut executor = executor(cores);
        for (connection, cpu) in batch {
            waiting(&mut executor, 1, connection, cpu);
        }
        for _ in 0..turns {
            turn(&mut executor);
        }
        // All threads are taken by the batch; one ends.
        while executor.ask(Lane::Light).is_some() {}
        let arrival = Arrival { uid: 2, connection: 99, bytes: 1, expected: MS(1), deadline: None };
        let id = executor.admit(arrival).unwrap();
        if let Some(first) = executor.pick(0, |job| job.run == Run::Runs) {
            executor.end(first, MS(5), None);
            prop_assert_eq!(executor.ask(Lane::Light), Some(id));
        }
        if executor.jobs[&id].run == Run::Runs {
            executor.end(id, MS(1), Some((MS(cpu), 1)));
            prop_assert_eq!(executor.ask(Lane::Light), Some(id), "nor its work");
        }
    }

    /// The same for a connection among those of one user; if others were new a moment ago, two jobs may go before it.
    #[test]
    fn a_new_connection_of_the_only_user_is_next(
        batch in prop::collection::vec((0_u64..3, 1..=LONGEST), 1..60),
        turns in 0_usize..50,
    ) {
        let mut executor = executor(1);
        for (connection, cpu) in &batch {
            waiting(&mut executor, 1, *connection, *cpu);
        }
        settle(&mut executor, batch.iter().map(|(connection, _)| *connection), turns);
        let arrival = Arrival { uid: 1, connection: 99, bytes: 1, expected: MS(1), deadline: None };
        let id = executor.admit(arrival).unwrap();
        let mut before = MS(0);
        while executor.jobs.contains_key(&id) {
            before += turn(&mut executor).map_or(MS(0), |(_, _, cpu)| cpu);
        }
        prop_assert!(before <= MS(1) + 2 * MS(LONGEST), "{before:?}");
    }

    /// Newcomers that wait already, as much work of the others, and twice the longest job: more is never before one.
    #[test]
    fn many_newcomers_share_the_front(
        batch in prop::collection::vec((1_u32..4, 1..=LONGEST), 1..100),
        newcomers in prop::collection::vec(1..=LONGEST, 1..30),
        turns in 0_usize..10,
    ) {
        let mut executor = executor(1);
        for (uid, cpu) in &batch {
            waiting(&mut executor, *uid, u64::from(*uid), *cpu);
        }
        settle(&mut executor, batch.iter().map(|(uid, _)| u64::from(*uid)), turns);
        let ids: Vec<(JobId, u64)> = newcomers
            .iter()
            .enumerate()
            .map(|(n, cpu)| (waiting(&mut executor, 100 + n as u32, 100 + n as u64, *cpu), *cpu))
            .collect();
        let (mut served, mut before) = (MS(0), MS(0));
        for (id, cpu) in ids {
            while executor.jobs.contains_key(&id) {
                let (_, _, cpu) = turn(&mut executor).unwrap();
                served += cpu;
            }
            // One more: the job that was in turn while the examinations ran keeps its turn.
            prop_assert!(served - MS(cpu) <= 2 * before + 3 * MS(LONGEST), "{served:?} before it, {before:?} ahead");
            before += MS(cpu);
        }
    }

    /// Two users that both have work all the time, one of them with many connections.
    #[test]
    fn two_users_differ_by_a_quantum_and_a_job(
        cores in 1_usize..4,
        one in prop::collection::vec(1..=LONGEST, 20..80),
        other in prop::collection::vec((0_u64..20, 1..=LONGEST), 20..80),
    ) {
        let mut executor = executor(cores);
        // Both come at one moment, while the threads are taken by another.
        let held: Vec<JobId> = (0..cores).map(|_| waiting(&mut executor, 7, 7, 1)).collect();
        for _ in &held {
            executor.ask(Lane::Light);
        }
        let place = |executor: &mut Executor, uid, connection, cpu: u64| {
            let arrival = Arrival { uid, connection, bytes: 1, expected: MS(cpu), deadline: None };
            executor.admit(arrival).unwrap();
        };
        one.iter().for_each(|cpu| place(&mut executor, 1, 1, *cpu));
        other.iter().for_each(|(connection, cpu)| place(&mut executor, 2, 100 + connection, *cpu));
        held.iter().for_each(|id| executor.end(*id, MS(1), None));
        let mut served = BTreeMap::from([(1, MS(0)), (2, MS(0))]);
        let waits = |executor: &Executor, uid| executor.jobs.values().any(|job| job.arrival.uid == uid && job.run == Run::Waits);
        while waits(&executor, 1) && waits(&executor, 2) {
            let Some(id) = executor.ask(Lane::Light) else {
                let id = executor.pick(0, |job| job.run == Run::Runs).unwrap();
                let cpu = executor.jobs[&id].cpu;
                executor.end(id, cpu, None);
                continue;
            };
            let known = executor.jobs[&id];
            *served.get_mut(&known.arrival.uid).unwrap() += known.cpu;
            prop_assert!(served[&1].abs_diff(served[&2]) <= executor.schedule.config().quantum + MS(LONGEST));
        }
    }

    /// What was measured corrects what was expected: wrong estimates, of one or of both, buy nothing.
    #[test]
    fn estimates_do_not_decide_what_a_user_gets(
        cores in 1_usize..4,
        one in prop::collection::vec((1..=LONGEST, 1..=LONGEST), 20..80),
        other in prop::collection::vec((0_u64..5, 1..=LONGEST, 1..=LONGEST), 20..80),
    ) {
        let mut executor = executor(cores);
        let mut used = BTreeMap::new();
        let held: Vec<JobId> = (0..cores).map(|_| waiting(&mut executor, 7, 7, 1)).collect();
        for _ in &held {
            executor.ask(Lane::Light);
        }
        let jobs = one.iter().map(|(cpu, used)| (1, 1, *cpu, *used));
        let jobs = jobs.chain(other.iter().map(|(line, cpu, used)| (2, 100 + line, *cpu, *used)));
        for (uid, connection, cpu, measured) in jobs {
            let arrival = Arrival { uid, connection, bytes: 1, expected: MS(cpu), deadline: None };
            used.insert(executor.admit(arrival).unwrap(), MS(measured));
        }
        held.iter().for_each(|id| executor.end(*id, MS(1), None));
        let mut served = BTreeMap::from([(1, MS(0)), (2, MS(0))]);
        let waits = |executor: &Executor, uid| {
            executor.jobs.values().any(|job| job.arrival.uid == uid && job.run == Run::Waits)
        };
        // Each running job may be wrong by a whole one.
        let bound = executor.schedule.config().quantum + MS(LONGEST) * (1 + 2 * cores as u32);
        while waits(&executor, 1) && waits(&executor, 2) {
            if executor.ask(Lane::Light).is_some() {
                continue;
            }
            let id = executor.pick(0, |job| job.run == Run::Runs).unwrap();
            *served.get_mut(&executor.jobs[&id].arrival.uid).unwrap() += used[&id];
            executor.end(id, used[&id], None);
            prop_assert!(served[&1].abs_diff(served[&2]) <= bound, "{served:?}");
        }
    }

    /// On one connection nothing overtakes what came `stretch` times its own cost before.
    #[test]
    fn what_is_old_enough_is_not_overtaken(
        stretch in 0_u32..50,
        arrivals in prop::collection::vec((0_u64..200, 1..=LONGEST, any::<bool>()), 1..80),
    ) {
        let config = Config { queue_jobs: usize::MAX / 2, stretch, ..Config::for_cores(1) };
        let mut executor = Executor::new(config);
        let overtaken = |executor: &Executor, id: JobId, arrived: Time| {
            executor.jobs.iter().any(|(other, job)| {
                *other != id && job.run == Run::Waits && arrived > job.arrived + job.cpu * stretch
            })
        };
        for (gap, cpu, run) in arrivals {
            executor.now += MS(gap);
            waiting(&mut executor, 1, 1, cpu);
            if run {
                let id = executor.ask(Lane::Light).unwrap();
                let known = executor.jobs[&id];
                prop_assert!(!overtaken(&executor, id, known.arrived));
                executor.end(id, known.cpu, None);
            }
        }
    }

    /// A peer's first job waits for a bounded amount of the others' work, under an endless stream of newcomers too.
    #[test]
    fn nobody_starves(
        peers in 2_u32..6,
        sizes in prop::collection::vec(1..=LONGEST, 8..40),
        newcomer in prop::option::of(1..=LONGEST),
        turns in 50_usize..300,
    ) {
        let mut executor = executor(1);
        let mut size = sizes.iter().cycle().copied();
        for uid in 0..peers {
            for _ in 0..3 {
                waiting(&mut executor, uid, u64::from(uid), size.next().unwrap());
            }
        }
        // Regular work and newcomers' work that each peer saw since its last turn.
        let mut seen = vec![(MS(0), MS(0)); peers as usize];
        let (quantum, longest) = (executor.schedule.config().quantum, MS(LONGEST));
        let bound = 2 * (peers - 1) * (quantum + longest);
        for n in 0..turns {
            if let Some(cpu) = newcomer {
                waiting(&mut executor, 1000 + n as u32, 1000 + n as u64, cpu);
            }
            let (_, uid, cpu) = turn(&mut executor).unwrap();
            if uid < peers {
                waiting(&mut executor, uid, u64::from(uid), size.next().unwrap());
            }
            for (peer, (regular, new)) in seen.iter_mut().enumerate() {
                match uid {
                    _ if uid == peer as u32 => (*regular, *new) = (MS(0), MS(0)),
                    _ if uid < peers => *regular += cpu,
                    _ => *new += cpu,
                }
                prop_assert!(*regular <= bound, "{regular:?} of others before {peer}");
                prop_assert!(*new <= *regular + 2 * (quantum + longest), "{new:?} of newcomers, {regular:?} of others");
            }
        }
    }
}
