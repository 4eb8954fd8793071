//! Three executors on the same mix: codecs on an event loop, a plain pool, the daemon's lanes.
//!
//!     cargo bench -p squeezed-tests --bench executors -- [mix] [small] [scenarios] [nice 5 10 15 19] [loop] [pool] [lanes]
//!
//! Prints Markdown; `docs/scheduling.md` has the tables. The lanes are measured with all that a client pays: a daemon of
//! its own, the socket, the judge. The other two call the same code (judge included) in this process.

mod executor;
mod material;
mod nice;
mod scenarios;
mod small;

use executor::{EventLoop, Executor, Lanes, Pool};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let parts = ["mix", "small", "scenarios", "nice"];
    let all = !args.iter().any(|a| parts.contains(&a.as_str()));
    let wanted = |name: &str| all || args.iter().any(|a| a == name);
    let named = |name: &str| {
        let kinds = ["loop", "pool", "lanes"];
        let some = args.iter().any(|a| kinds.contains(&a.as_str()));
        !some || args.iter().any(|a| a == name)
    };
    let executors = || -> Vec<Box<dyn Executor>> {
        let mut list: Vec<Box<dyn Executor>> = Vec::new();
        if named("loop") {
            list.push(Box::new(EventLoop::start()));
        }
        if named("pool") {
            list.push(Box::new(Pool::start()));
        }
        if named("lanes") {
            list.push(Box::new(Lanes::start(10)));
        }
        list
    };
    if args.iter().any(|a| a == "mix") {
        small::mix(&Pool::start());
    }
    if wanted("small") {
        small::table(&executors());
    }
    if wanted("scenarios") {
        scenarios::table(&executors());
    }
    if wanted("nice") {
        let some: Vec<i32> = args.iter().filter_map(|a| a.parse().ok()).collect();
        nice::table(if some.is_empty() { &[5, 10, 15, 19] } else { &some });
    }
}
