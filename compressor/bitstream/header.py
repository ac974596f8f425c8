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
from compressor.spec.file_format import FILE_EXTENSION, FORMAT_VERSION, MAGIC, SKIPPED_BITS, Flags
from compressor.spec.quality import NUM_LEVELS

_BEGINNING, _LEVEL = struct.Struct("<4sBB"), struct.Struct("<H")

# A plain integer: the complement of an IntFlag keeps to its own bits.
_ACCEPTED_FLAGS = int(reduce(or_, Flags)) | sum(1 << bit for bit in SKIPPED_BITS)


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of a stream, as values.

    Attributes:
        model_id: which weights the picture was coded with, 0 to 255.
        flags: which optional sections follow, and whether the picture is gray; it may also hold bits of
            `SKIPPED_BITS`.
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
        """Write the header: 11 to 21 bytes."""
        beginning = _BEGINNING.pack(MAGIC, self.version, self.model_id)
        size = write_varint(self.width) + write_varint(self.height)
        return beginning + write_varint(self.flags) + _LEVEL.pack(self.level) + size


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
    if len(data) < _BEGINNING.size:
        raise _ends_inside(data)
    _, version, model_id = _BEGINNING.unpack_from(data)
    if version != FORMAT_VERSION:
        raise UnsupportedStreamError(
            f"the stream has format version {version}, expected {FORMAT_VERSION}: upgrade this package"
        )
    flags, offset = read_varint(data, _BEGINNING.size, name="flags field")
    if unknown := flags & ~_ACCEPTED_FLAGS:
        raise UnsupportedStreamError(
            f"the stream has the unknown flags {unknown:#x}, expected only bits of {_ACCEPTED_FLAGS:#x}: "
            "upgrade this package"
        )
    if len(data) < offset + _LEVEL.size:
        raise _ends_inside(data)
    (level,) = _LEVEL.unpack_from(data, offset)
    if level >= NUM_LEVELS:
        raise CorruptStreamError(
            f"the quality level is {level}, expected 0 to {NUM_LEVELS - 1}: the file is damaged, get it again"
        )
    width, offset = read_varint(data, offset + _LEVEL.size, name="width", minimum=1)
    height, offset = read_varint(data, offset, name="height", minimum=1)
    return Header(model_id, Flags(flags), level, width, height, version), offset


def _ends_inside(data: bytes) -> TruncatedStreamError:
    return TruncatedStreamError(
        f"the stream ends after {len(data)} bytes, inside its header: get the whole file again"
    )
