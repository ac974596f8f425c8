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


def test_contradicting_arrays_are_refused():
    with pytest.raises(WeightsError, match="damaged"):
        ScaleTables(np.ones(5, np.int32), np.array([0, 2], np.int32))
