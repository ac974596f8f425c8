"""The bytes of tiles in a payload: joined and split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.bitstream.tiles import join_tiles, split_cut_tiles, split_tiles
from compressor.errors import CorruptStreamError, StreamError, TruncatedStreamError


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_split_is_the_inverse_of_join(parts):
    assert split_tiles(join_tiles(parts), len(parts)) == parts


@pytest.mark.parametrize("parts", [[b""], [b"abc"], [b"", b""], [b"a" * 300, b"", b"bc", b"d" * 200]])
def test_empty_and_long_tiles(parts):
    assert split_tiles(join_tiles(parts), len(parts)) == parts


def test_a_single_tile_has_no_length():
    assert join_tiles([b"abc"]) == b"abc"


def test_each_tile_but_the_last_has_a_length():
    assert join_tiles([b"abc", b"", b"de"]) == b"\x03abc\x00de"


@pytest.mark.parametrize(
    ("payload", "error"),
    [(b"", TruncatedStreamError), (b"\x05abcd", CorruptStreamError), (b"\x01a", TruncatedStreamError)],
)
def test_lengths_that_contradict_the_payload(payload, error):
    with pytest.raises(error):
        split_tiles(payload, 3)


@given(st.binary(max_size=40), st.integers(1, 6))
def test_any_bytes_give_tiles_or_a_typed_error(payload, count):
    try:
        parts = split_tiles(payload, count)
    except StreamError:
        return
    assert join_tiles(parts) == payload


@pytest.mark.parametrize(
    ("num_bytes", "whole", "rest"),
    [
        (0, [], b""),
        (1, [], b""),  # the first byte of a length
        (2, [], b""),
        (3, [], b"a"),
        (301, [], b"a" * 299),
        (302, [b"a" * 300], b""),
        (303, [b"a" * 300, b""], b""),
        (305, [b"a" * 300, b""], b"b"),
        (306, [b"a" * 300, b"", b"bc"], b""),
        (308, [b"a" * 300, b"", b"bc"], b"de"),
    ],
)
def test_the_beginning_of_a_payload(num_bytes, whole, rest):
    payload = join_tiles([b"a" * 300, b"", b"bc", b"def"])
    assert split_cut_tiles(payload[:num_bytes], 4) == (whole, rest)
