//! Single decisions, each in the smallest setting that shows it.

use std::time::Duration;

use squeezed_schedule::{Arrival, Config, Expected, JobId, Lane, Refused, Schedule, Stage, Time};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn schedule(cores: usize) -> Schedule {
    Schedule::new(Config::for_cores(cores))
}

fn arrival(uid: u32) -> Arrival {
    Arrival { uid, connection: u64::from(uid), bytes: 100, expected: MS(1), deadline: None }
}

/// The next job of the lane; memory fits.
fn next(schedule: &mut Schedule, now: Time, lane: Lane) -> Option<JobId> {
    schedule.next(now, lane, &mut |_, _| true)
}

/// Admits a job and examines it at once: its work waits.
fn place(schedule: &mut Schedule, now: Time, arrival: Arrival, cpu: Duration) -> Result<JobId, Refused> {
    let id = schedule.admit(now, arrival)?;
    let examined = schedule.next(now, Lane::Light, &mut |_, _| false);
    assert_eq!(examined, Some(id), "a thread is free");
    let lane = schedule.config().lane(cpu);
    schedule.place(now, id, MS(1), Expected { cpu, memory: 10, lane })?;
    Ok(id)
}

#[test]
fn a_job_goes_through_its_examination_into_a_lane() {
    let mut schedule = schedule(2);
    let small = place(&mut schedule, MS(0), arrival(1), MS(100)).unwrap();
    let large = place(&mut schedule, MS(0), arrival(1), MS(101)).unwrap();
    assert_eq!(next(&mut schedule, MS(1), Lane::Light), Some(small));
    assert_eq!(next(&mut schedule, MS(1), Lane::Light), None);
    assert_eq!(next(&mut schedule, MS(1), Lane::Heavy), Some(large));
    schedule.ended(MS(2), small, MS(1));
    schedule.ended(MS(2), large, MS(1));
    let seen = schedule.snapshot(MS(2));
    assert_eq!((seen.light.running, seen.heavy.running, seen.waiting_jobs, seen.waiting_bytes), (0, 0, 0, 0));
}

#[test]
fn only_a_job_alone_gets_all_cores() {
    let mut schedule = schedule(4);
    let first = place(&mut schedule, MS(0), arrival(1), MS(500)).unwrap();
    assert_eq!(next(&mut schedule, MS(0), Lane::Heavy), Some(first));
    assert_eq!(schedule.threads_for_new_job(), 4);
    let second = place(&mut schedule, MS(1), arrival(2), MS(500)).unwrap();
    assert_eq!(next(&mut schedule, MS(1), Lane::Heavy), Some(second));
    assert_eq!(schedule.threads_for_new_job(), 1, "one runs beside it");
    schedule.ended(MS(2), first, MS(1));
    schedule.ended(MS(2), second, MS(1));
    let third = place(&mut schedule, MS(3), arrival(1), MS(5)).unwrap();
    place(&mut schedule, MS(3), arrival(1), MS(500)).unwrap();
    assert_eq!(next(&mut schedule, MS(3), Lane::Light), Some(third));
    assert_eq!(schedule.threads_for_new_job(), 1, "one waits");
}

#[test]
fn work_without_memory_keeps_its_turn_and_examinations_go_on() {
    let mut schedule = schedule(2);
    let large = place(&mut schedule, MS(0), arrival(1), MS(50)).unwrap();
    assert_eq!(schedule.next(MS(1), Lane::Light, &mut |_, _| false), None);
    let newcomer = place(&mut schedule, MS(2), arrival(2), MS(5)).unwrap();
    assert!(schedule.snapshot(MS(2)).light.waits_for_memory);
    let mut asked = Vec::new();
    let got = schedule.next(MS(3), Lane::Light, &mut |id, memory| {
        asked.push((id, memory));
        false
    });
    assert_eq!((got, asked), (None, vec![(large, 10)]), "the newcomer does not overtake it");
    assert_eq!(next(&mut schedule, MS(4), Lane::Light), Some(large));
    assert_eq!(next(&mut schedule, MS(4), Lane::Light), Some(newcomer));
}

#[test]
fn a_removed_job_frees_the_lane_that_waited_for_it() {
    let mut schedule = schedule(1);
    let large = place(&mut schedule, MS(0), arrival(1), MS(50)).unwrap();
    assert_eq!(schedule.next(MS(1), Lane::Light, &mut |_, _| false), None);
    assert_eq!(schedule.remove(MS(2), large), Some(Stage::Work));
    assert_eq!(schedule.remove(MS(2), large), None);
    let small = place(&mut schedule, MS(3), arrival(2), MS(5)).unwrap();
    assert_eq!(next(&mut schedule, MS(3), Lane::Light), Some(small));
    assert_eq!(schedule.remove(MS(4), small), None, "a running job ends by itself");
}

#[test]
fn a_demoted_job_gives_its_thread_back() {
    let mut schedule = schedule(1);
    let long = place(&mut schedule, MS(0), arrival(1), MS(10)).unwrap();
    assert_eq!(next(&mut schedule, MS(0), Lane::Light), Some(long));
    let small = schedule.admit(MS(1), arrival(2)).unwrap();
    assert_eq!(next(&mut schedule, MS(1), Lane::Light), None);
    schedule.demote(MS(50), long);
    schedule.demote(MS(51), long);
    assert_eq!(next(&mut schedule, MS(51), Lane::Light), Some(small));
    assert_eq!(schedule.snapshot(MS(51)).heavy.demoted, 1);
    schedule.ended(MS(90), long, MS(80));
    assert_eq!(schedule.snapshot(MS(90)).heavy.demoted, 0);
}

