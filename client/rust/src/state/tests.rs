//! The bookkeeping without a socket.

use super::*;

fn state(streams: u64) -> State {
    State::new(&WireLimits {
        meta_bytes: 65536,
        body_bytes: 262_144,
        window_bytes: 262_144,
        image_bytes: 1 << 28,
        pixels: 1,
        frames: 1,
        streams,
        jobs: 1,
    })
}

fn open(state: &State, size: usize) -> Opened {
    let permit = state.slots.clone().try_acquire_owned().unwrap();
    let opening = Opening {
        kind: FrameKind::Optimize,
        meta: Bytes::from_static(b"{}"),
        bytes: vec![7; size].into(),
        answer_limit: size as u64,
        permit,
    };
    state.open(opening).unwrap()
}

fn drain(state: &State) -> Vec<(FrameKind, u32, usize, bool)> {
    std::iter::from_fn(|| state.next_frame())
        .map(|f| (f.header.kind, f.header.stream, f.body.len(), f.header.end))
        .collect()
}

fn result(id: u32, size: u64, body: &[u8], end: bool) -> Frame {
    let mut frame = Frame::json(FrameKind::Result, id, &Outcome { size, ..Outcome::default() }).end(end);
    frame.body = Bytes::copy_from_slice(body);
    frame
}

#[test]
fn the_window_goes_out_and_the_rest_waits_for_its_grant() {
    let s = state(10);
    let _big = open(&s, 300 << 10);
    let sent = drain(&s);
    assert_eq!(sent.iter().map(|f| f.2).sum::<usize>(), 256 << 10);
    assert!(sent.iter().all(|f| !f.3));
    s.accept(Frame::new(FrameKind::Grant, 1, Bytes::new(), Bytes::new())).unwrap();
    assert_eq!(drain(&s), [(FrameKind::Data, 1, 44 << 10, true)]);
}

#[test]
fn a_grant_that_comes_early_counts() {
    let s = state(10);
    let _big = open(&s, 1 << 20);
    s.next_frame().unwrap();
    s.accept(Frame::new(FrameKind::Grant, 1, Bytes::new(), Bytes::new())).unwrap();
    assert_eq!(drain(&s).iter().map(|f| f.2).sum::<usize>(), (1 << 20) - TURN);
}

#[test]
fn streams_take_turns_and_ids_rise() {
    let s = state(10);
    let (_a, _b, _c) = (open(&s, 200 << 10), open(&s, 10), open(&s, 100 << 10));
    let sent = drain(&s);
    let opened: Vec<u32> = sent.iter().filter(|f| f.0 == FrameKind::Optimize).map(|f| f.1).collect();
    assert_eq!(opened, [1, 2, 3]);
    assert_eq!(sent[1], (FrameKind::Optimize, 2, 10, true), "the small one waits for one turn only");
}

#[test]
fn an_empty_image_is_one_frame_with_end() {
    let s = state(1);
    let _empty = open(&s, 0);
    assert_eq!(drain(&s), [(FrameKind::Optimize, 1, 0, true)]);
}

#[test]
fn cancel_passes_what_is_queued_and_stops_the_upload() {
    let s = state(10);
    let a = open(&s, 200 << 10);
    s.next_frame().unwrap();
    let _b = open(&s, 200 << 10);
    s.cancel(a.id, true);
    let sent = drain(&s);
    assert_eq!(sent[0].0, FrameKind::Cancel);
    assert_eq!(sent[1], (FrameKind::Data, 1, 0, true), "its END lets the daemon forget it");
    assert!(sent[2..].iter().all(|f| f.1 == 2));
}

#[test]
fn a_stream_that_was_never_sent_needs_no_cancel() {
    let s = state(10);
    let mut a = open(&s, 10);
    s.cancel(a.id, false);
    assert!(drain(&s).is_empty());
    assert_eq!(a.reply.try_recv().unwrap().unwrap_err().code(), Some(ErrorCode::Cancelled));
    assert_eq!(open(&s, 1).id, 2, "its number is not used again");
}

#[test]
fn a_forgotten_stream_keeps_its_slot_until_the_daemon_answered() {
    let s = state(1);
    let a = open(&s, 100);
    drain(&s);
    s.cancel(a.id, true);
    assert!(s.slots.clone().try_acquire_owned().is_err());
    s.accept(result(a.id, 3, b"ab", false)).unwrap();
    s.accept(Frame::new(FrameKind::Data, a.id, Bytes::new(), &b"c"[..]).end(true)).unwrap();
    assert!(s.slots.clone().try_acquire_owned().is_ok());
}

#[test]
fn an_answer_is_put_together() {
    let s = state(1);
    let mut a = open(&s, 100);
    s.accept(result(a.id, 3, b"ab", false)).unwrap();
    s.accept(Frame::new(FrameKind::Data, a.id, Bytes::new(), &b"c"[..]).end(true)).unwrap();
    assert_eq!(a.reply.try_recv().unwrap().unwrap().body, "abc");
}

#[test]
fn what_the_protocol_forbids_ends_the_connection() {
    let s = state(10);
    let a = open(&s, 5);
    let is_bad = |frame| assert_eq!(s.accept(frame).unwrap_err().kind(), ErrorKind::BadReply);
    is_bad(result(a.id, 6, b"", false));
    is_bad(result(99, 0, b"", true));
    is_bad(Frame::new(FrameKind::Data, a.id, Bytes::new(), &b"c"[..]));
    is_bad(Frame::new(FrameKind::Hello, 0, Bytes::new(), Bytes::new()));
    is_bad(Frame::new(FrameKind::Error, a.id, &b"nonsense"[..], Bytes::new()));
    let b = open(&s, 5);
    is_bad(result(b.id, 3, b"ab", true));
    let c = open(&s, 5);
    s.accept(result(c.id, 3, b"ab", false)).unwrap();
    is_bad(result(c.id, 3, b"ab", false));
}

#[test]
fn the_end_reaches_everyone() {
    let s = state(10);
    let mut a = open(&s, 5);
    let mut ping = s.ping().unwrap();
    s.end(disconnected("gone"));
    s.end(disconnected("later"));
    assert_eq!(a.reply.try_recv().unwrap().unwrap_err().message(), "gone");
    assert!(ping.try_recv().is_err());
    assert_eq!(s.ping().unwrap_err().message(), "gone");
    assert!(s.next_frame().is_none());
}

#[test]
fn after_goaway_nothing_new_is_opened() {
    let s = state(10);
    let mut a = open(&s, 5);
    s.accept(Frame::json(FrameKind::Goaway, 0, &Goaway { last_stream: 1, message: "draining".into() }))
        .unwrap();
    let permit = s.slots.clone().try_acquire_owned().unwrap();
    let (meta, bytes) = (Bytes::new(), Bytes::new());
    let next = s.open(Opening { kind: FrameKind::Status, meta, bytes, answer_limit: 1, permit });
    assert_eq!(next.err().unwrap().code(), Some(ErrorCode::ShuttingDown));
    s.accept(result(a.id, 0, b"", true)).unwrap();
    assert!(a.reply.try_recv().unwrap().is_ok());
}
