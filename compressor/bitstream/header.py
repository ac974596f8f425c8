"""The header: everything that is known about a picture before its sections."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntFlag
from numbers import Real

from compressor.bitstream.varint import read_varint, write_varint
from compressor.errors import (
    CorruptStreamError,
    LimitError,
    NotAStreamError,
    OptionError,
    TruncatedStreamError,
    UnsupportedStreamError,
)

MAGIC = b"CMPR"
FORMAT_VERSION = 1
FILE_EXTENSION = ".cmpr"
MIME_TYPE = "image/x-cmpr"

# Quality 1 to 100 in quarter steps.
QUALITY_LEVELS = 397
DEFAULT_QUALITY = 50.0

# Where Pillow stops for fear of decompression bombs.
DEFAULT_MAX_PIXELS = 178_956_970
# Pixels are coded in blocks: a picture one pixel high costs as much as one of a block's height. Where the
# limit is lower than a megapixel, that is no danger.
_BLOCK = 16
_HARMLESS_NUM_PIXELS = 1 << 20

_FIXED = struct.Struct("<4sBBBH")


class Flags(IntFlag):
    """What the stream holds. The other bits are reserved and zero."""

    ICC = 1
    EXIF = 2
    XMP = 4
    ALPHA = 8
    GRAY = 16


# A plain integer: the complement of an IntFlag keeps to its own bits.
_KNOWN_FLAGS = int(Flags.ICC | Flags.EXIF | Flags.XMP | Flags.ALPHA | Flags.GRAY)


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of a stream, as values.

    Attributes:
        model_id: which weights the picture was coded with, 0 to 255.
        flags: which optional sections follow, and whether the picture is gray.
        level: quality in quarter steps, 0 to 396.
        width: columns of pixels, from 1.
        height: rows of pixels, from 1.
        version: version of the format.
    """

    model_id: int
    flags: Flags
    level: int
    width: int
    height: int
    version: int = FORMAT_VERSION

    @property
    def mode(self) -> str:
        """Pillow's name for the channels: L, LA, RGB or RGBA."""
        colour = "L" if Flags.GRAY in self.flags else "RGB"
        return colour + "A" if Flags.ALPHA in self.flags else colour

    def pack(self) -> bytes:
        """Write the header: 11 to 19 bytes."""
        fixed = _FIXED.pack(MAGIC, self.version, self.model_id, self.flags, self.level)
        return fixed + write_varint(self.width) + write_varint(self.height)


def unpack_header(data: bytes) -> tuple[Header, int]:
    """Read the header.

    Args:
        data: the stream, or its beginning.

    Returns:
        The header, and the offset of the first section.

    Raises:
        NotAStreamError: if the data do not start with the magic bytes.
        TruncatedStreamError: if they end inside the header.
        UnsupportedStreamError: if a later version of the format is needed.
        CorruptStreamError: if a value is outside its range.
    """
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise NotAStreamError(
            f"received {data[: len(MAGIC)]!r} as the first bytes, expected {MAGIC!r}: "
            f"this is not a {FILE_EXTENSION} file"
        )
    if len(data) < _FIXED.size:
        raise TruncatedStreamError(
            f"the stream ends after {len(data)} bytes, inside its header: get the whole file again"
        )
    _, version, model_id, flags, level = _FIXED.unpack_from(data)
    if version != FORMAT_VERSION:
        raise UnsupportedStreamError(
            f"the stream has format version {version}, expected {FORMAT_VERSION}: update this package"
        )
    if unknown := flags & ~_KNOWN_FLAGS:
        raise UnsupportedStreamError(
            f"the stream has the flags {unknown:#04x}, expected none beside {_KNOWN_FLAGS:#04x}: "
            "update this package"
        )
    if level >= QUALITY_LEVELS:
        raise CorruptStreamError(
            f"the quality level is {level}, expected 0 to {QUALITY_LEVELS - 1}: "
            "the file is damaged, get it again"
        )
    width, offset = read_varint(data, _FIXED.size, name="width", minimum=1)
    height, offset = read_varint(data, offset, name="height", minimum=1)
    return Header(model_id, Flags(flags), level, width, height, version), offset


def check_num_pixels(width: int, height: int, max_pixels: int | None) -> None:
    """Compare the size of a picture with the limit in force, before anything is allocated for it.

    Args:
        width: columns of pixels.
        height: rows of pixels.
        max_pixels: the largest width x height allowed, sides below 16 counted as 16; or None for no limit.

    Raises:
        LimitError: if the picture is larger.
    """
    if max_pixels is None:
        return
    coded = max(width, _BLOCK) * max(height, _BLOCK)
    if width * height > max_pixels or coded > max(max_pixels, _HARMLESS_NUM_PIXELS):
        raise LimitError(
            f"the picture has {width}x{height} = {width * height} pixels, expected at most {max_pixels}, "
            f"each side counted as {_BLOCK} or more: "
            "raise max_pixels (--max-pixels) if you trust where it comes from"
        )


def quality_to_level(quality: float) -> int:
    """Convert a quality to the integer that the header holds.

    Args:
        quality: 1 to 100; rounded to quarters.

    Returns:
        The level, 0 to 396.

    Raises:
        OptionError: if the quality is not a number from 1 to 100.
    """
    if not isinstance(quality, Real) or not math.isfinite(quality) or not 1 <= quality <= 100:
        raise OptionError(f"received quality {quality!r}, expected a number from 1 to 100")
    return round((quality - 1) * 4)


def level_to_quality(level: int) -> float:
    """Convert the integer of the header, 0 to 396, to a quality, 1.0 to 100.0."""
    return 1 + level / 4
