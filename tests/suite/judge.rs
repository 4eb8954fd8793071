//! A plugin that lies: the file comes back unchanged, the receipt and the log name the defect.

use chaos::Picture;
use squeezed_protocol::FrameKind;
use squeezed_tests::{Builder, TestDaemon};

struct Lie {
    command: &'static str,
    color: &'static str,
    frames: u32,
    options: &'static str,
    defect: &'static str,
}

const fn lie(
    command: &'static str,
    color: &'static str,
    frames: u32,
    options: &'static str,
    defect: &'static str,
) -> Lie {
    Lie { command, color, frames, options, defect }
}

const LOSSLESS: &str = "{}";
const LOSSY: &str = r#"{"quality":80}"#;
const DISPLAY: &str = r#"{"metadata":"display"}"#;

const LIES: &[Lie] = &[
    lie("change-pixel", "rgb", 1, LOSSLESS, "pixels-differ"),
    lie("change-hidden-pixel", "rgba", 1, LOSSLESS, "pixels-differ"),
    lie("drop-frame", "rgb", 3, LOSSLESS, "frame-count"),
    lie("swap-dimensions", "rgb", 1, LOSSLESS, "dimensions"),
    lie("drop-icc", "rgb", 1, LOSSLESS, "metadata-lost"),
    lie("change-duration", "rgb", 3, LOSSLESS, "duration"),
    lie("change-loop", "rgb", 3, LOSSLESS, "loop-count"),
    lie("garbage", "rgb", 1, LOSSLESS, "undecodable"),
    lie("keep-gps", "rgb", 1, DISPLAY, "metadata-not-removed"),
    lie("swap-red-blue", "rgb", 1, LOSSY, "looks-different"),
    lie("invert-cmyk", "cmyk", 1, LOSSY, "looks-different"),
    lie("turn-square", "rgb", 1, LOSSY, "looks-different"),
    lie("lose-alpha", "rgba", 1, LOSSY, "alpha-lost"),
];

fn picture(lie: &Lie) -> Vec<u8> {
    // Square for the lie that turns it, oblong for the one that swaps its sides.
    let height = if lie.command == "swap-dimensions" { 48 } else { 64 };
    Picture::gradient(64, height, lie.color, 8, lie.frames)
        .command(lie.command)
        .icc(b"a colour profile")
        .meta("gps", "1,2")
        .padding(40_000)
        .to_bytes()
}

#[test]
fn each_lie_is_found_named_and_costs_nothing() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    for (lie, stream) in LIES.iter().zip(1..) {
        let image = picture(lie);
        let reply = raw.optimize(stream, &image, lie.options);
        assert!(reply.is_result(), "{}: {reply:?}", lie.command);
        assert_eq!(reply.receipt("status"), "unchanged", "{}: {reply:?}", lie.command);
        assert!(reply.body.is_empty() && reply.receipt("after") == image.len(), "{}", lie.command);
        let reason = if lie.options == DISPLAY { "metadata_not_removed" } else { "judge_rejected" };
        assert_eq!(reply.receipt("reason"), reason, "{}: {reply:?}", lie.command);
        let detail = reply.receipt("detail").as_str().unwrap_or_default();
        assert!(detail.contains(lie.defect), "{}: {detail} lacks {}", lie.command, lie.defect);
        let trials = reply.receipt("trials").to_string();
        assert!(trials.contains(lie.defect), "{}: {trials}", lie.command);
        daemon.wait_for_log(lie.defect);
    }
    daemon.assert_serves();
}

#[test]
fn an_honest_plugin_is_believed_in_both_modes() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let image = |command: &str, color| {
        Picture::gradient(64, 64, color, 8, 2).command(command).icc(b"profile").padding(40_000).to_bytes()
    };
    for (color, stream) in ["grey", "rgb", "rgba", "cmyk"].into_iter().zip([1, 3, 5, 7]) {
        let reply = raw.optimize(stream, &image("honest", color), LOSSLESS);
        assert_eq!(reply.receipt("status"), "optimized", "{color}: {reply:?}");
        assert_eq!(reply.receipt("pixels_identical"), true);
        assert_eq!(reply.receipt("after"), reply.body.len());
        let reply = raw.optimize(stream + 1, &image("honest-lossy", color), LOSSY);
        assert_eq!(reply.receipt("status"), "optimized", "{color}: {reply:?}");
    }
}

#[test]
fn never_larger_never_another_format() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    for (command, stream) in ["grow", "other-format"].into_iter().zip(1..) {
        let image = Picture::gradient(16, 16, "rgb", 8, 1).command(command).to_bytes();
        let reply = raw.optimize(stream, &image, LOSSLESS);
        assert_eq!(reply.receipt("status"), "unchanged", "{reply:?}");
        assert_eq!(reply.receipt("reason"), "already_optimal", "{reply:?}");
    }
}

#[test]
fn failures_of_a_plugin_cost_one_job() {
    let daemon = Builder::new().set("executor.threads", 1).start();
    let mut raw = daemon.connect();
    let image = |command| Picture::gradient(16, 16, "rgb", 8, 1).command(command).padding(99).to_bytes();
    let cases = [
        ("panic", "PLUGIN_FAILED"),
        ("inspect-panic", "PLUGIN_FAILED"),
        ("fail", "PLUGIN_FAILED"),
        ("bad-image", "BAD_IMAGE"),
    ];
    for ((command, error), stream) in cases.into_iter().zip(1..) {
        let reply = raw.optimize(stream, &image(command), LOSSLESS);
        assert_eq!(reply.error(), error, "{command}: {reply:?}");
        assert!(!reply.message().is_empty());
    }
    for ((command, reason), stream) in
        [("unsupported", "unsupported_feature"), ("would-degrade", "would_degrade")].into_iter().zip(10..)
    {
        let reply = raw.optimize(stream, &image(command), LOSSLESS);
        assert_eq!(reply.receipt("reason"), reason, "{command}: {reply:?}");
    }
    daemon.assert_serves();
}

#[test]
fn options_that_only_the_host_knows_are_kept() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let image = Picture::gradient(64, 64, "rgb", 8, 1).command("honest").padding(700).to_bytes();
    let reply = raw.optimize(1, &image, r#"{"min_savings":50}"#);
    assert_eq!(reply.receipt("reason"), "below_min_savings", "{reply:?}");
    let reply = raw.optimize(2, &image, r#"{"min_savings":1}"#);
    assert_eq!(reply.receipt("status"), "optimized");
    let meta = format!(
        "{{\"size\":{},\"want_unchanged_body\":true,\"options\":{{\"min_savings\":50}}}}",
        image.len()
    );
    raw.frame(FrameKind::Optimize, 3, &meta, &image, true);
    assert_eq!(raw.answer(3).body, image, "the bytes of an unchanged file come back when asked for");
    let reply = raw.optimize(4, &image, r#"{"format":"png"}"#);
    assert_eq!(reply.error(), "UNSUPPORTED_FORMAT");
}
