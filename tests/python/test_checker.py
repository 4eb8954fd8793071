#!/usr/bin/env python3
"""The corpus checker sees each harm that it is there for."""
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import metadata
import numpy as np
from corpus_walk import picture_faults
from picture import Unreadable, look
from PIL import Image, ImageCms

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RNG = np.random.default_rng(7)
# A soft picture: gradients with a little noise.
Y, X = np.mgrid[0:64, 0:64]
RGB = np.dstack([X * 3, Y * 3, 255 - X * 2]).astype(np.uint8) + RNG.integers(0, 4, (64, 64, 3), np.uint8)
RGBA = np.dstack([RGB, np.where(X < 32, 0, 255).astype(np.uint8)])


def deep_png(path, samples):
    """A grey PNG of 16 bit."""
    chunk = lambda n, d: struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d))
    height, width = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"IDAT", zlib.compress(rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b""))


class Checker(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def save(self, name, samples, **options):
        path = self.folder / name
        image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples)
        image.save(path, **options)
        return path

    def faults(self, a, b, exact=True):
        return " | ".join(picture_faults(look(a, exact), look(b, exact), exact))

    def test_equal_pictures_have_no_faults(self):
        a = self.save("a.png", RGBA, icc_profile=PROFILE)
        b = self.save("b.png", RGBA, icc_profile=PROFILE, compress_level=1)
        self.assertEqual(self.faults(a, b), "")

    def test_a_changed_pixel_and_a_changed_hidden_pixel(self):
        for name, kind in (("png", {}), ("webp", {"lossless": True, "exact": True})):
            for at in ((5, 40), (5, 3)):
                other = RGBA.copy()
                other[(*at, 1)] ^= 1
                a, b = self.save(f"a.{name}", RGBA, **kind), self.save(f"b.{name}", other, **kind)
                self.assertIn("not identical", self.faults(a, b), (name, at))

    def test_the_lowest_of_sixteen_bits(self):
        deep = (X * 1000 + Y).astype(np.uint16)
        other = deep.copy()
        other[9, 9] ^= 1
        deep_png(self.folder / "a.png", deep)
        deep_png(self.folder / "b.png", other)
        self.assertIn("not identical", self.faults(self.folder / "a.png", self.folder / "b.png"))

    def test_what_a_viewer_would_see(self):
        a = self.save("a.jpg", RGB, quality=95, icc_profile=PROFILE)
        cases = {
            "looks different": [RGB[..., ::-1], RGB.transpose(1, 0, 2), 255 - RGB, np.dstack([RGB[..., 0]] * 3)],
            "size was": [RGB[:, :60]],
        }
        for text, pictures in cases.items():
            for n, samples in enumerate(pictures):
                b = self.save("b.jpg", np.ascontiguousarray(samples), quality=95, icc_profile=PROFILE)
                self.assertIn(text, self.faults(a, b, exact=False), (text, n))
        self.assertIn("profile", self.faults(a, self.save("b.jpg", RGB, quality=95)))
        fine = self.save("b.jpg", RGB, quality=60, icc_profile=PROFILE)
        self.assertEqual(self.faults(a, fine, exact=False), "")

    def test_a_lost_alpha(self):
        b = self.save("b.png", RGBA[..., :3])
        self.assertIn("looks different", self.faults(self.save("a.png", RGBA), b, exact=False))

    def test_orientation(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        a, b = self.save("a.jpg", RGB, exif=exif), self.save("b.jpg", RGB)
        self.assertIn("orientation was 6, is 1", self.faults(a, b))

    def test_frames_timing_and_loop(self):
        frames = [Image.fromarray(np.roll(RGBA, 8 * n, 0)) for n in range(4)]
        for name, extra in (("png", {}), ("webp", {"lossless": True})):
            save = lambda file, pictures, **o: self.save(
                f"{file}.{name}", pictures[0], save_all=True, append_images=pictures[1:], **extra, **o
            )
            a = save("a", frames, duration=[40, 40, 40, 80], loop=3)
            self.assertEqual(self.faults(a, save("b", frames, duration=[40, 40, 40, 80], loop=3)), "")
            self.assertIn("durations", self.faults(a, save("b", frames, duration=[40, 40, 40, 90], loop=3)))
            self.assertIn("loop", self.faults(a, save("b", frames, duration=[40, 40, 40, 80], loop=2)))
            self.assertIn("frames", self.faults(a, save("b", frames[:3], duration=40, loop=3)))

    def test_half_a_file_cannot_be_read(self):
        path = self.save("a.jpg", RGB)
        path.write_bytes(path.read_bytes()[:900])
        with self.assertRaises(Unreadable):
            look(path, True)

    def test_metadata(self):
        a = self.save("a.jpg", RGB)
        values = ["-Copyright=me", "-DateTimeOriginal=2020:01:02 03:04:05", "-GPSLatitude=10", "-GPSLatitudeRef=N"]
        subprocess.run(["exiftool", "-q", "-overwrite_original", *values, a], check=True)
        self.save("bare.jpg", RGB)
        tags = metadata.read(str(self.folder))
        full, bare = tags["a.jpg"], tags["bare.jpg"]
        self.assertEqual(list(metadata.lost_under_all(full, full)), [])
        self.assertTrue(any("Copyright" in t for t in metadata.lost_under_all(full, bare)))
        self.assertTrue(any("changed" in t for t in metadata.lost_under_all(full, full | {("IFD0", "Copyright"): "x"})))
        text = " ".join(metadata.faults_under_display(full, bare))
        self.assertIn("rights lost: 'me'", text)
        self.assertIn("capture time lost", text)
        self.assertIn("private metadata kept: GPS", " ".join(metadata.faults_under_display(full, full)))


if __name__ == "__main__":
    sys.exit(unittest.main())
