//! Thousands of requests of many connections and two users, with everything that can happen to them.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use squeezed_protocol::{FrameKind, WINDOW};
use squeezed_tests::{Raw, Rng, descriptors, nobody, noise_png, threads, wait_until};

use crate::{builder, job};

const CONNECTIONS: u64 = 50;
const REQUESTS: u64 = 100;
const IN_FLIGHT: usize = 6;

/// What became of the requests of a client.
#[derive(Debug, Default, Clone)]
struct Tally {
    sent: u64,
    abandoned: u64,
    answers: HashMap<String, u64>,
}

struct Client<'a> {
    socket: &'a Path,
    uid: Option<u32>,
    raw: Raw,
    stream: u32,
    /// Streams without an answer yet, with what is left to upload after the GRANT.
    open: HashMap<u32, Vec<u8>>,
    tally: Tally,
    rng: Rng,
}

fn connect(socket: &Path, uid: Option<u32>) -> Raw {
    let mut raw = match uid {
        Some(uid) => Raw::connect_as(socket, uid),
        None => Raw::connect(socket),
    };
    raw.hello();
    raw
}

impl<'a> Client<'a> {
    fn new(socket: &'a Path, uid: Option<u32>, seed: u64) -> Self {
        let (raw, rng) = (connect(socket, uid), Rng::new(seed));
        Self { socket, uid, raw, stream: 0, open: HashMap::new(), tally: Tally::default(), rng }
    }

