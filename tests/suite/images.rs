//! Images that are not what they should be, through the real socket and the real plugins.

use squeezed_protocol::FrameKind;
use squeezed_tests::{TestDaemon, fixtures, png_of};

fn files(format: &str) -> Vec<std::path::PathBuf> {
    let mut list: Vec<_> = std::fs::read_dir(fixtures(format))
        .expect("fixtures")
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e != "tsv"))
        .collect();
    list.sort();
    assert!(!list.is_empty(), "no fixtures for {format}");
    list
}

#[test]
fn things_that_are_no_image_are_refused_by_name() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    for (bytes, stream) in
        [&b"x"[..], b"just some text, saved as picture.png\n", b"\x89PN", b"<svg></svg>"].into_iter().zip(1..)
    {
        let reply = raw.optimize(stream, bytes, "{}");
        assert_eq!(reply.error(), "UNSUPPORTED_FORMAT", "{reply:?}");
        assert!(reply.message().contains("png"), "the message lists what is known: {}", reply.message());
    }
    for (bytes, stream) in
        [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "].into_iter().zip(10..)
    {
        assert_eq!(raw.optimize(stream, bytes, "{}").error(), "BAD_IMAGE", "{bytes:?}");
    }
}

#[test]
fn truncated_at_every_sixteenth_is_bad_image_and_never_half_a_picture() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let mut stream = 0;
    for format in ["avif", "bmp", "gif", "heic", "jpeg", "png", "tiff", "webp"] {
        for path in files(format) {
            let whole = std::fs::read(&path).unwrap();
            for sixteenth in 1..16 {
                let cut = &whole[..whole.len() * sixteenth / 16];
                if cut.len() < 16 {
                    continue;
                }
                for options in ["{}", r#"{"quality":80,"effort":"fast"}"#] {
                    stream += 1;
                    let reply = raw.optimize(stream, cut, options);
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    assert_tolerable_cut(&name, sixteenth, &reply);
                }
            }
        }
    }
    daemon.assert_serves();
}

/// A cut is BAD_IMAGE, unless all of the picture is before it: then only trailing bytes or a second picture were cut,
/// and the file may come back as it is. A feature that is refused before any pixel is read is told as such.
fn assert_tolerable_cut(name: &str, sixteenth: usize, reply: &squeezed_tests::Reply) {
    if reply.error() == "BAD_IMAGE" {
        return;
    }
    let reason = reply.receipt("reason");
    let refused = reason == "unsupported_feature" || reason == "signed";
    let beyond_the_picture = name.contains("trailing") || name.contains("gain") || name.contains("mpf");
    assert!(reply.is_result() && (refused || beyond_the_picture), "{name} cut at {sixteenth}/16: {reply:?}");
}

#[test]
fn the_format_comes_from_the_bytes() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let reply = raw.optimize(1, &png_of(32, 32, |x, _| [x as u8, 0, 0, 255]), "{}");
    assert_eq!(reply.receipt("format"), "png");
    raw.request(FrameKind::Inspect, 2, &png_of(32, 20, |x, _| [x as u8, 0, 0, 255]), "{}");
    let info = raw.answer(2);
    assert_eq!((&info.meta["info"]["width"], &info.meta["info"]["height"]), (&32.into(), &20.into()));
    assert_eq!(info.meta["info"]["format"], "png");
    raw.request(FrameKind::Estimate, 3, &png_of(64, 64, |x, _| [x as u8, 0, 0, 255]), "{}");
    let estimate = raw.answer(3);
    assert!(estimate.meta["estimate"]["bytes"].as_u64().unwrap() > 0, "{estimate:?}");
}

#[test]
fn what_libwebp_1_6_wrote_is_what_libwebp_1_3_reads() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let mut compared = 0;
    for (path, stream) in files("webp").into_iter().zip(1..) {
        let source = std::fs::read(&path).unwrap();
        let reply = raw.optimize(stream, &source, "{}");
        if reply.body.is_empty() {
            continue;
        }
        let decode = |bytes: &[u8]| webp::Decoder::new(bytes).decode().map(|i| i.to_vec());
        // Animations are for another decoder: this one reads stills alone.
        if let (Some(a), Some(b)) = (decode(&source), decode(&reply.body)) {
            assert!(a == b, "{}: pixels differ", path.display());
            compared += 1;
        }
    }
    assert!(compared > 0, "no still WebP was made smaller");
}
