"""The bytes of tiles in a payload."""

from compressor.bitstream.varint import read_varint, write_varint
from compressor.errors import CorruptStreamError, TruncatedStreamError


def join_tiles(parts: list[bytes]) -> bytes:
    """Join the bytes of all tiles, in coding order, into a payload.

    Each tile but the last is preceded by its length; the last takes the rest, so a single tile needs none.
    """
    return b"".join([write_varint(len(part)) + part for part in parts[:-1]] + parts[-1:])


def split_tiles(payload: bytes, count: int) -> list[bytes]:
    """Split a payload into the bytes of its tiles, in coding order.

    Args:
        payload: from `join_tiles`.
        count: number of tiles, at least 1.

    Raises:
        StreamError: if the tiles' lengths contradict the payload's.
    """
    parts, position = [], 0
    for number in range(count - 1):
        length, position = read_varint(payload, position, name="tile length")
        if length > len(payload) - position:
            raise CorruptStreamError(
                f"tile {number} claims {length} bytes, and {len(payload) - position} are left; "
                "the file is damaged"
            )
        parts.append(payload[position : position + length])
        position += length
    return [*parts, payload[position:]]


def split_cut_tiles(payload: bytes, count: int) -> tuple[list[bytes], bytes]:
    """Split the beginning of a payload into the bytes of its whole tiles, and the available part of the next.

    Args:
        payload: the beginning of a payload from `join_tiles`.
        count: number of tiles in the whole payload, at least 1.

    Returns:
        The bytes of the whole tiles, at most count - 1, and the bytes of the one that is cut off.
    """
    parts: list[bytes] = []
    position = 0
    for _ in range(count - 1):
        try:
            length, start = read_varint(payload, position, name="tile length")
        except TruncatedStreamError:
            return parts, b""
        if length > len(payload) - start:
            return parts, payload[start:]
        parts.append(payload[start : start + length])
        position = start + length
    return parts, payload[position:]
