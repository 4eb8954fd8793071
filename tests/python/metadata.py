"""Metadata of files by exiftool, and what each policy owes to it."""
import json
import os
import re
import subprocess

# Groups that describe the file or the coding of its samples.
CODING = ("ExifTool", "File", "System", "Composite", "SourceFile")
PNG_CODING = {
    "ImageWidth", "ImageHeight", "BitDepth", "ColorType", "Compression", "Filter", "Interlace", "Palette",
    "Transparency", "SignificantBits", "PaletteHistogram", "AnimationFrames", "AnimationPlays", "BackgroundColor",
    "SuggestedPalette",
}  # fmt: skip
RIFF_CODING = {
    "ImageWidth", "ImageHeight", "VP8Version", "HorizontalScale", "VerticalScale", "AlphaIsUsed", "WebP_Flags",
    "AlphaPreprocessing", "AlphaFiltering", "AlphaCompression", "FrameCount", "Duration", "BackgroundColor",
    "AnimationLoopCount",
}  # fmt: skip
TIFF_CODING = {
    "Compression", "Predictor", "FillOrder", "StripOffsets", "StripByteCounts", "RowsPerStrip", "TileOffsets",
    "TileByteCounts", "JPEGTables", "PhotometricInterpretation", "YCbCrSubSampling", "PreviewImageStart",
    "PreviewImageLength", "PreviewImage",
}  # fmt: skip
# AVIF and HEIC: how large the coded pictures are, and how deep.
CONTAINER_CODING = {
    "MediaData", "MediaDataSize", "MediaDataOffset", "ImagePixelDepth", "ChromaFormat", "BitDepthLuma", "BitDepthChroma",
    "SeqProfile", "SeqLevelIdx0", "SeqTier0", "HighBitDepth", "TwelveBit", "InitialDelaySamples",
}  # fmt: skip
HEVC_CODING = {
    "HEVCConfigurationVersion", "GeneralProfileSpace", "GeneralTierFlag", "GeneralProfileIDC",
    "GenProfileCompatibilityFlags", "ConstraintIndicatorFlags", "GeneralLevelIDC", "MinSpatialSegmentationIDC",
    "ParallelismType", "AverageFrameRate", "ConstantFrameRate", "NumTemporalLayers", "TemporalIDNested", "MediaDataSize",
}  # fmt: skip
# How many colours a palette holds, and where in it; the sum of delays (each frame's is compared by the pictures).
GIF_CODING = {"BitsPerPixel", "ColorResolutionDepth", "HasColorMap", "BackgroundColor", "TransparentColor", "GIFVersion", "Duration"}
# Values that say where something lies in the file.
PLACE = re.compile(r"(Offset|Start|OffsetTime|Pointer|Directory\d*Length|DirectoryItemLength|ByteOrder)$|^MPImage(Start|Length)")
# Holds nothing but places in the coded samples, so it has to go when they are coded anew (Apple's iDOT); padding.
STALE = {"AppleDataOffsets", "Free"}
RIGHTS = {"Copyright", "CopyrightNotice", "Rights", "UsageTerms", "WebStatement", "License", "LicensorURL"}
PRIVATE = re.compile(r"^GPS|SerialNumber|^OwnerName$|^CameraOwnerName$")


def read(folder):
    """Tags of every file below a folder: relative path -> {(group, name): value}."""
    command = ["exiftool", "-json", "-G1", "-n", "-a", "-u", "-m", "-q", "-r", "-ext", "*", folder]
    done = subprocess.run(command, capture_output=True)
    files = json.loads(done.stdout or b"[]")
    return {os.path.relpath(f["SourceFile"], folder): dict(tags(f)) for f in files}


def tags(file):
    for key, value in file.items():
        group, _, name = key.partition(":")
        if group in CODING or not name:
            continue
        if group == "QuickTime" and name in CONTAINER_CODING:
            continue
        if (group == "PNG" and name in PNG_CODING) or (group == "RIFF" and name in RIFF_CODING):
            continue
        if group == "QuickTime" and name in HEVC_CODING:
            continue
        if group == "GIF" and name in GIF_CODING:
            continue
        if file.get("File:FileType") in ("TIFF", "BTF") and "IFD" in group and name in TIFF_CODING:
            continue
        yield (group, name), value


def lost_under_all(before, after):
    """Names that went, and values that changed without being places in the file."""
    for key, value in before.items():
        name = ":".join(key)
        if key not in after and key[1] in STALE:
            continue
        if key not in after:
            yield f"metadata lost: {name}"
        elif value != after[key] and not PLACE.search(key[1]):
            yield f"metadata changed: {name} from {str(value)[:60]!r} to {str(after[key])[:60]!r}"


def faults_under_display(before, after):
    """Private tags that stayed, rights and capture time that went."""
    for group, name in after:
        if PRIVATE.search(name):
            yield f"private metadata kept: {group}:{name}"
    for title, names in (("rights", RIGHTS), ("capture time", {"DateTimeOriginal"})):
        wanted = {text(v) for (_, name), v in before.items() if name in names} - {""}
        present = {text(v) for (_, name), v in after.items() if name in names}
        for value in sorted(wanted - present):
            yield f"{title} lost: {value[:60]!r}"


def text(value):
    return str(value).strip().strip("\0").strip()
