"""The fixed values of the file format, and the table of its sections."""

from dataclasses import dataclass
from enum import IntFlag

MAGIC = b"CMPR"
FORMAT_VERSION = 1
FILE_EXTENSION = ".cmpr"
MIME_TYPE = "image/x-cmpr"


class Flags(IntFlag):
    """Flags of the header. The other bits are reserved and zero."""

    ICC = 1
    EXIF = 2
    XMP = 4
    ALPHA = 8
    GRAY = 16
    EXACT = 32
    QUALITY_MAP = 64


@dataclass(frozen=True, slots=True)
class Section:
    """One optional section of a stream.

    Attributes:
        name: key of the payload in dictionaries of sections.
        flag: bit of the header that announces the section.
    """

    name: str
    flag: Flags


# In the order of the stream. The picture section follows them and has no flag: it is always present, and
# last, so that size and metadata can be read from the beginning of a file.
OPTIONAL_SECTIONS = (
    Section("icc", Flags.ICC),
    Section("exif", Flags.EXIF),
    Section("xmp", Flags.XMP),
    Section("alpha", Flags.ALPHA),
    Section("exact", Flags.EXACT),
    Section("quality_map", Flags.QUALITY_MAP),
)
EXACT, QUALITY_MAP, PICTURE = "exact", "quality_map", "picture"
# Pixels along a side of a tile of the exact section.
EXACT_TILE = 2048
# Pixels along a side of a region of the quality map.
MAP_REGION = 64
