//! A small version of the simulation asserts what the table of `docs/scheduling.md` shows, and Heavy's floor.

#[path = "../examples/simulate/model/mod.rs"]
mod model;

use std::time::Duration;

use model::{Class, Job, MS, Outcome, Pattern, fifo, lanes};
use proptest::prelude::*;
use squeezed_schedule::Config;

const CORES: usize = 2;

fn both(pattern: Pattern) -> (Outcome, Outcome) {
    let load = pattern.workload(20_000, CORES, 1);
    let config = Config { queue_jobs: usize::MAX, ..Config::for_cores(CORES) };
    (fifo(&load, CORES), lanes(&load, config))
}

#[test]
fn no_job_is_lost_and_no_core_idles() {
    for pattern in Pattern::ALL {
        let (pool, ours) = both(pattern);
        assert_eq!((pool.ended, ours.ended, ours.refused), (20_000, 20_000, 0), "{}", pattern.name());
        for class in Class::ALL {
            assert_eq!(ours.count(class), pool.count(class), "{} {}", pattern.name(), class.name());
        }
        // The largest job takes 20 s: that much may be left for one core at the end.
        assert!(
            ours.end.abs_diff(pool.end) < 40_000 * MS,
            "{}: {} and {}",
            pattern.name(),
            ours.end,
            pool.end
        );
    }
}

#[test]
fn small_jobs_do_not_wait_for_a_heavy_tail() {
    let (pool, ours) = both(Pattern::HeavyTail);
    assert!(ours.mean(Class::Small) < 3.0 && ours.p99(Class::Small) < 30.0, "{}", ours.mean(Class::Small));
    assert!(ours.mean(Class::Medium) < 3.0 && ours.p99(Class::Medium) < 10.0);
    assert!(pool.mean(Class::Small) > 10.0 * ours.mean(Class::Small));
    assert!(pool.p99(Class::Small) > 10.0 * ours.p99(Class::Small));
}

#[test]
fn bursts_delay_small_jobs_less_than_in_a_pool() {
    let (pool, ours) = both(Pattern::Bursts);
    for class in [Class::Small, Class::Medium] {
        assert!(pool.mean(class) > 2.0 * ours.mean(class), "{}", class.name());
        assert!(pool.p99(class) > 2.0 * ours.p99(class), "{}", class.name());
    }
    assert!(pool.mean_of_all() > 2.0 * ours.mean_of_all());
}

#[test]
fn a_greedy_client_does_not_delay_the_others() {
    let (pool, ours) = both(Pattern::Greedy);
    assert!(ours.mean(Class::Small) < 3.0 && ours.p99(Class::Small) < 30.0, "{}", ours.mean(Class::Small));
    assert!(pool.mean(Class::Small) > 50.0 * ours.mean(Class::Small));
    assert!((ours.greedy_share - pool.greedy_share).abs() < 0.1, "it still gets what the others leave");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A heavy job that has its lane to itself ends within the written bound, whatever Light is asked to do.
    #[test]
    fn heavy_has_a_floor(
        cores in 1_usize..=4,
        load in 0.2_f64..3.0,
        share in 0.1_f64..0.5,
        limit in 20_u64..500,
        cpu in 100_u64..3000,
        at in 0_u64..3000,
        seed: u64,
    ) {
        let mut workload = Pattern::light_only(40, cores, load, seed);
        let cpu_nanos = cpu * MS;
        let job = Job { at: at * MS, uid: 9, connection: 99, examination: MS, work: cpu_nanos, expected: cpu_nanos };
        let index = workload.open.partition_point(|other| other.at <= job.at);
        workload.open.insert(index, job);
        // Everything else is small, so the one large job is its class.
        let config = Config { heavy_share: share, debt_limit: Duration::from_millis(limit), ..Config::for_cores(cores) };
        let outcome = lanes(&workload, config);
        prop_assume!(outcome.count(Class::Large) == 1);
        let took = outcome.mean(Class::Large) * (job.examination + job.work) as f64 / 1e9;
        // The longest light job, its examination's turn, and two samples.
        let slack = 0.036 + 0.036 + 0.02;
        let bound = (cpu as f64 / 1e3 + limit as f64 / 1e3) / share + slack;
        prop_assert!(took <= bound, "{took} s, bound {bound} s");
    }
}
