"""The fixed values of the file format, and the table of its sections."""

from enum import IntFlag

MAGIC = b"CMPR"
FORMAT_VERSION = 1
FILE_EXTENSION = ".cmpr"
MIME_TYPE = "image/x-cmpr"


class Flags(IntFlag):
    """Flags of the header that this release knows."""

    ICC = 1
    EXIF = 2
    XMP = 4
    ALPHA = 8
    GRAY = 16
    STORED = 32
    QUALITY_MAP = 64


# Names of sections: keys of their payloads.
ICC, EXIF, XMP, ALPHA = "icc", "exif", "xmp", "alpha"
STORED, QUALITY_MAP, PICTURE = "stored", "quality_map", "picture"
# Optional sections and the flags that announce them, in the order of the stream. The picture section follows
# them and has no flag: it is always present, and last, so that size and metadata can be read from the
# beginning of a file.
OPTIONAL_SECTIONS = {
    ICC: Flags.ICC,
    EXIF: Flags.EXIF,
    XMP: Flags.XMP,
    ALPHA: Flags.ALPHA,
    STORED: Flags.STORED,
    QUALITY_MAP: Flags.QUALITY_MAP,
}
# Flag bits for later sections that do not affect pixels. A decoder skips sections that it does not know; a
# bit that gets a meaning must leave this range.
SKIPPED_BITS = range(14, 21)
# Pixels along a side of a tile of the stored section.
STORED_TILE = 2048
# Pixels along a side of a region of the quality map.
MAP_REGION = 64
