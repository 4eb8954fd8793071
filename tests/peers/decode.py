"""Pictures as a viewer shows them, by decoders that are neither a compared tool's nor the judge's: Pillow and what its
wheels bundle. Also writes the pictures that are made for the comparison, and the PNG files for tools that read no other."""
import dataclasses
import hashlib
import io
import pathlib
import sys
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import picture  # noqa: E402
from picture import Unreadable  # noqa: E402, F401

try:
    import pillow_heif

    pillow_heif.register_heif_opener()
except ImportError:  # then HEIC files are unreadable
    pillow_heif = None

Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False
FORMATS = {
    "JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic", "TIFF": "tiff",
    "BMP": "bmp", "GIF": "gif",
}  # fmt: skip
SUFFIXES = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".jfif": "jpeg", ".png": "png", ".apng": "png", ".webp": "webp",
    ".avif": "avif", ".heic": "heic", ".heif": "heic", ".hif": "heic", ".tif": "tiff", ".tiff": "tiff", ".bmp": "bmp",
    ".dib": "bmp", ".gif": "gif",
}  # fmt: skip
PLAIN = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")  # modes of at most 8 bits
THUMB = 96
SCORED = 4  # frames of an animation that are scored, spread evenly
SRGB = picture.SRGB


def format_of(suffix):
    return SUFFIXES.get(suffix.lower())


@dataclasses.dataclass
class Facts:
    """What is compared of a file."""

    format: str
    size: tuple  # upright
    pixels: int
    frames: int
    durations: list
    loop: int
    profile: bytes
    extras: set  # gain map, depth map
    thumbs: list  # small RGBA float arrays of some frames, upright and in sRGB
    digest: str = ""  # of every sample


def opened(function):
    """Turns whatever Pillow raises into Unreadable."""

    def wrapper(path, *args, **kind):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with Image.open(path) as image:
                    if image.format not in FORMATS:
                        raise Unreadable(f"Pillow calls it {image.format}")
                    return function(path, image, *args, **kind)
            except Unreadable:
                raise
            except Exception as e:
                raise Unreadable(f"{type(e).__name__}: {e}") from e

    return wrapper


def count(image):
    """Frames or pages. The other pictures of an MPO belong to its first."""
    return 1 if FORMATS[image.format] == "jpeg" else getattr(image, "n_frames", 1)


@opened
def dimensions(path, image):
    """Format, pixels and frames alone."""
    image.load()
    width, height = image.size
    return Facts(FORMATS[image.format], image.size, width * height, count(image), [], 0, b"", set(), [])


def upright(image):
    """The frame that is loaded, as RGBA of 8 bits in sRGB, turned as it asks to be."""
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and np.asarray(image).max() > 255):
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode.startswith(("I", "F")):
        image = image.convert("L")
    elif image.mode in ("P", "PA", "LA", "1") or "transparency" in image.info:
        image = image.convert("RGBA")
    if profile:
        image = to_srgb(image, profile)
    return image.convert("RGBA")


def to_srgb(image, profile):
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colour = image.convert("RGB") if alpha else image
        colour = ImageCms.profileToProfile(colour, source, SRGB, outputMode="RGB") or colour
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile that does not fit the samples, as in some real files
    if alpha:
        colour.putalpha(alpha)
    return colour


@opened
def frames(path, image):
    """Some frames as RGBA arrays, for the score."""
    total = count(image)
    chosen = sorted({round(i * (total - 1) / max(1, min(SCORED, total) - 1)) for i in range(min(SCORED, total))})
    out = []
    for n in chosen:
        if total > 1:
            image.seek(n)
        image.load()
        out.append(np.asarray(upright(image)))
    return out


def thumbnail(rgba):
    """Small, with alpha; colour that nobody sees does not weigh in."""
    scale = min(1, THUMB / max(rgba.size))
    size = tuple(max(1, round(s * scale)) for s in rgba.size)
    alpha = np.asarray(rgba.getchannel("A").resize(size, Image.Resampling.BOX), float)
    over = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return np.dstack([np.asarray(over.resize(size, Image.Resampling.BOX), float), alpha])


