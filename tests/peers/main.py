#!/usr/bin/env python3
"""Compares squeeze with the tools that people use: bytes at equal SSIMULACRA2, lossless bytes, CPU, memory, harm.

usage: main.py [PICTURES] [--subset LIST] [--formats jpeg,png,...] [--efforts balanced,best] [--page FILE]

PICTURES is a folder; LIST names pictures in it (see subset.txt). The peers are those that install.py put into
target/peers. What the peers did is kept there, so that a second run runs only squeeze. Prefer `make peers`.
"""
import argparse
import datetime
import itertools
import multiprocessing
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import decode
import install
import report
import squeeze
import subset
import tools
from judge import Judge
from peers import Peers
from runs import HERE, Meter

ROOT = HERE.parents[1]


def target():
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def readable(source):
    """A source, unless some of its frames cannot be read."""
    try:
        decode.facts(source.path, True)
    except decode.Unreadable as e:
        print(f"{source.name}: passed over: {e}", flush=True)
        return None
    return source


def measure(sources, work, out, versions, efforts, began):
    """All runs, one after the other so that each has the machine to itself."""
    runs = []
    with Meter(install.environment(work)) as meter:
        peers = Peers(work, versions, meter, heavy="best" in efforts)
        if peers.missing:
            print(f"not installed, so not compared: {', '.join(peers.missing)}")
        for source in sources:
            runs += peers.runs(source)
        print(f"peers: {peers.measured} runs measured, {peers.cached} known, {time.monotonic() - began:.0f} s", flush=True)
    with Meter(install.environment(work)) as meter, squeeze.Squeeze(out, meter, efforts) as own:
        for source in sources:
            runs += own.runs(source)
    print(f"squeeze: {time.monotonic() - began:.0f} s", flush=True)
    return runs


def verdicts(runs, work, scorer, began):
    """Scores and harm, picture by picture on all cores."""
    done = sorted((r for r in runs if r.ok), key=lambda r: r.source.name)
    groups = [list(group) for _, group in itertools.groupby(done, key=lambda r: r.source.name)]
    with multiprocessing.Pool() as pool:
        for group, all_found in zip(groups, pool.imap(Judge(work, scorer), groups)):
            for run, found in zip(group, all_found):
                run.score, run.harm = found["score"], found["harm"]
                run.note = found.get("note") or run.note
    print(f"judged: {time.monotonic() - began:.0f} s", flush=True)


def state(versions, sources, efforts):
    """What the figures hold for."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    changes = subprocess.run(
        ["git", "status", "--porcelain", "-uno", "--", ".", ":!docs"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    commit += " with uncommitted changes" if changes else ""
    names = {r.package for r in tools.RECIPES} | {"pngquant"}
    told = ", ".join(f"{n} {v}" for n, v in sorted(versions.items()) if n in names)
    date = datetime.date.today().isoformat()
    return (
        f"Measured {date}: squeezed at commit {commit or 'unknown'}, effort {' and '.join(efforts)}; {told}. "
        f"{len(sources)} pictures, {os.cpu_count()} cores, {platform.machine()}.\n"
    )


def details(runs, path):
    """Everything in one table, for spreadsheets."""
    with open(path, "w") as out:
        print("format", "use", "picture", "tool", "mode", "quality", "source", "bytes", "score", "cpu", "peak_kib", "harm", "note", sep="\t", file=out)
        for r in runs:
            s = r.source
            print(
                s.format, s.use, s.name, r.tool, r.mode, r.quality or "", s.size, r.size, "" if r.score is None else f"{r.score:.3f}",
                f"{r.cpu:.3f}", r.peak, ",".join(r.harm), r.note if r.ok else f"refused: {r.note}", sep="\t", file=out,
            )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=pathlib.Path, nargs="?", default=ROOT / "fixtures/images")
    parser.add_argument("--subset", type=pathlib.Path)
    parser.add_argument("--formats", default=",".join(report.FORMATS))
    parser.add_argument("--efforts", default="balanced")
    parser.add_argument("--page", type=pathlib.Path, help="where the tables go; default: a file in target/peers")
    options = parser.parse_args()
    work, began = target() / "peers", time.monotonic()
    efforts = options.efforts.split(",")
    if "balanced" not in efforts:
        efforts.insert(0, "balanced")
    formats = [f for f in options.formats.split(",") if f in squeeze.built()]
    for missing in sorted(set(options.formats.split(",")) - set(formats)):
        print(f"{missing} is not compared: its plugin is not built")
    scorer = target() / "release/score"
    if not scorer.exists():
        sys.exit(f"{scorer} is missing: use `make peers`")
    versions = install.versions(work)
    sources = subset.sources(options.pictures.resolve(), options.subset, work, formats)
    with multiprocessing.Pool() as pool:
        sources = [s for s in pool.map(readable, sources) if s]
    if not sources:
        sys.exit(f"no pictures in {options.pictures}")
    print(f"{len(sources)} pictures", flush=True)
    with tempfile.TemporaryDirectory(prefix="squeezed-", dir=work) as out:
        runs = measure(sources, work, pathlib.Path(out), versions, efforts, began)
        verdicts(runs, work, scorer, began)
    details(runs, work / "runs.tsv")
    page = options.page or work / "report.md"
    images = (page.parent / "img", "img")
    report.write(page, state(versions, sources, efforts) + "\n" + report.tables(runs, images))
    print(f"written: {page} and {work}/runs.tsv")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
