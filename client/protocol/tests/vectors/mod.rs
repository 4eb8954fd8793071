//! Every message of the contract, made from the crate's own types.

use serde_json::json;
use squeezed_protocol::*;

/// A frame with its name and who sends it.
pub struct Vector {
    pub name: String,
    pub from: &'static str,
    pub frame: Frame,
}

fn client(name: &str, frame: Frame) -> Vector {
    Vector { name: name.into(), from: "client", frame }
}

fn daemon(name: &str, frame: Frame) -> Vector {
    Vector { name: name.into(), from: "daemon", frame }
}

fn bare(kind: FrameKind, stream: u32) -> Frame {
    Frame::new(kind, stream, "", "")
}

fn label(kind: &str, name: &str) -> Label {
    Label { kind: kind.into(), name: name.into() }
}

/// All of them.
pub fn all() -> Vec<Vector> {
    [connection(), requests(), streams(), results(), errors(), control()].into_iter().flatten().collect()
}

fn connection() -> Vec<Vector> {
    let hello = Hello { features: vec!["progress".into()], minor_max: 3, ..Hello::new("example 1.0") };
    let ack = HelloAck {
        magic: MAGIC.into(),
        major: MAJOR,
        minor: MINOR,
        features: vec!["estimate".into(), "inspect".into(), "progress".into(), "unchanged-body".into()],
        limits: WireLimits {
            meta_bytes: MAX_META as u64,
            body_bytes: MAX_BODY as u64,
            window_bytes: WINDOW,
            image_bytes: 256 << 20,
            pixels: 100_000_000,
            frames: 4096,
            streams: 64,
            jobs: 1024,
        },
        isolation: "none".into(),
        formats: vec![FormatInfo {
            name: "jpeg".into(),
            mime: "image/jpeg".into(),
            extensions: vec!["jpg".into(), "jpeg".into()],
        }],
        version: "0.1.0".into(),
        pid: 4711,
    };
    let goaway =
        Goaway { last_stream: 7, message: "the daemon is ending; connect again for the next one".into() };
    let opaque = Frame::new(FrameKind::Pong, 0, r#"{"n":1}"#, vec![1, 2, 3]);
    vec![
        client("hello", Frame::json(FrameKind::Hello, 0, &Hello::new("")).end(true)),
        client("hello-with-everything", Frame::json(FrameKind::Hello, 0, &hello)),
        daemon("hello-ack", Frame::json(FrameKind::HelloAck, 0, &ack)),
        daemon("goaway", Frame::json(FrameKind::Goaway, 0, &goaway)),
        client("ping", bare(FrameKind::Ping, 0)),
        daemon("pong", bare(FrameKind::Pong, 0)),
        daemon("pong-echoes-meta-and-body", opaque),
    ]
}

fn requests() -> Vec<Vector> {
    let options: Vec<(&str, JobOptions)> = {
        let d = JobOptions::default;
        vec![
            ("lossless", d()),
            ("quality-1", JobOptions { quality: Some(1), ..d() }),
            ("quality-100", JobOptions { quality: Some(100), ..d() }),
            ("metadata-display", JobOptions { metadata: Metadata::Display, ..d() }),
            ("max-reduction", JobOptions { max_reduction: Some(30.0), ..d() }),
            ("max-reduction-fraction", JobOptions { quality: Some(70), max_reduction: Some(12.5), ..d() }),
            ("effort-fast", JobOptions { effort: Effort::Fast, ..d() }),
            ("effort-best", JobOptions { effort: Effort::Best, ..d() }),
            ("progressive-on", JobOptions { progressive: Progressive::On, ..d() }),
            ("progressive-off", JobOptions { progressive: Progressive::Off, ..d() }),
            ("min-savings", JobOptions { min_savings: Some(5.0), ..d() }),
            ("deadline", JobOptions { deadline_ms: Some(250), ..d() }),
            ("format", JobOptions { format: Some("png".into()), ..d() }),
            (
                "every-option",
                JobOptions {
                    quality: Some(80),
                    metadata: Metadata::Display,
                    max_reduction: Some(40.0),
                    effort: Effort::Best,
                    progressive: Progressive::On,
                    min_savings: Some(1.5),
                    deadline_ms: Some(60_000),
                    format: Some("jpeg".into()),
                },
            ),
        ]
    };
    let mut list: Vec<Vector> = options
        .into_iter()
        .map(|(name, options)| {
            let mut frame = Frame::json(FrameKind::Optimize, 1, &Request::new(4, options)).end(true);
            frame.body = vec![0x89, b'P', b'N', b'G'].into();
            client(&format!("optimize-{name}"), frame)
        })
        .collect();
    let wishes = Request {
        want_progress: true,
        want_unchanged_body: true,
        ..Request::new(1 << 20, JobOptions::default())
    };
    list.push(client(
        "optimize-with-progress-and-unchanged-body",
        Frame::json(FrameKind::Optimize, 3, &wishes),
    ));
    let bare_request = Frame::new(FrameKind::Optimize, 4, r#"{"size":4}"#, "abcd").end(true);
    list.push(client("optimize-without-options", bare_request));
    for (name, kind) in [("estimate", FrameKind::Estimate), ("inspect", FrameKind::Inspect)] {
        let mut frame = Frame::json(kind, 5, &Request::new(2, JobOptions::default())).end(true);
        frame.body = vec![0xff, 0xd8].into();
        list.push(client(name, frame));
    }
    list
}

fn streams() -> Vec<Vector> {
    let progress = Progress { permille: 450, best_bytes: 12_345 };
    vec![
        client("data", Frame::new(FrameKind::Data, 3, "", vec![0, 1, 254, 255])),
        client("data-end", Frame::new(FrameKind::Data, 3, "", vec![7]).end(true)),
        client("data-empty-end", bare(FrameKind::Data, u32::MAX).end(true)),
        client("cancel", bare(FrameKind::Cancel, 3)),
        daemon("grant", Frame::new(FrameKind::Grant, 3, "{}", "")),
        daemon("progress", Frame::json(FrameKind::Progress, 3, &progress)),
        daemon("result-data-end", Frame::new(FrameKind::Data, 3, "", vec![9, 8]).end(true)),
    ]
}

/// A receipt in which everything is said.
fn receipt() -> Receipt {
    let trial =
        |method: &str, bytes, lossless, verdict| Trial { method: method.into(), bytes, lossless, verdict };
    Receipt {
        status: Status::Optimized,
        reason: None,
        detail: None,
        format: "jpeg".into(),
        method: "mozjpeg-q80".into(),
        quality: Some(80),
        pixels_identical: false,
        before: 1000,
        after: 600,
        width: 640,
        height: 480,
        frames: 1,
        source_quality: Some(92),
        kept: vec![label("icc", "ICC"), label("orientation", "orientation")],
        dropped: vec![label("gps", "GPSLatitude")],
        trials: vec![
            trial("transcode-progressive", 950, true, TrialVerdict::Kept),
            trial("transcode-baseline", 970, true, TrialVerdict::NotSmaller),
            trial("mozjpeg-q80", 600, false, TrialVerdict::Won),
            trial("mozjpeg-q50", 300, false, TrialVerdict::OverCap),
            trial("mozjpeg-q79", 990, false, TrialVerdict::BelowMinSavings),
            trial("broken", 10, true, TrialVerdict::Defect { defect: "pixels differ in frame 0".into() }),
        ],
        omitted: 3,
        plugin: PluginId { id: "jpeg".into(), version: "0.1.0".into() },
        judged_by: Some("zune-jpeg".into()),
        isolation: "none".into(),
        best_so_far: true,
        reused: None,
        queue_ms: 0.25,
        run_ms: 12.5,
    }
}

fn unchanged(reason: Reason, detail: Option<&str>) -> Receipt {
    Receipt {
        status: Status::Unchanged,
        reason: Some(reason),
        detail: detail.map(Into::into),
        method: "none".into(),
        quality: None,
        pixels_identical: true,
        after: 1000,
        source_quality: None,
        kept: Vec::new(),
        dropped: Vec::new(),
        trials: Vec::new(),
        omitted: 0,
        judged_by: None,
        best_so_far: false,
        reused: Some(Reused::Cache),
        ..receipt()
    }
}

fn results() -> Vec<Vector> {
    let outcome = |size, receipt| Outcome { size, receipt: Some(receipt), ..Outcome::default() };
    let result = |outcome: &Outcome, end| Frame::json(FrameKind::Result, 3, outcome).end(end);
    let mut whole = result(&outcome(2, receipt()), true);
    whole.body = vec![0xff, 0xd8].into();
    let mut list = vec![
        daemon("result-with-body", whole),
        daemon("result-body-follows", result(&outcome(600, receipt()), false)),
    ];
    for (reason, detail) in [
        (Reason::AlreadyOptimal, None),
        (Reason::BelowMinSavings, None),
        (Reason::WouldDegrade, Some("only fewer colours would help")),
        (Reason::Signed, None),
        (Reason::UnsupportedFeature, Some("arithmetic coding")),
        (Reason::JudgeRejected, Some("dimensions differ")),
        (Reason::MetadataNotRemoved, Some("gps")),
    ] {
        let name = format!("result-unchanged-{}", reason.name().replace('_', "-"));
        list.push(daemon(&name, result(&outcome(0, unchanged(reason, detail)), true)));
    }
    let info = ImageInfo {
        format: "png".into(),
        width: 20,
        height: 10,
        frames: 3,
        frames_at_least: true,
        loop_count: 0,
        orientation: 6,
        color: "rgb".into(),
        channels: 4,
        bits: 16,
        alpha: "straight".into(),
        source_quality: Some(75),
        flags: vec!["signed".into(), "gain_map".into(), "motion_photo".into(), "damaged".into()],
        metadata: vec![label("icc", "iCCP"), label("text", "Title")],
    };
    let plain = ImageInfo {
        frames: 1,
        frames_at_least: false,
        loop_count: 1,
        orientation: 1,
        source_quality: None,
        flags: Vec::new(),
        metadata: Vec::new(),
        ..info.clone()
    };
    for (name, info) in [("result-inspect", info), ("result-inspect-plain", plain)] {
        list.push(daemon(name, result(&Outcome { info: Some(info), ..Outcome::default() }, true)));
    }
    let estimate = Outcome { estimate: Some(Estimate { bytes: 321, lossless: true }), ..Outcome::default() };
    list.push(daemon("result-estimate", result(&estimate, true)));
    list
}

fn errors() -> Vec<Vector> {
    let mut list: Vec<Vector> = ErrorCode::ALL
        .into_iter()
        .map(|code| {
            let stream = if code == ErrorCode::Protocol { 0 } else { 3 };
            let name = format!("error-{}", code.name().to_lowercase().replace('_', "-"));
            daemon(
                &name,
                Frame::json(FrameKind::Error, stream, &ErrorReply::new(code, "what happened and what to do")),
            )
        })
        .collect();
    let busy = ErrorReply::new(ErrorCode::Busy, "the queue is full").retry_after(250);
    list.push(daemon("error-busy-with-retry", Frame::json(FrameKind::Error, 9, &busy)));
    list
}

fn control() -> Vec<Vector> {
    let plugin = PluginRow {
        id: "jpeg".into(),
        version: "0.1.0".into(),
        licence: "MIT OR Apache-2.0".into(),
        codecs: "mozjpeg 4.1.5".into(),
        formats: vec![FormatInfo {
            name: "jpeg".into(),
            mime: "image/jpeg".into(),
            extensions: vec!["jpg".into()],
        }],
        capabilities: vec!["lossless".into(), "lossy".into()],
        path: Some("/usr/lib/squeezed/plugins/libsqueezed_jpeg.so".into()),
    };
    let status = StatusReport {
        version: "0.1.0".into(),
        pid: 4711,
        uptime_s: 60,
        draining: false,
        threads: 2,
        running: 1,
        queued: 2,
        queue_limit: 1024,
        done: 3,
        failed: 4,
        busy: 5,
        shared: 7,
        connections: 6,
        queued_bytes: 4096,
        queue_bytes_limit: 1 << 29,
        input_pool: PoolRow {
            capacity: 1 << 30,
            granted: 1 << 20,
            waiting: 1,
            reserve: 1 << 27,
            peak: 1 << 22,
        },
        work_pool: PoolRow {
            capacity: 1 << 31,
            granted: 1 << 21,
            waiting: 0,
            reserve: 1 << 28,
            peak: 1 << 23,
        },
        lanes: vec![
            LaneRow { name: "light".into(), threads: 2, demoted: 1, ..LaneRow::default() },
            LaneRow {
                name: "heavy".into(),
                threads: 2,
                nice: 10,
                running: 1,
                queued: 2,
                oldest_wait_ms: 1500,
                expected_ms: 4200,
                in_debt: true,
                demoted: 0,
            },
        ],
        jobs: vec![JobRow {
            job: 8,
            uid: 1000,
            connection: 3,
            format: "jpeg".into(),
            bytes: 99,
            lane: "heavy".into(),
            threads: 1,
            run_ms: 10,
            cpu_ms: 9,
            expected_ms: 400,
            permille: 500,
        }],
        plugins: vec![PluginLoad {
            id: "jpeg".into(),
            jobs: 3,
            input_bytes: 900,
            output_bytes: 700,
            cpu_ms: 120,
            wall_ms: 130,
            plan_peak_bytes: 1 << 24,
            measured_peak_bytes: 1 << 23,
            overruns: 0,
        }],
        cache: Some(CacheRow { entries: 5, bytes: 3500, capacity: 1 << 28, hits: 6, misses: 2, dropped: 1 }),
    };
    fn answer(body: &impl serde::Serialize) -> Frame {
        let body = serde_json::to_vec(body).unwrap();
        let outcome = Outcome { size: body.len() as u64, ..Outcome::default() };
        Frame { body: body.into(), ..Frame::json(FrameKind::Result, 11, &outcome) }.end(true)
    }
    vec![
        client("plugins", bare(FrameKind::Plugins, 11)),
        daemon("result-plugins", answer(&[plugin])),
        client("status", bare(FrameKind::Status, 11)),
        daemon("result-status", answer(&status)),
        client("reload", bare(FrameKind::Reload, 11)),
        daemon("result-reload", answer(&json!({ "needs_restart": ["socket.path"] }))),
        client("shutdown", bare(FrameKind::Shutdown, 11)),
        daemon("result-shutdown", answer(&json!({}))),
    ]
}
