//! `fixtures/wire/vectors.json` pins every message. Each is encoded and decoded here; clients in other languages run
//! the same file (its `about` says how).

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Value, json};
use squeezed_protocol::*;

mod vectors;

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/wire/vectors.json"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
        .collect()
}

fn kind_name(kind: FrameKind) -> String {
    let mut out = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn frames() -> Vec<Value> {
    vectors::all()
        .into_iter()
        .map(|v| {
            let f = &v.frame;
            let meta: Value = if f.meta.is_empty() { Value::Null } else { serde_json::from_slice(&f.meta).unwrap() };
            json!({
                "name": v.name, "from": v.from, "kind": kind_name(f.header.kind), "number": f.header.kind as u8,
                "end": f.header.end, "stream": f.header.stream, "meta": meta,
                "meta_text": std::str::from_utf8(&f.meta).unwrap(), "body": hex(&f.body), "hex": hex(&f.encode()),
            })
        })
        .collect()
}

/// Bytes that are no frame: a name, the bytes with their length field, zeros that follow.
fn broken() -> Vec<(&'static str, Vec<u8>, usize)> {
    let framed = |head: &[u8], zeros: usize| {
        let mut out = u32::try_from(head.len() + zeros).unwrap().to_le_bytes().to_vec();
        out.extend_from_slice(head);
        (out, zeros)
    };
    let header = |kind: u8, flags: u8, reserved: u8, meta_len: u32| {
        let mut h = vec![kind, flags, reserved, 0, 1, 0, 0, 0];
        h.extend_from_slice(&meta_len.to_le_bytes());
        h
    };
    let (meta, body) = (MAX_META as u32, MAX_BODY);
    let cases = [
        ("shorter-than-a-header", framed(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)),
        ("empty", framed(&[], 0)),
        ("unknown-kind-0", framed(&header(0, 0, 0, 0), 0)),
        ("unknown-kind-99", framed(&header(99, 0, 0, 0), 0)),
        ("unknown-flag", framed(&header(19, 2, 0, 0), 0)),
        ("reserved-in-use", framed(&header(19, 0, 1, 0), 0)),
        ("meta-longer-than-the-frame", framed(&header(16, 0, 0, 5), 4)),
        ("meta-too-long", framed(&header(16, 0, 0, meta + 1), MAX_META + 1)),
        ("body-too-long", framed(&header(19, 0, 0, 0), body + 1)),
        ("frame-too-long", ((MAX_FRAME as u32 + 1).to_le_bytes().to_vec(), 0)),
        ("garbage-before-hello", (b"GET / HTTP/1.1\r\n".to_vec(), 0)),
    ];
    cases.into_iter().map(|(name, (bytes, zeros))| (name, bytes, zeros)).collect()
}

fn framing_error(bytes: &[u8], zeros: usize) -> Option<FrameError> {
    let length = u32::from_le_bytes(*bytes.first_chunk().unwrap());
    if length as usize > MAX_FRAME {
        return Some(FrameError::Long(u64::from(length)));
    }
    let mut frame = bytes[4..].to_vec();
    frame.resize(frame.len() + zeros, 0);
    Frame::decode(Bytes::from(frame)).err()
}

fn framing_errors() -> Vec<Value> {
    broken()
        .into_iter()
        .map(|(name, bytes, zeros)| {
            let text = framing_error(&bytes, zeros).unwrap().to_string();
            json!({ "name": name, "hex": hex(&bytes), "zeros": zeros, "error": "PROTOCOL", "text": text })
        })
        .collect()
}

fn bad_requests() -> Vec<Value> {
    [
        ("unknown-option", json!({"size": 1, "options": {"qualty": 80}})),
        ("unknown-key", json!({"size": 1, "want_progres": true})),
        ("no-size", json!({"options": {}})),
        ("negative-size", json!({"size": -1})),
        ("quality-0", json!({"size": 1, "options": {"quality": 0}})),
        ("quality-101", json!({"size": 1, "options": {"quality": 101}})),
        ("quality-fraction", json!({"size": 1, "options": {"quality": 80.5}})),
        ("metadata-unknown", json!({"size": 1, "options": {"metadata": "none"}})),
        ("effort-unknown", json!({"size": 1, "options": {"effort": "max"}})),
        ("progressive-boolean", json!({"size": 1, "options": {"progressive": true}})),
        ("max-reduction-101", json!({"size": 1, "options": {"max_reduction": 101}})),
        ("min-savings-negative", json!({"size": 1, "options": {"min_savings": -1}})),
        (
            "min-savings-above-max-reduction",
            json!({"size": 1, "options": {"max_reduction": 10, "min_savings": 20}}),
        ),
        ("deadline-0", json!({"size": 1, "options": {"deadline_ms": 0}})),
    ]
    .into_iter()
    .map(|(name, meta)| {
        let error = Request::parse(meta.to_string().as_bytes()).unwrap_err();
        json!({ "name": name, "meta": meta, "error": "BAD_REQUEST", "text": error.to_string() })
    })
    .collect()
}

fn hellos() -> Vec<Value> {
    let hello = |magic: &str, major: u32, min: u32, max: u32| json!({ "magic": magic, "major": major, "minor_min": min, "minor_max": max });
    [
        ("exact", hello("squeezed", 1, 0, 0)),
        ("newer-client-speaks-lower", hello("squeezed", 1, 0, 9)),
        ("without-minors", json!({ "magic": "squeezed", "major": 1 })),
        ("unknown-keys-are-ignored", json!({ "magic": "squeezed", "major": 1, "colour": "blue" })),
        ("older-client", hello("squeezed", 1, 0, 1)),
        ("too-new", hello("squeezed", 1, MINOR + 1, 9)),
        ("other-major", hello("squeezed", 2, 0, 0)),
        ("other-magic", hello("squashed", 1, 0, 0)),
    ]
    .into_iter()
    .map(|(name, meta)| {
        let hello: Hello = serde_json::from_value(meta.clone()).unwrap();
        match negotiate(&hello) {
            Ok(minor) => json!({ "name": name, "meta": meta, "minor": minor }),
            Err(e) => json!({ "name": name, "meta": meta, "error": "PROTOCOL", "text": e.to_string() }),
        }
    })
    .collect()
}

fn current() -> String {
    let all = json!({
        "about": [
            "Golden vectors of the wire contract, docs/protocol.md. Every client runs them.",
            "frames: decode hex (the whole frame with its length field); kind, number, end, stream, meta (null where absent) and body (hex) must come out. Encode number, end, stream, meta_text and body; hex must come out.",
            "framing_errors: hex and that many zero bytes after it, sent as they are; the daemon answers ERROR on stream 0 with this name and closes.",
            "bad_requests: meta of OPTIMIZE, ESTIMATE or INSPECT; the daemon answers ERROR on the stream with this name and keeps the connection.",
            "hellos: meta of HELLO; the minor version agreed on, or the error. Texts are for people and may change.",
        ],
        "protocol": format!("{MAJOR}.{MINOR}"),
        "frames": frames(),
        "framing_errors": framing_errors(),
        "bad_requests": bad_requests(),
        "hellos": hellos(),
    });
    serde_json::to_string_pretty(&all).unwrap() + "\n"
}

#[test]
fn the_vectors_are_the_golden_ones() {
    let (golden, current) = (std::fs::read_to_string(path()).unwrap_or_default(), current());
    // Values, not text: the order of keys in this file depends on a feature that another crate may switch on.
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    if value(&golden) == value(&current) {
        return;
    }
    if std::env::var_os("SQUEEZED_BLESS").is_some() {
        std::fs::write(path(), current).unwrap();
        return;
    }
    let line = golden.lines().zip(current.lines()).position(|(a, b)| a != b).unwrap_or(0) + 1;
    panic!(
        "messages differ from fixtures/wire/vectors.json, first in line {line}. An old client would be told something \
         else: that needs a new minor version. Run with SQUEEZED_BLESS=1 to write the file"
    );
}

/// Reads the meta as the type that its kind has and writes it again.
fn again(name: &str, frame: &Frame) -> Option<Vec<u8>> {
    fn through<T: serde::Serialize + serde::de::DeserializeOwned>(frame: &Frame) -> Option<Vec<u8>> {
        Some(serde_json::to_vec(&frame.parse::<T>().unwrap()).unwrap())
    }
    match frame.header.kind {
        FrameKind::Hello => through::<Hello>(frame),
        FrameKind::HelloAck => through::<HelloAck>(frame),
        FrameKind::Goaway => through::<Goaway>(frame),
        FrameKind::Optimize | FrameKind::Estimate | FrameKind::Inspect
            if name != "optimize-without-options" =>
        {
            Request::parse(&frame.meta).unwrap();
            through::<Request>(frame)
        }
        FrameKind::Progress => through::<Progress>(frame),
        FrameKind::Result => through::<Outcome>(frame),
        FrameKind::Error => through::<ErrorReply>(frame),
        _ => None,
    }
}

#[test]
fn every_vector_is_decoded_and_encoded() {
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let mut seen = std::collections::HashSet::new();
    for v in golden["frames"].as_array().unwrap() {
        let text = |key: &str| v[key].as_str().unwrap();
        let bytes = unhex(text("hex"));
        let frame = Frame::decode(Bytes::from(bytes.clone()).slice(4..)).unwrap();
        let name = text("name");
        assert_eq!(frame.header.kind as u64, v["number"].as_u64().unwrap(), "{name}");
        assert_eq!(kind_name(frame.header.kind), text("kind"), "{name}");
        assert_eq!(
            (frame.header.end, u64::from(frame.header.stream)),
            (v["end"] == true, v["stream"].as_u64().unwrap())
        );
        assert_eq!(frame.meta, text("meta_text").as_bytes(), "{name}");
        assert_eq!(hex(&frame.body), text("body"), "{name}");
        let made = Frame::new(
            frame.header.kind,
            frame.header.stream,
            text("meta_text").to_string(),
            unhex(text("body")),
        );
        assert_eq!(made.end(frame.header.end).encode(), bytes, "{name}");
        if let Some(meta) = again(name, &frame) {
            assert_eq!(String::from_utf8(meta).unwrap(), text("meta_text"), "{name}");
        }
        seen.insert(frame.header.kind);
    }
    assert!(FrameKind::ALL.into_iter().all(|k| seen.contains(&k)), "a kind has no vector");
}

#[test]
fn every_code_has_its_number_and_name() {
    for (i, code) in ErrorCode::ALL.into_iter().enumerate() {
        assert_eq!(code.number() as usize, i + 1);
        assert_eq!(serde_json::to_value(code).unwrap(), code.name());
    }
}

#[test]
fn unknown_fields_of_replies_are_ignored() {
    let meta = r#"{"size":0,"estimate":{"bytes":1,"lossless":true,"odds":0.5},"later":{}}"#;
    let outcome: Outcome = Frame::new(FrameKind::Result, 1, meta, "").parse().unwrap();
    assert_eq!(outcome.estimate, Some(Estimate { bytes: 1, lossless: true }));
    let meta = r#"{"code":99,"name":"BUSY","message":"m","hint":"h"}"#;
    assert!(Frame::new(FrameKind::Error, 1, meta, "").parse::<ErrorReply>().is_ok());
}
