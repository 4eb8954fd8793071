#!/usr/bin/env python3
"""The arithmetic and the tables of the comparison, on numbers made up. Needs no peer and no package."""
import pathlib
import sys
import tempfile
import unittest

import curves
import plots
import report
import subset
from runs import Run, Source

SHARP = [(50, 100), (60, 140), (70, 200), (80, 300), (90, 600)]


def halved(points):
    return [(score, size / 2) for score, size in points]


class Curves(unittest.TestCase):
    def test_equal_and_half(self):
        self.assertAlmostEqual(curves.ratio(SHARP, SHARP), 1.0)
        self.assertAlmostEqual(curves.ratio(halved(SHARP), SHARP), 0.5)
        self.assertAlmostEqual(curves.ratio(SHARP, halved(SHARP)), 2.0)

    def test_other_points_of_the_same_curve_are_equal(self):
        line = lambda *scores: [(s, 1.05**s * 1000) for s in scores]
        self.assertAlmostEqual(curves.ratio(line(40, 55, 71, 83, 91), line(45, 60, 70, 80, 88)), 1.0)

    def test_only_scores_that_both_reach_count(self):
        self.assertAlmostEqual(curves.ratio([(70, 100), (80, 150)], [(50, 1), (70, 100), (80, 150), (90, 9999)]), 1.0)
        self.assertIsNone(curves.ratio([(70, 100), (80, 150)], [(85, 160), (90, 250)]))
        self.assertIsNone(curves.ratio([(70, 100), (80, 150)], [(79, 149), (90, 250)]))
        self.assertIsNone(curves.ratio([(70, 100)], SHARP))
        self.assertIsNone(curves.ratio([], SHARP))

    def test_a_point_that_another_beats_is_not_on_the_curve(self):
        self.assertEqual(curves.useful([(50, 100), (60, 90), (70, 200), (65, 250)]), [(60, 90), (70, 200)])
        self.assertEqual(curves.useful([(50, 100), (50, 90)]), [(50, 90)])

    def test_lossless_results_count_where_there_are_no_others(self):
        self.assertAlmostEqual(curves.ratio([(100, 90), (100, 80)], [(100, 100), (100, 100)]), 0.8)
        self.assertIsNone(curves.ratio([(100, 90)], SHARP))
        self.assertAlmostEqual(curves.ratio([*halved(SHARP), (100, 5000)], SHARP), 0.5)

    def test_at_one_score(self):
        self.assertAlmostEqual(curves.relative_at(halved(SHARP), SHARP, 65), 0.5)
        self.assertIsNone(curves.relative_at(halved(SHARP), SHARP, 40))

    def test_mean(self):
        value, count = curves.mean([0.5, 2.0, None])
        self.assertAlmostEqual(value, 1.0)
        self.assertEqual(count, 2)
        self.assertEqual(curves.mean([None]), (None, 0))


def made_up():
    """Two pictures, a peer and squeeze at nine tenths of its bytes."""
    out = []
    for name in ("a.jpg", "b.jpg"):
        source = Source(name, pathlib.Path(name), "jpeg", "rate", 1000, 1_000_000)
        for tool, part in (("sharp", 1.0), ("jpegoptim", 1.1), ("squeeze", 0.9)):
            for n, (score, size) in enumerate(SHARP):
                out.append(Run(source, tool, "lossy", 50 + n * 10, size=int(size * part * 10), cpu=part, peak=2048, score=score))
        out.append(Run(source, "jpegtran", "lossless", None, size=900, cpu=0.1, peak=1024, score=100.0))
        out.append(Run(source, "squeeze", "lossless", None, size=890, cpu=0.2, peak=1024, score=100.0))
        out.append(Run(source, "sharp", "lossless", None, size=400, cpu=0.2, peak=1024, score=99.0, harm=["pixels"]))
    return out


class Report(unittest.TestCase):
    def test_tables(self):
        text = report.tables(made_up())
        self.assertIn("| squeeze | 0.900 | 2 |", text)
        self.assertIn("| jpegoptim | 1.100 | 2 |", text)
        self.assertIn("| squeeze | 0.890 | 0.989 | 2 |", text)
        # A result that lost pixels saves nothing.
        self.assertIn("| sharp | 1.000 | 1.111 | 2 |", text)
        self.assertIn("pixels 2", text)

    def test_what_is_below_the_mark_is_written_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "peers.md"
            page.write_text(f"# By hand\n\n{report.MARK}\nold\n")
            report.write(page, "new\n")
            self.assertEqual(page.read_text(), f"# By hand\n\n{report.MARK}\n\nnew\n")

    def test_plot(self):
        svg = plots.curves("JPEG", {"sharp": [(50, 1.0), (70, 1.0)], "squeeze": [(50, 0.9), (70, 0.8)]})
        self.assertTrue(svg.startswith("<svg") and svg.rstrip().endswith("</svg>"))
        self.assertEqual(svg.count("<polyline"), 2)


class Subset(unittest.TestCase):
    def test_lines(self):
        lines = ["# a comment", "", "rate jpeg/a.jpg", "rate png/b.png jpeg 98", "harm png/c.png"]
        entries = list(subset.parse(lines))
        self.assertEqual(entries[0], ("rate", "jpeg/a.jpg", None, None))
        self.assertEqual(entries[1], ("rate", "png/b.png", "jpeg", 98))
        self.assertEqual(entries[2], ("harm", "png/c.png", None, None))
        for bad in ("rate", "often a.jpg", "rate a.jpg jpeg"):
            with self.assertRaises(SystemExit):
                list(subset.parse([bad]))


if __name__ == "__main__":
    sys.exit(unittest.main())
