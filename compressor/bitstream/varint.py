"""Unsigned integers of variable length: LEB128, seven bits a byte, least significant first."""

from compressor.errors import CorruptStreamError, TruncatedStreamError

MAX_BYTES = 5
MAX_VALUE = 2**31 - 1


def write_varint(value: int) -> bytes:
    """Write an integer in the fewest bytes.

    Args:
        value: 0 to 2**31 - 1.

    Returns:
        1 to 5 bytes; every byte but the last has its top bit set.

    Raises:
        ValueError: if the value is outside that range.
    """
    if not 0 <= value <= MAX_VALUE:
        raise ValueError(f"received {value}, expected 0 to {MAX_VALUE}")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(data: bytes, offset: int, *, name: str = "length", minimum: int = 0) -> tuple[int, int]:
    """Read an integer.

    Each value has exactly one valid encoding, so that a stream cannot be changed without changing
    its meaning.

    Args:
        data: the bytes.
        offset: where the integer starts.
        name: name of the value, for error messages.
        minimum: the smallest value that is accepted; the largest is 2**31 - 1.

    Returns:
        The value, and the offset after it.

    Raises:
        TruncatedStreamError: if the data end inside the integer.
        CorruptStreamError: if it is longer than five bytes or than needed, or outside the range.
    """
    value = 0
    for position in range(MAX_BYTES):
        if offset + position >= len(data):
            raise TruncatedStreamError(
                f"the stream ends after {len(data)} bytes, inside its {name}: get the whole file again"
            )
        byte = data[offset + position]
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            if byte == 0 and position > 0:
                raise CorruptStreamError(f"the {name} has needless bytes: the file is damaged, get it again")
            if not minimum <= value <= MAX_VALUE:
                raise CorruptStreamError(
                    f"the {name} is {value}, expected {minimum} to {MAX_VALUE}: "
                    "the file is damaged, get it again"
                )
            return value, offset + position + 1
    raise CorruptStreamError(
        f"the {name} takes more than {MAX_BYTES} bytes: the file is damaged, get it again"
    )