    /// An image and options, some of them the same as another request's.
    fn request(&mut self) -> (Vec<u8>, String) {
        let ms = Duration::from_millis(1);
        let n = self.rng.below(300);
        let deadline = if self.rng.chance(15) { 1 + self.rng.below(150) } else { 0 };
        let (image, deadline) = match self.rng.below(20) {
            0 => (job("hang", ms, n), 10 + self.rng.below(60)),
            1 => (job("offer-then-hang", ms, n), 10 + self.rng.below(60)),
            2 => (job("fail", ms, n), deadline),
            3 => (job("panic", ms, n), deadline),
            4 => (b"no image".to_vec(), deadline),
            5 => (job("sleep=8", 8 * ms, n), deadline),
            // It lies and is demoted.
            6 => (job("cpu=60", ms, n), deadline),
            // Heavy by what it says.
            7 => (job("cpu=4", 150 * ms, n), deadline),
            // More than a window: it waits for a GRANT.
            8 => (chaos::Picture::gradient(400, 300, "rgb", 8, 1).padding(n as u32).to_bytes(), deadline),
            9..12 => (noise_png(16 + n as u32 % 7, 16), deadline),
            _ => (job(&format!("cpu={}", 1 + n % 3), 3 * ms, n), deadline),
        };
        let options = if deadline > 0 { format!(r#"{{"deadline_ms":{deadline}}}"#) } else { "{}".into() };
        (image, options)
    }

    fn send(&mut self) {
        let (image, options) = self.request();
        self.stream += 1;
        self.tally.sent += 1;
        let meta = format!(r#"{{"size":{},"options":{options}}}"#, image.len());
        let window = image.len().min(WINDOW as usize);
        let whole = window == image.len();
        self.open.insert(self.stream, image[window..].to_vec());
        self.raw.frame(FrameKind::Optimize, self.stream, &meta, &image[..window], whole);
    }

    /// One frame of the daemon.
    fn receive(&mut self) {
        let frame = self.raw.recv();
        let stream = frame.header.stream;
        match frame.header.kind {
            FrameKind::Grant => {
                if let Some(rest) = self.open.get(&stream) {
                    self.raw.frame(FrameKind::Data, stream, "", rest, true);
                }
            }
            FrameKind::Result | FrameKind::Error => {
                assert!(self.open.remove(&stream).is_some(), "stream {stream}: a second answer {frame:?}");
                let meta: serde_json::Value = frame.parse().expect("JSON");
                let name = meta["name"].as_str().unwrap_or("RESULT").to_owned();
                *self.tally.answers.entry(name).or_default() += 1;
            }
            FrameKind::Data | FrameKind::Progress => {}
            other => panic!("{other:?}"),
        }
    }

    fn run(mut self) -> Tally {
        for _ in 0..REQUESTS {
            self.send();
            if self.rng.chance(12) {
                let streams: Vec<u32> = self.open.keys().copied().collect();
                let stream = streams[self.rng.below(streams.len() as u64) as usize];
                self.raw.frame(FrameKind::Cancel, stream, "", b"", false);
            }
            if self.rng.chance(2) {
                self.tally.abandoned += self.open.len() as u64;
                self.open.clear();
                self.stream = 0;
                self.raw = connect(self.socket, self.uid);
            }
            while self.open.len() >= IN_FLIGHT || (!self.open.is_empty() && self.rng.chance(30)) {
                self.receive();
            }
        }
        while !self.open.is_empty() {
            self.receive();
        }
        // Whatever came twice would come before the PONG.
        self.raw.frame(FrameKind::Ping, 0, "", b"end", false);
        loop {
            let frame = self.raw.recv();
            match frame.header.kind {
                FrameKind::Pong => return self.tally,
                FrameKind::Data | FrameKind::Progress | FrameKind::Grant => {}
                other => panic!("{other:?} after the last answer: {frame:?}"),
            }
        }
    }
}

/// A seed of one's own repeats what another run did, as far as threads allow.
fn seed() -> u64 {
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs());
    std::env::var("SQUEEZED_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(now)
}

#[test]
fn every_request_of_a_crowd_gets_one_answer_and_nothing_is_left() {
    let (uid, seed) = (nobody(), seed());
    println!("SQUEEZED_SEED={seed}");
    // The daemon of a plain user: root may connect too, so there are two users.
    let daemon = builder()
        .plugins(&["chaos", "png"])
        .uid(uid)
        .set("executor.queue_jobs", 100)
        .set("memory.input_bytes", 32 << 20)
        .start();
    let mut watch = squeezed_tests::Line::open(daemon.socket());
    daemon.assert_serves();
    watch.wait_idle(Duration::from_secs(10));
    let before = (threads(daemon.pid()).len(), descriptors(daemon.pid()));
    let start = Instant::now();
    let tallies: Vec<Tally> = std::thread::scope(|s| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|n| {
                let user = (n % 2 == 0).then_some(uid);
                let socket = daemon.socket();
                s.spawn(move || Client::new(socket, user, seed.wrapping_add(n * 7919)).run())
            })
            .collect();
        clients.into_iter().map(|c| c.join().expect("a client's invariants hold")).collect()
    });
    let took = start.elapsed();
    let mut all = Tally::default();
    for t in &tallies {
        all.sent += t.sent;
        all.abandoned += t.abandoned;
        t.answers.iter().for_each(|(name, n)| *all.answers.entry(name.clone()).or_default() += n);
    }
    println!("{took:.1?}: {all:?}");
    assert_eq!(all.sent, CONNECTIONS * REQUESTS);
    assert_eq!(all.answers.values().sum::<u64>() + all.abandoned, all.sent, "each has one answer: {all:?}");
    for name in ["RESULT", "BUSY", "CANCELLED", "DEADLINE", "PLUGIN_FAILED", "UNSUPPORTED_FORMAT"] {
        assert!(all.answers.contains_key(name), "no {name} among {all:?}");
    }
    assert!(all.abandoned > 0, "nobody left: {all:?}");
    let idle = watch.wait_idle(Duration::from_secs(20));
    let counts = || (threads(daemon.pid()).len(), descriptors(daemon.pid()));
    // Threads of the runtime's blocking pool end after ten idle seconds.
    wait_until(Duration::from_secs(30), "threads and descriptors are as before", || {
        let now = counts();
        now.0 <= before.0 && now.1 <= before.1
    });
    println!(
        "memory was back after {idle:.1?}; threads and descriptors {before:?} before, {:?} after",
        counts()
    );
    daemon.assert_serves();
}
