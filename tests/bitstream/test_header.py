"""The header: its bytes, and what other bytes in its place give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.bitstream.header import Header, unpack_header
from compressor.bitstream.varint import write_varint
from compressor.errors import (
    CorruptStreamError,
    NotAStreamError,
    StreamError,
    TruncatedStreamError,
    UnsupportedStreamError,
)
from compressor.spec.file_format import MAGIC, Flags
from compressor.spec.quality import NUM_LEVELS

HEADERS = st.builds(
    Header,
    model_id=st.integers(0, 255),
    flags=st.sampled_from([0, 5, 31, 127, 1 << 14, 1 << 20 | 127]).map(Flags),
    level=st.integers(0, NUM_LEVELS - 1),
    width=st.integers(1, 2**31 - 1),
    height=st.integers(1, 2**31 - 1),
)
EXAMPLE = Header(model_id=3, flags=Flags.GRAY | Flags.EXIF, level=196, width=768, height=512)
EXAMPLE_BYTES = b"CMPR\x01\x03\x12\xc4\x00\x80\x06\x80\x04"


def test_packed_bytes():
    assert EXAMPLE.pack() == EXAMPLE_BYTES


@given(HEADERS, st.binary(max_size=9))
def test_headers_round_trip(header, rest):
    packed = header.pack()
    assert 11 <= len(packed) <= 21
    assert unpack_header(packed + rest) == (header, len(packed))


@given(HEADERS)
def test_every_truncation_is_reported_as_such(header):
    packed = header.pack()
    for length in range(1, len(packed)):
        with pytest.raises(TruncatedStreamError):
            unpack_header(packed[:length])


@given(HEADERS, st.integers(0, 20), st.integers(1, 255))
def test_a_changed_byte_gives_another_header_or_a_typed_error(header, position, change):
    packed = bytearray(header.pack())
    packed[position % len(packed)] ^= change
    try:
        changed, end = unpack_header(bytes(packed))
    except StreamError:
        return
    # Each header has exactly one spelling.
    assert changed.pack() == packed[:end]
    assert changed != header


@pytest.mark.parametrize("data", [b"", b"X", b"\x89PNG\r\n\x1a\n", b"cmpr\x01\x00\x00\x00\x00\x01\x01"])
def test_other_files_are_not_streams(data):
    with pytest.raises(NotAStreamError, match="CMPR"):
        unpack_header(data)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_other_versions_are_unsupported(version):
    with pytest.raises(UnsupportedStreamError, match=f"version {version}, expected 1"):
        unpack_header(MAGIC + bytes([version]) + EXAMPLE_BYTES[5:])


@pytest.mark.parametrize("bit", [*range(7, 14), *range(21, 31)])
def test_reserved_flags_are_unsupported(bit):
    with pytest.raises(UnsupportedStreamError, match=f"flags {1 << bit:#x}, expected only bits of 0x1fc07f"):
        unpack_header(EXAMPLE_BYTES[:6] + write_varint(1 << bit) + EXAMPLE_BYTES[7:])


def test_flags_have_one_spelling():
    with pytest.raises(CorruptStreamError, match="flags field has needless bytes"):
        unpack_header(EXAMPLE_BYTES[:6] + b"\x92\x00" + EXAMPLE_BYTES[7:])


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (b"\x8d\x01\x01\x01", "quality level is 397"),
        (b"\x00\x00\x00\x01", "width is 0"),
        (b"\x00\x00\x01\x00", "height is 0"),
        (b"\x00\x00\x81\x00\x01", "width has needless bytes"),
        (b"\x00\x00\xff\xff\xff\xff\x08\x01", "width is 2415919103"),
        (b"\x00\x00\x01\x80\x80\x80\x80\x80\x01", "height takes more than 5 bytes"),
    ],
)
def test_values_outside_their_range_are_corrupt(tail, message):
    with pytest.raises(CorruptStreamError, match=message):
        unpack_header(EXAMPLE_BYTES[:7] + tail)


@pytest.mark.parametrize(
    ("flags", "mode"),
    [(0, "RGB"), (Flags.ALPHA, "RGBA"), (Flags.GRAY, "L"), (Flags.GRAY | Flags.ALPHA | Flags.ICC, "LA")],
)
def test_mode_follows_from_the_flags(flags, mode):
    assert Header(0, Flags(flags), 0, 1, 1).mode == mode
