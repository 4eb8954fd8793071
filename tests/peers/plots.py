"""Plots as SVG, written by hand: a few lines need no library, and the same numbers give the same file."""
import html

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 52, 170, 34, 40
COLOURS = ("#7f7f7f", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#17becf")
OWN = ("#d62728", "#ff7f0e")  # squeeze's


def curves(title, lines):
    """Bytes (relative to one tool's) against the score. `lines`: name -> [(score, ratio)]."""
    points = [p for line in lines.values() for p in line]
    scores, ratios = [p[0] for p in points], [p[1] for p in points]
    left, right = min(scores), max(max(scores), min(scores) + 1)
    low, high = int(min(*ratios, 1) * 20) / 20, -int(-max(*ratios, 1) * 20) / 20 + 0.05
    x = lambda s: LEFT + (s - left) / (right - left) * (WIDTH - LEFT - RIGHT)
    y = lambda r: TOP + (high - r) / (high - low) * (HEIGHT - TOP - BOTTOM)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 18, title, "font-weight='bold'"),
        text(LEFT, HEIGHT - 6, "SSIMULACRA2; lower lines are fewer bytes at that score"),
    ]
    step = 0.05 if high - low <= 0.45 else 0.1 if high - low <= 0.9 else 0.25
    for n in range(round(low / step), round(high / step) + 1):
        if low - 1e-9 <= n * step <= high + 1e-9:
            out.append(f'<path d="M{LEFT} {y(n * step):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            out.append(text(LEFT - 6, y(n * step) + 4, f"{n * step:.2f}", "text-anchor='end'"))
    for s in range(-(-int(left) // 10) * 10, int(right) + 1, 10):
        out.append(text(x(s), HEIGHT - BOTTOM + 16, str(s), "text-anchor='middle'"))
    others, own, beside = iter(COLOURS), iter(OWN), []
    for name, line in lines.items():
        colour = next(own, OWN[-1]) if name.startswith("squeeze") else next(others, COLOURS[0])
        width = 2.5 if name.startswith("squeeze") else 1.5
        path = " ".join(f"{x(s):.1f},{y(r):.1f}" for s, r in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        beside.append((y(line[-1][1]), name, colour))
    at = TOP - 10
    for wanted, name, colour in sorted(beside):
        at = max(wanted + 4, at + 15)
        out.append(text(WIDTH - RIGHT + 8, at, name, f"fill='{colour}'"))
    return "\n".join([*out, "</svg>\n"])


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{html.escape(words)}</text>'
