#!/usr/bin/env python3
"""`make demo`: optimizes a copy of fixtures/images through a private daemon, lossless and at quality 80, and prints a table."""
import json
import shutil
import subprocess
import sys

from private_daemon import ROOT, clean_env, private_daemon, target

HEAD = ("file", "format", "before", "after", "saved", "method", "time")


def run(socket, source, out, options):
    """One run of the real client; a record for each file."""
    command = [target() / "squeeze", "--socket", socket, "--no-autostart", "--json", "--quiet", "-r", "-o", out]
    done = subprocess.run([*command, *options, source], env=clean_env(), stdout=subprocess.PIPE)
    if done.returncode not in (0, 5):
        sys.exit(f"squeeze ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def row(record, source):
    name = record["path"].removeprefix(f"{source}/")
    receipt = record.get("receipt")
    if not receipt:
        error = record.get("error") or {}
        return (name, "", "", "", "", error.get("name", record["status"]), "")
    before, after = receipt["before"], receipt["after"]
    method = receipt["method"] if receipt["status"] == "optimized" else receipt["reason"]
    saved = f"{100 * (before - after) / before:.1f} %"
    return (name, receipt["format"], f"{before:,}", f"{after:,}", saved, method, f"{receipt['run_ms']:.0f} ms")


def table(title, records, source):
    rows = [row(r, source) for r in sorted(records, key=lambda r: r["path"])]
    receipts = [r["receipt"] for r in records if r.get("receipt")]
    before, after = sum(r["before"] for r in receipts), sum(r["after"] for r in receipts)
    run_ms = sum(r["run_ms"] for r in receipts)
    saved = f"{100 * (before - after) / max(before, 1):.1f} %"
    rows.append((f"{len(rows)} files", "", f"{before:,}", f"{after:,}", saved, "", f"{run_ms:,.0f} ms"))
    widths = [max(len(r[i]) for r in [HEAD, *rows]) for i in range(len(HEAD))]
    right = (False, False, True, True, True, False, True)
    print(f"\n{title}\n")
    for r in (HEAD, tuple("-" * w for w in widths), *rows):
        cells = (c.rjust(w) if at else c.ljust(w) for c, w, at in zip(r, widths, right))
        print("  ".join(cells).rstrip())


def main():
    with private_daemon() as (home, socket):
        source = home / "images"
        shutil.copytree(ROOT / "fixtures/images", source, ignore=shutil.ignore_patterns("*.tsv", "*.md"))
        table("lossless, all metadata kept", run(socket, source, home / "lossless", []), source)
        table("-q 80, all metadata kept", run(socket, source, home / "q80", ["-q", "80"]), source)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
