#!/usr/bin/env python3
"""Makes the fixtures that no free picture shows: `python3 scripts/make_fixtures.py`. Standard library only; each file says
here what it is made from."""
import pathlib
import struct

IMAGES = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "images"


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def box(kind, body):
    return struct.pack(">I", len(body) + 8) + kind + body


def signed_jpeg():
    """A JPEG with content credentials: a JUMBF superbox of C2PA's type in APP11 (ISO 19566-5, C2PA 2.1 section 11). The
    claim in it is empty: enough to be recognized, not to be verified."""
    source = (IMAGES / "jpeg" / "422-restart.jpg").read_bytes()
    kind = b"c2pa" + bytes.fromhex("00110010800000aa00389b71")
    store = box(b"jumb", box(b"jumd", kind + b"\x03c2pa\0"))
    app11 = segment(0xEB, b"JP" + struct.pack(">HI", 1, 1) + store)
    (IMAGES / "jpeg" / "made-signed.jpg").write_bytes(source[:2] + app11 + source[2:])


signed_jpeg()
