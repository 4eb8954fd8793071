//! Every metric: its name, kind, labels and meaning. `docs/operations.md` lists the same; a test compares.
//!
//! Labels have few values, all known when the daemon starts: nothing of a file, a user or a request is ever one.

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, with a sum.
    Histogram,
}

/// One metric in all its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Full name.
    pub name: &'static str,
    /// Kind.
    pub kind: Type,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Meaning.
    pub help: &'static str,
}

impl Type {
    /// As Prometheus writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        }
    }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Type::Counter, labels, help }
}
const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Type::Gauge, labels, help }
}
const fn histogram(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Type::Histogram, labels: &["plugin", "lane"], help }
}

/// Upper bounds of all histograms, in seconds: from half a millisecond to five minutes, each about twice the one
/// before; 0.1 is where the light lane ends.
pub const BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0,
    300.0,
];

macro_rules! families {
    ($($id:ident = $family:expr;)*) => {
        $(#[doc = "See its help."] pub const $id: Family = $family;)*
        /// All of them, in the order of the documentation.
        pub const FAMILIES: &[Family] = &[$($id),*];
    };
}

families! {
    JOBS = counter("squeezed_jobs_total", &["plugin", "lane", "outcome"], "jobs ended, by how they ended");
    QUEUE_WAIT = histogram("squeezed_queue_wait_seconds", "from the last byte of an image to the start of its job");
    RUN = histogram("squeezed_run_seconds", "from the start of a job to its end");
    CPU = histogram("squeezed_cpu_seconds", "CPU time of a job; the sum is what a plugin took in all");
    INPUT_BYTES = counter("squeezed_input_bytes_total", &["plugin"], "bytes of the images of optimized jobs");
    OUTPUT_BYTES = counter("squeezed_output_bytes_total", &["plugin"], "bytes that these images have now");
    DEMOTIONS = counter("squeezed_demotions_total", &["plugin"], "light jobs that overran and went to the heavy lane");
    MEMORY_OVERRUNS =
        counter("squeezed_memory_overruns_total", &["plugin"], "jobs that took half as much memory again as planned");
    BUSY = counter("squeezed_busy_total", &[], "requests answered BUSY");
    DEADLINE_REFUSED =
        counter("squeezed_deadline_refused_total", &[], "requests refused at once: their deadline was too near");
    CANCELS = counter("squeezed_cancels_total", &[], "jobs that their client gave up");
    SHARED_RUNS = counter("squeezed_shared_runs_total", &[], "jobs answered by the run of an identical one");
    CACHE_HITS = counter("squeezed_cache_hits_total", &[], "jobs answered from the cache on disk");
    CACHE_MISSES = counter("squeezed_cache_misses_total", &[], "jobs that the cache had no answer for");
    CACHE_TORN = counter("squeezed_cache_torn_total", &[], "entries that were damaged, and were dropped");
    CACHE_WRITTEN = counter("squeezed_cache_written_total", &[], "entries written");
    CACHE_DROPPED = counter("squeezed_cache_dropped_total", &[], "results not entered: too many at once, or too large");
    CACHE_FAILED = counter("squeezed_cache_failed_total", &[], "results not entered: the disk refused");
    CACHE_EVICTED = counter("squeezed_cache_evicted_total", &[], "entries that made room for others");
    CACHE_ENTRIES = gauge("squeezed_cache_entries", &[], "entries in the cache");
    CACHE_BYTES = gauge("squeezed_cache_bytes", &[], "their bytes on disk");
    POOL_CAPACITY = gauge("squeezed_pool_capacity_bytes", &["pool"], "size of a memory pool");
    POOL_GRANTED = gauge("squeezed_pool_granted_bytes", &["pool"], "bytes granted from it");
    POOL_PEAK = gauge("squeezed_pool_peak_bytes", &["pool"], "most bytes granted from it at once");
    POOL_WAITING = gauge("squeezed_pool_waiting", &["pool"], "requests that wait for bytes of it");
    CONNECTIONS = gauge("squeezed_connections", &[], "open connections");
    QUEUED = gauge("squeezed_queued_jobs", &["lane"], "jobs that wait");
    RUNNING = gauge("squeezed_running_jobs", &["lane"], "jobs that run");
    THREADS = gauge("squeezed_threads", &["lane"], "codec threads");
    HEAVY_DEBT = gauge("squeezed_heavy_debt_seconds", &[], "CPU time that the heavy lane is owed");
    INFO = gauge("squeezed_info", &["version"], "always 1; the version of the daemon is its label");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_customs() {
        for (i, f) in FAMILIES.iter().enumerate() {
            assert!(f.name.starts_with("squeezed_"), "{}", f.name);
            assert_eq!(f.name.ends_with("_total"), f.kind == Type::Counter, "{}", f.name);
            assert_eq!(
                f.name.ends_with("_seconds") && f.labels.len() == 2,
                f.kind == Type::Histogram,
                "{}",
                f.name
            );
            assert!(FAMILIES[i + 1..].iter().all(|o| o.name != f.name), "{}", f.name);
        }
        assert!(BUCKETS.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn the_operations_page_lists_every_metric_as_it_is() {
        let page = include_str!("../../../docs/operations.md");
        let mut wanted = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
        for f in FAMILIES {
            wanted +=
                &format!("| `{}` | {} | {} | {} |\n", f.name, f.kind.name(), f.labels.join(", "), f.help);
        }
        assert!(page.contains(&wanted), "docs/operations.md should have:\n{wanted}");
    }
}
