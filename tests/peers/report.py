"""Tables of the comparison in Markdown. Knows runs and numbers, no tool and no file but the page it writes."""
import collections

import curves
import plots
from tools import usual_tool

MARK = "<!-- What follows is written by `make peers`. -->"
FORMATS = {
    "jpeg": "JPEG", "png": "PNG", "webp": "WebP", "avif": "AVIF", "heic": "HEIC", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP",
}  # fmt: skip
OWN = "squeeze"
# The tools made for it, which keep the metadata that others drop.
LOSSLESS = {
    "jpeg": "jpegtran", "png": "oxipng -o max", "webp": "cwebp -m 6", "gif": "gifsicle -O3", "tiff": "tiffcp zip",
}  # fmt: skip


class Runs:
    """Runs of one format and one mode, by tool and source."""

    def __init__(self, runs, format, mode):
        self.by = collections.defaultdict(lambda: collections.defaultdict(list))
        for run in runs:
            wanted = "rate" if mode == "lossy" else run.source.use
            if run.source.format == format and run.mode == mode and run.source.use == wanted:
                self.by[run.tool][run.source.name].append(run)
        self.tools = sorted(self.by, key=lambda t: (t.startswith(OWN), t))

    def peers(self):
        return [t for t in self.tools if not t.startswith(OWN)]

    def points(self, tool, name):
        return [(r.score, r.size) for r in self.by[tool][name] if r.ok and r.score is not None]

    def common(self, tool, other):
        return [n for n in self.by[tool] if n in self.by[other]]

    def lossy_ratio(self, tool, other):
        """Geometric mean of bytes at equal score, and of how many pictures."""
        return curves.mean([curves.ratio(self.points(tool, n), self.points(other, n)) for n in self.common(tool, other)])

    def best(self, ratio, other):
        """The peer with the fewest bytes."""
        values = [(value, t) for t in self.peers() for value, _ in [ratio(t, other)] if value]
        return min(values)[1] if values else None

    def cpu(self, tool, other=None):
        """CPU seconds relative to another tool's over the same sources; alone: seconds per megapixel."""
        names = self.common(tool, other) if other else list(self.by[tool])
        total = lambda t: sum(r.cpu for n in names for r in self.by[t][n])
        if other:
            return total(tool) / total(other) if names and total(other) else None
        pixels = sum(r.source.pixels for n in names for r in self.by[tool][n])
        return total(tool) / pixels * 1e6 if pixels else None

    def peak(self, tool):
        return max((r.peak for runs in self.by[tool].values() for r in runs), default=0) / 1024

    def harmless(self, tool, name):
        run = self.by[tool][name][0]
        return run.ok and not set(run.harm) - {"bigger"}

    def kept(self, tool, name):
        """Bytes after a lossless run: what was refused, harmed or made bigger stays as it was."""
        run = self.by[tool][name][0]
        return min(run.size, run.source.size) if self.harmless(tool, name) else run.source.size

    def lossless_ratio(self, tool, other=None):
        """Geometric mean of bytes, relative to the sources', or to another tool's where that gave a harmless result."""
        names = [n for n in self.common(tool, other) if self.harmless(other, n)] if other else list(self.by[tool])
        than = lambda n: self.kept(other, n) if other else self.by[tool][n][0].source.size
        return curves.mean([self.kept(tool, n) / than(n) for n in names])

    def saved(self, tool):
        before = sum(runs[0].source.size for runs in self.by[tool].values())
        return sum(self.kept(tool, n) for n in self.by[tool]) / before if before else None


def number(value, digits=3):
    return f"{value:.{digits}f}" if value is not None else "-"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def lossy(runs, format):
    """Bytes at equal score."""
    group, usual = Runs(runs, format, "lossy"), usual_tool(format)
    if usual not in group.tools:
        usual = next(iter(group.peers()), OWN)
    best = group.best(group.lossy_ratio, usual) or usual
    rows = []
    for tool in group.tools:
        value, count = group.lossy_ratio(tool, usual)
        if not any(group.points(tool, n) for n in group.by[tool]):
            continue
        cost = [number(group.cpu(tool), 2), number(group.cpu(tool, usual), 2), f"{group.peak(tool):.0f}"]
        to_best = [number(group.lossy_ratio(tool, best)[0])] if best != usual else []
        rows.append((tool, number(value), *to_best, count, *cost))
    if not rows:
        return "", group, usual, best
    against = [f"to {best}"] if best != usual else []
    head = ("lossy", f"bytes to {usual}", *against, "pictures", "CPU s/MP", f"CPU to {usual}", "peak MiB")
    return table(head, rows), group, usual, best


