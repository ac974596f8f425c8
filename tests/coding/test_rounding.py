"""Rounding by rate and distortion."""

import numpy as np
import pytest

from compressor.coding.rounding import RateDistortionRounding
from compressor.entropy.range_coder import MAX_SYMBOL
from compressor.entropy.tables import TOTAL, ScaleTables, quantise_frequencies
from compressor.spec.constants import SAVING_SHARE

HALF_WIDTHS = [0, 2, 5, 20]


@pytest.fixture(scope="module")
def tables():
    halves = [
        quantise_frequencies(np.exp(-np.arange(k + 2) / (0.3 * k)) * [1] * (k + 2)) for k in HALF_WIDTHS[1:]
    ]
    return ScaleTables(np.concatenate(halves), np.array(HALF_WIDTHS, np.int32))


def cost(tables, residual, symbol, index, worth):
    """Objective of one choice, by hand."""
    bits = -np.log2(tables.frequencies(index)[symbol + HALF_WIDTHS[index]] / TOTAL)
    return SAVING_SHARE * bits + worth * (residual - symbol) ** 2


def test_each_choice_is_the_cheaper_of_nearest_and_one_lower(tables):
    rng = np.random.default_rng(0)
    residual = rng.uniform(-4.4, 4.4, (300, 2)).astype(np.float32)
    indices = rng.integers(2, 4, residual.shape).astype(np.uint8)
    worth = np.array([0.2, 3.0], np.float32)
    symbols = RateDistortionRounding(tables)(residual, indices, worth)
    lowered = 0
    for (row, column), symbol in np.ndenumerate(symbols):
        r, i = float(residual[row, column]), indices[row, column]
        nearest = int(np.rint(r))
        choices = {nearest, nearest - int(np.sign(nearest))}
        expected = min(choices, key=lambda s: cost(tables, r, s, i, worth[column]))
        assert symbol == expected
        lowered += expected != nearest
    assert 30 < lowered < 500


def test_dear_errors_leave_rounding_to_nearest(tables):
    residual = np.linspace(-4.4, 4.4, 200, dtype=np.float32)[:, None]
    indices = np.full(residual.shape, 3, np.uint8)
    symbols = RateDistortionRounding(tables)(residual, indices, np.array([1e6], np.float32))
    np.testing.assert_array_equal(symbols, np.rint(residual))


def test_magnitudes_beyond_the_table_are_only_rounded(tables):
    residual = np.array([[50.2], [-3e9]], np.float32)
    indices = np.array([[3], [1]], np.uint8)
    symbols = RateDistortionRounding(tables)(residual, indices, np.array([1e-6], np.float32))
    assert symbols.ravel().tolist() == [50, -MAX_SYMBOL]
