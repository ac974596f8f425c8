"""Frozen tables: integers that sum to 2**16, for any counts."""

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


def test_the_slope_of_the_cost_is_that_of_bits_between_integers():
    halves = [quantise_frequencies(np.array(w)) for w in ([8.0, 2, 1], [9.0, 4, 3, 2, 1, 1])]
    tables = ScaleTables(np.concatenate(halves), np.array([0, 1, 4], np.int32))
    residuals = np.float32([-0.3, 0, 0.3, 0.5, 0.8, 1.5, -2.2, 9, 400])

    def bits(values):
        rises = tables.bits[2, -1] - tables.bits[2, -2]
        known = np.interp(np.abs(values), np.arange(6), tables.bits[2])
        return known + rises * np.maximum(np.abs(values) - 5, 0)

    slopes = tables.cost_slope(residuals, np.full(9, 2, np.uint8))
    np.testing.assert_allclose(slopes, bits(residuals + 0.5) - bits(residuals - 0.5), rtol=1e-3, atol=1e-4)
    assert slopes.dtype == np.float32
    assert slopes[0] == -slopes[2] < 0 == slopes[1]
    assert not tables.cost_slope(residuals, np.zeros(9, np.uint8)).any()


def test_contradicting_arrays_are_refused():
    with pytest.raises(WeightsError, match="damaged"):
        ScaleTables(np.ones(5, np.int32), np.array([0, 2], np.int32))
