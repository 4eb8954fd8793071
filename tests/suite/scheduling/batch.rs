//! One client's batch and another client's single file.

use std::time::{Duration, Instant};

use squeezed_tests::{Line, Sample, nobody};

use crate::{builder, honest};

const BATCH: u64 = 10_000;
/// CPU time of a job of the batch. Both threads run one, so a newcomer waits at most so long, and needs as much itself.
const JOB_MS: u64 = 20;

#[test]
fn ten_thousand_files_of_one_client_do_not_delay_the_single_file_of_another() {
    let uid = nobody();
    // The daemon of a plain user: its own client and root may connect, so there are two users.
    let daemon = builder()
        .plugins(&["chaos", "png"])
        .uid(uid)
        .set("limits.streams", 20_000)
        .set("executor.queue_jobs", 20_000)
        .start();
    let mut batch = Line::open(daemon.socket());
    for n in 1..=BATCH {
        batch.send(&honest(JOB_MS, n), "{}");
    }
    let mut same = Line::open(daemon.socket());
    let mut other = Line::open_as(daemon.socket(), uid);
    let queued = same.status()["queued"].as_u64().unwrap();
    assert!(queued > BATCH * 8 / 10, "the batch waits: {queued} jobs");
    let mut samples = [Sample::default(), Sample::default()];
    for n in 0..20 {
        for (line, sample) in [&mut same, &mut other].into_iter().zip(&mut samples) {
            let start = Instant::now();
            let reply = line.optimize(&honest(1, BATCH + 1 + n), "{}");
            assert!(reply.is_result(), "{reply:?}");
            sample.add(start.elapsed());
        }
    }
    let left = same.status()["queued"].as_u64().unwrap();
    assert!(left > BATCH / 2, "the batch was still there: {left} jobs");
    for (who, sample) in ["another connection", "another user"].iter().zip(&samples) {
        println!(
            "{who}, behind {left} jobs of {JOB_MS} ms: p50 {:.1?}, longest {:.1?}",
            sample.p50(),
            sample.max()
        );
        let running = Duration::from_millis(JOB_MS);
        assert!(sample.p50() < running * 10, "{who} waited {:?}", sample.p50());
        assert!(sample.max() < running * 25, "{who} waited {:?}", sample.max());
    }
    // Leaving takes the whole batch along.
    drop(batch);
    let took = same.wait_idle(Duration::from_secs(10));
    println!("the rest of the batch was gone after {took:.1?}");
    daemon.assert_serves();
}
