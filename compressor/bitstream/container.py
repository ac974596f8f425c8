"""The sections after the header, each with its length and a checksum."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from compressor.bitstream.header import Header, unpack_header
from compressor.bitstream.varint import read_varint, write_varint
from compressor.errors import CorruptStreamError, TruncatedStreamError
from compressor.spec.file_format import OPTIONAL_SECTIONS, PICTURE, SKIPPED_BITS, Flags

_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Container:
    """A stream taken apart: the header, and the payload of each section.

    Attributes:
        header: the header.
        sections: payloads by name: "picture", and those of `OPTIONAL_SECTIONS` that are present.
    """

    header: Header
    sections: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Preamble:
    """The beginning of a stream, up to the length of the picture section.

    Attributes:
        header: the header.
        sections: payloads by name, of those of `OPTIONAL_SECTIONS` that are present. Skipped sections are
            left out.
        section_num_bytes: sizes of these payloads and of the picture's, by name.
        num_bytes: size of the whole stream, with the sections that are skipped.
    """

    header: Header
    sections: dict[str, bytes]
    section_num_bytes: dict[str, int]
    num_bytes: int


def write_container(
    *, model_id: int, level: int, width: int, height: int, gray: bool, sections: dict[str, bytes]
) -> bytes:
    """Put a stream together.

    Args:
        model_id: number of the model that coded the picture, 0 to 255.
        level: quality in quarter steps, 0 to 396.
        width: columns of pixels.
        height: rows of pixels.
        gray: whether the picture is decoded to one channel.
        sections: payloads by name: "picture", and any of `OPTIONAL_SECTIONS`; those that are empty are left
            out.

    Returns:
        The stream.
    """
    flags = Flags.GRAY if gray else Flags(0)
    payloads = []
    for name, flag in OPTIONAL_SECTIONS.items():
        if payload := sections.get(name):
            flags |= flag
            payloads.append(payload)
    payloads.append(sections[PICTURE])

    chunk = Header(model_id, flags, level, width, height).pack()
    stream = [chunk]
    crc = zlib.crc32(chunk)
    for payload in payloads:
        length = write_varint(len(payload))
        crc = zlib.crc32(payload, zlib.crc32(length, crc))
        stream += [length, payload, _CRC.pack(crc)]
    return b"".join(stream)


def verify_container(stream: bytes, sections: dict[str, bytes]) -> None:
    """Read a stream of `write_container` again.

    Raises:
        CorruptStreamError: if it does not reproduce the sections.
    """
    present = {name: payload for name, payload in sections.items() if payload or name == PICTURE}
    if read_container(stream).sections != present:
        raise CorruptStreamError("the new stream does not reproduce its sections: encode the picture again")


def read_preamble(data: bytes) -> Preamble:
    """Read the beginning of a stream: all but the picture.

    The checksum of the header is that of the first section: where no optional section is present, the
    header is only checked for its ranges here, and by `read_container` in full.

    Args:
        data: the stream, or as much of its beginning as reaches the length of the picture section.

    Raises:
        StreamError: if the data are not a stream, or damaged, or end too early.
    """
    preamble, _, _ = _parse_preamble(data)
    return preamble


def read_container(data: bytes) -> Container:
    """Take a stream apart and check it: every length, every checksum, and that nothing follows.

    Args:
        data: the whole stream.

    Raises:
        StreamError: if the data are not a stream, or damaged, or end too early.
    """
    preamble, offset, crc = _parse_preamble(data)
    length = preamble.section_num_bytes[PICTURE]
    picture, offset, _ = _read_payload(data, offset, length, crc, PICTURE)
    if offset != len(data):
        raise CorruptStreamError(
            f"the stream has {len(data)} bytes, expected {offset}: "
            "cut off what follows, or get the file again"
        )
    return Container(preamble.header, {**preamble.sections, PICTURE: picture})


def read_beginning(data: bytes) -> tuple[Container, bool]:
    """Take a stream apart that may be cut off within its picture section.

    All checksums are checked, except that of the picture if the end of the stream is missing.

    Args:
        data: a whole stream, or the beginning of one.

    Returns:
        The container, and whether its picture is cut off.

    Raises:
        StreamError: if the data are not a stream, or damaged, or end before the payload of the picture.
    """
    preamble, offset, _ = _parse_preamble(data)
    if len(data) >= preamble.num_bytes:
        return read_container(data), False
    size = preamble.section_num_bytes[PICTURE]
    picture = data[offset : offset + size]
    if not picture and size:
        raise TruncatedStreamError("the stream ends before its picture: get more of the file")
    # The picture may be complete, and only its checksum cut off.
    return Container(preamble.header, {**preamble.sections, PICTURE: picture}), len(picture) < size


def _parse_preamble(data: bytes) -> tuple[Preamble, int, int]:
    """Return the preamble, the offset of the picture's payload, and the running checksum there."""
    header, offset = unpack_header(data)
    crc = zlib.crc32(data[:offset])
    sections: dict[str, bytes] = {}
    known = [name for name, flag in OPTIONAL_SECTIONS.items() if flag in header.flags]
    skipped = [f"unknown (bit {bit})" for bit in SKIPPED_BITS if header.flags & 1 << bit]
    for name in (*known, *skipped):
        length, start = read_varint(data, offset, name=f"length of the {name} section", minimum=1)
        crc = zlib.crc32(data[offset:start], crc)
        payload, offset, crc = _read_payload(data, start, length, crc, name)
        if name in known:
            sections[name] = payload
    length, start = read_varint(data, offset, name="length of the picture section")
    crc = zlib.crc32(data[offset:start], crc)
    sizes = {name: len(payload) for name, payload in sections.items()} | {PICTURE: length}
    return Preamble(header, sections, sizes, start + length + _CRC.size), start, crc


def _read_payload(data: bytes, offset: int, length: int, crc: int, name: str) -> tuple[bytes, int, int]:
    """Return the payload at the offset, the offset after its checksum, and the running checksum.

    The running checksum leaves out the checksum fields: the CRC-32 of data and its
    own value is a constant, which would lose everything before it.
    """
    end = offset + length
    if end + _CRC.size > len(data):
        partial = ", or decode what there is (--partial)" if name == PICTURE and len(data) > offset else ""
        raise TruncatedStreamError(
            f"the stream has {len(data)} bytes, its {name} section ends at {end + _CRC.size}: "
            f"get the whole file again{partial}"
        )
    payload = data[offset:end]
    crc = zlib.crc32(payload, crc)
    if _CRC.unpack_from(data, end)[0] != crc:
        raise CorruptStreamError(
            f"the checksum of the {name} section does not match: the file is damaged, get it again"
        )
    return payload, end + _CRC.size, crc