def lossless(runs, format):
    group = Runs(runs, format, "lossless")
    best = LOSSLESS.get(format)
    best = best if best in group.tools else group.best(group.lossless_ratio, None)
    rows = []
    for tool in group.tools:
        value, count = group.lossless_ratio(tool)
        against = group.lossless_ratio(tool, best)[0] if best else None
        cost = [number(group.cpu(tool), 2), f"{group.peak(tool):.0f}"]
        rows.append((tool, number(value), number(against), count, number(group.saved(tool)), *cost))
    head = ("lossless", "bytes to source", f"to {best}" if best else "to a peer", "files", "all bytes", "CPU s/MP", "peak MiB")
    return table(head, rows) if rows else ""


def pictures(group, usual, best):
    """squeeze's ratio for each picture, the worst first."""
    own = [t for t in group.tools if t.startswith(OWN)]
    rows = []
    for name in group.by[OWN]:
        ratios = [curves.ratio(group.points(t, name), group.points(p, name)) for t in own for p in dict.fromkeys([usual, best])]
        rows.append((name, *ratios))
    rows.sort(key=lambda r: -(r[len(dict.fromkeys([usual, best]))] or 0))
    head = ["picture", *(f"{t} to {p}" for t in own for p in dict.fromkeys([usual, best]))]
    return table(head, [(r[0], *map(number, r[1:])) for r in rows])


def harm(runs):
    """Files harmed, by tool and kind. A file counts once a tool, whatever number of its runs harmed it."""
    tried, refused, harmed = (collections.defaultdict(set) for _ in range(3))
    kinds = collections.defaultdict(collections.Counter)
    for run in runs:
        if not run.usual:
            continue
        tool = run.tool.split(" -")[0]
        key = (tool, run.source.name)
        if not run.ok:
            refused[tool].add(run.source.name)
            continue
        tried[tool].add(run.source.name)
        if run.harm:
            harmed[tool].add(run.source.name)
        for kind in run.harm:
            kinds[key].update([kind])
    rows = []
    for tool in sorted(set(tried) | set(refused), key=lambda t: (t.startswith(OWN), t)):
        by_kind = collections.Counter(k for (t, _), counted in kinds.items() if t == tool for k in counted)
        told = ", ".join(f"{k} {n}" for k, n in by_kind.most_common()) or "-"
        # Refused: in every run.
        rows.append((tool, len(tried[tool]), len(refused[tool] - tried[tool]), len(harmed[tool]), told))
    return table(("tool", "files", "refused", "harmed", "kinds"), rows)


def lines(group, usual):
    """For the plot: mean bytes relative to the usual tool's at some scores."""
    out = {}
    for tool in group.tools:
        line = []
        for score in range(int(curves.LOWEST), int(curves.HIGHEST) + 1, 3):
            names = group.common(tool, usual)
            there = [curves.relative_at(group.points(tool, n), group.points(usual, n), score) for n in names]
            value, count = curves.mean(there)
            if count and count * 2 >= len(names):
                line.append((score, value))
        if len(line) > 1:
            out[tool] = line
    return out


def tables(runs, images=None):
    """The whole generated part. `images` is a folder for the plots, and their place seen from the page."""
    parts = []
    for format, title in FORMATS.items():
        of = [r for r in runs if r.source.format == format]
        if not of:
            continue
        parts.append(f"## {title}\n")
        body, group, usual, best = lossy(runs, format)
        plotted = lines(group, usual)
        if images and len(plotted) > 1:
            folder, place = images
            folder.mkdir(parents=True, exist_ok=True)
            svg = plots.curves(f"{title}: bytes at equal score, relative to {usual}", plotted)
            (folder / f"peers-{format}.svg").write_text(svg)
            parts.append(f"![{title}, bytes at equal score]({place}/peers-{format}.svg)\n")
        parts += [part for part in (body, lossless(runs, format)) if part]
        if body and OWN in group.tools:
            parts.append(f"<details><summary>{title} by picture</summary>\n\n{pictures(group, usual, best)}\n</details>\n")
    parts.append(f"## Harm\n\n{harm(runs)}")
    return "\n".join(parts)


def write(page, text):
    """Replaces what stands below the mark."""
    old = page.read_text() if page.exists() else f"# Comparison with the peers\n\n{MARK}\n"
    head, mark, _ = old.partition(MARK)
    page.write_text(f"{head}{mark or MARK}\n\n{text}")
