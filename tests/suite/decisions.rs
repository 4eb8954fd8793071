//! What is decided for each fixture in each mode: status, reason, method, what was dropped. Never encoded bytes.
//!
//! `SQUEEZED_BLESS=1` writes `fixtures/decisions.txt` anew; read the difference before you commit it.

use squeezed_tests::{Raw, Reply, TestDaemon, fixtures};

const MODES: [(&str, &str); 4] = [
    ("lossless", "{}"),
    ("lossless display", r#"{"metadata":"display"}"#),
    ("q80", r#"{"quality":80}"#),
    ("q80 display", r#"{"quality":80,"metadata":"display"}"#),
];

fn decision(reply: &Reply) -> String {
    if !reply.is_result() {
        return format!("ERROR {}", reply.error());
    }
    let text = |field: &str| reply.receipt(field).as_str().unwrap_or_default().to_owned();
    let mut dropped: Vec<&str> =
        reply.receipt("dropped").as_array().unwrap().iter().map(|l| l["kind"].as_str().unwrap()).collect();
    dropped.dedup();
    let mut line = match text("status").as_str() {
        "optimized" => text("method"),
        _ => format!("unchanged {} {}", text("reason"), text("detail")).trim_end().to_owned(),
    };
    if !dropped.is_empty() {
        line += &format!(" - {}", dropped.join(" "));
    }
    line
}

fn ask(raw: &mut Raw, stream: u32, image: &[u8], options: &str) -> Reply {
    let reply = raw.optimize(stream, image, options);
    if reply.is_result() {
        let (before, after) = (reply.receipt("before").as_u64(), reply.receipt("after").as_u64());
        assert!(after <= before && before == Some(image.len() as u64), "{reply:?}");
    }
    reply
}

#[test]
fn decisions_are_as_written_down_and_a_second_run_changes_nothing() {
    let daemon = TestDaemon::start();
    let mut raw = daemon.connect();
    let mut stream = 0;
    let mut next = || {
        stream += 1;
        stream
    };
    let mut found = String::new();
    for format in ["avif", "bmp", "gif", "heic", "jpeg", "png", "tiff", "webp"] {
        let mut files: Vec<_> =
            std::fs::read_dir(fixtures(format)).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e != "tsv"));
        files.sort();
        for file in files {
            let image = std::fs::read(&file).unwrap();
            found += &format!("{format}/{}\n", file.file_name().unwrap().to_string_lossy());
            for (mode, options) in MODES {
                let reply = ask(&mut raw, next(), &image, options);
                found += &format!("  {mode}: {}\n", decision(&reply));
                if !reply.body.is_empty() {
                    let again = ask(&mut raw, next(), &reply.body, options);
                    assert_eq!(
                        again.receipt("status"),
                        "unchanged",
                        "{} {mode} again: {again:?}",
                        file.display()
                    );
                }
            }
        }
    }
    let golden = fixtures("../decisions.txt");
    if std::env::var_os("SQUEEZED_BLESS").is_some() {
        std::fs::write(&golden, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = found.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(found == wanted, "first difference (found, written down): {differs:?}");
}
