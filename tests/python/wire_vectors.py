#!/usr/bin/env python3
"""Runs fixtures/wire/vectors.json in another language than the one they were made in, and against a real daemon; then
the client that follows docs/protocol.md alone."""
import json
import pathlib
import socket
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from private_daemon import private_daemon  # noqa: E402

HELLO = {"magic": "squeezed", "major": 1}


def encode(kind, end, stream, meta, body):
    return struct.pack("<IBBHII", 12 + len(meta) + len(body), kind, end, 0, stream, len(meta)) + meta + body


def decode(frame):
    length, kind, flags, reserved, stream, meta_len = struct.unpack_from("<IBBHII", frame)
    assert length == len(frame) - 4 and reserved == 0 and flags in (0, 1)
    return kind, flags == 1, stream, frame[16 : 16 + meta_len], frame[16 + meta_len :]


class Wire:
    """A connection that says HELLO if told so."""

    def __init__(self, path, hello=HELLO):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.input = self.socket.makefile("rb")
        if hello:
            self.send(encode(1, False, 0, json.dumps(hello).encode(), b""))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon may close before all of a broken frame was sent

    def read(self):
        """The next frame, or None at the end."""
        length = self.input.read(4)
        return decode(length + self.input.read(*struct.unpack("<I", length))) if length else None

    def ends_in(self, name):
        """Whether the next but HELLO_ACK is this error on stream 0, and then the end."""
        frame = self.read()
        while frame and frame[0] == 2:
            frame = self.read()
        return frame and frame[0] == 24 and frame[2] == 0 and json.loads(frame[3])["name"] == name and not self.read()


def check_frames(vectors):
    for v in vectors:
        frame = bytes.fromhex(v["hex"])
        kind, end, stream, meta, body = decode(frame)
        assert (kind, end, stream, body.hex()) == (v["number"], v["end"], v["stream"], v["body"]), v["name"]
        assert (json.loads(meta) if meta else None) == v["meta"], v["name"]
        assert encode(kind, end, stream, v["meta_text"].encode(), bytes.fromhex(v["body"])) == frame, v["name"]


def check_daemon(vectors, path):
    for v in vectors["framing_errors"]:
        wire = Wire(path, None if v["name"] == "garbage-before-hello" else HELLO)
        wire.send(bytes.fromhex(v["hex"]) + bytes(v["zeros"]))
        assert wire.ends_in(v["error"]), v["name"]
    wire = Wire(path)
    assert wire.read()[0] == 2
    for n, v in enumerate(vectors["bad_requests"], 1):
        for kind in (16, 17, 18):
            stream = 3 * n + kind
            wire.send(encode(kind, True, stream, json.dumps(v["meta"]).encode(), b"x"))
            kind, _, at, meta, _ = wire.read()
            assert (kind, at, json.loads(meta)["name"]) == (24, stream, v["error"]), (v["name"], meta)
    for v in vectors["hellos"]:
        wire = Wire(path, v["meta"])
        if "error" in v:
            assert wire.ends_in(v["error"]), v["name"]
        else:
            kind, _, _, meta, _ = wire.read()
            assert (kind, json.loads(meta)["minor"]) == (2, v["minor"]), v["name"]


def prove_the_page(path):
    proof = ROOT / "tests/python/protocol_proof.py"
    assert len(proof.read_text().splitlines()) < 100, "the proof is that a client is short"
    for image in ("jpeg/420-exif.jpg", "jpeg/grey-icc-iptc.jpg"):
        subprocess.run([sys.executable, proof, path, ROOT / "fixtures/images" / image], check=True)


def main():
    vectors = json.loads((ROOT / "fixtures/wire/vectors.json").read_text())
    check_frames(vectors["frames"])
    with private_daemon() as (_, path):
        check_daemon(vectors, path)
        prove_the_page(path)
    print("wire vectors: ok,", ", ".join(f"{len(v)} {k}" for k, v in vectors.items() if k not in ("about", "protocol")))


main()
