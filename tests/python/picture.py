"""What a picture file holds, by decoders that are neither the encoders' nor the judge's: Pillow, ImageMagick, dwebp, djpeg."""
import dataclasses
import hashlib
import io
import struct
import subprocess
import warnings

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageFile

pillow_heif.register_heif_opener()

Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False
FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "GIF": "gif", "TIFF": "tiff", "AVIF": "avif", "HEIF": "heic"}
THUMB = 96  # longest side of the small pictures that lossy results are compared by
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclasses.dataclass
class Picture:
    """Facts of one file."""

    format: str
    size: tuple
    frames: int  # that Pillow gives, a hidden default image of an APNG included
    shown: int  # that a viewer plays
    durations: list
    loop: int
    icc: bytes
    orientation: int
    thumbs: list  # a few frames, small, in sRGB with alpha, as float arrays
    digest: str = ""  # of every sample at full depth, hidden colour included


class Unreadable(Exception):
    """The reference decoders cannot read the file."""


def run(*command, data=None):
    """Output and complaints of a command; Unreadable where it fails."""
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode:
        raise Unreadable(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done.stdout, done.stderr.decode(errors="replace")


def bare_png(data):
    """The chunks that hold samples, without those that say how to show them: gamma and profiles would make a reader
    convert what is to be compared as it stands."""
    out, at = data[:8], 8
    while at + 8 <= len(data):
        (length,), name = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            out += data[at : at + 12 + length]
        at += 12 + length
    return out


def still_samples(kind, path, image):
    """Every sample of a still picture at full depth."""
    if kind == "png":
        # Pillow gives no more than 8 bits of colour.
        data = bare_png(open(path, "rb").read())
        return run("convert", "png:-", "-depth", "16", "-alpha", "on", "rgba:-", data=data)[0]
    if kind == "webp":
        return run("dwebp", "-quiet", "-pam", path, "-o", "-")[0]
    if kind in ("bmp", "gif"):
        # A palette is a way to store colours; what lies under a transparent index is no colour of the picture.
        canvas = np.array(image.convert("RGBA"))
        canvas[canvas[..., 3] == 0] = 0
        return canvas.tobytes()
    return image.mode.encode() + image.tobytes()


def thumbnail(image, icc):
    """Small, in sRGB, with alpha."""
    scale = min(1, THUMB / max(image.size))
    size = tuple(max(1, round(s * scale)) for s in image.size)
    if image.mode in ("P", "1", "PA"):
        image = image.convert("RGBA")
    elif image.mode.startswith(("I", "F")):
        image = image.point(lambda v: v / 256).convert("L")
    elif "transparency" in image.info or image.mode == "LA":
        image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A").resize(size, Image.Resampling.BOX), float) if image.mode == "RGBA" else None
    if image.mode == "RGBA":
        # Colour that nobody sees must not weigh in.
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
    small = image.resize(size, Image.Resampling.BOX)
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            small = ImageCms.profileToProfile(small, profile, SRGB, outputMode="RGB") or small
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that does not fit the samples, as in some real files
    colour = np.asarray(small.convert("RGB"), float)
    if alpha is None:
        alpha = np.full(colour.shape[:2], 255.0)
    return np.dstack([colour, alpha])


def look(path, exact):
    """Opens a file. `exact` hashes every sample too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _look(path, exact)
        except Unreadable:
            raise
        except Exception as e:  # Pillow raises nearly anything
            raise Unreadable(f"{type(e).__name__}: {e}") from e


def _look(path, exact):
    with Image.open(path) as image:
        kind = FORMATS.get(image.format)
        if not kind:
            raise Unreadable(f"Pillow calls it {image.format}")
        # An MPO's other pictures are metadata of the first: exiftool compares them.
        frames = 1 if kind == "jpeg" else getattr(image, "n_frames", 1)
        orientation = image.getexif().get(0x0112, 1)
        picture = Picture(
            format=kind,
            # Pillow turns TIFF by itself.
            size=image.size[::-1] if kind == "tiff" and orientation in range(5, 9) else image.size,
            frames=frames,
            shown=frames - bool(frames > 1 and image.info.get("default_image")),
            durations=[],
            loop=image.info.get("loop", 0) if frames > 1 else 1,
            icc=image.info.get("icc_profile") or b"",
            orientation=orientation if orientation in range(1, 9) else 1,
            thumbs=[],
        )
        step, digest = max(1, frames // 8), hashlib.sha256()
        for n in range(frames):
            if frames > 1:
                image.seek(n)
            if not exact and kind == "jpeg":
                image.draft(None, (THUMB * 4, THUMB * 4))
            image.load()
            if frames > 1:
                picture.durations.append(round(float(image.info.get("duration", 0)), 3))
            if n % step == 0:
                picture.thumbs.append(thumbnail(image, picture.icc))
            if exact:
                if frames > 1:
                    canvas = np.array(image.convert("RGBA"))
                    # What lies under a transparent place of a canvas depends on how a reader disposes of frames.
                    canvas[canvas[..., 3] == 0] = 0
                    digest.update(canvas.tobytes())
                else:
                    digest.update(still_samples(kind, path, image))
        picture.digest = digest.hexdigest() if exact else ""
        return picture


def complaints(path, kind):
    """What the format's reference decoder complains of."""
    if kind == "jpeg":
        done = subprocess.run(["djpeg", "-scale", "1/8", "-outfile", "/dev/null", path], capture_output=True)
        return done.stderr.decode(errors="replace").strip()
    return ""
