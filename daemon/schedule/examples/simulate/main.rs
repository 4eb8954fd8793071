//! Simulates a daemon in virtual time and prints the table of `docs/scheduling.md`.
//!
//! `cargo run --release -p squeezed-schedule --example simulate -- --jobs 1000000`
//!
//! Also `--cores 2`, `--seed 1`, `--stretch 20`, `--quantum-ms 20` and `--heavy-threads 2`.

mod model;

use std::time::Duration;

use model::{Class, Outcome, Pattern, fifo, lanes};
use squeezed_schedule::Config;

fn main() {
    let (jobs, cores, seed) = (option("--jobs", 1_000_000), option("--cores", 2), option("--seed", 1));
    let (jobs, cores) = (jobs as usize, cores.max(1) as usize);
    let defaults = Config::for_cores(cores);
    let quantum = option("--quantum-ms", defaults.quantum.as_millis() as u64);
    let stretch = option("--stretch", u64::from(defaults.stretch)) as u32;
    let heavy_threads = option("--heavy-threads", cores as u64) as usize;
    let quantum = Duration::from_millis(quantum);
    let config = Config { heavy_threads, stretch, quantum, ..defaults };
    println!(
        "{jobs} jobs per pattern, {cores} cores, seed {seed}; slowdown = time from arrival to end / own CPU\n"
    );
    println!("| pattern | size | jobs | FIFO mean | lanes mean | FIFO p99 | lanes p99 |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let mut greedy = None;
    for pattern in Pattern::ALL {
        let load = pattern.workload(jobs, cores, seed);
        let config = Config { queue_jobs: usize::MAX, ..config.clone() };
        let (pool, ours) = (fifo(&load, cores), lanes(&load, config));
        rows(pattern, &pool, &ours);
        greedy =
            Some((pool.greedy_share, ours.greedy_share)).filter(|_| pattern == Pattern::Greedy).or(greedy);
    }
    if let Some((pool, ours)) = greedy {
        println!(
            "\nThe greedy client got {:.0} % of the CPU by FIFO, {:.0} % by lanes.",
            pool * 100.0,
            ours * 100.0
        );
    }
    floor(seed);
}

fn rows(pattern: Pattern, pool: &Outcome, ours: &Outcome) {
    for class in Class::ALL {
        println!(
            "| {} | {} | {} | {:.1} | {:.1} | {:.1} | {:.1} |",
            pattern.name(),
            class.name(),
            ours.count(class),
            pool.mean(class),
            ours.mean(class),
            pool.p99(class),
            ours.p99(class),
        );
    }
    println!(
        "| {} | all | {} | {:.1} | {:.1} | | |",
        pattern.name(),
        Class::ALL.map(|class| ours.count(class)).iter().sum::<usize>(),
        pool.mean_of_all(),
        ours.mean_of_all()
    );
}

/// How long one heavy job takes under 150 % of light load, against its bound.
fn floor(seed: u64) {
    println!("\n| cores | light load | heavy job | ended after | bound | small jobs done | answered BUSY |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for cores in [1, 2, 4] {
        for cpu in [1, 5] {
            let mut load = Pattern::light_only(60, cores, 1.5, seed);
            load.closed = vec![heavy(cpu)];
            load.depth = 1;
            let config = Config::for_cores(cores);
            let bound = bound(&config, Duration::from_secs(cpu));
            let outcome = lanes(&load, config);
            let ended = outcome.first_greedy_end.unwrap_or(u64::MAX);
            println!(
                "| {cores} | 150 % | {cpu} s | {:.2} s | {:.2} s | {} | {} |",
                ended as f64 / 1e9,
                bound.as_secs_f64(),
                outcome.ended - 1,
                outcome.refused,
            );
        }
    }
}

fn heavy(seconds: u64) -> model::Job {
    let work = seconds * 1000 * model::MS;
    model::Job { at: 0, uid: 9, connection: 99, examination: model::MS, work, expected: work }
}

/// The written bound, with the examination before it and the longest light job as its slack.
fn bound(config: &Config, cpu: Duration) -> Duration {
    (cpu + config.debt_limit).div_f64(config.heavy_share) + Duration::from_millis(35 + 20)
}

fn option(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1).and_then(|value| value.parse().ok()).unwrap_or(default)
}
