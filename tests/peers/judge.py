"""Scores results and says what was harmed. Both are kept by the hashes of the two files."""
import functools
import hashlib
import json
import pathlib
import subprocess

import decode
import numpy as np
from peers import file_hash

# Bounds on the colours of small pictures, 0 to 255: a codec's loss at a usual quality stays far below.
MEAN, PEAK = 6.0, 60.0
ALPHA = 12.0
VERSION = "5"  # of what is kept


class Judge:
    """One process's worth: called in a pool, with the runs of one source, so that the source is prepared once."""

    def __init__(self, work, scorer):
        self.cache, self.scorer = work / "judged", scorer

    def __call__(self, runs):
        """Score and harm of each of some runs that gave a result."""
        records = [self.record(run) for run in runs]
        new = {record: run for record, run in zip(records, runs) if not record.exists()}
        if new:
            scored = {run.out for run in new.values() if run.mode == "lossy" and run.source.use == "rate"}
            scores = score(self.scorer, runs[0].source.path, sorted(scored))
            for record, run in new.items():
                try:
                    found = {"harm": self.harm(run), "score": scores.get(run.out)}
                except decode.Unreadable as e:
                    found = {"harm": ["unreadable"], "score": None, "note": str(e)}
                record.parent.mkdir(parents=True, exist_ok=True)
                record.write_text(json.dumps(found))
        return [json.loads(record.read_text()) for record in records]

    def record(self, run):
        key = [VERSION, file_hash(run.source.path), file_hash(run.out), run.mode == "lossless", run.source.use]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.cache / name[:2] / f"{name}.json"

    def harm(self, run):
        return harm(run.source.path, run.out, run.mode == "lossless")


@functools.lru_cache(maxsize=2)
def source_facts(path, exact):
    return decode.facts(path, exact)


def score(scorer, source, outs):
    """Mean SSIMULACRA2 of the frames of each result, of those that can be compared."""
    before, results = decode.frames(source), {}
    for out in outs:
        try:
            after = decode.frames(out)
        except decode.Unreadable:
            continue
        if [f.shape for f in before] == [f.shape for f in after] and min(before[0].shape[:2]) >= 8:
            results[out] = after
    scores = {out: [] for out in results}
    for n, a in enumerate(before):
        command, frames = [scorer, str(a.shape[1]), str(a.shape[0])], [after[n] for after in results.values()]
        done = subprocess.run(command, input=b"".join(f.tobytes() for f in [a, *frames]), capture_output=True, check=True)
        for (out, after), value in zip(results.items(), done.stdout.split()):
            scores[out].append(100.0 if np.array_equal(a, after[n]) else float(value))
    return {out: sum(values) / len(values) for out, values in scores.items()}


def harm(source, out, exact):
    """Kinds of harm, of a closed list."""
    before, after = source_facts(source, exact), decode.facts(out, exact)
    kinds = []
    if pathlib.Path(out).stat().st_size > pathlib.Path(source).stat().st_size:
        kinds.append("bigger")
    if before.format != after.format:
        kinds.append("format")
    if before.frames != after.frames:
        kinds.append("frames")
    elif before.durations != after.durations:
        kinds.append("timing")
    if before.loop != after.loop:
        kinds.append("loop")
    if before.size != after.size:
        kinds.append("turned" if before.size == after.size[::-1] else "size")
    else:
        kinds += seen(before.thumbs, after.thumbs)
    if before.profile and not after.profile and not is_srgb(before.profile):
        kinds.append("profile")
    kinds += sorted(before.extras - after.extras)
    if exact and before.digest != after.digest and not kinds:
        kinds.append("pixels")
    return kinds


def seen(before, after):
    """What looks different in small pictures."""
    kinds = []
    for a, b in zip(before, after):
        if a.shape != b.shape:
            continue
        apart = np.abs(a - b)
        if apart[..., 3].mean() > ALPHA:
            return ["alpha"]
        colours = apart[..., :3]
        if colours.mean(axis=(0, 1)).max() > MEAN or np.percentile(colours, 99) > PEAK:
            kinds = ["turned" if any_turn(a, b) else "colours"]
    return kinds


def any_turn(a, b):
    """Whether one is the other, turned or mirrored."""
    turns = [np.rot90(m, k) for m in (b, b[:, ::-1]) for k in range(4)]
    return any(t.shape == a.shape and np.abs(t - a)[..., :3].mean() < MEAN for t in turns[1:])


def is_srgb(profile):
    return b"sRGB" in profile or b"s\0R\0G\0B" in profile