def behind(data):
    """What follows the end of a JPEG's first picture."""
    at = 2
    while data[at : at + 1] == b"\xff":
        kind = data[at + 1]
        if kind == 0xD9:
            return data[at + 2 :]
        if kind == 0xFF:
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == 0xDA:
            # Coded data: a marker that is neither a stuffed byte nor a restart ends it.
            while (at := data.find(b"\xff", at)) >= 0 and (data[at + 1 : at + 2] < b"\x01" or data[at + 1] in range(0xD0, 0xD8)):
                at += 2
            if at < 0:
                break
    return b""


def extras(path, image):
    """Pictures beside the picture."""
    kind, found = FORMATS[image.format], set()
    data = pathlib.Path(path).read_bytes() if kind in ("jpeg", "avif", "heic") else b""
    if kind == "jpeg" and (b"hdrgm:" in data or b"MPF\0" in data) and b"\xff\xd8\xff" in behind(data):
        found.add("gain map")
    if kind == "jpeg" and getattr(image, "n_frames", 1) > 1:
        # Where the index points at no picture, it is lost to every reader.
        try:
            image.seek(1)
            image.load()
        except (OSError, ValueError, EOFError):
            found.discard("gain map")
        image.seek(0)
    if b"hdrgainmap" in data or (kind != "jpeg" and b"tmap" in data):
        found.add("gain map")
    if b"auxid:2\0" in data or b"aux:depth" in data:
        found.add("depth map")
    return found


@opened
def facts(path, image, exact):
    """All that is compared. `exact` takes every sample in."""
    total = count(image)
    kind = FORMATS[image.format]
    out = Facts(kind, (0, 0), image.size[0] * image.size[1], total, [], 0, b"", extras(path, image), [])
    out.loop = image.info.get("loop", 0) if total > 1 and kind in ("gif", "png", "webp") else 0
    out.profile = image.info.get("icc_profile") or b""
    step, digest = max(1, total // 6), hashlib.sha256()
    for n in range(total):
        if total > 1:
            image.seek(n)
        image.load()
        if total > 1 and kind != "tiff":
            out.durations.append(round(float(image.info.get("duration", 0) or 0), 3))
        if n % step == 0:
            seen = upright(image)
            out.size = out.size if n else seen.size
            out.thumbs.append(thumbnail(seen))
        if exact and kind not in picture.FORMATS.values():
            digest.update(image.convert("RGBA").tobytes() if image.mode in PLAIN else image.mode.encode() + image.tobytes())
    if exact:
        known = kind in picture.FORMATS.values()
        out.digest = picture.look(path, True).digest if known else digest.hexdigest()
    return out


@opened
def as_png(path, image, out):
    """The first frame for a tool that reads nothing else: upright, with its profile."""
    profile = image.info.get("icc_profile")
    image.load()
    image = ImageOps.exif_transpose(image)
    keep = image if image.mode in (*PLAIN, "I;16") else image.convert("RGB")
    keep.save(out, format="PNG", compress_level=1, **({"icc_profile": profile} if profile else {}))


@opened
def encode(path, image, kind, quality, out):
    """A picture that is made for the comparison. Quality 100 is without loss where the format can."""
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    image = image.convert("RGBA" if alpha and kind != "jpeg" else "RGB")
    options = {
        "jpeg": {"quality": quality, "subsampling": 0 if quality > 97 else 2},
        "webp": {"lossless": True, "exact": True, "method": 4} if quality == 100 else {"quality": quality, "method": 4},
        "avif": {"quality": quality, "subsampling": "4:4:4" if quality > 97 else "4:2:0", "speed": 6, "max_threads": 1},
        "heic": {"quality": quality, "chroma": 444 if quality > 97 else 420},
    }[kind]
    image.save(out, format={"jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "heic": "HEIF"}[kind], **options)
