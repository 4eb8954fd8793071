use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use super::*;
use crate::thread::{own_cpu_time, own_nice};

const MS: Duration = Duration::from_millis(1);

fn lanes(cores: usize, queue_jobs: usize) -> (Executor, Arc<Work>) {
    let work = Work::new(8000);
    let config = Config { queue_jobs, ..Config::for_cores(cores) };
    (Executor::start(config, work.clone(), 10).unwrap(), work)
}

fn arrival(connection: u64) -> Arrival {
    Arrival { uid: 1, connection, bytes: 10, expected: MS / 10, deadline: None }
}

fn placed(cpu: Duration, memory: u64, work: impl FnOnce(&Arc<Running>) + Send + 'static) -> Placed {
    Placed {
        cpu,
        memory,
        lane: if cpu <= 100 * MS { Lane::Light } else { Lane::Heavy },
        useful_threads: 4,
        thread_bytes: 100,
        work: Box::new(work),
        late: Box::new(|_| ()),
    }
}

/// Queues a job that is looked at and then works.
fn submit(
    e: &Executor,
    cpu: Duration,
    memory: u64,
    work: impl FnOnce(&Arc<Running>) + Send + 'static,
) -> Result<JobId, Refused> {
    e.admit(arrival(1), None, About::default(), Box::new(move |_| Some(placed(cpu, memory, work))))
}

fn burn(time: Duration) {
    let until = own_cpu_time() + time;
    while own_cpu_time() < until {
        std::hint::black_box(0);
    }
}

/// Waits for something that other threads do.
fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < end, "it did not come");
        std::thread::sleep(MS);
    }
}

#[test]
fn the_queue_is_bounded_and_work_can_be_forgotten() {
    let (e, _) = lanes(1, 2);
    let (go, wait) = mpsc::channel::<()>();
    let (done, results) = mpsc::channel();
    let first = done.clone();
    submit(&e, MS, 1, move |_| {
        first.send(0).unwrap();
        wait.recv().unwrap();
    })
    .unwrap();
    assert_eq!(results.recv().unwrap(), 0);
    let queued: Vec<JobId> = (1..3)
        .map(|n| {
            let done = done.clone();
            submit(&e, MS, 1, move |_| done.send(n).unwrap()).unwrap()
        })
        .collect();
    let refused = submit(&e, MS, 1, |_| ()).unwrap_err();
    assert!(matches!(refused, Refused::Busy { retry_after } if retry_after >= 10 * MS), "{refused:?}");
    assert!(e.forget(queued[0]).is_some());
    assert!(e.forget(queued[0]).is_none());
    go.send(()).unwrap();
    assert_eq!(results.recv().unwrap(), 2);
    until(|| !e.is_busy());
}

#[test]
fn a_job_that_is_forgotten_during_its_look_does_no_work() {
    let (e, _) = lanes(1, 8);
    let (looking, look) = mpsc::channel::<()>();
    let (go, wait) = mpsc::channel::<()>();
    let worked = Arc::new(AtomicU32::new(0));
    let count = worked.clone();
    let id = e
        .admit(
            arrival(1),
            None,
            About::default(),
            Box::new(move |_| {
                looking.send(()).unwrap();
                wait.recv().unwrap();
                Some(placed(MS, 1, move |_| {
                    count.fetch_add(1, Ordering::SeqCst);
                }))
            }),
        )
        .unwrap();
    look.recv().unwrap();
    assert!(e.forget(id).is_none());
    go.send(()).unwrap();
    until(|| !e.is_busy());
    assert_eq!(worked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_panic_costs_one_job() {
    let (e, work) = lanes(1, 4);
    let (done, results) = mpsc::channel();
    submit(&e, MS, 100, |_| std::panic::panic_any("a job's own")).unwrap();
    e.admit(arrival(1), None, About::default(), Box::new(|_| std::panic::panic_any("a look's own"))).unwrap();
    submit(&e, MS, 100, move |_| done.send(()).unwrap()).unwrap();
    results.recv().unwrap();
    until(|| !e.is_busy());
    assert_eq!(work.usage().granted, 0);
}

#[test]
fn lanes_have_their_nice_and_light_never_waits_for_heavy() {
    let (e, _) = lanes(2, 64);
    let before = own_nice().unwrap();
    let stop = Arc::new(AtomicU32::new(0));
    let (done, results) = mpsc::channel();
    for _ in 0..6 {
        let (stop, done) = (stop.clone(), done.clone());
        submit(&e, 10_000 * MS, 1, move |_| {
            done.send(own_nice().unwrap()).unwrap();
            while stop.load(Ordering::Relaxed) == 0 {
                std::thread::sleep(MS);
            }
        })
        .unwrap();
    }
    assert_eq!([results.recv().unwrap(), results.recv().unwrap()], [before + 10; 2]);
    // Both of Heavy's threads are taken and four jobs wait: a light one begins all the same.
    submit(&e, MS, 1, move |_| done.send(own_nice().unwrap()).unwrap()).unwrap();
    assert_eq!(results.recv().unwrap(), before);
    let seen = e.snapshot();
    assert_eq!((seen.heavy.running, seen.heavy.queued), (2, 4));
    stop.store(1, Ordering::SeqCst);
    until(|| !e.is_busy());
}

#[test]
fn a_light_job_that_overruns_is_demoted_with_its_helpers_and_its_memory() {
    let (e, work) = lanes(1, 8);
    let before = own_nice().unwrap();
    let (done, results) = mpsc::channel();
    let also = done.clone();
    submit(&e, MS, 7500, move |run| {
        std::thread::scope(|s| {
            s.spawn(|| {
                run.note_thread();
                let end = Instant::now() + Duration::from_secs(20);
                while !run.was_demoted() && Instant::now() < end {
                    burn(MS);
                }
                run.note_thread();
                also.send(own_nice().unwrap()).unwrap();
            });
        });
    })
    .unwrap();
    assert_eq!(results.recv().unwrap(), before + 10);
    until(|| e.demoted() == 1);
    // Light has a thread again, of its own nice.
    submit(&e, MS, 100, move |_| done.send(own_nice().unwrap()).unwrap()).unwrap();
    assert_eq!(results.recv().unwrap(), before);
    until(|| !e.is_busy());
    assert_eq!(work.usage().granted, 0);
    let seen = e.snapshot();
    assert_eq!((seen.light.running, seen.heavy.running, seen.heavy.demoted), (0, 0, 0));
}

#[test]
fn a_job_waits_for_memory_and_an_idle_daemon_gives_threads() {
    let (e, work) = lanes(2, 8);
    let held = work.take(Lane::Light, 5000, false).unwrap();
    let (done, results) = mpsc::channel();
    let also = done.clone();
    submit(&e, MS, 4000, move |run| also.send(run.threads).unwrap()).unwrap();
    until(|| e.snapshot().light.waits_for_memory);
    assert!(results.try_recv().is_err());
    drop(held);
    assert_eq!(results.recv().unwrap(), 2, "nothing else ran");
    until(|| !e.is_busy());
    // Where the memory of more threads is missing there is one.
    let held = work.take(Lane::Light, 3950, false).unwrap();
    submit(&e, MS, 4000, move |run| done.send(run.threads).unwrap()).unwrap();
    assert_eq!(results.recv().unwrap(), 1);
    drop(held);
}

#[test]
fn a_job_that_cannot_begin_in_time_is_refused() {
    let (e, _) = lanes(1, 8);
    let late = Instant::now() - MS;
    let refused = e.admit(arrival(1), Some(late), About::default(), Box::new(|_| None));
    assert!(matches!(refused, Err(Refused::Deadline { .. })));
}
