#!/usr/bin/env python3
"""Walks a folder of real images: squeezes each picture in every mode and checks that none is harmed.

usage: corpus_walk.py DIR [--sample N] [--formats jpeg,png,...] [--modes lossless,q80,display,capped] [--verbose]

A file counts where Pillow opens it. For each mode it must come out not larger, in the same format, of the same
dimensions, frames, timing, loop, profile, orientation and colours, with the metadata that the policy keeps; every pixel
the same where the receipt says so; the receipt's numbers true. A second run over the outputs must change no pixel and
leave at least 98 % of the files as they are (capped mode excepted). Exit code 1 when a file was harmed.
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import time

import metadata
import numpy as np
from picture import Unreadable, complaints, look

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from private_daemon import clean_env, private_daemon, target  # noqa: E402

MODES = {
    "lossless": [],
    "q80": ["-q", "80"],
    "display": ["-q", "80", "--metadata", "display"],
    "capped": ["--max-reduction", "30"],
}
CAP = 30
EXTENSIONS = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png", ".apng"),
    "webp": (".webp",),
    "avif": (".avif",),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
    "heic": (".heic", ".heif", ".hif"),
    "tiff": (".tif", ".tiff"),
}
# Bounds on the colour of small pictures, 0 to 255: a codec's loss at quality 80 stays far below.
MEAN, PEAK = 6.0, 60.0
SAMPLE_BYTES = 3 << 20  # a sample takes no larger files: it has to end in minutes


def choose(folder, formats, sample):
    """The files to walk, as paths relative to the folder; a sample is the same every time."""
    wanted = {e: f for f in formats for e in EXTENSIONS[f]}
    found = collections.defaultdict(list)
    for path in sorted(folder.rglob("*")):
        kind = wanted.get(path.suffix.lower())
        if kind and path.is_file() and not (sample and path.stat().st_size > SAMPLE_BYTES):
            found[kind].append(str(path.relative_to(folder)))
    if sample:
        by_name = lambda name: hashlib.sha256(name.encode()).hexdigest()
        found = {kind: sorted(names, key=by_name)[:sample] for kind, names in found.items()}
    return sorted(name for names in found.values() for name in names)


def squeeze(socket, source, out, options):
    """Runs the client over a folder; relative path -> record."""
    command = [target() / "squeeze", "--socket", socket, "--no-autostart", "--json", "--quiet", "-r", "-o", out]
    done = subprocess.run([*command, *options, source], env=clean_env(), stdout=subprocess.PIPE)
    if done.returncode not in (0, 5):
        sys.exit(f"squeeze ended with {done.returncode}")
    records = map(json.loads, done.stdout.splitlines())
    return {os.path.relpath(r["path"], source): r for r in records}


def receipt_faults(mode, record, source, out, before, lossless_after):
    """What the receipt says against the files themselves."""
    receipt = record["receipt"]
    old, new = source.read_bytes(), out.read_bytes()
    facts = {
        "before": len(old), "after": len(new), "format": before.format, "width": before.size[0],
        "height": before.size[1], "frames": before.shown,
    }  # fmt: skip
    if before.format == "heic":
        # Pillow tells what is shown, the receipt what is stored: before cropping and turning, and all of a sequence.
        for key in ("width", "height", "frames"):
            del facts[key]
    for key, value in facts.items():
        if receipt[key] != value:
            yield f"receipt says {key} {receipt[key]}, but it is {value}"
    if (receipt["status"] == "unchanged") != (old == new):
        yield f"receipt says {receipt['status']}, but the bytes are {'equal' if old == new else 'different'}"
    if receipt["status"] == "unchanged" and not receipt.get("reason"):
        yield "unchanged without a reason"
    if len(new) > len(old):
        yield f"larger: {len(old)} to {len(new)} bytes"
    if mode == "lossless" and not receipt["pixels_identical"]:
        yield "lossless, but the receipt does not say that pixels are identical"
    if mode != "display" and receipt["dropped"]:
        yield f"dropped under metadata=all: {receipt['dropped'][:3]}"
    if mode == "capped" and not receipt["pixels_identical"] and lossless_after:
        # The cap counts from the best lossless result of the same run, which may beat that of a run of its own.
        least = min([lossless_after] + [t["bytes"] for t in receipt["trials"] if t["lossless"]])
        if len(new) < least * (100 - CAP) / 100 - 1:
            yield f"capped at {CAP} %, but {least} bytes lossless became {len(new)}"


def picture_faults(before, after, exact):
    """What a viewer would see."""
    for name in ("format", "size", "frames", "durations", "loop", "orientation"):
        a, b = getattr(before, name), getattr(after, name)
        if a != b:
            yield f"{name} was {str(a)[:80]}, is {str(b)[:80]}"
    if before.icc != after.icc:
        yield f"profile of {len(before.icc)} bytes is now one of {len(after.icc)}"
    if before.size != after.size or before.frames != after.frames:
        return
    for n, (a, b) in enumerate(zip(before.thumbs, after.thumbs)):
        apart = np.abs(a - b)
        mean, peak = apart.mean(axis=(0, 1)).max(), np.percentile(apart, 99)
        if mean > MEAN or peak > PEAK:
            yield f"looks different in sampled frame {n}: mean {mean:.1f}, 99th percentile {peak:.0f}"
            break
    if exact and before.digest != after.digest:
        yield "pixels are not identical"


def check(task):
    """One file in all modes. Gives (counts, faults)."""
    name, home, modes, records, tags = task
    source = home / "in" / name
    try:
        before = look(source, exact=True)
    except Unreadable as e:
        return name, None, [], f"not counted: {e}"
    faults, counts = [], collections.Counter()
    lossless = records.get("lossless", {}).get(name, {}).get("receipt")
    for mode in modes:
        say = lambda text, mode=mode: faults.append((mode, text))
        out, record = home / mode / name, records.get(mode, {}).get(name)
        key = (mode, before.format)
        counts[(*key, "files")] += 1
        if not record or not record.get("receipt") or not out.exists():
            error = (record or {}).get("error") or {"name": "no record", "message": ""}
            counts[(*key, "refused")] += 1
            say(f"refused: {error['name']}: {error.get('message', '')[:120]}")
            continue
        receipt = record["receipt"]
        counts[(*key, "before")] += receipt["before"]
        counts[(*key, "after")] += receipt["after"]
        counts[(*key, "unchanged")] += receipt["status"] == "unchanged"
        for text in receipt_faults(mode, record, source, out, before, lossless and lossless["after"]):
            say(text)
        if receipt["status"] == "optimized":
            try:
                after = look(out, exact=receipt["pixels_identical"])
            except Unreadable as e:
                say(f"cannot be read any more: {e}")
                continue
            for text in picture_faults(before, after, receipt["pixels_identical"]):
                say(text)
            worse = complaints(out, before.format)
            if worse and not complaints(source, before.format):
                say(f"the decoder complains: {worse[:120]}")
        old, new = tags.get("in", {}).get(name, {}), tags.get(mode, {}).get(name, {})
        policy = metadata.faults_under_display if mode == "display" else metadata.lost_under_all
        if receipt["status"] == "optimized" or mode == "display":
            for text in policy(old, new):
                say(text)
        again = records.get(f"{mode}-again", {}).get(name)
        if again is not None:
            two = again.get("receipt")
            counts[(*key, "again")] += 1
            counts[(*key, "changed again")] += not two or two["status"] != "unchanged"
            if not two:
                say(f"second run refused: {(again.get('error') or {}).get('name')}")
            elif two["status"] != "unchanged":
                if look(out, exact=True).digest != look(home / f"{mode}-again" / name, exact=True).digest:
                    say(f"a second run changed pixels: {receipt['method']}, then {two['method']}")
                else:
                    counts[(*key, "bytes again")] += 1
                    if receipt["after"] <= two["after"]:
                        say("a second run changed the file and gained nothing")
    return name, counts, faults, ""


def report(counts, harmed, modes, formats):
    print(f"\n{'mode':9} {'format':6} {'files':>6} {'refused':>8} {'harmed':>7} {'unchanged':>10} {'bytes':>7} {'changed again':>14}")
    for mode in modes:
        for kind in formats:
            at = lambda what: counts[(mode, kind, what)]
            if at("files"):
                share = f"{at('after') / at('before'):.3f}" if at("before") else "-"
                print(
                    f"{mode:9} {kind:6} {at('files'):6} {at('refused'):8} {len(harmed[mode, kind]):7} "
                    f"{at('unchanged'):10} {share:>7} {at('changed again'):10}/{at('again')}"
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--sample", type=int, default=0, help="this many of each format, the same every time")
    parser.add_argument("--formats", default=",".join(EXTENSIONS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--verbose", action="store_true", help="name the files that are not counted")
    options = parser.parse_args()
    formats, modes = options.formats.split(","), options.modes.split(",")
    folder, began = options.folder.resolve(), time.monotonic()
    names = choose(folder, formats, options.sample)
    if not names:
        sys.exit(f"no images in {folder}")
    with private_daemon() as (home, socket):
        for name in names:
            to = home / "in" / name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, to)
        records = {}
        for mode in modes:
            records[mode] = squeeze(socket, home / "in", home / mode, MODES[mode])
            if mode != "capped":
                records[f"{mode}-again"] = squeeze(socket, home / mode, home / f"{mode}-again", MODES[mode])
            print(f"squeezed {len(records[mode])} files, {mode}, {time.monotonic() - began:.0f} s", flush=True)
        tags = {part: metadata.read(str(home / part)) for part in ["in", *modes]}
        mine = lambda n, all_files: {part: {n: of[n]} for part, of in all_files.items() if n in of}
        tasks = [(n, home, modes, mine(n, records), mine(n, tags)) for n in names]
        counts, harmed, passed_over = collections.Counter(), collections.defaultdict(set), []
        with multiprocessing.Pool() as pool:
            for name, found, faults, note in pool.imap_unordered(check, tasks):
                if found is None:
                    passed_over.append(f"{name}: {note}")
                    continue
                counts.update(found)
                kind = next(key[1] for key in found)
                for mode, text in faults:
                    print(f"{name}: {mode}: {text}", flush=True)
                    if not text.startswith("refused"):
                        harmed[mode, kind].add(name)
    report(counts, harmed, modes, formats)
    total = collections.Counter()
    for (mode, kind, what), n in counts.items():
        total[mode, what] += n
    failed = any(harmed.values())
    for mode in modes:
        again, changed = total[mode, "again"], total[mode, "changed again"]
        if again and changed > again * 0.02:
            print(f"{mode}: the second run changed {changed} of {again} files, more than 2 %")
            failed = True
        if total[mode, "refused"] > total[mode, "files"] * 0.1:
            print(f"{mode}: {total[mode, 'refused']} of {total[mode, 'files']} files were refused, more than a tenth")
            failed = True
    if passed_over:
        print(f"{len(passed_over)} files are not counted, since the reference decoders do not read them")
        if options.verbose:
            print("\n".join(passed_over))
    print(f"{'harm was done' if failed else 'no harm'}, {time.monotonic() - began:.0f} s")
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
