"""The header: everything that is known about a picture before its sections."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import reduce
from operator import or_

from compressor.bitstream.varint import read_varint, write_varint
from compressor.errors import (
    CorruptStreamError,
    NotAStreamError,
    TruncatedStreamError,
    UnsupportedStreamError,
)
from compressor.spec.file_format import FILE_EXTENSION, FORMAT_VERSION, MAGIC, Flags
from compressor.spec.quality import NUM_LEVELS

_FIXED = struct.Struct("<4sBBBH")


# A plain integer: the complement of an IntFlag keeps to its own bits.
_KNOWN_FLAGS = int(reduce(or_, Flags))


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
            f"the stream has format version {version}, expected {FORMAT_VERSION}: upgrade this package"
        )
    if unknown := flags & ~_KNOWN_FLAGS:
        raise UnsupportedStreamError(
            f"the stream has the flags {unknown:#04x}, expected none but {_KNOWN_FLAGS:#04x}: "
            "upgrade this package"
        )
    if level >= NUM_LEVELS:
        raise CorruptStreamError(
            f"the quality level is {level}, expected 0 to {NUM_LEVELS - 1}: the file is damaged, get it again"
        )
    width, offset = read_varint(data, _FIXED.size, name="width", minimum=1)
    height, offset = read_varint(data, offset, name="height", minimum=1)
    return Header(model_id, Flags(flags), level, width, height, version), offset
