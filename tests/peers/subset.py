"""Which pictures are compared: those that a list names, or all of a folder; and those made from others, because real
pictures of a format are rarely of so high a quality that five lower ones mean something."""
import pathlib
import sys

import decode
from runs import Source

USES = ("rate", "lossless", "harm")
PIXELS = 2_500_000
TOTAL_PIXELS = 20_000_000  # of all frames of an animation
MADE = {"jpeg": "jpg", "webp": "webp", "avif": "avif", "heic": "heic"}


def parse(lines):
    """Entries (use, path, format to make, quality to make it at)."""
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) not in (2, 4) or words[0] not in USES or (len(words) == 4 and words[2] not in MADE):
            sys.exit(f"line {number} is not `{'|'.join(USES)} FILE [{'|'.join(MADE)} QUALITY]`: {line.strip()}")
        made = (words[2], int(words[3])) if len(words) == 4 else (None, None)
        yield (words[0], words[1], *made)


def sources(folder, listed, work, formats):
    """Sources of the named formats that exist, are read by the reference decoders and are small enough."""
    if listed:
        entries = list(parse(listed.read_text().splitlines()))
    else:
        files = sorted(p for p in folder.rglob("*") if decode.format_of(p.suffix) and p.is_file())
        entries = [("rate", str(p.relative_to(folder)), None, None) for p in files]
    found, missing = [], []
    for use, name, kind, quality in entries:
        path = folder / name
        if (kind or decode.format_of(path.suffix)) not in formats:
            continue
        if not path.is_file():
            missing.append(name)
            continue
        if kind:
            path = made(path, kind, quality, work)
            name = path.name
        try:
            facts = decode.dimensions(path)
        except decode.Unreadable as e:
            print(f"{name}: passed over, since the reference decoders do not read it: {e}")
            continue
        if facts.pixels > PIXELS or facts.pixels * facts.frames > TOTAL_PIXELS:
            print(f"{name}: passed over, since it has more than {PIXELS:,} pixels (or {TOTAL_PIXELS:,} in all frames)")
            continue
        found.append(Source(name, path, facts.format, use, path.stat().st_size, facts.pixels))
    if missing:
        print(f"not there: {', '.join(missing)}")
    return found


def made(path, kind, quality, work):
    """A picture in another format at a high quality (100: without loss, where the format can), made once."""
    out = pathlib.Path(work) / "sources" / f"{path.stem}@{kind}{quality}.{MADE[kind]}"
    if not out.exists() or out.stat().st_mtime < path.stat().st_mtime:
        out.parent.mkdir(parents=True, exist_ok=True)
        decode.encode(path, kind, quality, out)
    return out
