"""The peers and how each is called: as its documentation recommends for the fewest bytes, keeping what it can keep."""
import dataclasses

CURVE = (50, 62, 74, 84, 92)
PALETTE = (30, 50, 68, 82, 94)
# Each tool's own scale, so that all reach about the same scores.
SQUEEZE = {
    "jpeg": CURVE, "png": PALETTE, "webp": (40, 55, 70, 82, 92), "avif": (40, 55, 70, 80, 90), "heic": (40, 55, 70, 80, 90),
    "gif": (30, 50, 68, 82, 94), "tiff": CURVE, "bmp": PALETTE,
}  # fmt: skip
# Of the five, the one by which files are checked for harm: the usual choice.
USUAL = 3


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A tool's way to treat a format. `ways` are tried one by one and the smallest result counts; each is a list of commands
    run one after the other, with {in}, {out}, {part} (a file between two of them), {dir} (an empty folder) and {q}. A tool
    that ends well and writes nothing found nothing to gain."""

    tool: str
    format: str
    mode: str
    package: str  # whose version counts
    ways: tuple
    qualities: tuple = (None,)
    feed: str = ""  # pixels: the tool reads no such file, so it gets the decoded picture as PNG
    heavy: bool = False  # run only beside squeeze --effort best


def recipe(tool, format, mode, package, *ways, **more):
    return Recipe(tool, format, mode, package, tuple(tuple(w.split(" && ")) for w in ways), **more)


def sharp(format, mode, options, qualities=(None,), tool="sharp", heavy=False, encoder=None):
    return recipe(tool, format, mode, "sharp", f"node {{sharp}} {{in}} {{out}} {encoder or format} {options}", qualities=qualities, heavy=heavy)


CAESIUM = "caesiumclt {how} -e -Q -O all -o {{dir}} {{in}}"


def caesium(format, mode, qualities=(None,)):
    how = "--lossless" if mode == "lossless" else "-q {{q}}"
    return recipe("caesium", format, mode, "caesiumclt", CAESIUM.format(how=how).replace("{{", "{").replace("}}", "}"), qualities=qualities)


AVIFENC = "avifenc -s {speed} -j 1 --min 0 --max 63 -a end-usage=q -a cq-level={{q}} -a tune=ssim {{in}} {{out}}"
CQ = (42, 34, 27, 20, 13)
WEBP = SQUEEZE["webp"]

RECIPES = (
    # JPEG
    sharp("jpeg", "lossy", "quality={q} mozjpeg=true", CURVE),
    caesium("jpeg", "lossy", CURVE),
    recipe("jpegoptim", "jpeg", "lossy", "jpegoptim", "jpegoptim -q -m{q} --all-progressive --strip-none -o -d {dir} {in}", qualities=CURVE),
    recipe("jpegtran", "jpeg", "lossless", "jpegtran", "jpegtran -optimize -progressive -copy all -outfile {out} {in}"),
    recipe("jpegoptim", "jpeg", "lossless", "jpegoptim", "jpegoptim -q --all-progressive --strip-none -o -d {dir} {in}"),
    caesium("jpeg", "lossless"),
    # PNG
    sharp("png", "lossy", "quality={q} palette=true effort=10 compressionLevel=9", PALETTE),
    caesium("png", "lossy", PALETTE),
    recipe(
        "pngquant + oxipng", "png", "lossy", "oxipng",
        "pngquant --quality 0-{q} --speed 1 --force -o {part} {in} && oxipng -q -o 4 --out {out} {part}", qualities=PALETTE,
    ),
    sharp("png", "lossless", "compressionLevel=9"),  # effort would make a palette
    caesium("png", "lossless"),
    recipe("oxipng -o max", "png", "lossless", "oxipng", "oxipng -q -o max --out {out} {in}"),
    recipe("oxipng -o max --zopfli", "png", "lossless", "oxipng", "oxipng -q -o max --zopfli --out {out} {in}", heavy=True),
    # WebP
    sharp("webp", "lossy", "quality={q} effort=6", WEBP),
    caesium("webp", "lossy", WEBP),
    recipe("cwebp", "webp", "lossy", "cwebp", "cwebp -quiet -m 6 -q {q} -metadata all {in} -o {out}", qualities=WEBP),
    sharp("webp", "lossless", "lossless=true effort=6 exact=true"),
    caesium("webp", "lossless"),
    recipe("cwebp -m 6", "webp", "lossless", "cwebp", "cwebp -quiet -lossless -exact -m 6 -metadata all {in} -o {out}"),
    recipe("cwebp -z 9", "webp", "lossless", "cwebp", "cwebp -quiet -lossless -exact -z 9 -metadata all {in} -o {out}", heavy=True),
    # AVIF
    sharp("avif", "lossy", "quality={q}", (35, 47, 58, 70, 82)),
    sharp("avif", "lossy", "quality={q} effort=9", (35, 47, 58, 70, 82), tool="sharp, effort 9", heavy=True),
    recipe("avifenc -s 6", "avif", "lossy", "avifenc", AVIFENC.format(speed=6), qualities=CQ, feed="pixels"),
    recipe("avifenc -s 4", "avif", "lossy", "avifenc", AVIFENC.format(speed=4), qualities=CQ, feed="pixels"),
    # HEIC
    recipe("heif-enc", "heic", "lossy", "heif-enc", "heif-enc -q {q} -o {out} {in}", qualities=(28, 40, 52, 64, 78), feed="pixels"),
    # GIF
    sharp("gif", "lossy", "effort=10 colours={q}", (16, 32, 64, 128, 256)),
    caesium("gif", "lossy", PALETTE),
    recipe("gifsicle --lossy", "gif", "lossy", "gifsicle", "gifsicle -w -O3 --lossy={q} {in} -o {out}", qualities=(200, 120, 80, 40, 20)),
    recipe("gifsicle -O3", "gif", "lossless", "gifsicle", "gifsicle -w -O3 {in} -o {out}"),
    sharp("gif", "lossless", "effort=10"),
    # TIFF
    recipe("tiffcp zip", "tiff", "lossless", "tiffcp", "tiffcp -c zip:1 {in} {out}", "tiffcp -c zip:2 {in} {out}"),
    sharp("tiff", "lossless", 'compression="deflate" predictor="horizontal"'),
    caesium("tiff", "lossless"),
)  # fmt: skip

# The tool that others are compared with beside the best: sharp, or what stands in for it.
USUAL_TOOL = {"heic": "heif-enc"}


def usual_tool(format):
    return USUAL_TOOL.get(format, "sharp")
