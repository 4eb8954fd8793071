#!/usr/bin/env python3
"""Proves docs/protocol.md: a client of squeezed from that page alone, in the standard library of Python.

usage: protocol_proof.py SOCKET FILE      exit code 0 when everything came as the page says
"""
import json, random, socket, struct, sys, zlib

HELLO, ACK, PING, PONG, OPTIMIZE, INSPECT = 1, 2, 4, 5, 16, 18
DATA, CANCEL, GRANT, RESULT, ERROR, STATUS = 19, 20, 21, 23, 24, 33


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(path)
        self.input = self.socket.makefile("rb")
        self.send(HELLO, 0, {"magic": "squeezed", "major": 1, "client": "protocol_proof"})
        kind, _, _, self.ack, _ = self.read()
        assert kind == ACK and self.ack["magic"] == "squeezed" and self.ack["minor"] == 0, self.ack
        self.window = self.ack["limits"]["window_bytes"]
        self.last, self.streams = 0, {}  # id -> [bytes still to send, result so far, answer, complete]

    def send(self, kind, stream, meta=None, body=b"", end=False):
        meta = json.dumps(meta).encode() if meta is not None else b""
        head = struct.pack("<IBBHII", 12 + len(meta) + len(body), kind, end, 0, stream, len(meta))
        self.socket.sendall(head + meta + body)

    def read(self):
        head = self.input.read(16)
        assert len(head) == 16, "the daemon closed the connection"
        length, kind, flags, _, stream, meta_len = struct.unpack("<IBBHII", head)
        rest = self.input.read(length - 12)
        return kind, bool(flags & 1), stream, json.loads(rest[:meta_len] or b"{}"), rest[meta_len:]

    def request(self, image, options, kind=OPTIMIZE, size=None):
        self.last += 1
        size, first = len(image) if size is None else size, image[: self.window]
        self.streams[self.last] = [image[self.window :], b"", None, False]
        self.send(kind, self.last, {"size": size, "options": options} if size else {}, first, len(first) == size)
        return self.last

    def wait(self, stream):
        """Reads until this stream has its whole answer; serves the others meanwhile."""
        while not self.streams[stream][3]:
            kind, end, at, meta, body = self.read()
            entry = self.streams[at]
            if kind == GRANT:
                rest, step = entry[0], self.ack["limits"]["body_bytes"]
                for i in range(0, len(rest), step):
                    self.send(DATA, at, body=rest[i : i + step], end=i + step >= len(rest))
            elif kind in (RESULT, DATA):
                entry[1] += body
                entry[2] = entry[2] or meta
                entry[3] = end
            elif kind == ERROR:
                entry[2:] = [meta, True]
        return self.streams[stream][2], self.streams[stream][1]


def noise_png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + random.Random(y).randbytes(width) * 3 for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def check(name, answer, image):
    meta, body = answer
    receipt = meta["receipt"]
    assert receipt["before"] == len(image) and receipt["after"] <= len(image), receipt
    assert meta["size"] == len(body) == (receipt["after"] if receipt["status"] == "optimized" else 0), meta
    print(f"{name}: {receipt['status']} {receipt['before']} -> {receipt['after']} by {receipt['method']}")


def main(path, image):
    c, big = Client(path), noise_png(400, 400)
    c.send(PING, 0, {"n": 1}, b"echo")
    assert c.read() == (PONG, False, 0, {"n": 1}, b"echo")
    check("lossless", c.wait(c.request(image, {})), image)
    one, two, three = c.request(big, {}), c.request(image, {"quality": 80}), c.request(image, {"metadata": "display"})
    for name, stream, source in (("display", three, image), ("big", one, big), ("quality 80", two, image)):
        check(name, c.wait(stream), source)
    assert len(big) > c.window and c.wait(c.request(big, {}, INSPECT))[0]["info"]["width"] == 400
    half = c.request(big[:1000], {}, size=1 << 20)
    c.send(CANCEL, half)
    bad = (b"text", {}), (image, {"qualty": 80}), (big[: len(big) // 2], {})
    names = [c.wait(stream)[0]["name"] for stream in (half, *(c.request(*each) for each in bad))]
    assert names == ["CANCELLED", "UNSUPPORTED_FORMAT", "BAD_REQUEST", "BAD_IMAGE"], names
    check("after errors", c.wait(c.request(image, {})), image)
    status = json.loads(c.wait(c.request(b"", None, STATUS))[1])
    assert status["pid"] == c.ack["pid"] and "light" in [lane["name"] for lane in status["lanes"]], status
    c.send(99, 0)
    assert c.read()[3]["name"] == "PROTOCOL" and not c.input.read(1)
    print("protocol proof: ok,", ", ".join(names))


main(sys.argv[1], open(sys.argv[2], "rb").read())
