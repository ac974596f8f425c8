"""Frozen tables: integers that sum to 2**16, whatever the counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.entropy.tables import TOTAL, ScaleTables, quantise_frequencies
from compressor.errors import WeightsError


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=1000).filter(lambda w: sum(w) > 1e-3))
@settings(max_examples=200, deadline=None)
def test_quantised_frequencies_sum_to_the_total(weights):
    frequencies = quantise_frequencies(np.array(weights))
    assert frequencies.min() >= 1
    assert frequencies[0] + 2 * frequencies[1:-1].sum() + frequencies[-1] == TOTAL


def test_tables_are_symmetric_around_zero():
    half = quantise_frequencies(np.array([10.0, 5, 2, 0.1]))
    tables = ScaleTables(half, np.array([0, 2], np.int32))
    full = tables.frequencies(1)
    np.testing.assert_array_equal(full[:5], full[:5][::-1])
    assert full[2] == half[0]
    assert full[-1] == half[-1]
    assert full.sum() == TOTAL


def test_bits_of_magnitudes():
    halves = [quantise_frequencies(np.array(w)) for w in ([8.0, 2, 1], [9.0, 4, 3, 2, 1, 1])]
    tables = ScaleTables(np.concatenate(halves), np.array([0, 1, 4], np.int32))
    assert tables.bits.shape == (3, 6)
    np.testing.assert_allclose(tables.bits[1, :2], 16 - np.log2(halves[0][:2]), rtol=1e-6)
    # After the escape: a sign, a number of bits up to 20, and the bits of 1, 2 to 3, 4.
    escape = 16 - np.log2(halves[0][2]) + 1 + np.log2(20)
    np.testing.assert_allclose(tables.bits[1, 2:], escape + np.array([0, 1, 1, 2]), rtol=1e-6)
    assert tables.bits[0, 0] == 0
    np.testing.assert_array_equal(tables.bits[0, 1:], tables.bits[1, 1:])


def test_contradicting_arrays_are_refused():
    with pytest.raises(WeightsError, match="damaged"):
        ScaleTables(np.ones(5, np.int32), np.array([0, 2], np.int32))
