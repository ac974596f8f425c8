"""Symbols to bytes and back: round trips, escapes, rate, damaged data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.entropy.range_coder import MAX_SYMBOL, SymbolDecoder, encode_pairs
from compressor.entropy.tables import TOTAL, ScaleTables, quantise_frequencies
from compressor.errors import CorruptStreamError, StreamError


def laplacian_tables(scales=(0.3, 1.0, 4.0)):
    halves, widths = [], [0]
    for scale in scales:
        width = int(np.ceil(6 * scale))
        halves.append(quantise_frequencies(np.exp(-np.arange(width + 2) / scale)))
        widths.append(width)
    return ScaleTables(np.concatenate(halves), np.array(widths, np.int32))


TABLES = laplacian_tables()


def round_trip(symbols, indices):
    data = encode_pairs(TABLES, [(symbols, indices)])
    return data, SymbolDecoder(TABLES, data).get(indices)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_round_trip(data):
    n = data.draw(st.integers(0, 60))
    indices = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.uint8)
    values = data.draw(
        st.lists(st.integers(-MAX_SYMBOL, MAX_SYMBOL) | st.integers(-3, 3), min_size=n, max_size=n)
    )
    symbols = np.where(indices == 0, 0, np.array(values, np.int64)).astype(np.int32)
    _, decoded = round_trip(symbols, indices)
    np.testing.assert_array_equal(decoded, symbols)


def test_several_calls_share_one_stream():
    random = np.random.default_rng(1)
    pairs = []
    for n in (5, 0, 1000, 3):
        indices = random.integers(0, 4, n).astype(np.uint8)
        pairs.append((np.where(indices, random.integers(-40, 41, n), 0).astype(np.int32), indices))
    decoder = SymbolDecoder(TABLES, encode_pairs(TABLES, pairs))
    for symbols, indices in pairs:
        np.testing.assert_array_equal(decoder.get(indices), symbols)


def test_rate_is_the_entropy_of_the_tables():
    random = np.random.default_rng(2)
    indices = np.repeat([1, 2, 3], 20000).astype(np.uint8)
    symbols, ideal_bits = np.empty(60000, np.int32), 0.0
    for index in (1, 2, 3):
        p = TABLES.frequencies(index)[:-1] / TABLES.frequencies(index)[:-1].sum()
        width = TABLES.half_widths[index]
        drawn = random.choice(np.arange(-width, width + 1), 20000, p=p)
        symbols[indices == index] = drawn
        ideal_bits -= np.log2(TABLES.frequencies(index)[drawn + width] / TOTAL).sum()
    data, decoded = round_trip(symbols, indices)
    np.testing.assert_array_equal(decoded, symbols)
    assert ideal_bits <= 8 * len(data) <= 1.002 * ideal_bits + 64


def test_index_zero_takes_no_bytes():
    assert encode_pairs(TABLES, [(np.zeros(1000, np.int32), np.zeros(1000, np.uint8))]) == b""


def test_verification_changes_no_byte():
    indices = np.array([0, 1, 2, 3], np.uint8)
    pairs = [(np.array([0, -3, 500, 1], np.int32), indices)] * 3
    assert encode_pairs(TABLES, pairs, verify=True) == encode_pairs(TABLES, pairs)


def test_verification_finds_symbols_that_do_not_come_back():
    # Symbols of index 0 are not written.
    pairs = [(np.array([1], np.int32), np.array([0], np.uint8))]
    with pytest.raises(CorruptStreamError, match="does not give back the symbols"):
        encode_pairs(TABLES, pairs, verify=True)


def test_lengths_that_are_no_words_are_refused():
    with pytest.raises(CorruptStreamError, match="multiple of 4"):
        SymbolDecoder(TABLES, b"12345")


@given(st.binary(max_size=64).map(lambda b: b[: len(b) // 4 * 4]))
@settings(max_examples=200, deadline=None)
def test_any_words_give_symbols_or_a_typed_error(data):
    try:
        symbols = SymbolDecoder(TABLES, data).get(np.repeat([1, 2, 3], 50).astype(np.uint8))
    except StreamError:
        return
    assert symbols.dtype == np.int32
    assert np.abs(symbols).max() <= MAX_SYMBOL + TABLES.half_widths.max()


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_symbols_after_the_end_of_the_data_are_refused(scale):
    """Whatever bits they take: many of the likeliest, or few that are rare."""
    indices = np.full(4000, scale, np.uint8)
    symbols = np.random.default_rng(3).integers(-TABLES.half_widths[scale], 1, 4000).astype(np.int32)
    for coded in (np.zeros(4000, np.int32), symbols):
        data, decoded = round_trip(coded, indices)
        np.testing.assert_array_equal(decoded, coded)
        decoder = SymbolDecoder(TABLES, data[: len(data) // 8 * 4])
        with pytest.raises(CorruptStreamError):
            decoder.get(indices)


def test_symbols_of_cut_data_are_right_or_refused():
    random = np.random.default_rng(4)
    pairs = []
    for index in (1, 2, 3) * 8:
        limit = int(TABLES.half_widths[index])
        symbols = random.integers(-limit - 2, limit + 3, 20).astype(np.int32)
        pairs.append((symbols, np.full(20, index, np.uint8)))
    data, numbers = encode_pairs(TABLES, pairs), []
    for length in range(len(data) + 1):
        decoder, number = SymbolDecoder(TABLES, data[:length], is_cut=True), 0
        try:
            for symbols, indices in pairs:
                np.testing.assert_array_equal(decoder.get(indices), symbols)
                number += 1
        except CorruptStreamError:
            pass
        numbers.append(number)
    assert numbers[0] == 0
    assert numbers == sorted(numbers)
    assert numbers[-1] >= len(pairs) - 2


def test_a_few_bytes_cannot_keep_the_decoder_busy():
    with pytest.raises(CorruptStreamError, match="ends before its symbols"):
        SymbolDecoder(TABLES, bytes(8)).get(np.full(10_000, 1, np.uint8))


def test_known_bytes():
    """The coder's output is part of the format: if this moves, old streams no longer decode."""
    half = quantise_frequencies(np.array([8.0, 4, 2, 1]))
    tables = ScaleTables(np.concatenate([half, half]), np.array([0, 2, 2], np.int32))
    indices = np.array([1, 2, 2, 0, 1, 2, 1], np.uint8)
    symbols = np.array([0, -1, 2, 0, -300, 2, 1], np.int32)
    assert encode_pairs(tables, [(symbols, indices)]).hex() == "07fe5da9"
