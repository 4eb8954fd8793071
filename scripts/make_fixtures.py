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



def bmp(name, size, header, palette, pixels, behind=b"", gap=b""):
    """A BMP with headers of `size` bytes; `header` holds what follows the planes."""
    width, height, rest = header
    dib = struct.pack("<IiiH", size, width, height, 1) + rest
    dib += bytes(size - len(dib))
    offset = 14 + size + len(palette) + len(gap)
    whole = offset + len(pixels) + len(behind)
    data = b"BM" + struct.pack("<IHHI", whole, 0, 0, offset) + dib + palette + gap + pixels + behind
    (IMAGES / "bmp" / name).write_bytes(data)


def bmps():
    """What real BMP files rarely have."""
    info = lambda bits, coding, used=0: struct.pack("<HIIiiII", bits, coding, 0, 2835, 2835, used, 0)
    grey = b"".join(bytes([i * 60, i * 60, i * 60, 0]) for i in range(4))
    # A delta and a short row: pixels that no run draws.
    runs = bytes([2, 1, 0, 2, 3, 1, 3, 2, 0, 0, 8, 3, 0, 0, 2, 2, 0, 1])
    bmp("made-deltas.bmp", 40, (8, 4, info(8, 1, 4)), grey, runs)
    # A header V5 with a profile behind the pixels, and something behind that.
    profile = bytes(range(128))
    pixels = b"".join(bytes([x * 3, y * 5, x * y % 256]) for y in range(24) for x in range(32))
    space = bytes(16) + b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    bmp("made-icc-trailing.bmp", 124, (32, 24, info(24, 0) + space), b"", pixels, profile + b"said afterwards")
    bmp("made-jpeg-inside.bmp", 40, (8, 8, info(0, 4)), b"", b"\xff\xd8\xff\xd9")
    # From top to bottom, in three colours, with a fourth byte that is nothing.
    pixels = b"".join(bytes([0, 90 * (x // 12), 200, 0]) for _ in range(20) for x in range(32))
    bmp("made-top-down-32.bmp", 40, (32, -20, info(32, 0)), b"", pixels)


def lzw(indices, bits):
    """Codes that are never longer than the first: a clear before the table asks for more."""
    out, held, count = bytearray(), 0, 0
    clear, room = 1 << bits, (1 << bits) - 2
    codes = []
    for i, index in enumerate(indices):
        codes += [clear, index] if i % room == 0 else [index]
    for code in [*codes, clear + 1]:
        held |= code << count
        count += bits + 1
        while count >= 8:
            out.append(held & 255)
            held, count = held >> 8, count - 8
    if count:
        out.append(held)
    blocks = (bytes(out[i : i + 255]) for i in range(0, len(out), 255))
    return bytes([bits]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def blocks(data):
    return b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)) + b"\0"


def gifs():
    """GIF files with all that may stand between frames, and with more colours than one palette holds."""
    screen = lambda w, h, packed: b"GIF89a" + struct.pack("<HHBBB", w, h, packed, 0, 0)
    control = lambda packed, delay, index: b"\x21\xf9\x04" + struct.pack("<BHB", packed, delay, index) + b"\0"
    image = lambda w, h, packed: b"\x2c" + struct.pack("<HHHHB", 0, 0, w, h, packed)
    app = lambda name, data: b"\x21\xff\x0b" + name + blocks(data)
    loop = app(b"NETSCAPE2.0", b"\x01\x03\x00")
    rdf = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        b' xmp:CreatorTool="nothing"><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">Nobody</rdf:li></rdf:Alt></dc:rights>'
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + rdf + magic
    text = b"\x21\x01\x0c" + bytes(12) + blocks(b"plain")
    palette = bytes([255, 255, 255, 0, 0, 0, 200, 30, 30, 30, 30, 200])
    out = screen(24, 16, 0xF1) + palette + loop + app(b"ICCRGBG1012", bytes(range(200))) + xmp
    out += b"\x21\xfe" + blocks(b"a comment") + app(b"SOMETHING01", b"opaque")
    for n, delay in enumerate((10, 0, 25)):
        rows = [(3 if x // 4 == n else 2 if y == n else 1 if (x + y) % 5 == 0 else 0) for y in range(16) for x in range(24)]
        out += control(4, delay, 0) + image(24, 16, 0) + lzw(rows, 2)
        out += text if n == 1 else b""
    (IMAGES / "gif" / "made-metadata-trailing.gif").write_bytes(out + b";said afterwards")
    out = screen(40, 40, 0x70) + app(b"NETSCAPE2.0", b"\x01\x00\x00")
    for n in range(3):
        colours = bytes(v for i in range(128) for v in (i * 2, n * 100, 255 - i))
        rows = [(x * 3 + y + (n * 7 if x > 20 else 0)) % 128 for y in range(40) for x in range(40)]
        out += control(8 | (n == 1), 7, 5) + image(40, 40, 0x86) + colours + lzw(rows, 7)
    (IMAGES / "gif" / "made-local-palettes.gif").write_bytes(out + b";")


signed_jpeg()
bmps()
gifs()
