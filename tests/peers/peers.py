"""Runs the peers over sources. Results are kept by tool version, options and the source's hash: a second run only looks
them up."""
import hashlib
import json
import pathlib
import shlex
import shutil
import tempfile

import decode
import tools
from runs import HERE, Run


def file_hash(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Peers:
    """The recipes whose tools are there."""

    def __init__(self, work, versions, meter, heavy):
        self.work, self.versions, self.meter = work, versions, meter
        self.recipes = [r for r in tools.RECIPES if r.package in versions and (heavy or not r.heavy)]
        self.missing = sorted({r.tool for r in tools.RECIPES if r.package not in versions})
        self.cached = self.measured = 0

    def runs(self, source):
        """All runs over one source."""
        for recipe in self.recipes:
            if recipe.format != source.format or (source.use == "lossless" and recipe.mode == "lossy"):
                continue
            if recipe.heavy and source.use == "harm":
                continue
            qualities = recipe.qualities
            if source.use == "harm" and len(qualities) > 1:
                qualities = [qualities[tools.USUAL]]
            for quality in qualities:
                yield self.run(recipe, source, quality)

    def run(self, recipe, source, quality):
        # pngquant has a version of its own.
        versions = [self.versions[recipe.package], self.versions.get("pngquant") if "pngquant" in recipe.tool else None]
        key = [recipe.tool, recipe.ways, versions, recipe.feed, quality, file_hash(source.path), source.path.suffix]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        out = self.work / "cache" / name[:2] / f"{name}{source.path.suffix}"
        record = out.with_suffix(".json")
        if record.exists():
            self.cached += 1
            cost = json.loads(record.read_text())
        else:
            self.measured += 1
            out.parent.mkdir(parents=True, exist_ok=True)
            cost = self.measure(recipe, source, quality, out)
            record.write_text(json.dumps(cost))
        run = Run(source, recipe.tool, recipe.mode, quality, cost["ok"], cost["note"], 0, cost["cpu"], cost["peak"])
        run.usual = quality == recipe.qualities[min(tools.USUAL, len(recipe.qualities) - 1)]
        if run.ok:
            run.out, run.size = out, out.stat().st_size
        return run

    def measure(self, recipe, source, quality, out):
        """Every way; the smallest result stays, the CPU of all counts."""
        total = {"ok": False, "note": "", "cpu": 0.0, "peak": 0}
        with tempfile.TemporaryDirectory(prefix="squeezed-peers-") as folder:
            folder = pathlib.Path(folder)
            path = source.path
            if recipe.feed == "pixels":
                path = folder / "source.png"
                try:
                    decode.as_png(source.path, path)
                except decode.Unreadable as e:
                    return total | {"note": f"cannot be fed: {e}"}
            best = None
            for number, way in enumerate(recipe.ways):
                made = folder / f"{number}{source.path.suffix}"
                spare = folder / f"dir{number}"
                spare.mkdir()
                places = {"in": path, "out": made, "dir": spare, "part": folder / f"part{number}{source.path.suffix}"}
                places |= {"q": quality, "sharp": HERE / "sharp.js"}
                ok = self.steps(way, places, total)
                inside = list(spare.iterdir())
                if ok and inside:
                    inside[0].rename(made)
                if ok and not made.exists():
                    shutil.copyfile(source.path, made)
                if ok and made.stat().st_size and (best is None or made.stat().st_size < best.stat().st_size):
                    best = made
            if best:
                shutil.copyfile(best, out)
                total["ok"] = True
        return total

    def steps(self, way, places, total):
        for step in way:
            # Words are split before paths are put in, which may hold spaces.
            words = [w.format(**places) for w in step.split()]
            cost = self.meter.run(words)
            cpu = cost["cpu"]
            if words[0] == "node" and cost["code"] == 0:
                # What the conversion itself took: a server starts node once.
                cpu = float(pathlib.Path(cost["stdout"]).read_text())
            total["cpu"] += cpu
            total["peak"] = max(total["peak"], cost["peak"])
            if cost["code"]:
                total["note"] = f"{shlex.quote(words[0])} ended with {cost['code']}: {cost['note']}"
                return False
        return True
