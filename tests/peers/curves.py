"""Bytes at equal score, from a few (score, bytes) points of each tool. Pure arithmetic: knows no tool and no file."""
import math

# Scores from hardly to fully acceptable.
LOWEST, HIGHEST = 30.0, 95.0
EXACT = 99.9  # a score that only equal pictures have
NARROWEST = 2.0  # an overlap of less is chance
STEPS = 24


def useful(points):
    """The points that no other beats in both, by rising score: what somebody who wants a score would choose."""
    best, least = [], math.inf
    for score, size in sorted(points, key=lambda p: (-p[0], p[1])):
        if size < least:
            best.append((score, size))
            least = size
    return best[::-1]


def log_bytes(curve, score):
    """The logarithm of the bytes at a score that lies on the curve, by straight lines between its points."""
    for (s0, b0), (s1, b1) in zip(curve, curve[1:]):
        if s0 <= score <= s1:
            share = (score - s0) / (s1 - s0) if s1 > s0 else 0.0
            return math.log(b0) + share * (math.log(b1) - math.log(b0))
    raise ValueError(f"the score {score} is not on the curve")


def ratio(mine, other):
    """Bytes of one tool relative to another's for one picture, both as (score, bytes): the geometric mean over the scores
    that both reach. None where they reach no scores in common."""
    exact = [min((b for s, b in points if s >= EXACT), default=None) for points in (mine, other)]
    lossy = [useful([p for p in points if p[0] < EXACT]) for points in (mine, other)]
    if all(len(curve) > 1 for curve in lossy):
        low = max(LOWEST, *(curve[0][0] for curve in lossy))
        high = min(HIGHEST, *(curve[-1][0] for curve in lossy))
        if high - low >= NARROWEST:
            scores = [low + (high - low) * i / (STEPS - 1) for i in range(STEPS)]
            scores = [min(max(s, low), high) for s in scores]
            return math.exp(sum(log_bytes(lossy[0], s) - log_bytes(lossy[1], s) for s in scores) / STEPS)
    # Pictures of few colours: a palette holds all of them, so both lose nothing.
    if all(exact):
        return exact[0] / exact[1]
    return None


def relative_at(mine, other, score):
    """The same at one score; None where one of the two does not reach it."""
    lossy = [useful([p for p in points if p[0] < EXACT]) for points in (mine, other)]
    if not all(len(c) > 1 and c[0][0] <= score <= c[-1][0] for c in lossy):
        return None
    return math.exp(log_bytes(lossy[0], score) - log_bytes(lossy[1], score))


def mean(ratios):
    """The geometric mean of those that are there, and how many they are."""
    there = [r for r in ratios if r]
    if not there:
        return None, 0
    return math.exp(sum(map(math.log, there)) / len(there)), len(there)