#[test]
fn a_demoted_job_pays_for_the_time_it_had_in_light() {
    let mut schedule = schedule(1);
    for uid in [1, 2] {
        (0..20)
            .for_each(|_| _ = schedule.admit(MS(0), Arrival { expected: MS(10), ..arrival(uid) }).unwrap());
    }
    let long = next(&mut schedule, MS(0), Lane::Light).unwrap();
    schedule.demote(MS(60), long);
    let mut now = MS(60);
    let turns: Vec<u64> = (0..8)
        .map(|_| {
            let id = next(&mut schedule, now, Lane::Light).unwrap();
            now += MS(10);
            schedule.ended(now, id, MS(10));
            id.get() / 20
        })
        .collect();
    assert_eq!(turns, [1, 1, 1, 1, 1, 1, 0, 1], "the other user catches up with 60 ms first");
}

#[test]
fn a_deadline_is_refused_only_where_nothing_could_keep_it() {
    let mut schedule = schedule(1);
    let due = |ms, uid| Arrival { deadline: Some(MS(ms)), ..arrival(uid) };
    assert!(matches!(schedule.admit(MS(10), due(10, 1)), Err(Refused::Deadline { .. })), "it has passed");
    for _ in 0..20 {
        place(&mut schedule, MS(10), arrival(1), MS(40)).unwrap();
    }
    let running = next(&mut schedule, MS(10), Lane::Light).unwrap();
    let refused = schedule.admit(MS(20), due(45, 2)).unwrap_err();
    assert_eq!(
        refused,
        Refused::Deadline { expected_start: MS(30) },
        "40 ms of the running job, 10 of them over"
    );
    schedule.admit(MS(20), due(50, 2)).unwrap();
    schedule.ended(MS(50), running, MS(40));
    // 19 x 40 ms and the other's examination go before 100 ms of the same connection; half of that is believed.
    let start = schedule.expected_start(MS(50), Lane::Light, 1, 1, MS(100));
    assert_eq!(2 * start, MS(19 * 40 + 1));
    assert_eq!(schedule.expected_start(MS(50), Lane::Light, 3, 3, MS(100)), MS(0), "a newcomer is next");
}

#[test]
fn work_that_would_start_too_late_is_refused_when_it_is_placed() {
    let mut schedule = schedule(1);
    let busy = place(&mut schedule, MS(0), arrival(1), MS(5000)).unwrap();
    assert_eq!(next(&mut schedule, MS(0), Lane::Heavy), Some(busy));
    let late = Arrival { deadline: Some(MS(1000)), ..arrival(2) };
    let refused = place(&mut schedule, MS(0), late, MS(200)).unwrap_err();
    assert_eq!(refused, Refused::Deadline { expected_start: MS(5000) });
    let seen = schedule.snapshot(MS(0));
    assert_eq!((seen.waiting_jobs, seen.waiting_bytes, seen.heavy.queued), (0, 0, 0), "it is gone");
}

#[test]
fn retry_after_is_when_a_quarter_has_drained() {
    let mut schedule = Schedule::new(Config { queue_jobs: 16, ..Config::for_cores(1) });
    let mut now = MS(0);
    // A connection that keeps the queue full; each job takes 20 ms.
    for _ in 0..200 {
        while schedule.admit(now, arrival(1)).is_ok() {}
        while let Some(id) = schedule.next(now, Lane::Light, &mut |_, _| false) {
            schedule.place(now, id, MS(0), Expected { cpu: MS(20), memory: 0, lane: Lane::Light }).unwrap();
        }
        let running = next(&mut schedule, now, Lane::Light).unwrap();
        now += MS(20);
        schedule.ended(now, running, MS(20));
    }
    while schedule.admit(now, arrival(1)).is_ok() {}
    let Err(Refused::Busy { retry_after }) = schedule.admit(now, arrival(1)) else { panic!("it is full") };
    assert!((MS(70)..MS(90)).contains(&retry_after), "{retry_after:?}");
}

#[test]
fn on_one_core_light_pauses_for_heavys_share() {
    let mut schedule = schedule(1);
    let heavy = place(&mut schedule, MS(0), arrival(1), MS(1000)).unwrap();
    assert_eq!(next(&mut schedule, MS(0), Lane::Heavy), Some(heavy));
    let (mut now, mut paused) = (MS(0), 0);
    for _ in 0..1000 {
        schedule.admit(now, arrival(2)).unwrap();
        match next(&mut schedule, now, Lane::Light) {
            Some(id) => {
                now += MS(10);
                schedule.ended(now, id, MS(10));
                schedule.heavy_used(now, MS(0));
            }
            None => {
                assert!(schedule.snapshot(now).light_gives_way);
                assert!(schedule.next_wake(now).is_some());
                paused += 1;
                now += MS(10);
                schedule.heavy_used(now, MS(10));
            }
        }
    }
    assert!((220..260).contains(&paused), "{paused} of 1000 slices");
}
