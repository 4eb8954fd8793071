//! Whatever happens in whatever order: the books agree, limits hold, a free thread works, no job is lost or run twice.

use std::time::Duration;

use proptest::prelude::*;
use squeezed_schedule::{Arrival, Config, Lane, Refused};

use crate::executor::{Executor, Run};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[derive(Debug, Clone)]
enum Event {
    Arrive { uid: u32, connection: u64, bytes: u64, cpu: u64, deadline: Option<u64> },
    Pass { ms: u64 },
    Ask { heavy: bool },
    End { n: usize, used: u64, found: Option<(u64, u64)> },
    Cancel { n: usize },
    Demote { n: usize },
    HeavyUsed { ms: u64 },
    Memory { fits: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let found = prop::option::weighted(0.8, (prop_oneof![0_u64..100, 100_u64..5000], 0_u64..50));
    prop_oneof![
        6 => (0_u32..3, 0_u64..4, 0_u64..60, 0_u64..5, prop::option::weighted(0.2, 0_u64..300)).prop_map(
            |(uid, connection, bytes, cpu, deadline)| Event::Arrive { uid, connection, bytes, cpu, deadline }
        ),
        3 => (0_u64..60).prop_map(|ms| Event::Pass { ms }),
        8 => any::<bool>().prop_map(|heavy| Event::Ask { heavy }),
        6 => (any::<usize>(), 0_u64..200, found).prop_map(|(n, used, found)| Event::End { n, used, found }),
        1 => any::<usize>().prop_map(|n| Event::Cancel { n }),
        1 => any::<usize>().prop_map(|n| Event::Demote { n }),
        2 => (0_u64..30).prop_map(|ms| Event::HeavyUsed { ms }),
        1 => prop::bool::weighted(0.7).prop_map(|fits| Event::Memory { fits }),
    ]
}

fn happen(executor: &mut Executor, event: Event) {
    match event {
        Event::Arrive { uid, connection, bytes, cpu, deadline } => {
            let deadline = deadline.map(|ms| executor.now + MS(ms));
            let connection = u64::from(uid) * 10 + connection;
            let arrival = Arrival { uid, connection, bytes, expected: MS(cpu), deadline };
            match executor.admit(arrival) {
                Ok(_) => {}
                Err(Refused::Busy { retry_after }) => assert!((MS(10)..=MS(60_000)).contains(&retry_after)),
                Err(Refused::Deadline { .. }) => assert!(deadline.is_some()),
            }
        }
        Event::Pass { ms } => executor.now += MS(ms),
        Event::Ask { heavy } => _ = executor.ask(if heavy { Lane::Heavy } else { Lane::Light }),
        Event::End { n, used, found } => {
            if let Some(id) = executor.pick(n, |job| job.run != Run::Waits) {
                executor.end(id, MS(used), found.map(|(cpu, memory)| (MS(cpu), memory)));
            }
        }
        Event::Cancel { n } => {
            if let Some(id) = executor.pick(n, |_| true) {
                executor.cancel(id);
            }
        }
        Event::Demote { n } => {
            if let Some(id) = executor.pick(n, |job| job.run == Run::Runs) {
                executor.demote(id);
            }
        }
        Event::HeavyUsed { ms } => executor.schedule.heavy_used(executor.now, MS(ms)),
        Event::Memory { fits } => executor.memory_fits = fits,
    }
}

proptest! {
    #[test]
    fn the_books_agree_whatever_happens(
        cores in 1_usize..4,
        heavy_threads in 1_usize..6,
        queue_jobs in 0_usize..40,
        queue_bytes in prop_oneof![Just(u64::MAX), 50_u64..500],
        events in prop::collection::vec(event(), 0..400),
    ) {
        let mut executor = Executor::new(Config { heavy_threads, queue_jobs, queue_bytes, ..Config::for_cores(cores) });
        for event in events {
            happen(&mut executor, event);
            executor.check();
        }
        executor.drain();
    }
}
