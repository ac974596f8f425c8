"""Integers of variable length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.bitstream.varint import MAX_BYTES, MAX_VALUE, read_varint, write_varint
from compressor.errors import CorruptStreamError, StreamError, TruncatedStreamError


@given(st.integers(0, MAX_VALUE))
def test_round_trip(value):
    encoded = write_varint(value)
    assert len(encoded) == max(1, -(-value.bit_length() // 7))
    assert read_varint(b"ab" + encoded + b"c", 2, name="number") == (value, 2 + len(encoded))


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (768, "8006"), (MAX_VALUE, "ffffffff07")]
)
def test_known_bytes(value, encoded):
    assert write_varint(value).hex() == encoded


@given(st.binary(max_size=MAX_BYTES + 1))
def test_each_value_has_one_spelling(data):
    try:
        value, end = read_varint(data, 0)
    except StreamError:
        return
    assert write_varint(value) == data[:end]


@pytest.mark.parametrize("value", [-1, MAX_VALUE + 1])
def test_values_outside_the_range_are_not_written(value):
    with pytest.raises(ValueError, match="expected 0 to"):
        write_varint(value)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", TruncatedStreamError, "inside its length"),
        (b"\x80", TruncatedStreamError, "inside its length"),
        (b"\x80\x00", CorruptStreamError, "needless bytes"),
        (b"\x00", CorruptStreamError, "is 0, expected 1"),
        (b"\xff\xff\xff\xff\x08", CorruptStreamError, "is 2415919103"),
        (b"\x80\x80\x80\x80\x80\x01", CorruptStreamError, "more than 5 bytes"),
    ],
)
def test_other_bytes_are_refused(data, error, message):
    with pytest.raises(error, match=message):
        read_varint(data, 0, minimum=1)
